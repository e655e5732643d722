-- Declarations: the error code of every refusal, and properties of what create and alter store and publish.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET client_min_messages = warning;
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT plan(80);
CREATE SCHEMA t;
SET LOCAL search_path = t, public, custprio;
CREATE FUNCTION catalog_rows() RETURNS bigint LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM scorecard) + (SELECT count(*) FROM metric) + (SELECT count(*) FROM tier_rule)
         + (SELECT count(*) FROM threshold) + (SELECT count(*) FROM epoch) + (SELECT count(*) FROM refresh_run) $$;
CREATE TEMP TABLE at_start AS SELECT catalog_rows();
CREATE TABLE orders (id bigint, customer bigint, at timestamptz, day date, amount numeric(12,2), status text, cash money, doc jsonb);
CREATE TABLE customers (customer bigint, number int);
INSERT INTO orders SELECT i, i * i % 53, timestamptz '2024-01-01' + i * interval '7 hours', date '2024-01-01' + i / 3,
  (i * 37 % 1000) / 10.0 - 5, CASE WHEN i % 5 = 0 THEN 'open' ELSE 'paid' END FROM generate_series(1, 600) i;

-- create_scorecard(name, rest): SQLSTATE and the start of the message, which names the argument
CREATE FUNCTION refuses(arguments text, code text, argument text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
  said text;
  advice text;
BEGIN
  BEGIN
    EXECUTE 'SELECT create_scorecard(' || arguments || ')';
    RETURN fail(arguments || ' was accepted');
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
  END;
  RETURN ok(state = code AND (argument IS NULL OR said ~ format('argument "%s"', argument)),
            format('%s: %s %s', arguments, state, said));
END $$;

SELECT refuses($$NULL, 'orders', 'customer', 'at', 'amount'$$, '22023', 'name');
SELECT refuses($$repeat('x', 41), 'orders', 'customer', 'at', 'amount'$$, '42622', 'name');
SELECT refuses($$E'a\tb', 'orders', 'customer', 'at', 'amount'$$, '42602', 'name');
SELECT refuses($$'x', NULL, 'customer', 'at', 'amount'$$, '22004', 'source');
SELECT refuses($$'x', 'nosuch', 'customer', 'at', 'amount'$$, '42P01', NULL);
SELECT refuses($$'x', 4294967295, 'customer', 'at', 'amount'$$, '42P01', 'source');
SELECT refuses($$'x', 'pg_class', 'relname', 'now()', '1'$$, '42809', 'source');
SELECT refuses($$'x', 'orders', NULL, 'at', 'amount'$$, '22004', 'customer');
SELECT refuses($$'x', 'orders', '', 'at', 'amount'$$, '22023', 'customer');
SELECT refuses($$'x', 'orders', 'custmer', 'at', 'amount'$$, '42703', 'customer');
SELECT refuses($$'x', 'orders', 'customer)', 'at', 'amount'$$, '42601', 'customer');
SELECT refuses($$'x', 'orders', 'customer, 1', 'at', 'amount'$$, '42601', 'customer');
SELECT refuses($$'x', 'orders', 'amount', 'at', 'amount'$$, '0A000', 'customer');
SELECT refuses($$'x', 'orders', 'doc', 'at', 'amount'$$, '0A000', 'customer');
SELECT refuses($$'x', 'orders', '7', 'at', 'amount'$$, '42P17', 'customer');
SELECT refuses($$'x', 'orders', 'ctid', 'at', 'amount'$$, '0A000', 'customer');
SELECT refuses($$'x', 'orders', 'orders', 'at', 'amount'$$, '0A000', 'customer');
SELECT refuses($$'x', 'orders', 'customer', 'status', 'amount'$$, '42804', 'purchased_at');
SELECT refuses($$'x', 'orders', 'customer', 'now()', 'amount'$$, '42P17', 'purchased_at');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'cash'$$, '42804', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount + random()'$$, '42P17', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'sum(amount)'$$, '42803', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'row_number() OVER ()'$$, '42P20', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'generate_series(1, 2)'$$, '0A000', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', '(SELECT 1)'$$, '0A000', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', '$1'$$, '42P02', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'nosuch(amount)'$$, '42883', 'amount');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', 'at > now()'$$, '42P17', 'filter');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', 'at > day'$$, '42P17', 'filter');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', 'amount'$$, '42804', 'filter');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', '1 / 0 > 1'$$, '22012', 'source');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', every => '0'$$, '22023', 'every');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', history => '-1 day'$$, '22023', 'history');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', max_runtime => '0'$$, '22023', 'max_runtime');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', time_zone => 'UTC+1'$$, '22023', 'time_zone');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', frequency_by => 'hour'$$, '22023', 'frequency_by');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', bins => 12$$, '22023', 'bins');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', bins => 3, segment_map => 'rfm_11'$$, '22023', 'bins');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', segment_map => 'nosuch'$$, '42704', 'segment_map');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', abc_cuts => '{0.9,0.8}'$$, '22023', 'abc_cuts');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', amount_scale => 30$$, '22023', 'amount_scale');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', schema => 'nosuch'$$, '3F000', 'schema');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', schema => 'custprio'$$, '3F000', 'schema');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', customers => 'customers'$$, '22023', NULL);
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount', customers => 'customers', customers_key => 'number'$$, '42804', 'customers_key');
CREATE VIEW x_tiers AS SELECT 1;
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount'$$, '42P07', 'name');
DROP VIEW x_tiers;
SELECT lives_ok($$SELECT create_scorecard('x', 'orders', 'customer', 'at', 'amount', every => NULL)$$, 'create');
SELECT refuses($$'x', 'orders', 'customer', 'at', 'amount'$$, '42710', 'name');
SELECT is(create_scorecard('y', 'orders', 'customer', 'at', 'amount', every => NULL)::text, 'y_priority', 'create returns the priority table');
CREATE ROLE regress_custprio_stranger;
SET LOCAL ROLE regress_custprio_stranger;
SELECT throws_ok($$SELECT custprio.create_scorecard('z', 't.orders', 'customer', 'at', 'amount', schema => 't')$$, '42501');
SELECT throws_ok($$SELECT custprio.alter_scorecard('x')$$, '42501', 'must be owner of scorecard "x"');
SELECT throws_ok($$SELECT custprio.drop_scorecard('x')$$, '42501', 'must be owner of scorecard "x"');
RESET ROLE;
SELECT throws_ok($$SELECT alter_scorecard('nosuch')$$, '42704', 'scorecard "nosuch" does not exist');
SELECT throws_ok($$SELECT drop_scorecard('nosuch')$$, '42704', 'scorecard "nosuch" does not exist');
SELECT throws_ok($$SELECT alter_scorecard(NULL)$$, '22004');
SELECT throws_ok($$SELECT alter_scorecard('x', reset => '{nosuch}')$$, '22023');
SELECT throws_ok($$SELECT alter_scorecard('x', history => '1 day', reset => '{history}')$$, '22023');
SELECT throws_ok($$SELECT alter_scorecard('x', customer => 'id::text')$$, '0A000');
CREATE VIEW dependent AS SELECT * FROM x_tiers;
SELECT throws_ok($$SELECT drop_scorecard('x')$$, '2BP01');
DROP VIEW dependent;
ALTER TABLE orders RENAME TO hidden;
CREATE TEMP TABLE saved AS SELECT * FROM scorecard WHERE name = 'x';
UPDATE custprio.scorecard SET recorded_in = 'elsewhere' WHERE name = 'x';
SELECT throws_ok($$SELECT refresh('x')$$, '42P01', 'source table t.orders of scorecard "x" does not exist',
                 'hints of another database are not believed');
