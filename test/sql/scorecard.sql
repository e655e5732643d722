-- Declaring, changing and dropping scorecards: what is made, what is stored, and how every wrong argument is refused.
SET search_path = public, custprio;
SET TimeZone = 'Europe/Berlin';
\set SHOW_CONTEXT never

CREATE SCHEMA shop;
CREATE TABLE shop.orders (
  order_id bigint PRIMARY KEY, customer_id bigint, ordered_at timestamptz, amount numeric(12,2), status text,
  cents int, paid float8, code varchar(10)
);
CREATE TABLE shop.customers (customer_number int, customer_id bigint, name text);

-- Declares scorecard x, asks something about it and drops it.
CREATE FUNCTION ask(arguments text, question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SELECT create_scorecard(%L, %s)', 'x', arguments);
  EXECUTE question INTO answer;
  PERFORM drop_scorecard('x');
  RETURN answer;
END $$;

-- What comes to be.
BEGIN;
SELECT create_scorecard('crm', 'shop.orders', 'customer_id', 'ordered_at', 'amount', schema => 'shop');
SELECT pause('crm');
COMMIT;
\d shop.crm_priority
\d shop.crm_purchases
\d shop.crm_tier_history
\d shop.crm_tiers
\d shop.crm_tier_summary
SELECT name, schema_name, priority_oid::regclass, source, source_oid::regclass, customer, purchased_at, amount, filter,
       customers, customers_oid, customers_key, every, time_zone, history, frequency_by, bins, segment_map, abc_cuts,
       amount_scale, max_runtime, paused, version, owner_oid::regrole::text = owner_name AS owner_recorded
FROM scorecard \gx
SELECT metric, weight FROM metric ORDER BY metric;
SELECT tier, share FROM tier_rule ORDER BY tier;
SELECT (system_identifier || '/' || database_oid) = (SELECT recorded_in FROM scorecard) AS recorded FROM identity;

-- Every published relation and column is described.
SELECT c.relname, a.attname
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname LIKE 'crm%'
  AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL);

-- The views work before the first refresh and after rows are there.
SELECT * FROM shop.crm_tiers;
SELECT * FROM shop.crm_tier_summary;
INSERT INTO shop.crm_priority (customer_id, tier, priority, rfm, segment, abc, frequency, monetary, average_order_value,
  first_purchase, last_purchase, stage, tier_since, previous_tier) VALUES
  (1, 'A', 99.5, '555', 'Champions', 'A', 3, 300.00, 100, '2024-01-01', '2024-06-30 23:30+02', 'active', '2024-07-01', NULL),
  (2, 'B', 50, '333', 'At Risk', 'B', 2, 100.00, 60, '2024-01-01', '2024-07-01 00:30+02', 'active', '2024-07-01', 'A'),
  (3, 'B', 40, '333', 'At Risk', 'C', 1, 0.00, 10, '2024-01-01', '2024-06-01', 'active', '2024-07-01', NULL),
  (4, NULL, NULL, NULL, NULL, NULL, 0, -5.00, NULL, NULL, NULL, 'returns_only', NULL, NULL);
INSERT INTO epoch (scorecard_id, as_of) SELECT scorecard_id, '2024-07-01' FROM scorecard;
SELECT * FROM shop.crm_tiers ORDER BY customer_id;
SELECT * FROM shop.crm_tier_summary;
SELECT as_of('crm'), recency_days('crm', '2024-06-30 21:59:59+00'), recency_days('crm', '2024-06-30 22:00+00'),
       recency_days('crm', 'infinity');
SELECT as_of('nosuch');
SELECT as_of(NULL);

-- Every option, and its effect on what is stored.
SELECT create_scorecard('full', 'shop.orders', 'code', 'ordered_at::date', 'paid', $$status <> 'test'$$, '1 hour',
  time_zone => 'asia/kathmandu', history => '2 years', customers => 'shop.customers', customers_key => 'name',
  frequency_by => 'day', segment_map => 'rfm_6', abc_cuts => '{0.5,0.8,0.95}', amount_scale => 4,
  max_runtime => '10 minutes');
SELECT source, customer, purchased_at, amount, filter, customers, customers_key, every, time_zone, history, frequency_by,
       bins, segment_map, abc_cuts, amount_scale, max_runtime
