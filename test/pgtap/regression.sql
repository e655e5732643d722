-- Regressions against R (test/oracle/regression.R), NIST's certified values and properties. Run from the project's root.
\set reference `cat test/oracle/regression.csv`
-- and against R itself where it is installed
\set fresh `command -v Rscript >/dev/null && Rscript test/oracle/regression.R || true`
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SELECT plan(22);

CREATE FUNCTION pg_temp.wave(n float8, a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT sin(n * a) * b - floor(sin(n * a) * b)';
CREATE FUNCTION pg_temp.bell(n float8, a float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  'SELECT 2 * (pg_temp.wave(n, a, 4375.5453) + pg_temp.wave(n, a + 1, 2758.5453) + pg_temp.wave(n, a + 2, 1912.11) - 1.5)';
CREATE TABLE sample AS
SELECT n, x1, x2, x3, x4, w, 12 + 3 * x1 - 0.002 * (x2 - 1e6) + 5 * x3 + x4 + 2 * noise AS y,
  chance < 1 / (1 + exp(1 - 1.5 * x1 - x3 + 0.0004 * (x2 - 1e6))) AS b, (chance < 1 / (1 + exp(4 - x1)))::int AS rare
FROM (SELECT n, pg_temp.bell(n, 91.7) AS x1, 1e6 + 3000 * pg_temp.wave(n, 13.1, 2758.5453) AS x2, CASE WHEN pg_temp.wave(n, 7.77, 1912.11) < 0.3 THEN 1 ELSE 0 END AS x3,
  pg_temp.wave(n, 3.3, 3131.7) AS u, pg_temp.bell(n, 57.3) AS noise, 1 + n % 5 AS w, pg_temp.wave(n, 23.9, 3999.13) AS chance FROM generate_series(1, 800) n) q,
  LATERAL (SELECT 0.7 * x1 + 0.3 * u AS x4) v;

CREATE TABLE fit AS
SELECT fit_linear(y, ARRAY[x1, x2, x3, x4]) AS linear, fit_linear(y, ARRAY[x1, x2, x3, x4], w) AS linear_weighted,
  fit_logit(b, ARRAY[x1, x2, x3]) AS logit, fit_logit(b::int, ARRAY[x1, x2, x3], w) AS logit_weighted,
  fit_logit(rare, ARRAY[x1]) AS logit_rare, fit_logit(b, ARRAY[x3]::float8[]) AS logit_ties FROM sample;
CREATE TEMP TABLE got (model text, name text, i bigint, value float8);
INSERT INTO got
SELECT model, key, coalesce(i, 1), coalesce(e, value #>> '{}')::float8
FROM fit f, LATERAL jsonb_each(to_jsonb(f)) m(model, fitted), LATERAL jsonb_each(fitted) a(key, value)
  LEFT JOIN LATERAL jsonb_array_elements_text(CASE WHEN jsonb_typeof(value) = 'array' THEN value END) WITH ORDINALITY x(e, i) ON true
WHERE jsonb_typeof(value) IN ('array', 'number');
INSERT INTO got
SELECT model, 'predict', n, v FROM fit, sample, LATERAL (VALUES ('linear', predict(linear, ARRAY[x1, x2, x3, x4])), ('linear_weighted', predict(linear_weighted, ARRAY[x1, x2, x3, x4])),
  ('logit', predict(logit, ARRAY[x1, x2, x3])), ('logit_weighted', predict(logit_weighted, ARRAY[x1, x2, x3])),
  ('logit_rare', predict(logit_rare, ARRAY[x1])), ('logit_ties', predict(logit_ties, ARRAY[x3]::float8[]))) v(model, v) WHERE n <= 3;

CREATE FUNCTION pg_temp.reference(csv text) RETURNS TABLE (model text, name text, i bigint, value float8) LANGUAGE sql AS $$
  SELECT c[1], c[2], c[3]::bigint, c[4]::float8 FROM regexp_split_to_table(csv, '\n') line, LATERAL (SELECT string_to_array(line, ',') AS c) s WHERE line <> '' $$;
CREATE TEMP TABLE expected AS SELECT * FROM pg_temp.reference(:'reference');
CREATE TEMP TABLE fresh AS SELECT * FROM pg_temp.reference(:'fresh');
SELECT is(count(*), 136::bigint, 'values by R''s lm and glm') FROM expected;
SELECT is_empty($$ SELECT e.*, g.value FROM expected e LEFT JOIN got g USING (model, name, i)
  WHERE (abs(g.value - e.value) <= 1e-6 * abs(e.value) + CASE WHEN name = 'p_values' THEN 1e-12 ELSE 0 END) IS NOT TRUE $$, 'are met to 1e-6');
SELECT CASE WHEN count(*) = 0 THEN skip('R is not installed')
  ELSE is((SELECT count(*) FROM fresh f JOIN expected e USING (model, name, i) WHERE abs(f.value - e.value) <= 1e-8 * abs(e.value) + 1e-15), 136::bigint, 'R says today what it said') END FROM fresh;
SELECT is((SELECT string_agg(status, ', ') FROM fit, LATERAL (VALUES ((linear).status), ((linear_weighted).status), ((logit).status), ((logit_weighted).status), ((logit_rare).status)) v(status)), 'ok, ok, ok, ok, ok', 'status');
SELECT is((logit).n, 800::bigint, 'n') FROM fit;
SELECT is((SELECT (logit).events FROM fit), (SELECT count(*) FROM sample WHERE b), 'events');

-- NIST Statistical Reference Datasets: Longley, certified values
CREATE TEMP TABLE longley (y float8, x float8[]);
INSERT INTO longley VALUES
(60323, '{83.0,234289,2356,1590,107608,1947}'), (61122, '{88.5,259426,2325,1456,108632,1948}'), (60171, '{88.2,258054,3682,1616,109773,1949}'),
(61187, '{89.5,284599,3351,1650,110929,1950}'), (63221, '{96.2,328975,2099,3099,112075,1951}'), (63639, '{98.1,346999,1932,3594,113270,1952}'),
(64989, '{99.0,365385,1870,3547,115094,1953}'), (63761, '{100.0,363112,3578,3350,116219,1954}'), (66019, '{101.2,397469,2904,3048,117388,1955}'),
(67857, '{104.6,419180,2822,2857,118734,1956}'), (68169, '{108.4,442769,2936,2798,120445,1957}'), (66513, '{110.8,444546,4681,2637,121950,1958}'),
(68655, '{112.6,482704,3813,2552,123366,1959}'), (69564, '{114.2,502601,3931,2514,125368,1960}'), (69331, '{115.7,518173,4806,2572,127852,1961}'),
(70551, '{116.9,554894,4007,2827,130081,1962}');
CREATE TEMP TABLE nist AS SELECT fit_linear(y, x) AS m FROM longley;
SELECT is_empty($$ SELECT i, c, e FROM nist, unnest((m).coefficients, '{-3482258.63459582,15.0618722713733,-0.0358191792925910,-2.02022980381683,-1.03322686717359,-0.0511041056535807,1829.15146461355}'::float8[])
  WITH ORDINALITY u(c, e, i) WHERE abs(c / e - 1) > 1e-10 $$, 'NIST''s coefficients of Longley''s data to ten digits');
SELECT is_empty($$ SELECT i, c, e FROM nist, unnest((m).standard_errors, '{890420.383607373,84.9149257747669,0.0334910077722432,0.488399681651699,0.214274163161675,0.226073200069370,455.478499142212}'::float8[])
  WITH ORDINALITY u(c, e, i) WHERE abs(c / e - 1) > 1e-9 $$, 'and their standard errors');
SELECT ok(abs((m).residual_deviation / 304.854073561965 - 1) < 1e-10 AND abs((m).r_squared / 0.995479004577296 - 1) < 1e-12 AND abs((m).f_statistic / 330.285339234588 - 1) < 1e-9,
  'residual deviation, R squared and F') FROM nist;

-- distributions: critical values of the usual tables
SELECT is_empty($$ SELECT df FROM (VALUES (1, 12.706204736), (2, 4.302652730), (10, 2.228138852), (30, 2.042272456), (120, 1.979930405), (1000, 1.962339081)) v(df, t),
  LATERAL (SELECT fit_linear(y, ARRAY[x]) AS m FROM (SELECT i AS x, i * 1.0 + CASE WHEN i % 2 = 0 THEN 0.3 ELSE -0.3 END * i AS y FROM generate_series(1, df + 2) i) q) f,
  LATERAL (SELECT (m).t_values[2] AS found, (m).p_values[2] AS p) s
  WHERE (abs(found) > t) <> (p < 0.05) OR (m).degrees_of_freedom <> df $$, 'p is below 0.05 just beyond the tables'' critical t');

-- properties
SELECT is(f.m::text, (SELECT linear::text FROM fit), 'the order of the rows does not matter to the last bit')
FROM (SELECT fit_linear(y, ARRAY[x1, x2, x3, x4] ORDER BY random()) AS m FROM sample) f;
SELECT is(f.m::text, (SELECT logit::text FROM fit), 'nor for logistic regression')
FROM (SELECT fit_logit(b, ARRAY[x1, x2, x3] ORDER BY random()) AS m FROM sample) f;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 3;
ALTER TABLE sample SET (parallel_workers = 3);
CREATE FUNCTION pg_temp.plan() RETURNS text LANGUAGE plpgsql AS $$ DECLARE line text; whole text := ''; BEGIN
  FOR line IN EXPLAIN SELECT fit_logit(b, ARRAY[x1, x2, x3]) FROM sample LOOP whole := whole || line || E'\n'; END LOOP; RETURN whole; END $$;
SELECT matches(pg_temp.plan(), 'Partial Aggregate', 'a parallel plan');
SELECT is(fit_logit(b, ARRAY[x1, x2, x3])::text, (SELECT logit::text FROM fit), 'gives the same to the last bit') FROM sample;
SELECT is_empty($$ SELECT * FROM got a JOIN (
    SELECT key AS name, i, e::float8 AS v FROM (SELECT to_jsonb(fit_logit(b, ARRAY[x1, x2, x3])) AS m FROM sample, LATERAL generate_series(1, w)) q, jsonb_each(m), LATERAL jsonb_array_elements_text(CASE WHEN jsonb_typeof(value) = 'array' THEN value END) WITH ORDINALITY x(e, i)) r USING (name, i)
  WHERE a.model = 'logit_weighted' AND abs(value - v) > 1e-9 * abs(v) + 1e-12 $$, 'a weight is so many equal rows');
SELECT ok(abs(sum((b::int - predict(logit, ARRAY[x1, x2, x3]))) ) < 1e-6 AND abs(sum((b::int - predict(logit, ARRAY[x1, x2, x3])) * x1)) < 1e-6,
  'at the maximum residuals are orthogonal to the predictors') FROM fit, sample;
SELECT ok(abs((b.m).coefficients[2] / ((linear).coefficients[2] / 1e4) - 1) < 1e-8 AND abs((b.m).r_squared / (linear).r_squared - 1) < 1e-9, 'units do not matter')
FROM fit, (SELECT fit_linear(y, ARRAY[x1 * 1e4, x2 / 1e7, x3, x4 + 1e5]) AS m FROM sample) b;
SELECT is_empty($$ SELECT c FROM (SELECT fit_logit(b, ARRAY[x1, x2 + 1e9, x3]) AS m FROM sample) q, fit, unnest((m).coefficients[2:], (logit).coefficients[2:]) u(c, d) WHERE abs(c / d - 1) > 1e-5 $$, 'nor does a far away origin');
SELECT ok(abs(predict((SELECT logit FROM fit), ARRAY[x1, x2, x3]) + 1 / (1 + exp(c[1] + c[2] * x1 + c[3] * x2 + c[4] * x3)) - 1) < 1e-12, 'predict is the logistic function')
FROM sample, (SELECT (logit).coefficients AS c FROM fit) f WHERE n = 1;

-- what has no answer says so
SET LOCAL client_min_messages = error;
SELECT is((fit_logit(s, ARRAY[x])).converged, false, 'outcomes that a predictor separates: ' || how) FROM (VALUES
  ('wholly', 1, true), ('wholly', 2, true), ('wholly', 3, false), ('wholly', 4, false)) v(how, x, s) GROUP BY how;
SELECT is((fit_logit(b, ARRAY[x1, d])).converged, false, 'outcomes that a mark separates in part') FROM sample, LATERAL (SELECT CASE WHEN b AND n % 3 = 0 THEN 1 ELSE 0 END AS d) x;
SELECT is((fit_linear(y, ARRAY[x1, x2, x1 + 2 * x2, x3])).status, 'predictor 3 is constant or a linear combination of those before it', 'collinear predictors') FROM sample;
SELECT * FROM finish();
ROLLBACK;