UPDATE custprio.scorecard SET recorded_in = (SELECT recorded_in FROM saved) WHERE name = 'x';
SELECT lives_ok($$SELECT refresh('x', as_of => '2024-05-01')$$, 'a renamed source is followed through its hint');
SELECT is((SELECT source FROM scorecard WHERE name = 'x'), 't.hidden', 'and recorded');
ALTER TABLE hidden RENAME TO orders;

-- What alter leaves unsaid is as it was, whatever the settings of who calls.
CREATE FUNCTION declaration(card text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(s) - 'version' FROM custprio.scorecard s WHERE name = card $$;
SELECT alter_scorecard('x', filter => $$status = 'paid' AND at >= '2024-01-15' AND day <> '2024-02-03' AND amount > -4.5$$, history => '90 days',
  time_zone => 'America/St_Johns', customers => 'customers', customers_key => 'customer', bins => 3, abc_cuts => '{0.5}', amount_scale => 3);
CREATE TEMP TABLE before AS SELECT declaration('x') AS d, version FROM scorecard WHERE name = 'x';
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'German, DMY';
SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL standard_conforming_strings = off;
SET LOCAL quote_all_identifiers = on;
SET LOCAL extra_float_digits = -15;
SELECT alter_scorecard('x');
SELECT is(version, (SELECT version FROM before), 'altering nothing keeps the version') FROM scorecard WHERE name = 'x';
SET LOCAL TimeZone = 'Europe/Berlin';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;
SELECT is(declaration('x'), (SELECT d FROM before), 'and every option');
SELECT is(filter, '((status = ''paid''::text) AND (at >= ''2024-01-15 00:00:00-03:30''::timestamp with time zone) AND (day <> ''2024-02-03''::date) AND (amount > ''-4.5''::numeric))',
          'literals are read in the scorecard''s zone')
FROM scorecard WHERE name = 'x';

-- The published views agree with plain SQL over the published table and the source.
SELECT drop_scorecard('x');
SELECT create_scorecard('x', 'orders', 'customer', 'at', 'amount', $$status = 'paid'$$, every => NULL,
                        time_zone => 'Europe/Berlin', customers => 'customers', customers_key => 'customer');
INSERT INTO customers SELECT g FROM generate_series(0, 60) g;
SELECT refresh('x', as_of => '2024-04-30');
SELECT is((SELECT sum(revenue) FROM x_tier_summary), (SELECT sum(amount) FROM orders WHERE status = 'paid' AND at < '2024-05-01'), 'revenue adds up');
SELECT is((SELECT sum(customers) FROM x_tier_summary), (SELECT count(*)::numeric FROM x_priority), 'customers add up');
SELECT cmp_ok((SELECT abs(sum(share_of_customers) - 1) FROM x_tier_summary), '<', 0.001, 'shares of customers add up to one');
SELECT cmp_ok((SELECT abs(sum(share_of_revenue) - 1) FROM x_tier_summary), '<', 0.001, 'shares of revenue add up to one');
SELECT results_eq(
  $$SELECT tier, customers, revenue FROM x_tier_summary WHERE tier IS NOT NULL$$,
  $$SELECT p.tier::text, count(DISTINCT o.customer), sum(o.amount)
    FROM x_priority p JOIN orders o ON o.customer = p.customer_id AND o.status = 'paid' AND o.at < '2024-05-01'
    WHERE p.tier IS NOT NULL GROUP BY p.tier ORDER BY p.tier$$, 'customers and revenue of each tier');
SELECT cmp_ok((SELECT max(abs(s.average_order_value - t.average)) FROM x_tier_summary s
               JOIN (SELECT p.tier::text, sum(amount) / count(*) FILTER (WHERE amount >= 0) AS average
                     FROM x_priority p JOIN orders o ON o.customer = p.customer_id AND o.status = 'paid' AND o.at < '2024-05-01'
                     GROUP BY p.tier) t USING (tier)), '<', 0.02, 'average order value of each tier');
SELECT results_eq(
  $$SELECT customer_id, recency_days, tier, tier_rank, as_of FROM x_tiers ORDER BY customer_id$$,
  $$SELECT p.customer_id, date '2024-04-30' - max(o.at::date) FILTER (WHERE o.amount >= 0), p.tier::text, ascii(p.tier::text) - 64, date '2024-04-30'
    FROM x_priority p LEFT JOIN orders o ON o.customer = p.customer_id AND o.status = 'paid' AND o.at < '2024-05-01'
    GROUP BY p.customer_id ORDER BY p.customer_id$$, 'recency, tier and as-of day');
SET LOCAL TimeZone = 'Pacific/Apia';
CREATE TEMP TABLE apia AS SELECT customer_id, recency_days FROM x_tiers;
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT set_eq('SELECT customer_id, recency_days FROM x_tiers', 'SELECT * FROM apia', 'whatever the session''s TimeZone');
SELECT is(count(*), 0::bigint, 'customers without a purchase have no tier')
FROM x_tiers WHERE frequency = 0 AND (tier, tier_rank, recency_days) IS DISTINCT FROM (NULL, NULL, NULL);
SELECT is((SELECT count(*) FROM x_tiers WHERE stage = 'prospect'), (SELECT count(*) FROM customers c WHERE NOT EXISTS
  (SELECT FROM orders o WHERE o.customer = c.customer AND status = 'paid' AND at < '2024-05-01')), 'prospects');
SELECT is(as_of('x'), '2024-04-30', 'as_of');
SELECT is(recency_days('x', '2024-04-29 23:59:59.999999+02'), 1, 'recency_days counts local days');
SELECT is(recency_days('x', '2024-05-01 00:00+02'), -1, 'a later moment is negative');

-- Dropped without a trace
SELECT drop_scorecard('x'), drop_scorecard('y');
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 't'::regnamespace AND relname ~ '^[xy]_'), 0::bigint, 'nothing is left in the schema');
SELECT is(catalog_rows(), (SELECT catalog_rows FROM at_start), 'nor in the catalogs');
SELECT * FROM finish();
ROLLBACK;