FROM scorecard WHERE name = 'full' \gx
SELECT drop_scorecard('full');
SELECT create_scorecard('byhand', 'shop.orders', 'customer_id', 'ordered_at', 'cents', every => NULL, bins => 3);
SELECT create_scorecard('Ünïcode "x"', 'shop.orders', 'customer_id', 'ordered_at', 'paid', bins => 7);
SELECT name, every, bins, segment_map, amount_scale FROM scorecard ORDER BY name COLLATE "C";
SELECT drop_scorecard('byhand');
SELECT drop_scorecard('Ünïcode "x"');
SELECT relname FROM pg_class WHERE relname LIKE 'byhand%' OR relname LIKE 'full%' OR relname LIKE 'Ün%';

-- Name
\set declare '''shop.orders'', ''customer_id'', ''ordered_at'', ''amount'''
SELECT create_scorecard(NULL, :declare);
SELECT create_scorecard('', :declare);
SELECT create_scorecard(repeat('x', 41), :declare);
SELECT create_scorecard(repeat('ü', 21), :declare);
SELECT create_scorecard(E'a\nb', :declare);
SELECT create_scorecard('crm', :declare);
CREATE VIEW shop.taken_tiers AS SELECT 1;
SELECT create_scorecard('taken', :declare, schema => 'shop');
CREATE TYPE shop.typed_priority AS ENUM ('high');
SELECT create_scorecard('typed', :declare, schema => 'shop');
SELECT create_scorecard(repeat('x', 40), :declare);
SELECT drop_scorecard(repeat('x', 40));

-- Schema
SELECT create_scorecard('x', :declare, schema => 'nosuch');
SELECT create_scorecard('x', :declare, schema => 'pg_temp');
SELECT create_scorecard('x', :declare, schema => 'custprio');
SET search_path = custprio;
SELECT create_scorecard('x', :declare);
SET search_path = public, custprio;

-- Source
CREATE SEQUENCE shop.numbers;
CREATE TYPE shop.pair AS (customer_id bigint, ordered_at date, amount int);
CREATE TEMP TABLE passing AS SELECT 1 AS customer_id, now() AS ordered_at, 1 AS amount;
CREATE TEMP VIEW passing_view AS SELECT * FROM passing;
\set columns '''customer_id'', ''ordered_at'', ''amount'''
SELECT create_scorecard('x', NULL, :columns);
SELECT create_scorecard('x', 'nosuch', :columns);
SELECT create_scorecard('x', 0, :columns);
SELECT create_scorecard('x', 'shop.numbers', :columns);
SELECT create_scorecard('x', 'shop.pair', :columns);
SELECT create_scorecard('x', 'shop.orders_pkey', :columns);
SELECT create_scorecard('x', 'passing', :columns);
SELECT create_scorecard('x', 'passing_view', :columns);
SELECT create_scorecard('x', 'pg_class', 'relname', 'now()', '1');
SELECT create_scorecard('x', 'custprio.refresh_run', 'scorecard_id', 'started_at', '1');

-- Expressions; all else about them is in expression.sql
SELECT create_scorecard('x', 'shop.orders', NULL, 'ordered_at', 'amount');
SELECT create_scorecard('x', 'shop.orders', 'customer_id', NULL, 'amount');
SELECT create_scorecard('x', 'shop.orders', 'customer_id', 'ordered_at', NULL);
SELECT create_scorecard('x', 'shop.orders', 'customer_id', 'ordered_at', '');
SELECT create_scorecard('x', 'shop.orders', 'customer', 'ordered_at', 'amount');
SELECT create_scorecard('x', 'shop.orders', 'customer_id', 'ordered_at', 'amount', 'status = paid');

-- Numbers and intervals
SELECT create_scorecard('x', :declare, every => '0');
SELECT create_scorecard('x', :declare, every => '-1 hour');
SELECT create_scorecard('x', :declare, every => '999 milliseconds');
SELECT create_scorecard('x', :declare, every => '2000 years');
SELECT create_scorecard('x', :declare, history => '0');
SELECT create_scorecard('x', :declare, history => '-1 year');
SELECT create_scorecard('x', :declare, history => '12 hours');
SELECT create_scorecard('x', :declare, max_runtime => '0');
SELECT create_scorecard('x', :declare, amount_scale => -1);
SELECT create_scorecard('x', :declare, amount_scale => 19);
SELECT create_scorecard('x', :declare, amount_scale => -2147483648);
SELECT create_scorecard('x', :declare, frequency_by => 'week');
SELECT create_scorecard('x', :declare, frequency_by => '');

