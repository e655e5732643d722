-- k-means against planted clusters, all partitions of small sets, and plain SQL.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SELECT plan(17);
SELECT setseed(0.4);

CREATE FUNCTION pg_temp.normal() RETURNS float8 LANGUAGE sql VOLATILE AS 'SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())';

-- five clusters of unequal sizes and units, in three features
CREATE TEMP TABLE blob AS
SELECT n, planted, ARRAY[planted % 3 * 8 + pg_temp.normal(), (planted / 2 * 8 + pg_temp.normal()) * 1e6, ((planted * 7) % 5 * 8 + pg_temp.normal()) / 1e6] AS f
FROM (SELECT n, CASE WHEN n % 20 = 0 THEN 0 WHEN n % 20 < 3 THEN 1 WHEN n % 20 < 6 THEN 2 WHEN n % 20 < 12 THEN 3 ELSE 4 END AS planted FROM generate_series(1, 2000) n) q;
CREATE TEMP TABLE clustered AS SELECT *, kmeans(f, 5, 42) OVER () AS k FROM blob;

-- adjusted Rand index (Hubert and Arabie 1985)
CREATE FUNCTION pg_temp.pairs(n numeric) RETURNS numeric LANGUAGE sql AS 'SELECT n * (n - 1) / 2';
SELECT cmp_ok((
  SELECT (t.both - a.p * b.p / pg_temp.pairs(2000)) / ((a.p + b.p) / 2 - a.p * b.p / pg_temp.pairs(2000)) FROM
    (SELECT sum(pg_temp.pairs(n)) AS both FROM (SELECT count(*) AS n FROM clustered GROUP BY planted, k) q) t,
    (SELECT sum(pg_temp.pairs(n)) AS p FROM (SELECT count(*) AS n FROM clustered GROUP BY planted) q) a,
    (SELECT sum(pg_temp.pairs(n)) AS p FROM (SELECT count(*) AS n FROM clustered GROUP BY k) q) b), '>=', 0.99, 'planted clusters are found');
SELECT is((suggest_k(f, 8)).k, 5, 'and so is their number') FROM blob;
SELECT is_empty($$ SELECT seed FROM generate_series(1, 10) seed, LATERAL (SELECT n, kmeans(f, 5, seed) OVER () AS other FROM blob) o
  JOIN clustered USING (n) WHERE other <> k $$, 'clear clusters do not depend on the seed, nor do their numbers');

-- order and plan
SELECT is_empty($$ SELECT n, k FROM clustered EXCEPT SELECT n, kmeans(f, 5, 42) OVER () FROM (SELECT * FROM blob ORDER BY random()) q $$, 'the order of the rows plays no part');
SELECT is_empty($$ SELECT n, k FROM clustered EXCEPT SELECT n, kmeans(f, 5, 42) OVER (ORDER BY n ROWS 2 PRECEDING) FROM blob $$, 'nor do the window''s order and frame');
CREATE TABLE vague AS SELECT n, ARRAY[random(), random() ^ 2, pg_temp.normal()] AS f FROM generate_series(1, 5000) n;
CREATE TEMP TABLE serial AS SELECT fit_kmeans(f, 6, 7)::text AS model FROM vague;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 3;
ALTER TABLE vague SET (parallel_workers = 3);
ANALYZE vague;
CREATE FUNCTION pg_temp.plan() RETURNS text LANGUAGE plpgsql AS $$ DECLARE line text; whole text := ''; BEGIN
  FOR line IN EXPLAIN SELECT fit_kmeans(f, 6, 7) FROM vague LOOP whole := whole || line || E'\n'; END LOOP; RETURN whole; END $$;
SELECT matches(pg_temp.plan(), 'Partial Aggregate', 'a parallel plan');
SELECT is(fit_kmeans(f, 6, 7)::text, (SELECT model FROM serial), 'gives the same model to the last bit, where clusters are vague') FROM vague;
SELECT isnt((SELECT model FROM serial), (fit_kmeans(f, 6, 8))::text, 'the seed matters there') FROM vague;
SELECT is_empty($$ SELECT n FROM (SELECT n, kmeans(f, 6, 7) OVER () AS k, f FROM vague) w, (SELECT fit_kmeans(f, 6, 7) AS m FROM vague) q WHERE k <> kmeans_assign(m, f) $$,
  'the window function is the model''s assignment');

