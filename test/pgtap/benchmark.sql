-- Benchmarks against the customers counted in plain SQL.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(17);
SELECT setseed(0.35);
CREATE TABLE shop AS SELECT (200 * random())::int AS customer, date '2025-01-01' + (300 * random())::int AS day, round((exp(random() * 5))::numeric, 2) AS amount FROM generate_series(1, 2000);
INSERT INTO shop SELECT customer, day, -round(amount / 2, 2) FROM shop WHERE random() < .1;
SELECT create_scorecard('b', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'Asia/Tokyo', clv_model => 'none');
SELECT add_metric('b', 'return_rate', decimals => 6);
SELECT set_benchmark('b', 'monetary', 'median', 150, 'panel', '2025-06-30');
SELECT is((SELECT own FROM compare_benchmarks('b')), NULL, 'before the first refresh nothing is known');
SELECT count(*) FROM refresh('b', as_of => '2025-12-01');
CREATE TEMP TABLE own AS SELECT customer, count(*) FILTER (WHERE amount >= 0) AS f, sum(amount) AS m, date '2025-12-01' - max(day) FILTER (WHERE amount >= 0) AS r,
  -sum(amount) FILTER (WHERE amount < 0) AS back, sum(amount) FILTER (WHERE amount >= 0) AS gross FROM shop GROUP BY 1 HAVING count(*) FILTER (WHERE amount >= 0) > 0;
SELECT is((SELECT own FROM compare_benchmarks('b')), (SELECT percentile_cont(.5) WITHIN GROUP (ORDER BY m)::float8 FROM own), 'the own figure');
SELECT is((SELECT reached_share FROM compare_benchmarks('b')), (SELECT count(*) FILTER (WHERE m >= 150) / count(*)::float8 FROM own), 'the share of buyers who reach the benchmark');
SELECT is((SELECT days_old FROM compare_benchmarks('b')), date '2025-12-01' - date '2025-06-30', 'how old it is');
SELECT is((SELECT verdict FROM compare_benchmarks('b')), (SELECT CASE WHEN percentile_cont(.5) WITHIN GROUP (ORDER BY m) > 150 THEN 'better' ELSE 'worse' END FROM own), 'and the verdict');
SELECT ok(difference = own - 150 AND ratio = own / 150, 'difference and ratio') FROM compare_benchmarks('b');
-- less is better
SELECT set_benchmark('b', 'monetary', 'median', NULL, 'panel');
SELECT set_benchmark('b', 'recency', 'mean', 40, 'panel'), set_benchmark('b', 'return_rate', 'p75', 0.01, 'panel'), set_benchmark('b', 'frequency', 'gini', 0.5, 'panel'), set_benchmark('b', 'frequency', 'minimum', 0, 'panel');
CREATE TEMP TABLE compared AS SELECT * FROM compare_benchmarks('b');
SELECT results_eq('SELECT metric, statistic, verdict FROM compared', $$
  SELECT * FROM (VALUES ('frequency'::text, 'minimum'::text, 'better'::text), ('frequency', 'gini', NULL)) v
  UNION ALL SELECT 'recency', 'mean', CASE WHEN avg(r) < 40 THEN 'better' ELSE 'worse' END FROM own
  UNION ALL SELECT 'return_rate', 'p75', CASE WHEN percentile_cont(.75) WITHIN GROUP (ORDER BY round(coalesce(back, 0) / gross, 6)) < 0.01 THEN 'better' ELSE 'worse' END FROM own WHERE gross > 0 $$, 'directions, and no verdict on spreads');
SELECT is((SELECT reached_share FROM compared WHERE metric = 'recency'), (SELECT avg((r <= 40)::int)::float8 FROM own), 'who bought as recently');
SELECT is((SELECT reached_share FROM compared WHERE metric = 'return_rate'), (SELECT avg((round(coalesce(back, 0) / gross, 6) <= 0.01)::int)::float8 FROM own WHERE gross > 0), 'who returned as little');
SELECT is((SELECT ratio FROM compared WHERE statistic = 'minimum'), NULL, 'no ratio to 0');
SELECT is((SELECT reached_share FROM compared WHERE statistic = 'gini'), NULL, 'nobody has a spread of one''s own');
-- several sources, replaced, equal
SELECT set_benchmark('b', 'frequency', 'minimum', (SELECT min(f) FROM own), 'plan', '2026-01-01'), set_benchmark('b', 'frequency', 'minimum', -5, 'panel', '2025-11-30');
SELECT results_eq($$ SELECT source, benchmark, verdict, days_old FROM compare_benchmarks('b') WHERE statistic = 'minimum' $$,
  $$ SELECT 'panel'::text, -5::float8, 'better'::text, 1 UNION ALL SELECT 'plan', min(f)::float8, 'equal', -31 FROM own $$, 'figures of several sources, the last of each');
SELECT is((SELECT count(*) FROM benchmark WHERE set_by = current_user), 5::bigint, 'who set them is noted');
-- every statistic that describe() gives
CREATE TEMP TABLE every AS SELECT a.name FROM pg_proc p, unnest(p.proargnames, p.proallargtypes, p.proargmodes) a(name, type, mode) WHERE p.oid = 'custprio.describe(text)'::regprocedure AND mode = 't' AND type = 'float8'::regtype;
DO $$ BEGIN PERFORM set_benchmark('b', 'average_order_value', name, 1, 'each') FROM every; END $$;
SELECT set_eq($$ SELECT statistic FROM compare_benchmarks('b') WHERE source = 'each' AND own IS NOT NULL $$, $$ SELECT name FROM every WHERE name NOT IN ('gini', 'top_20_share') OR (SELECT min(average_order_value) >= 0 FROM b_priority) $$, 'every statistic of describe() can be compared');
DELETE FROM benchmark WHERE source = 'each';
-- a metric that is gone
SELECT drop_metric('b', 'return_rate');
SELECT count(*) FROM refresh('b', as_of => '2025-12-01');
SELECT is((SELECT verdict FROM compare_benchmarks('b') WHERE metric = 'return_rate'), NULL, 'a metric that was dropped has no figure of its own');
SELECT lives_ok($$ SELECT set_benchmark('b', 'return_rate', 'p75', NULL, 'panel') $$, 'and its benchmark can still be removed');
SELECT drop_scorecard('b');
SELECT is((SELECT count(*) FROM benchmark), 0::bigint, 'benchmarks go with their scorecard');
SELECT * FROM finish();
ROLLBACK;
