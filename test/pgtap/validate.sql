-- validate() against the published holdout figures of CDNOW, and its measures against plain SQL.
\set ECHO none
\set data ../shared/data
\getenv data CUSTPRIO_DATA
\set sample :data '/cdnow_sample.csv'
\set present `test -r "${CUSTPRIO_DATA:-../shared/data}/cdnow_sample.csv" && echo true || echo false`
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(21);

\if :present
CREATE TABLE cdnow (customer_id int, day date, amount numeric(8,2), cds int, master_id int);
\set load '\\copy cdnow (customer_id, day, amount, cds, master_id) FROM ' :'sample' ' (FORMAT csv, HEADER)'
:load
SELECT create_scorecard('cd', 'cdnow', 'customer_id', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT count(*) FROM refresh('cd', as_of => '1998-06-30');
CREATE TEMP TABLE cd_result AS SELECT * FROM validate('cd', 273);
SELECT results_eq($$ SELECT method, customers, actual_purchases, abs(predicted_purchases - CASE method WHEN 'bgnbd' THEN 1653.4 WHEN 'mbgnbd' THEN 1576.7 ELSE 1665.4 END) < 0.15, round(mae::numeric, 4) FROM cd_result WHERE method LIKE '%nbd' ORDER BY method $$,
  $$ VALUES ('bgnbd'::text, 2357::bigint, 1882::float8, true, .7855), ('mbgnbd', 2357, 1882, true, .7648), ('pareto_nbd', 2357, 1882, true, .7545) $$,
  'the published holdout of the CDNOW sample');
\else
SELECT skip('cdnow_sample.csv is absent; set CUSTPRIO_DATA to its directory', 1);
\endif

-- a shop with returns, worthless rows and ties
SELECT setseed(0.71);
CREATE TABLE shop (customer text, at timestamptz, amount float8);
INSERT INTO shop
  SELECT 'c' || c, timestamptz '2025-01-01 12:00+00' + interval '1 day' * (first + (n * pace * random())::int),
    CASE WHEN random() < .05 THEN -5 ELSE round((exp(random() * 2) * worth)::numeric, 2) END
  FROM (SELECT c, (random() * 90)::int AS first, 5 + 60 * random() AS pace, 5 + 20 * random() AS worth,
          floor(-ln(random()) * exp(random() * 4 - 2))::int AS repeats FROM generate_series(1, 3000) c OFFSET 0) q,
    LATERAL generate_series(0, repeats) n;
INSERT INTO shop VALUES (NULL, now(), 1), ('c1', NULL, 1), ('c1', '2025-03-01', NULL), ('c1', '2025-03-01', 'NaN'), ('c1', '2025-03-01', 'Infinity'), ('c1', 'infinity', 3), ('c2', '2030-01-01', 9);
SELECT create_scorecard('s', 'shop', 'customer', 'at', 'amount', every => NULL, time_zone => 'Asia/Tokyo', filter => 'amount <> 10');
SELECT throws_like($$ SELECT * FROM validate('s', 100) $$, '%has published nothing yet', 'refresh first');
SELECT count(*) FROM refresh('s', as_of => '2025-10-01');
CREATE TEMP TABLE result AS SELECT * FROM validate('s', 100);
SELECT results_eq($$ SELECT method, status FROM result $$,
  $$ VALUES ('bgnbd'::text, 'ok'::text), ('mbgnbd', 'ok'), ('pareto_nbd', 'ok'), ('last_year', 'ok'), ('rfm_score', 'ok') $$, 'five methods');

CREATE TEMP TABLE day AS SELECT customer, (at AT TIME ZONE 'Asia/Tokyo')::date AS day, sum(amount::numeric) AS gross
  FROM shop WHERE amount >= 0 AND amount < 'Infinity' AND amount <> 10 AND customer IS NOT NULL AND isfinite(at)
    AND (at AT TIME ZONE 'Asia/Tokyo')::date <= '2025-10-01' GROUP BY 1, 2;
CREATE TEMP TABLE own AS SELECT customer, count(*) FILTER (WHERE day <= '2025-06-23') - 1 AS x,
    (max(day) FILTER (WHERE day <= '2025-06-23') - min(day)) / 7.0 AS t_x, (date '2025-06-23' - min(day)) / 7.0 AS t,
    count(*) FILTER (WHERE day > '2025-06-23') AS actual, coalesce(sum(gross) FILTER (WHERE day > '2025-06-23'), 0)::float8 AS actual_value,
    count(*) FILTER (WHERE day <= '2025-06-23') * 100 / 365.0 AS naive, sum(gross) FILTER (WHERE day <= '2025-06-23')::float8 * 100 / 365 AS naive_value,
    (sum(gross) FILTER (WHERE day <= '2025-06-23') - sum(gross) FILTER (WHERE day = (SELECT min(d.day) FROM day d WHERE d.customer = day.customer)))::float8
      / nullif(count(*) FILTER (WHERE day <= '2025-06-23') - 1, 0) AS m
  FROM day GROUP BY customer HAVING min(day) <= '2025-06-23';
CREATE TEMP TABLE guess AS SELECT o.*, expected_purchases(f, x, t_x, t, 100 / 7.0) AS n,
    expected_purchases(f, x, t_x, t, 100 / 7.0) * expected_value(g, CASE WHEN m > 0 THEN x ELSE 0 END, coalesce(m, 0)) AS v
  FROM own o, (SELECT fit_mbgnbd(x, t_x, t) AS f, fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS g FROM own) q;
CREATE FUNCTION pg_temp.near(a float8, b float8) RETURNS boolean LANGUAGE sql AS $$ SELECT coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b), 1), false) $$;
SELECT is((SELECT customers FROM result WHERE method = 'mbgnbd'), (SELECT count(*) FROM own), 'customers of the calibration');
SELECT ok(pg_temp.near(r.actual_purchases, (SELECT sum(actual) FROM own)), 'purchase days that happened') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.actual_value, (SELECT sum(actual_value) FROM own)), 'their value') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.predicted_purchases, (SELECT sum(n) FROM guess)), 'predicted purchases') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.predicted_value, (SELECT sum(v) FROM guess)), 'predicted value') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.mae, (SELECT avg(abs(n - actual)) FROM guess)), 'mean absolute error') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.rmse, (SELECT sqrt(avg((n - actual)^2)) FROM guess)), 'root mean squared error') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.bias, (SELECT avg(n - actual) FROM guess)), 'bias') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.value_mae, (SELECT avg(abs(v - actual_value)) FROM guess)), 'mean absolute error of value') FROM result r WHERE method = 'mbgnbd';
SELECT ok(pg_temp.near(r.mae, (SELECT avg(abs(naive - actual)) FROM own)), 'last year''s purchases') FROM result r WHERE method = 'last_year';
SELECT ok(pg_temp.near(r.predicted_value, (SELECT sum(naive_value) FROM own)), 'and their value') FROM result r WHERE method = 'last_year';
-- average ranks by counting
SELECT ok(pg_temp.near(r.rank_correlation, (SELECT corr(a, b) FROM (
    SELECT (SELECT count(*) FILTER (WHERE o.naive_value < g.naive_value) + (count(*) FILTER (WHERE o.naive_value = g.naive_value) + 1) / 2.0 FROM own o)::float8 AS a,
           (SELECT count(*) FILTER (WHERE o.actual_value < g.actual_value) + (count(*) FILTER (WHERE o.actual_value = g.actual_value) + 1) / 2.0 FROM own o)::float8 AS b
    FROM own g) q)), 'Spearman''s correlation') FROM result r WHERE method = 'last_year';
