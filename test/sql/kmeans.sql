-- What k-means refuses, and what it makes of nothing.
\set VERBOSITY default
SET search_path = custprio, public;
SET extra_float_digits = -3;
CREATE TEMP TABLE r AS SELECT n, ARRAY[n, n % 2]::float8[] AS f FROM generate_series(1, 4) n;
SELECT n, kmeans(f, 2) OVER (ORDER BY n) FROM r;
SELECT n, kmeans(f, 2, 5) OVER (PARTITION BY n % 2) FROM r ORDER BY n;
SELECT * FROM (SELECT (fit_kmeans(f, 2)).* FROM r) q;
SELECT (suggest_k(f, 9)).* FROM r;
SELECT suggest_k('{1}', 3) FROM r;
-- nothing
SELECT fit_kmeans(f, 2) IS NULL, suggest_k(f, 2) IS NULL FROM r WHERE false;
SELECT fit_kmeans(NULL, 2) IS NULL FROM r;
SELECT kmeans(NULL, 2) OVER () FROM r;
SELECT kmeans_assign(NULL, '{1}'), kmeans_assign((SELECT fit_kmeans(f, 2) FROM r), NULL), kmeans_assign((SELECT fit_kmeans(f, 2) FROM r), '{1,NULL}');
SELECT simplified_silhouette((SELECT fit_kmeans(f, 1) FROM r), '{1,1}');
SELECT (fit_kmeans('{3,4}', 1)).* FROM r;
-- refused
SELECT kmeans(f, 0) OVER () FROM r;
SELECT kmeans(f, NULL) OVER () FROM r;
SELECT kmeans(f, n) OVER (ORDER BY n) FROM r;
SELECT kmeans(f, 2, NULL) OVER () FROM r;
SELECT kmeans(f, 2, n) OVER (ORDER BY n) FROM r;
SELECT kmeans(f, 5) OVER () FROM r;
SELECT kmeans('{1,2}', 2) OVER () FROM r;
SELECT kmeans('{}', 2) OVER () FROM r;
SELECT kmeans('{{1}}', 2) OVER () FROM r;
SELECT kmeans(array_append(f, 'NaN'), 2) OVER () FROM r;
SELECT kmeans(array_append(f, '-Infinity'), 2) OVER () FROM r;
SELECT kmeans(CASE WHEN n < 3 THEN f ELSE '{1}' END, 2) OVER (ORDER BY n) FROM r;
SELECT kmeans(ARRAY[n * 1e307], 2) OVER () FROM r;
SELECT kmeans(ARRAY[n * 1e-200], 2) OVER () FROM r;
SELECT fit_kmeans(f, -1) FROM r;
SELECT fit_kmeans(f, NULL) FROM r;
SELECT fit_kmeans(f, n ORDER BY n) FROM r;
SELECT fit_kmeans(f, 2, NULL) FROM r;
SELECT fit_kmeans(f, 2, n ORDER BY n) FROM r;
SELECT fit_kmeans(f, 5) FROM r;
SELECT kmeans_assign(fit_kmeans(f, 2), '{1}') FROM r;
SELECT kmeans_assign(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::kmeans_model, '{1}');
SELECT kmeans_assign(ROW('{{1,2,3}}', '{1,2}', '{1,2}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::kmeans_model, '{1,2}');
SELECT kmeans_assign(ROW('{{NaN}}', '{1}', '{1}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::kmeans_model, '{1}');
-- close beyond the reach of squares, far beyond one another
SELECT kmeans(ARRAY[v], 3) OVER () FROM unnest('{0,1e-300,1}'::float8[]) v;