-- Time zone
SELECT create_scorecard('x', :declare, time_zone => 'Mars/Olympus');
SELECT create_scorecard('x', :declare, time_zone => '+01');
SELECT create_scorecard('x', :declare, time_zone => 'UTC+3');
SELECT create_scorecard('x', :declare, time_zone => 'Nowhere/Land5');
SELECT create_scorecard('x', :declare, time_zone => '');
SELECT create_scorecard('x', :declare, time_zone => '<+02>-02');
SET TIME ZONE 3;
SELECT create_scorecard('x', :declare);
SET TimeZone = 'Europe/Berlin';
SELECT zone, ask(format($$'shop.orders', 'customer_id', 'ordered_at', 'amount', time_zone => %L$$, zone),
                 $$SELECT time_zone FROM custprio.scorecard WHERE name = 'x'$$)
FROM unnest('{utc,Etc/GMT+5,EST5EDT,america/st_johns,GMT0}'::text[]) zone;

-- Segments
SELECT create_scorecard('x', :declare, bins => 1);
SELECT create_scorecard('x', :declare, bins => 10);
SELECT create_scorecard('x', :declare, bins => 0);
SELECT create_scorecard('x', :declare, segment_map => 'nosuch');
SELECT create_scorecard('x', :declare, segment_map => 'rfm_11', bins => 4);

-- ABC cuts
SELECT create_scorecard('x', :declare, abc_cuts => '{}');
SELECT create_scorecard('x', :declare, abc_cuts => '{{0.5},{0.8}}');
SELECT create_scorecard('x', :declare, abc_cuts => '{0.8,NULL}');
SELECT create_scorecard('x', :declare, abc_cuts => '{0.8,0.5}');
SELECT create_scorecard('x', :declare, abc_cuts => '{0.8,0.8}');
SELECT create_scorecard('x', :declare, abc_cuts => '{0,0.8}');
SELECT create_scorecard('x', :declare, abc_cuts => '{0.8,1}');
SELECT create_scorecard('x', :declare, abc_cuts => '{0.8,NaN}');
SELECT create_scorecard('x', :declare, abc_cuts => (SELECT array_agg(i / 30.0) FROM generate_series(1, 25) i));

-- Customers
SELECT create_scorecard('x', :declare, customers => 'shop.customers');
SELECT create_scorecard('x', :declare, customers_key => 'customer_id');
SELECT create_scorecard('x', :declare, customers => 'shop.customers', customers_key => 'customer_number');
SELECT create_scorecard('x', :declare, customers => 'shop.customers', customers_key => 'nosuch');
SELECT create_scorecard('x', :declare, customers => 'shop.numbers', customers_key => 'customer_id');
SELECT create_scorecard('x', :declare, customers => 'shop.customers', customers_key => 'customer_number::bigint');
SELECT customers_key FROM scorecard WHERE name = 'x';
SELECT drop_scorecard('x');

-- Nothing of all that stayed.
SELECT name FROM scorecard;
SELECT relname FROM pg_class WHERE relname LIKE 'x\_%';

-- Amount scale by type
SET client_min_messages = warning;
SELECT amount, ask(format($$'shop.orders', 'customer_id', 'ordered_at', %L$$, amount),
                   $$SELECT amount_scale FROM custprio.scorecard WHERE name = 'x'$$)
FROM unnest('{cents,amount,paid,amount::numeric(8\,5),amount::numeric(8\,-2),amount::numeric(30\,25),amount * 2,cents::smallint}'::text[]) amount;
RESET client_min_messages;