SELECT ok(abs(r.decile_lift - (SELECT sum(v) FROM (SELECT actual_value AS v FROM guess ORDER BY guess.v DESC LIMIT (SELECT count(*) / 10 FROM own)) q) / (SELECT sum(actual_value) / 10 FROM own)) < 0.02,
  'lift of the best tenth') FROM result r WHERE method = 'mbgnbd';

-- what cannot be fitted has no figures
CREATE TABLE once AS SELECT n AS customer, date '2025-01-01' + n AS day, 5 AS amount FROM generate_series(1, 50) n;
SELECT create_scorecard('o', 'once', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT count(*) FROM refresh('o', as_of => '2025-06-01');
SELECT is((SELECT count(*) FROM validate('o', 60) WHERE method LIKE '%nbd' AND (status = 'ok' OR predicted_purchases IS NOT NULL)), 0::bigint, 'no figures without a fit');
SELECT is((SELECT count(*) FROM validate('o', 60) WHERE status LIKE '%ok%'), 2::bigint, 'naive predictors need none');
SELECT is((SELECT count(*) FROM validate('o', 36500) WHERE status = 'no customer'), 5::bigint, 'nobody before the calibration ends');
SELECT throws_like($$ SELECT * FROM validate('o', 0) $$, 'argument "holdout" must be between 1 and%', 'no holdout');
CREATE ROLE validate_stranger;
SET LOCAL ROLE validate_stranger;
SELECT throws_like($$ SELECT * FROM custprio.validate('o', 60) $$, 'must be owner of scorecard "o"', 'others may not');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
