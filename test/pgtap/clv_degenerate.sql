-- Data that no model of lifetime value can be fitted to: no numbers at all, a warning that says why, a priority of what there
-- is, and nothing stale once the data change; and numbers again when they allow it.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(58);
\ir ../oracle/refresh.sql

CREATE TABLE shop (customer int, day date, amount numeric);
SELECT create_scorecard('d', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', amount_scale => 2);
CREATE TABLE cards (kind text, warning text, p bigint, rows bigint);

-- 900 customers with rates and lifetimes of their own, to which everything can be fitted
SELECT setseed(0.55);
CREATE TABLE healthy AS
  SELECT c AS customer, date '2025-01-01' + (first + floor(t))::int AS day, round((spend * (0.5 + random()))::numeric, 2) AS amount
  FROM (SELECT c, first, life, spend, coalesce(sum(CASE WHEN n > 0 THEN -ln(1 - random()) / rate END) OVER (PARTITION BY c ORDER BY n), 0) AS t
        FROM (SELECT c, (random() * 100)::int AS first, -ln(1 - random()) / (0.02 * -ln(1 - random())) AS life, 0.08 * -ln(1 - random()) AS rate, 10 + 40 * random() AS spend
              FROM generate_series(1, 900) c OFFSET 0) q, generate_series(0, 40) n) q WHERE t < life AND first + t < 360;

-- publish these purchases as of the last day of the year; what there is of numbers and warnings
CREATE FUNCTION pg_temp.publish(purchases text, OUT warning text, OUT predicted bigint, OUT buyers bigint, OUT wrong bigint, OUT again bigint, OUT differences bigint)
LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE shop;
  EXECUTE 'INSERT INTO shop (customer, day, amount) ' || purchases;
  SELECT (SELECT w FROM unnest(r.warnings) w WHERE w LIKE '%clv:%') INTO warning FROM refresh('d', 'rebuild', as_of => '2025-12-31') r;
  SELECT count(*) FILTER (WHERE num_nonnulls(p_alive, expected_purchases, clv) > 0), count(*) INTO predicted, buyers FROM d_priority WHERE tier IS NOT NULL;
  PERFORM oracle.compute('d', date '2025-12-31');
  SELECT count(*) INTO wrong FROM oracle.difference('d');
  SELECT updated + inserted + deleted INTO again FROM refresh('d', 'rescore', as_of => '2025-12-31');
  differences := 0;
  IF buyers > 0 THEN SELECT count(*) INTO differences FROM verify('d'); END IF;
END $$;
CREATE FUNCTION pg_temp.refused(what text, purchases text, why text, n bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  SELECT * INTO r FROM pg_temp.publish('SELECT customer, day, amount FROM healthy');
  RETURN NEXT is((r.warning, r.predicted, r.buyers), (NULL::text, 900::bigint, 900::bigint), what || ': numbers before');
  SELECT * INTO r FROM pg_temp.publish(purchases);
  RETURN NEXT is(r.warning, 'no clv: ' || why, what || ': the run says why');
  RETURN NEXT is((r.predicted, r.buyers), (0::bigint, n), what || ': nobody keeps or gets a number');
  RETURN NEXT is(r.wrong, 0::bigint, what || ': the other weights make up the priority');
  RETURN NEXT is((r.again, r.differences), (0::bigint, 0::bigint), what || ': and again the same');
  RETURN NEXT is((SELECT count(*) FROM d_tier_summary WHERE clv IS NOT NULL), 0::bigint, what || ': no sums of nothing');
END $$;

SELECT pg_temp.refused('all once', 'SELECT c, date ''2025-01-01'' + c % 50, 10 + c % 13 FROM generate_series(1, 500) c', 'mbgnbd could not be fitted: no customer has a repeat purchase', 500);
SELECT pg_temp.refused('one customer', 'SELECT 1, date ''2025-03-01'' + 20 * n, 10 + n FROM generate_series(0, 5) n', 'mbgnbd could not be fitted: only one customer', 1);
SELECT pg_temp.refused('all on the last day', 'SELECT c, day, 10 + c % 13 FROM generate_series(1, 300) c, LATERAL (VALUES (date ''2025-06-01'' + c % 90), (date ''2025-12-31'')) v(day)',
  'mbgnbd could not be fitted: every customer with repeat purchases bought on the last day', 300);
SELECT pg_temp.refused('constant spend', 'SELECT customer, day, 25 FROM (SELECT DISTINCT customer, day FROM healthy) h', 'gamma_gamma could not be fitted: all customers spend the same', 900);
SELECT pg_temp.refused('worthless', 'SELECT customer, day, 0 FROM healthy', 'gamma_gamma could not be fitted: no customers with repeat purchases', 900);
SELECT pg_temp.refused('no mean', 'SELECT customer, day, round(exp(0.2 * amount + (customer % 17))::numeric, 2) FROM healthy', 'gamma_gamma could not be fitted: the fitted distribution of spend has no mean (q is not above 1)', 900);
SELECT pg_temp.refused('absurd amounts', 'SELECT customer, day, amount * 1e20 FROM healthy', 'a value is out of range', 900);
SELECT pg_temp.refused('amounts beyond double precision', 'SELECT customer, day, amount * 1e400 FROM healthy', 'gamma_gamma could not be fitted: no customers with repeat purchases', 900);

-- whoever is beyond what can be published takes the numbers from all, as a sum or a rank would be of some customers only
SELECT is((p.warning, p.predicted, p.buyers, p.wrong), ('no clv: a value is out of range'::text, 0::bigint, 902::bigint, 0::bigint), 'some amounts beyond double precision')
FROM pg_temp.publish('SELECT customer, day, amount FROM healthy UNION ALL SELECT c, date ''2025-05-01'' + n, 1e400 FROM generate_series(1001, 1002) c, generate_series(0, 3) n') p;

-- an empty source, and a card whose data grow from nothing
SELECT is((p.warning, p.predicted, p.buyers, p.again, p.differences), (NULL::text, 0::bigint, 0::bigint, 0::bigint, 0::bigint), 'nobody at all') FROM pg_temp.publish('SELECT customer, day, amount FROM healthy WHERE false') p;
SELECT is((SELECT count(*) FROM clv_fit f JOIN epoch USING (scorecard_id, run_id) WHERE NOT converged AND status LIKE 'no customers%' AND parameters IS NULL), 2::bigint, 'its fits are on record');
SELECT is((p.warning, p.predicted), (NULL::text, 900::bigint), 'numbers as soon as there are data') FROM pg_temp.publish('SELECT customer, day, amount FROM healthy') p;
-- auto and segments have the same manners
SELECT alter_scorecard('d', clv_model => 'auto');
SELECT results_eq($$ SELECT warning, predicted, again, differences FROM pg_temp.publish('SELECT c, date ''2025-01-01'' + c % 50, 10 + c % 13 FROM generate_series(1, 500) c') $$,
  $$ VALUES ('no clv: mbgnbd could not be fitted: no customer has a repeat purchase'::text, 0::bigint, 0::bigint, 0::bigint) $$, 'auto: nothing to choose by');
SELECT is((p.warning IS NULL, p.predicted), (true, 900::bigint), 'auto: numbers as soon as there are data') FROM pg_temp.publish('SELECT customer, day, amount FROM healthy') p;
SELECT results_eq($$ SELECT warning, predicted, again, differences FROM pg_temp.publish('SELECT c, day, 10 + c % 13 FROM generate_series(1, 300) c, LATERAL (VALUES (date ''2025-06-01'' + c % 90), (date ''2025-12-31'')) v(day)') $$,
  $$ SELECT 'no clv: ' || clv_chosen || ' could not be fitted: every customer with repeat purchases bought on the last day', 0::bigint, 0::bigint, 0::bigint FROM scorecard WHERE name = 'd' $$, 'auto: what was chosen fails as any other');
CREATE TABLE people AS SELECT c AS id, c % 2 AS kind FROM generate_series(1, 900) c;
SELECT alter_scorecard('d', clv_model => 'mbgnbd', customers => 'people', customers_key => 'id', partition_by => 'kind');
SELECT results_eq($$ SELECT warning, predicted, again, differences FROM pg_temp.publish('SELECT customer, day, 25 FROM (SELECT DISTINCT customer, day FROM healthy) h') $$,
  $$ VALUES ('no clv: gamma_gamma could not be fitted: all customers spend the same'::text, 0::bigint, 0::bigint, 0::bigint) $$, 'segments: no fit to all, no numbers');
SELECT is((SELECT count(*) FROM clv_fit JOIN epoch USING (scorecard_id, run_id) WHERE segment IS NOT NULL), 0::bigint, 'and no fits of segments');
SELECT is((p.warning IS NULL, p.predicted), (true, 900::bigint), 'segments: numbers as soon as there are data') FROM pg_temp.publish('SELECT customer, day, amount FROM healthy') p;
SELECT * FROM finish();
ROLLBACK;