-- Key, time and source kinds
CREATE TABLE shop.parts (customer uuid, day date, amount int) PARTITION BY RANGE (day);
CREATE TABLE shop.parts_2024 PARTITION OF shop.parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW shop.sales AS SELECT code AS customer, ordered_at::timestamp AS day, paid AS amount FROM shop.orders;
CREATE MATERIALIZED VIEW shop.sold AS SELECT cents AS customer, ordered_at AS day, amount FROM shop.orders;
CREATE UNLOGGED TABLE shop.parent (customer int, day date, amount numeric);
CREATE TABLE shop.child () INHERITS (shop.parent);
SELECT source, ask(format($$%L, 'customer', 'day', 'amount', amount_scale => 2$$, source),
                   $$SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                     WHERE attrelid = 'x_priority'::regclass AND attname = 'customer_id'$$) AS key
FROM unnest('{shop.parts,shop.sales,shop.sold,shop.parent,shop.parts_2024}'::text[]) source;

-- Changing: what is not named stays; the version counts what can move a score.
CREATE FUNCTION options() RETURNS TABLE (option text, value text) LANGUAGE sql AS $$
  SELECT o.* FROM custprio.scorecard s, jsonb_each_text(to_jsonb(s)) o
  WHERE s.name = 'crm' AND o.key NOT LIKE '%oid' AND o.key NOT IN ('created_at', 'owner_name', 'recorded_in', 'scorecard_id')
$$;
CREATE TEMP TABLE before AS SELECT * FROM options();
CREATE FUNCTION changes() RETURNS TABLE (option text, was text, is_now text) LANGUAGE sql AS $$
  WITH saved AS (SELECT * FROM before)
  SELECT n.option, b.value, n.value FROM options() n JOIN saved b USING (option) WHERE n.value IS DISTINCT FROM b.value ORDER BY 1
$$;
\set next 'TRUNCATE before; INSERT INTO before SELECT * FROM options();'
GRANT SELECT ON shop.crm_priority, shop.crm_tiers TO PUBLIC;
SELECT alter_scorecard('crm');
SELECT * FROM changes();
SELECT alter_scorecard('crm', every => '1 day', max_runtime => '5 minutes');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', history => '30 days', filter => $$status = 'paid'$$, time_zone => 'Asia/Tokyo',
                       frequency_by => 'day', amount => 'amount * 2', abc_cuts => '{0.7}', amount_scale => 3);
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', abc_cuts => '{0.70}', history => '30 days', filter => $$(status = 'paid')$$);
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', history => '1 month');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', bins => 3);
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', segment_map => 'rfm_11');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', bins => 4);
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', every => '2 days');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', customers => 'shop.customers', customers_key => 'customer_id');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', customers_key => 'customer_number::bigint');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', reset => '{filter,every,time_zone,history,customers,frequency_by,bins,segment_map,abc_cuts,amount_scale,max_runtime}');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', amount => 'amount', reset => '{amount_scale}');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', source => 'shop.sold', customer => 'customer', purchased_at => 'day');
SELECT alter_scorecard('crm', source => 'shop.sold', customer => 'customer::bigint', purchased_at => 'day');
SELECT * FROM changes(); :next
SELECT alter_scorecard('crm', source => 'shop.orders', customer => 'customer_id', purchased_at => 'ordered_at');
SELECT relname, relacl IS NOT NULL AS granted FROM pg_class
WHERE relname LIKE 'crm\_%' AND relkind IN ('r', 'v') ORDER BY relname;

SELECT alter_scorecard(NULL);
SELECT alter_scorecard('nosuch');
SELECT alter_scorecard('crm', source => 'nosuch');
SELECT alter_scorecard('crm', source => 'shop.crm_priority', customer => 'customer_id', purchased_at => 'last_purchase', amount => 'monetary');
SELECT alter_scorecard('crm', source => 'shop.customers');
SELECT alter_scorecard('crm', customer => 'code');
SELECT alter_scorecard('crm', customer => 'customer_id::int');
SELECT alter_scorecard('crm', customer => 'nosuch');
SELECT alter_scorecard('crm', filter => 'now() > ordered_at');
SELECT alter_scorecard('crm', every => '0');
SELECT alter_scorecard('crm', history => '0');
SELECT alter_scorecard('crm', bins => 4, segment_map => 'rfm_11');
SELECT alter_scorecard('crm', customers => 'shop.customers');
SELECT alter_scorecard('crm', reset => '{colour}');
SELECT alter_scorecard('crm', reset => '{NULL}');
SELECT alter_scorecard('crm', every => '1 day', reset => '{every}');
SELECT alter_scorecard('crm', customers_key => 'x', reset => '{customers}');

