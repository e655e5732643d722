-- Contributions of every metric of every one of more than 10,000 buyers add up to the published priority, with random
-- weights, all scales and missing values of every kind; and they are those that explain() gives.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(17);

SELECT setseed(0.53);
CREATE TABLE shop AS
  SELECT c AS customer, date '2025-01-01' + (random() * 300)::int AS day,
    CASE WHEN random() < .06 THEN -2 ELSE round((exp(random() * 2) * (3 + c % 50))::numeric, 2) END AS amount
  FROM generate_series(1, 10400) c, LATERAL generate_series(0, floor(-ln(random()) * 1.5)::int) n;
CREATE TABLE people AS
  SELECT c AS id, 'kind ' || c % 3 AS kind, CASE WHEN random() < .1 THEN NULL ELSE round((random() * 1000 - 200)::numeric, 3) END AS a,
    CASE WHEN random() < .05 THEN 'NaN' WHEN random() < .05 THEN '-Infinity' WHEN random() < .3 THEN NULL WHEN random() < .02 THEN 1e30 ELSE exp(random() * 9) END::float8 AS b,
    CASE WHEN random() < .7 THEN floor(random() * 12)::int END AS c
  FROM generate_series(1, 10000) c;

CREATE FUNCTION pg_temp.unequal(card text) RETURNS TABLE (customers bigint, unequal bigint, outside bigint) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT count(*), count(*) FILTER (WHERE c.total IS DISTINCT FROM p.priority::numeric), coalesce(sum(c.outside), 0)::bigint
    FROM %I p LEFT JOIN (
      SELECT customer_id, sum(contribution) AS total, count(*) FILTER (WHERE contribution < 0 OR contribution > 100 OR (contribution IS NULL) <> (percentile IS NULL)) AS outside
      FROM contributions(%L) GROUP BY 1) c ON c.customer_id = p.customer_id::text
    WHERE p.tier IS NOT NULL $q$, card || '_priority', card);
END $$;

SELECT create_scorecard('c', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', every => NULL, time_zone => 'UTC');
SELECT refresh('c', as_of => '2025-11-15');
SELECT results_eq($$ SELECT customers > 10000, unequal, outside FROM pg_temp.unequal('c') $$, $$ VALUES (true, 0::bigint, 0::bigint) $$, 'of the built-in metrics');
SELECT is((SELECT count(DISTINCT metric) FROM contributions('c')), 4::bigint, 'all four');

SELECT add_metric('c', 'a_percentile', 'a', relation => 'people');
SELECT add_metric('c', 'a_minmax', 'a', direction => 'lower', scale => 'minmax', relation => 'people');
SELECT add_metric('c', 'a_z', 'a', scale => 'z', parameters => '{1.5}', relation => 'people');
SELECT add_metric('c', 'a_target', 'a', scale => 'target', parameters => '{100}', relation => 'people');
SELECT add_metric('c', 'b_log', 'b', scale => 'log', relation => 'people', decimals => 2);
SELECT add_metric('c', 'b_quantile', 'b', direction => 'lower', scale => 'quantile', parameters => '{13}', relation => 'people');
SELECT add_metric('c', 'c_breaks', 'c', scale => 'breaks', parameters => '{2,5,9}', relation => 'people', if_missing => 4);
SELECT add_metric('c', 'c_target', 'c', scale => 'target', parameters => '{5,3}', relation => 'people');
SELECT add_metric('c', 'c minmax', 'c', scale => 'minmax', parameters => '{1,8}', relation => 'people');
SELECT add_metric('c', 'basket', 'gross / nullif(purchases, 0)', scale => 'log');
SELECT add_metric('c', 'return_rate');
SELECT add_metric('c', 'risk', 'a', 0, axis => 'risk', relation => 'people');

CREATE TABLE outcome (n int, customers bigint, unequal bigint, outside bigint);
DO $$
BEGIN
  FOR i IN 1 .. 3 LOOP
    PERFORM set_weights('c', (SELECT jsonb_object_agg(metric, CASE WHEN random() < .25 AND metric <> 'recency' THEN 0 ELSE round((exp(random() * 12 - 6))::numeric, i) + 0.000001 END)
      FROM custprio.metric WHERE axis = 'value'));
    PERFORM refresh('c', as_of => '2025-11-15');
    INSERT INTO outcome SELECT i, u.* FROM pg_temp.unequal('c') u;
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM outcome WHERE customers > 10000 AND unequal = 0 AND outside = 0), 3::bigint, 'of all scales, with three sets of random weights');
CREATE TEMP TABLE contribution AS SELECT * FROM contributions('c');
SELECT cmp_ok((SELECT count(*) FROM contribution WHERE contribution IS NULL), '>', 5000::bigint, 'with many values missing');
SELECT is((SELECT count(*) FROM contribution c JOIN c_priority p ON p.customer_id::text = c.customer_id
  WHERE metric = 'a_z' AND (c.value::numeric IS DISTINCT FROM p.a_z OR (c.contribution IS NULL) <> (p.a_z IS NULL))), 0::bigint, 'values are the published ones');
