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
SELECT plan(43);

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
SELECT results_eq($$ SELECT week, actual_cumulative FROM validate_tracking('cd', 273) WHERE method = 'bgnbd' AND week % 13 = 0 ORDER BY 1 $$,
  $$ VALUES (13, 828::float8), (26, 1746), (39, 2457), (52, 3183), (65, 3844), (78, 4339) $$, 'repeat purchases of the sample by week');
-- lifetimes lets a day end a day later: with that, its published curve
SELECT is((SELECT count(*) FROM (VALUES (13, 722.5), (26, 1736.3), (39, 2501.5), (52, 3134.1), (65, 3680.6), (78, 4165.7)) v(week, published),
    LATERAL (SELECT sum(expected_purchases(bgnbd(0.2425945, 4.4136019, 0.7929199, 2.4258881), (date '1997-01-01' + 7 * week - first) / 7.0)) AS e
             FROM (SELECT min(day) AS first FROM cdnow GROUP BY customer_id) c WHERE first < date '1997-01-01' + 7 * week) q WHERE abs(e - published) < 0.1), 6::bigint, 'the published expectation');
SELECT is((SELECT count(*) FROM validate_tracking('cd', 273) t,
    LATERAL (SELECT sum(expected_purchases(bgnbd(0.2425945, 4.4136019, 0.7929199, 2.4258881), (t.last_day - first) / 7.0)) AS e
             FROM (SELECT min(day) AS first FROM cdnow GROUP BY customer_id) c WHERE first < t.last_day) q WHERE method = 'bgnbd' AND week % 13 = 0 AND abs(expected_cumulative / e - 1) < 1e-5), 6::bigint, 'which tracking gives by the end of the day');
\else
SELECT skip('cdnow_sample.csv is absent; set CUSTPRIO_DATA to its directory', 4);
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
  $$ VALUES ('bgnbd'::text, 'converged'::text), ('mbgnbd', 'converged'), ('pareto_nbd', 'converged'), ('last_year', 'ok'), ('rfm_score', 'ok') $$, 'five methods');

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

-- by frequency and by week
CREATE TEMP TABLE by_frequency AS SELECT * FROM validate_calibration('s', 100);
SELECT is((SELECT count(DISTINCT (method, repeat_purchases)) || ' ' || count(*) FROM by_frequency), '32 32', 'four methods, eight classes');
SELECT is_empty($$ SELECT x, g.*, c.* FROM (SELECT least(x, 7) AS x, count(*) AS customers, avg(actual) AS a, avg(n) AS n, avg(actual_value) AS av, avg(v) AS v FROM guess GROUP BY 1) g
    FULL JOIN (SELECT * FROM by_frequency WHERE method = 'mbgnbd') c ON c.repeat_purchases = g.x
  WHERE NOT coalesce(c.customers = g.customers AND pg_temp.near(a, actual_mean) AND pg_temp.near(n, predicted_mean) AND pg_temp.near(av, actual_mean_value) AND pg_temp.near(v, predicted_mean_value), false) $$,
  'means of each frequency');
SELECT ok(pg_temp.near((SELECT sum(customers * predicted_mean) FROM by_frequency b WHERE b.method = r.method), r.predicted_purchases), 'they add up: ' || method) FROM result r WHERE method <> 'rfm_score' ORDER BY method;
CREATE TEMP TABLE by_week AS SELECT * FROM validate_tracking('s', 100);
SELECT results_eq($$ SELECT method, count(*), min(first_day), max(last_day), max(last_day) FILTER (WHERE period = 'calibration') FROM by_week GROUP BY 1 ORDER BY 1 $$,
  $$ SELECT m, ((date '2025-06-23' - min(day)) / 7 + 1 + 15)::bigint, min(day), date '2025-10-01', date '2025-06-23' FROM day, unnest('{bgnbd,mbgnbd,pareto_nbd}'::text[]) m GROUP BY 1 ORDER BY 1 $$, 'weeks end at the split');
SELECT is_empty($$ SELECT * FROM by_week WHERE last_day - first_day <> 6 AND week NOT IN (1, (SELECT max(week) FROM by_week)) $$, 'only the first and the last week may be short');
SELECT is_empty($$ SELECT * FROM (SELECT *, lag(last_day) OVER (PARTITION BY method ORDER BY week) AS before FROM by_week) q WHERE before <> first_day - 1 $$, 'and no day is left out');
SELECT is_empty($$ SELECT * FROM by_week w, LATERAL (SELECT count(*) FILTER (WHERE day >= first_day) AS a, count(*) AS c FROM (SELECT day, row_number() OVER (PARTITION BY customer ORDER BY day) AS nth
      FROM day WHERE customer IN (SELECT customer FROM own)) d WHERE nth > 1 AND day <= last_day) q WHERE actual <> a OR actual_cumulative <> c $$, 'repeat purchases of each week');