-- A scorecard may read what another one publishes.
SELECT create_scorecard('second', 'shop.crm_priority', 'customer_id', 'last_purchase', 'monetary');

-- Dropping is refused while something else depends on it, and leaves all as it was.
CREATE VIEW shop.best AS SELECT * FROM shop.crm_tiers WHERE tier = 'A';
SELECT drop_scorecard('crm');
DROP VIEW shop.best;
SELECT count(*) FROM shop.crm_tiers;

-- Renamed and moved relations are followed, and the names are recorded anew.
ALTER TABLE shop.orders RENAME TO purchases;
ALTER SCHEMA shop RENAME TO store;
CREATE SCHEMA elsewhere;
ALTER TABLE store.crm_priority SET SCHEMA elsewhere;
SELECT alter_scorecard('crm');
ALTER TABLE store.crm_purchases SET SCHEMA elsewhere;
ALTER TABLE store.crm_tier_history SET SCHEMA elsewhere;
ALTER VIEW store.crm_tiers SET SCHEMA elsewhere;
ALTER VIEW store.crm_tier_summary SET SCHEMA elsewhere;
SELECT alter_scorecard('crm');
SELECT * FROM changes(); :next
SELECT count(*) FROM elsewhere.crm_tiers;
-- A new relation with the old name is taken for it: the name wins.
CREATE SCHEMA shop;
ALTER TABLE store.purchases RENAME TO old_purchases;
CREATE TABLE store.purchases (LIKE store.old_purchases);
SELECT alter_scorecard('crm');
SELECT source_oid = 'store.purchases'::regclass AS name_wins FROM scorecard WHERE name = 'crm';

-- Lost relations: said by name, and curable.
DROP TABLE store.purchases;
SELECT alter_scorecard('crm');
SELECT alter_scorecard('crm', source => 'store.old_purchases');
SELECT alter_scorecard('crm', customers => 'store.customers', customers_key => 'customer_id');
DROP TABLE store.customers;
SELECT alter_scorecard('crm', every => '1 day');
SELECT alter_scorecard('crm', reset => '{customers}');
DROP TABLE elsewhere.crm_purchases;
SELECT alter_scorecard('crm');
SELECT drop_scorecard('second');
SELECT drop_scorecard('crm');
SELECT relname FROM pg_class WHERE relname LIKE 'crm\_%';

-- A lost priority table; a foreign relation that took its name stays.
SELECT create_scorecard('lost', 'store.old_purchases', 'customer_id', 'ordered_at', 'amount');
DROP TABLE lost_priority CASCADE;
SELECT alter_scorecard('lost');
CREATE VIEW lost_priority AS SELECT 1 AS customer_id;
SELECT alter_scorecard('lost');
SELECT drop_scorecard('lost');
SELECT relname, relkind FROM pg_class WHERE relname LIKE 'lost\_%';
DROP VIEW lost_priority;

SELECT drop_scorecard('lost');
SELECT drop_scorecard(NULL);
SELECT count(*) FROM scorecard;
SELECT count(*) FROM metric;
SELECT count(*) FROM tier_rule;
SELECT count(*) FROM epoch;

-- Read-only transactions are refused at once.
BEGIN READ ONLY;
SELECT create_scorecard('x', 'store.old_purchases', 'customer_id', 'ordered_at', 'amount');
ROLLBACK;
BEGIN READ ONLY;
SELECT alter_scorecard('x');
ROLLBACK;
BEGIN READ ONLY;
SELECT drop_scorecard('x');
ROLLBACK;

-- A failed transaction takes everything back.
BEGIN;
SELECT create_scorecard('x', 'store.old_purchases', 'customer_id', 'ordered_at', 'amount');
ROLLBACK;
SELECT count(*) FROM scorecard;
SELECT to_regclass('x_priority');

DROP FUNCTION ask;
DROP FUNCTION changes;
DROP FUNCTION options;
DROP SCHEMA store CASCADE;
DROP SCHEMA elsewhere;
DROP SCHEMA shop;
