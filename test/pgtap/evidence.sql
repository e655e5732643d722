-- tier_validity(), drift() and whale_curve() against plain SQL over the source.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(22);

SELECT setseed(0.23);
CREATE TABLE shop (customer int, day date, amount numeric(8,2));
INSERT INTO shop
  SELECT c, date '2025-01-01' + (first + n * pace * random())::int, CASE WHEN random() < .08 THEN -1 ELSE 1 END * round((5 + worth * random())::numeric, 2)
  FROM (SELECT c, (random() * 200)::int AS first, 5 + 60 * random() AS pace, 5 + 20 * exp(2 * random()) AS worth, floor(-ln(random()) * exp(random() * 3 - 1))::int AS repeats
        FROM generate_series(1, 500) c OFFSET 0) q, LATERAL generate_series(0, repeats) n;
SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT refresh('s', as_of => '2025-12-31');
CREATE FUNCTION pg_temp.near(a float8, b float8) RETURNS boolean LANGUAGE sql AS $$ SELECT coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b), 1), a IS NULL AND b IS NULL) $$;

CREATE TEMP TABLE validity AS SELECT * FROM tier_validity('s', '2025-07-31', '2025-10-31');
CREATE TEMP TABLE later AS
  SELECT a.tier, (SELECT count(*) FILTER (WHERE amount >= 0) FROM shop WHERE customer = a.customer_id::int AND day > '2025-07-31' AND day <= '2025-10-31')::float8 AS n,
    (SELECT coalesce(sum(amount), 0) FROM shop WHERE customer = a.customer_id::int AND day > '2025-07-31' AND day <= '2025-10-31')::float8 AS v,
    a.tier = (SELECT b.tier FROM score_as_of('s', '2025-10-31') b WHERE b.customer_id = a.customer_id) AS stayed
  FROM score_as_of('s', '2025-07-31') a WHERE a.tier IS NOT NULL;
SELECT results_eq('SELECT tier, customers FROM validity', 'SELECT tier, count(*) FROM later GROUP BY 1 ORDER BY 1', 'customers of each tier on the first day');
SELECT is_empty($$ SELECT * FROM validity JOIN (SELECT tier, avg((n > 0)::int)::float8 AS b, avg(n) AS n, avg(v) AS v, stddev_samp(v) AS d, sum(v) / (SELECT sum(v) FROM later) AS s, avg(stayed::int)::float8 AS st
    FROM later GROUP BY 1) q USING (tier) WHERE NOT (pg_temp.near(bought_share, b) AND pg_temp.near(mean_purchases, n) AND pg_temp.near(mean_value, v) AND pg_temp.near(value_deviation, d)
      AND pg_temp.near(value_share, s) AND pg_temp.near(stayed_share, st)) $$, 'what they did later');
SELECT ok(pg_temp.near((SELECT max(explained_share) FROM validity), (SELECT sum((m - (SELECT avg(v) FROM later)) ^ 2) / (SELECT sum((v - (SELECT avg(v) FROM later)) ^ 2) FROM later)
    FROM (SELECT avg(v) OVER (PARTITION BY tier) AS m FROM later) q)), 'the variance that tiers explain');
SELECT is((SELECT array_agg(as_ordered ORDER BY tier) FROM validity), (SELECT array_agg(NOT EXISTS (SELECT FROM validity o WHERE o.tier::int = v.tier::int - 1 AND o.mean_value < v.mean_value) ORDER BY tier) FROM validity v), 'whether a worse tier spends less');
SELECT ok(pg_temp.near(sum(value_share), 1), 'shares add up') FROM validity;
SELECT throws_like($$ SELECT * FROM tier_validity('s', '2025-10-31', '2025-10-31') $$, 'argument "from_day" must be before "to_day"', 'no time between');
SELECT throws_like($$ SELECT * FROM tier_validity('nobody', '2025-10-31', '2025-11-30') $$, 'scorecard "nobody" does not exist', 'no such scorecard');
SELECT is((SELECT count(*) FROM tier_validity('s', '2020-01-01', '2025-10-31')), 0::bigint, 'nobody on the first day');
SELECT results_eq($$ SELECT mean_value, value_share, explained_share FROM tier_validity('s', '2045-01-01', '2045-02-01') LIMIT 1 $$, $$ VALUES (0::float8, NULL::float8, NULL::float8) $$, 'nothing bought later');
SELECT alter_scorecard('s', history => '100 days');
SELECT throws_like($$ SELECT * FROM tier_validity('s', '2025-09-30', '2025-10-31') $$, '%has a history%', 'a window hides later spend');
SELECT alter_scorecard('s', reset => '{history}');