-- by plain SQL
CREATE TEMP TABLE model AS SELECT fit_kmeans(f, 6, 7) AS m FROM vague;
CREATE TEMP TABLE standard AS SELECT n, j, (x - avg(x) OVER w) / stddev_pop(x) OVER w AS z, x FROM vague, unnest(f) WITH ORDINALITY u(x, j) WINDOW w AS (PARTITION BY j);
CREATE TEMP TABLE distance AS
SELECT n, c, sqrt(sum((z - ((m).centroids[c][j] - (m).means[j]) / (m).standard_deviations[j]) ^ 2)) AS d FROM standard, model, generate_series(1, 6) c GROUP BY n, c;
CREATE TEMP TABLE nearest AS SELECT n, (array_agg(c ORDER BY d, c))[1] AS k, (array_agg(d ORDER BY d))[1] AS a, (array_agg(d ORDER BY d))[2] AS b FROM distance GROUP BY n;
SELECT is_empty($$ SELECT n FROM nearest JOIN vague USING (n), model WHERE k <> kmeans_assign(m, f) OR abs(1 - a / b - simplified_silhouette(m, f)) > 1e-9 $$,
  'rows are in the cluster with the nearest centroid, with the silhouette of the two nearest ones');
SELECT ok(abs(sum(a ^ 2) / min((m).within_ss) - 1) < 1e-9 AND abs(avg(1 - a / b) - min((m).simplified_silhouette)) < 1e-9 AND abs(min((m).total_ss) / 15000 - 1) < 1e-9,
  'sums of squares and the mean silhouette') FROM nearest, model;
SELECT is_empty($$ SELECT k, j FROM nearest JOIN standard USING (n), model GROUP BY k, j, m
  HAVING abs(avg(x) - (m).centroids[k][j]) > 1e-3 OR count(*) <> (m).sizes[k] $$, 'centroids are the means of their clusters');
SELECT is_empty($$ SELECT c FROM model, generate_series(1, 5) c WHERE (m).centroids[c][1] >= (m).centroids[c + 1][1] $$, 'clusters are numbered by centroid');

-- small sets: no partition into 2 is better, by trying all
SELECT is_empty($$
  WITH point AS (SELECT s, i, (random() * 10)::float8 AS x, (random() * 10)::float8 AS y FROM generate_series(1, 40) s, generate_series(0, 8) i),
  z AS (SELECT s, i, x, y, (x - avg(x) OVER w) / stddev_pop(x) OVER w AS zx, (y - avg(y) OVER w) / stddev_pop(y) OVER w AS zy FROM point WINDOW w AS (PARTITION BY s)),
  tried AS (SELECT s, p, var_pop(zx) * count(*) + var_pop(zy) * count(*) AS within FROM z, generate_series(1, 255) p GROUP BY s, p, (p >> i) & 1),
  best AS (SELECT s, min(within) AS within FROM (SELECT s, p, sum(within) AS within FROM tried GROUP BY s, p) q GROUP BY s)
  SELECT s FROM best JOIN (SELECT s, seed, (fit_kmeans(ARRAY[x, y], 2, seed)).within_ss AS found FROM z, generate_series(1, 10) seed GROUP BY s, seed) f USING (s)
  GROUP BY s, within HAVING abs(min(found) / within - 1) > 1e-9 OR max(found) / within > 1.2 $$,
  'the best of all partitions of 40 small sets is found with one of ten seeds, and nearly so with each');

-- edges
SELECT is((SELECT array_agg(k ORDER BY n) FROM (SELECT n, kmeans(f, 2) OVER () AS k FROM (VALUES (1, '{1,1}'::float8[]), (2, NULL), (3, '{1,NULL}'), (4, '{9,1}'), (5, '{1,1}')) v(n, f)) q),
  '{1,NULL,NULL,2,1}', 'rows with NULL are left out; a constant feature plays no part');
SELECT is((SELECT array_agg((kmeans_assign(m, ARRAY[x])) ORDER BY x) FROM (SELECT fit_kmeans(ARRAY[v], 3) AS m FROM unnest('{1,1,1,1,5,9}'::float8[]) v) q, unnest('{-100,1,2.9,3.1,6.9,7.1,100}'::float8[]) x),
  '{1,1,1,2,2,3,3}', 'as many clusters as distinct rows; new rows go to the nearest');
SELECT is((fit_kmeans(ARRAY[v], 1)).within_ss, 0::float8, 'one row') FROM (VALUES (3.5::float8)) q(v);
SELECT * FROM finish();
ROLLBACK;