SELECT is((SELECT sum(contribution) FROM contribution WHERE metric = 'risk'), 0::numeric, 'another axis contributes nothing');
SELECT is_empty($$ SELECT e.* FROM (SELECT customer_id FROM c_priority WHERE tier IS NOT NULL ORDER BY customer_id LIMIT 40) p,
    LATERAL (SELECT item, value, percentile, weight, contribution FROM explain('c', p.customer_id::text)
      WHERE item IN (SELECT metric FROM custprio.metric)
      EXCEPT SELECT metric, value, percentile, weight, contribution FROM contributions('c', p.customer_id::text)) e $$, 'explain says the same');
SELECT is_empty($$ (SELECT * FROM contribution WHERE customer_id = '17' EXCEPT SELECT * FROM contributions('c', '17'))
  UNION ALL (SELECT * FROM contributions('c', '17') EXCEPT SELECT * FROM contribution WHERE customer_id = '17') $$, 'one customer alone');
SELECT is((SELECT count(*) FROM contributions('c', '99999999')), 0::bigint, 'nobody''s');

-- by segment, and added up exactly where revenues need more digits than are published
SELECT alter_scorecard('c', partition_by => 'kind', thresholds_by => 'segment', amount_scale => 0);
SELECT refresh('c', as_of => '2025-11-15');
SELECT results_eq($$ SELECT customers > 10000, unequal, outside FROM pg_temp.unequal('c') $$, $$ VALUES (true, 0::bigint, 0::bigint) $$, 'with thresholds by segment');
SELECT is((SELECT count(DISTINCT segment) FROM threshold JOIN epoch USING (run_id)), 3::bigint, 'of three segments');

-- score_as_of() has the added metrics too
CREATE TEMP TABLE as_of AS SELECT * FROM score_as_of('c', '2025-11-15');
SELECT is((SELECT count(*) FROM as_of s JOIN c_priority p ON p.customer_id::text = s.customer_id
  WHERE (s.metrics ->> 'a_z')::numeric IS DISTINCT FROM p.a_z OR (s.metrics ->> 'c minmax')::numeric IS DISTINCT FROM p."c minmax"
     OR (s.metrics ->> 'b_log')::numeric IS DISTINCT FROM p.b_log OR (s.metrics ->> 'basket') IS DISTINCT FROM p.basket::text OR (s.metrics ->> 'return_rate') IS DISTINCT FROM p.return_rate::text
     OR (s.metrics ->> 'risk')::numeric IS DISTINCT FROM p.risk OR s.priority <> p.priority), 0::bigint, 'equal to what the run published');
SELECT is((SELECT count(*) FROM as_of), (SELECT count(*) FROM c_priority), 'for every customer');
SELECT is((SELECT array_agg(DISTINCT n) FROM as_of, LATERAL (SELECT count(*) AS n FROM jsonb_object_keys(metrics)) k), '{12}', 'every metric, missing or not');

SELECT throws_like($$ SELECT * FROM contributions('nowhere') $$, 'scorecard "nowhere" does not exist', 'an unknown scorecard');
SELECT set_weights('c', '{"recency": 2}');
SELECT throws_like($$ SELECT * FROM contributions('c') $$, '%has changed since it was refreshed', 'nothing is explained by another declaration');
SELECT is_empty($$ SELECT * FROM contributions(NULL) $$, 'NULL');
SELECT * FROM finish();
ROLLBACK;