CREATE TEMP TABLE drifted AS SELECT * FROM drift('s', '2025-06-30', '2025-12-31');
CREATE TEMP TABLE freq AS SELECT customer, count(*) FILTER (WHERE day <= '2025-06-30')::numeric AS a, count(*)::numeric AS b, ('2025-06-30' - max(day) FILTER (WHERE day <= '2025-06-30'))::numeric AS ra, ('2025-12-31' - max(day))::numeric AS rb
  FROM shop WHERE amount >= 0 AND day <= '2025-12-31' GROUP BY 1;
CREATE FUNCTION pg_temp.psi(a numeric[], b numeric[]) RETURNS float8 LANGUAGE sql AS $$
  WITH breaks AS (SELECT quantile_breaks(v, 10) AS at FROM unnest(a) v),
  share AS (SELECT class, (SELECT count(*) FROM unnest(a) v, breaks WHERE v IS NOT NULL AND score_by(v, at) = class)::float8 / cardinality(a) AS p, (SELECT count(*) FROM unnest(b) v, breaks WHERE score_by(v, at) = class)::float8 / cardinality(b) AS q FROM generate_series(1, 10) class)
  SELECT sum((greatest(q, 1e-4) - greatest(p, 1e-4)) * ln(greatest(q, 1e-4) / greatest(p, 1e-4))) FROM share $$;
SELECT is((SELECT array_agg(metric) FROM drifted), '{recency,frequency,monetary,average_order_value,p_alive,expected_purchases,clv}', 'metrics in their order');
SELECT is((SELECT (from_customers, to_customers) FROM drifted WHERE metric = 'frequency'), (SELECT (count(*) FILTER (WHERE a > 0), count(*)) FROM freq), 'buyers of either day');
SELECT ok(pg_temp.near(psi, (SELECT pg_temp.psi(array_agg(a) FILTER (WHERE a > 0), array_agg(b)) FROM freq)), 'index of frequency') FROM drifted WHERE metric = 'frequency';
SELECT ok(pg_temp.near(psi, (SELECT pg_temp.psi(array_agg(ra) FILTER (WHERE a > 0), array_agg(rb)) FROM freq)), 'index of recency') FROM drifted WHERE metric = 'recency';
SELECT ok(pg_temp.near(to_mean, (SELECT avg(b)::float8 FROM freq)), 'means') FROM drifted WHERE metric = 'frequency';
SELECT is_empty($$ SELECT * FROM drifted WHERE verdict <> CASE WHEN psi < .1 THEN 'stable' WHEN psi < .25 THEN 'moved' ELSE 'shifted' END $$, 'verdicts');
SELECT is_empty($$ SELECT * FROM drift('s', '2025-12-31', '2025-12-31') WHERE psi <> 0 OR verdict <> 'stable' $$, 'a day does not drift from itself');
SELECT is_empty($$ SELECT * FROM drift('s', '2020-01-01', '2025-12-31') WHERE psi IS NOT NULL OR verdict IS NOT NULL OR from_customers <> 0 $$, 'nobody to compare with');

SELECT refresh('s', as_of => '2025-12-31');
SELECT is_empty($$ SELECT * FROM (SELECT percent, w.customers, cumulative_value, cumulative_share FROM whale_curve('s') w) w, LATERAL (SELECT sum(v) AS v, count(*) AS n FROM
    (SELECT monetary AS v FROM s_priority WHERE tier IS NOT NULL ORDER BY 1 DESC LIMIT ceil((SELECT count(*) FROM s_priority WHERE tier IS NOT NULL) * percent / 100.0)) q) q
  WHERE w.customers <> q.n OR cumulative_value <> q.v OR NOT pg_temp.near(cumulative_share, q.v::float8 / (SELECT sum(monetary) FROM s_priority WHERE tier IS NOT NULL)::float8) $$, 'the best so many percent');
SELECT results_eq($$ SELECT count(*), max(cumulative_share) FILTER (WHERE percent = 100) FROM whale_curve('s', 'clv') $$, $$ VALUES (100::bigint, 1::float8) $$, 'by another column');
SELECT throws_like($$ SELECT * FROM whale_curve('s', 'shoe size') $$, '%shoe size%', 'no such column');
TRUNCATE shop;
SELECT refresh('s', as_of => '2025-12-31');
SELECT is_empty($$ SELECT * FROM whale_curve('s') $$, 'nobody');
SELECT * FROM finish();
ROLLBACK;