SELECT is_empty($$ SELECT * FROM by_week w, (SELECT fit_mbgnbd(x, t_x, t) AS f FROM own) f,
    LATERAL (SELECT coalesce(sum(expected_purchases(f, (last_day - first) / 7.0)), 0) AS e FROM (SELECT min(day) AS first FROM day GROUP BY customer) d WHERE first < last_day AND first <= '2025-06-23') q
  WHERE method = 'mbgnbd' AND week % 9 = 0 AND NOT pg_temp.near(e, expected_cumulative) $$, 'what is expected of those who came until then');
SELECT is_empty($$ SELECT method, sum(expected) - max(expected_cumulative) FROM by_week GROUP BY 1 HAVING NOT pg_temp.near(sum(expected), max(expected_cumulative)) $$, 'weeks add up');

-- a window of history ends with the calibration, as it would have then; segments have fits of their own; and fits are the scorecard's
CREATE TABLE region (id text, name text);
INSERT INTO region SELECT DISTINCT customer, CASE WHEN substr(customer, 2)::int % 2 = 0 THEN 'east' ELSE 'west' END FROM shop WHERE customer IS NOT NULL;
SELECT create_scorecard('h', 'shop', 'customer', 'at', 'amount', every => NULL, time_zone => 'Asia/Tokyo', filter => 'amount <> 10', history => '120 days',
  customers => 'region', customers_key => 'id', partition_by => 'name', amount_scale => 2);
SELECT count(*) FROM refresh('h', as_of => '2025-06-23');
CREATE TEMP TABLE at_split AS SELECT f.* FROM clv_fit f JOIN scorecard USING (scorecard_id) WHERE name = 'h';
CREATE TEMP TABLE h_split AS SELECT customer_id AS customer, expected_purchases FROM h_priority WHERE tier IS NOT NULL;
SELECT is((SELECT count(*) FROM at_split WHERE segment IS NOT NULL AND converged), 4::bigint, 'two segments with fits');
SELECT count(*) FROM refresh('h', as_of => '2025-10-01');
CREATE TEMP TABLE h_result AS SELECT * FROM validate('h', 100) WHERE method = 'mbgnbd';
SELECT is((SELECT status FROM h_result), 'converged; 2 of 2 segments have fits of their own', 'the status tells');
SELECT is((SELECT customers FROM h_result), (SELECT count(*) FROM h_split), 'customers as a refresh of the split saw them');
SELECT is((SELECT actual_purchases FROM h_result), (SELECT count(*)::float8 FROM day JOIN h_split USING (customer) WHERE day > '2025-06-23'), 'whose later purchases all count');
SELECT alter_scorecard('h', clv_horizon => '100 days');
SELECT count(*) FROM refresh('h', as_of => '2025-06-23');
SELECT ok(abs((SELECT predicted_purchases FROM h_result) - (SELECT sum(expected_purchases) FROM h_priority)) < 0.2, 'and predictions are those that would have been published then');

-- where the scorecard's fit needs a penalty, so does this
CREATE TABLE regular AS
  SELECT c AS customer, date '2025-01-01' + n * 20 + (c * n) % 19 AS day, 10 + (c * 7 + n) % 13 AS amount
  FROM generate_series(1, 900) c, LATERAL generate_series(0, floor(-ln(1 - (c % 97) / 98.0) * 5)::int) n;
SELECT create_scorecard('r', 'regular', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT count(*) FROM refresh('r', as_of => '2025-11-01');
CREATE TEMP TABLE penalised AS SELECT model, status FROM clv_fit JOIN scorecard USING (scorecard_id) WHERE name = 'r';
SELECT count(*) FROM refresh('r', as_of => '2026-01-31');
SELECT is((SELECT status FROM validate('r', 91) WHERE method = 'mbgnbd'), (SELECT max(status) FILTER (WHERE model = 'mbgnbd') || max('; values ' || status) FILTER (WHERE model = 'gamma_gamma' AND status <> 'converged') FROM penalised),
  'with a penalty, like the scorecard') ;
SELECT matches((SELECT status FROM validate('r', 91) WHERE method = 'mbgnbd'), 'ridge penalty', 'which the status tells');

-- what cannot be fitted has no figures
CREATE TABLE once AS SELECT n AS customer, date '2025-01-01' + n AS day, 5 AS amount FROM generate_series(1, 50) n;
SELECT create_scorecard('o', 'once', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT count(*) FROM refresh('o', as_of => '2025-06-01');
SELECT is((SELECT count(*) FROM validate('o', 60) WHERE method LIKE '%nbd' AND (status = 'converged' OR predicted_purchases IS NOT NULL)), 0::bigint, 'no figures without a fit');
SELECT is((SELECT count(*) FROM validate('o', 60) WHERE status LIKE '%ok%'), 2::bigint, 'naive predictors need none');
SELECT is((SELECT count(*) FROM validate('o', 36500) WHERE status = 'no customers'), 5::bigint, 'nobody before the calibration ends');
SELECT throws_like($$ SELECT * FROM validate('o', 0) $$, 'argument "holdout" must be between 1 and%', 'no holdout');
CREATE ROLE validate_stranger;
SET LOCAL ROLE validate_stranger;
SELECT throws_like($$ SELECT * FROM custprio.validate('o', 60) $$, 'must be owner of scorecard "o"', 'others may not');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
