-- Weights of criteria against published examples and plain SQL.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SELECT plan(13);

-- Saaty 1990, the choice of a house: eight criteria
CREATE TEMP TABLE house AS SELECT * FROM ahp_weights(ARRAY[
  [1, 5, 3, 7, 6, 6, 1/3.0, 1/4.0],
  [1/5.0, 1, 1/3.0, 5, 3, 3, 1/5.0, 1/7.0],
  [1/3.0, 3, 1, 6, 3, 4, 6, 1/5.0],
  [1/7.0, 1/5.0, 1/6.0, 1, 1/3.0, 1/4.0, 1/7.0, 1/8.0],
  [1/6.0, 1/3.0, 1/3.0, 3, 1, 1/2.0, 1/5.0, 1/6.0],
  [1/6.0, 1/3.0, 1/4.0, 4, 2, 1, 1/5.0, 1/6.0],
  [3, 5, 1/6.0, 7, 5, 5, 1, 1/2.0],
  [4, 7, 5, 8, 6, 6, 2, 1]]::float8[], force => true);
SELECT is((SELECT array_agg(round(w::numeric, 3) ORDER BY n) FROM house, unnest(weights) WITH ORDINALITY u(w, n)),
  '{0.173,0.054,0.188,0.018,0.031,0.036,0.167,0.333}', 'the published priorities');
SELECT is(round(lambda_max::numeric, 3), 9.669, 'the published eigenvalue') FROM house;
SELECT is(round(consistency_index::numeric, 3), 0.238, 'the published consistency index') FROM house;
SELECT is(round(consistency_ratio::numeric, 3), 0.169, 'the published consistency ratio') FROM house;

-- consistent comparisons give their weights back
CREATE FUNCTION pg_temp.comparisons(w float8[]) RETURNS float8[] LANGUAGE sql AS $$
  SELECT array_agg(r ORDER BY i) FROM (SELECT i, array_agg(a / b ORDER BY j) AS r
    FROM unnest(w) WITH ORDINALITY x(a, i), unnest(w) WITH ORDINALITY y(b, j) GROUP BY i) q
$$;
SELECT setseed(0.3);
CREATE TEMP TABLE planted AS SELECT q.n, q.w, a.*
  FROM (SELECT n, array_agg(0.1 + random()) AS w FROM generate_series(1, 300) n, LATERAL generate_series(0, n % 15) GROUP BY n) q, LATERAL ahp_weights(pg_temp.comparisons(w)) a;
SELECT is((SELECT count(DISTINCT array_length(w, 1)) FROM planted), 15::bigint, 'up to 15 criteria');
SELECT is_empty($$ SELECT n FROM planted, LATERAL (SELECT sum(v) AS total FROM unnest(w) v) t,
  LATERAL unnest(w, weights) u(x, y) WHERE abs(x / total - y) > 1e-12 $$, 'weights that were planted are found');
SELECT is_empty($$ SELECT n FROM planted WHERE consistency_ratio > 1e-10 OR consistency_ratio < 0
  OR abs(lambda_max - array_length(w, 1)) > 1e-10 $$, 'and the comparisons are consistent');

-- the vector is an eigenvector, whatever the comparisons
CREATE TEMP TABLE arbitrary AS SELECT p.n, p.m, a.* FROM (SELECT n, array_agg(r ORDER BY i) AS m FROM (
  SELECT n, i, array_agg(CASE WHEN i = j THEN 1 WHEN i < j THEN v ELSE 1 / v END ORDER BY j) AS r
  FROM generate_series(1, 100) n, generate_series(1, 6) i, generate_series(1, 6) j,
    LATERAL (SELECT exp(sin(n * 91.7 + least(i, j) * 13.1 + greatest(i, j) * 7.7) * 2) AS v) e GROUP BY n, i) q GROUP BY n) p, LATERAL ahp_weights(m, true) a;
SELECT is_empty($$ SELECT n FROM arbitrary, generate_series(1, 6) i,
  LATERAL (SELECT sum(m[i][j] * weights[j]) AS mw FROM generate_series(1, 6) j) s
  WHERE abs(mw - lambda_max * weights[i]) > 1e-10 $$, 'the matrix times the weights is the eigenvalue times the weights');
SELECT is_empty($$ SELECT n FROM arbitrary, LATERAL (SELECT sum(v) AS s, min(v) AS least FROM unnest(weights) v) t
  WHERE abs(s - 1) > 1e-12 OR least <= 0 $$, 'weights are positive and make up 1');

-- entropy: by plain SQL
CREATE TEMP TABLE objects AS SELECT n, array_agg(CASE WHEN random() < .1 THEN 0 ELSE random() * c END ORDER BY c) AS v
  FROM generate_series(1, 500) n, generate_series(1, 5) c GROUP BY n;
SELECT is_empty($$
  WITH p AS (SELECT c, x / sum(x) OVER (PARTITION BY c) AS share FROM objects, unnest(v) WITH ORDINALITY u(x, c)),
  d AS (SELECT c, 1 + sum(share * ln(share)) FILTER (WHERE share > 0) / ln(500) AS d FROM p GROUP BY c)
  SELECT c FROM d, (SELECT entropy_weights(array_agg(v ORDER BY n)) AS w FROM objects) e
  WHERE abs(d / (SELECT sum(d) FROM d) - w[c]) > 1e-12 $$, 'entropy weights are those of the formula');
SELECT is(entropy_weights('{{1,5},{3,5}}'), '{1,0}', 'equal values weigh nothing');
SELECT ok(abs((entropy_weights('{{1,0},{1,0},{0,7}}'))[2] - 1 / (2 - ln(2::float8) / ln(3::float8))) < 1e-15, 'by hand: one half of the rows against one row');
SELECT is(entropy_weights('{{1e308,1},{1e308,2},{2e307,4}}') IS NULL, false, 'huge values do not overflow');
SELECT * FROM finish();
ROLLBACK;
