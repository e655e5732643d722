SET search_path = custprio, public;

-- breaks: 1 .. 10 in quintiles, whatever the order of input
SELECT quantile_breaks(v, 5) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, 5) FROM generate_series(10, 1, -1) v;
SELECT quantile_breaks(v, 4) FROM generate_series(1, 11) v;

-- as percentile_disc; a break equal to the largest value becomes the next smaller distinct one
SELECT quantile_breaks(v, 5), percentile_disc(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY v)
FROM unnest(ARRAY[1, 1, 1, 2, 3, 9, 9, 9, 9, 9]) v;
SELECT quantile_breaks(v, 5), percentile_disc(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY v)
FROM unnest(ARRAY[1, 9, 9, 9, 9, 9, 9, 9, 9, 9]) v;

-- one value, all equal, fewer values than bins
SELECT quantile_breaks(v, 5) FROM unnest(ARRAY[7]) v;
SELECT quantile_breaks(v, 5) FROM unnest(ARRAY[7, 7, 7]) v;
SELECT quantile_breaks(v, 5) FROM unnest(ARRAY[1, 2]) v;

-- one bin needs no break; no value has none
SELECT quantile_breaks(v, 1) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, 5) FROM generate_series(1, 0) v;
SELECT quantile_breaks(v, 5) FROM unnest(ARRAY[NULL, NULL]::int[]) v;
SELECT quantile_breaks(v, 2) FROM unnest(ARRAY[NULL, 1, NULL, 2, 3]) v;
SELECT array_length(quantile_breaks(v, 1000), 1) FROM generate_series(1, 5000) v;

-- every sortable type
SELECT quantile_breaks(v, 3), pg_typeof(quantile_breaks(v, 3)) FROM unnest('{-3,-2,-1,0,1,32767}'::smallint[]) v;
SELECT quantile_breaks(v, 3), pg_typeof(quantile_breaks(v, 3)) FROM unnest('{-9223372036854775808,0,1,2,9223372036854775807}'::bigint[]) v;
SELECT quantile_breaks(v, 4), pg_typeof(quantile_breaks(v, 4)) FROM unnest('{-1.5,0.25,0.5,-0,0,-Infinity,Infinity,1e300}'::float8[]) v;
SELECT quantile_breaks(v, 4), pg_typeof(quantile_breaks(v, 4)) FROM unnest('{-1.5,0.25,0.5,0,-Infinity,Infinity}'::float4[]) v;
SELECT quantile_breaks(v, 4), pg_typeof(quantile_breaks(v, 4)) FROM unnest('{3.10,-2.50,1.00,0.05}'::numeric[]) v;
SELECT quantile_breaks(v, 3) FROM unnest('{2000-01-01,infinity,-infinity,1999-12-31}'::date[]) v;
SELECT quantile_breaks(v, 3) FROM unnest('{2000-01-01 10:00,2000-01-01 11:00,1999-12-31}'::timestamp[]) v;
SELECT quantile_breaks(v, 2) = ARRAY['2000-01-01 10:00+00'::timestamptz]
FROM unnest('{2000-01-01 10:00+00,2000-01-01 12:00+01,1999-12-31}'::timestamptz[]) v;
SELECT quantile_breaks(v, 3) FROM unnest('{1 day,24:00:00,2 mons,-1 day,1 mon}'::interval[]) v;
SELECT quantile_breaks(v, 3) FROM unnest('{12:00,13:00,14:00}'::time[]) v;
SELECT quantile_breaks(v COLLATE "C", 3) FROM unnest('{pear,apple,Zebra,fig}'::text[]) v;
SELECT quantile_breaks(v, 2) FROM unnest('{t,f,t}'::boolean[]) v;
CREATE DOMAIN points AS int CHECK (VALUE >= 0);
SELECT quantile_breaks(v, 2), pg_typeof(quantile_breaks(v, 2)) FROM unnest('{1,2,3}'::points[]) v;

-- numerics of several scales, and some that do not fit 64 bits
SELECT quantile_breaks(v, 4) FROM unnest('{1,2.5,2.50,3.125,10}'::numeric[]) v;
SELECT quantile_breaks(v, 4) FROM unnest('{1,1e30,2.5,-1e30,Infinity,-Infinity,0.0000000000000000001}'::numeric[]) v;
SELECT quantile_breaks(v, 2) FROM unnest('{9223372036854775807,-9223372036854775808,9223372036854775808,0.1}'::numeric[]) v;
-- equal values that look different do not depend on order
SELECT quantile_breaks(v, 2) FROM unnest('{1e30,7.00,7.0,7,8}'::numeric[]) v;
SELECT quantile_breaks(v, 2) FROM unnest('{8,7,7.0,7.00,1e30}'::numeric[]) v;

-- errors
SELECT quantile_breaks(v, 0) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, 1001) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, -1) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, NULL) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, v) FROM generate_series(1, 10) v;
SELECT quantile_breaks(v, 5) FROM unnest('{1,NaN}'::float8[]) v;
SELECT quantile_breaks(v, 5) FROM unnest('{1,NaN}'::float4[]) v;
SELECT quantile_breaks(v, 5) FROM unnest('{1,NaN}'::numeric[]) v;
SELECT quantile_breaks(v, 5) FROM unnest(ARRAY['(1,2)'::point]) v;
SELECT quantile_breaks(v, 5) FROM unnest(ARRAY['a' COLLATE "C", 'b' COLLATE "POSIX"]) v;

-- groups, filters, windows, parallel plans
SELECT v % 3 AS g, quantile_breaks(v, 3) FROM generate_series(1, 30) v GROUP BY 1 ORDER BY 1;
SELECT quantile_breaks(v, 3) FILTER (WHERE v > 20) FROM generate_series(1, 30) v;
SELECT v, quantile_breaks(v, 2) OVER (ORDER BY v DESC) FROM generate_series(1, 6) v;
SELECT v, quantile_breaks(v, 2) OVER (ORDER BY v ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM generate_series(1, 4) v;

CREATE TABLE many AS
  SELECT i, (i * 7919 % 10007) AS a, (i * 104729 % 100003)::numeric / 100 AS b, ('x' || i * 31 % 997) COLLATE "C" AS c,
    make_interval(hours => i * 17 % 5003) AS d
  FROM generate_series(1, 20000) i;
ALTER TABLE many SET (parallel_workers = 2);
CREATE TEMP TABLE serial AS
  SELECT quantile_breaks(a, 10) AS a, quantile_breaks(b, 10) AS b, quantile_breaks(c, 10) AS c, quantile_breaks(d, 10) AS d FROM many;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
DO $$
DECLARE
  plan text;
BEGIN
  EXECUTE 'EXPLAIN (format json) SELECT custprio.quantile_breaks(a, 10) FROM many' INTO plan;
  RAISE NOTICE 'parallel: %', plan LIKE '%"Partial Mode": "Finalize"%';
END $$;
CREATE TEMP TABLE parallel AS
  SELECT quantile_breaks(a, 10) AS a, quantile_breaks(b, 10) AS b, quantile_breaks(c, 10) AS c, quantile_breaks(d, 10) AS d FROM many;
SELECT count(*) FROM serial NATURAL JOIN parallel;
\set VERBOSITY terse
SELECT quantile_breaks(a, 2 + a % 2) FROM many;
\set VERBOSITY default
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;

-- score_by
SELECT v, score_by(v, '{10,20,20,30}'::int[]) FROM unnest(ARRAY[-5, 9, 10, 11, 19, 20, 21, 30, 31, NULL]) v;
SELECT score_by(1, '{}'::int[]), score_by(1, NULL::int[]), score_by(NULL, '{1}'::int[]);
SELECT v, score_by(v, '{1.5,2.50}') FROM unnest('{1.499999999999999999999,1.4,1.5,1.50,1.51,2.5,2.500001,-1e40,1e40,Infinity,-Infinity,9223372036854775807,-9223372036854775807}'::numeric[]) v;
SELECT v, score_by(v, '{-2.5,-1.5}') FROM unnest('{-2.501,-2.5,-2.499,-1.5000,-1.499,0}'::numeric[]) v;
SELECT v, score_by(v, '{-1e30,0.5,1e30,Infinity}') FROM unnest('{-Infinity,-1e30,0.5,0.6,1e30,2e30,Infinity}'::numeric[]) v;
SELECT v, score_by(v, '{-Infinity,-1,0,2.5,Infinity}') FROM unnest('{-Infinity,-2,-1,-0,0,1e-300,2.5,3,Infinity}'::float8[]) v;
SELECT v, score_by(v, '{-1,0,2.5}') FROM unnest('{-2,-1,-0,0,1,2.5,3}'::float4[]) v;
SELECT score_by('2000-01-02'::date, '{2000-01-01,2000-01-02,infinity}');
SELECT score_by('25:00:00'::interval, '{1 day,1 day 01:00:00,1 mon}');
SELECT score_by('m' COLLATE "C", '{a,m,z}'::text[]);
SELECT score_by(3::points, '{1,2,3}'::points[]);
-- breaks from a column, which change from row to row
SELECT g, score_by(5, b) FROM (VALUES (1, '{1,2}'::int[]), (2, '{5}'), (3, '{}'), (4, '{1,2}'), (5, '{9,9}'), (6, '[0:1]={1,2}')) AS x (g, b);
-- and in PL/pgSQL, where one expression runs with many values
DO $$
DECLARE
  b int[];
  total int := 0;
BEGIN
  FOREACH b SLICE 1 IN ARRAY '{{1,2},{5,6},{4,9}}'::int[] LOOP
    total := total + score_by(5, b);
  END LOOP;
  RAISE NOTICE 'scores %', total;
END $$;
SELECT score_by(1, '{3,2}'::int[]);
SELECT score_by(1, '{1,NULL}'::int[]);
SELECT score_by(1, '{{1,2},{3,4}}'::int[]);
SELECT score_by('NaN'::float8, '{1,2}');
SELECT score_by('NaN'::numeric, '{1,2}');
SELECT score_by(1::float8, '{1,NaN}');
SELECT score_by(1::numeric, '{1,NaN}');
SELECT score_by('(1,2)'::point, '{}'::point[]);

-- quantile_score
SELECT v, quantile_score(v, 3) OVER () FROM unnest(ARRAY[5, 1, 3, 3, NULL, 2, 9]) v;
SELECT v, quantile_score(v, 3) OVER (ORDER BY v ROWS BETWEEN CURRENT ROW AND CURRENT ROW) FROM unnest(ARRAY[5, 1, 3, 3, NULL, 2, 9]) v;
SELECT g, v, quantile_score(v, 2) OVER (PARTITION BY g) FROM (VALUES (1, 1.0), (1, 2), (1, 2.00), (2, 7), (3, NULL), (4, 1), (4, 1)) AS x (g, v) ORDER BY g, v;
-- what ntile gets wrong: equal values, equal scores
SELECT v, count(DISTINCT s) AS scores, count(DISTINCT n) AS tiles
FROM (SELECT v, quantile_score(v, 5) OVER () AS s, ntile(5) OVER (ORDER BY v) AS n FROM (SELECT i % 4 AS v FROM generate_series(1, 50) i) q) q
GROUP BY v ORDER BY v;
-- ties at the top do not lose the best score
SELECT v, quantile_score(v, 5) OVER () FROM unnest(ARRAY[1, 9, 9, 9, 9]) v;
SELECT DISTINCT quantile_score(4, 5) OVER () FROM generate_series(1, 10);
SELECT v, quantile_score(v, 1) OVER () FROM unnest(ARRAY[1, 2]) v;
SELECT v, quantile_score(v, 3) OVER () FROM unnest('{1e30,1,2.5,NULL,-1e30,Infinity}'::numeric[]) v;
SELECT v, quantile_score(v COLLATE "C", 2) OVER () FROM unnest('{b,a,c,a}'::text[]) v;
SELECT quantile_score(v, 3) OVER () FROM generate_series(1, 0) v;
SELECT quantile_score(v, 0) OVER () FROM generate_series(1, 3) v;
SELECT quantile_score(v, 1001) OVER () FROM generate_series(1, 3) v;
SELECT quantile_score(v, NULL) OVER () FROM generate_series(1, 3) v;
SELECT quantile_score(v, v) OVER () FROM generate_series(1, 3) v;
SELECT quantile_score(v, 3) OVER () FROM unnest('{1,NaN}'::float8[]) v;
SELECT quantile_score(v, 3) OVER () FROM unnest('{1,NaN}'::numeric[]) v;

DROP TABLE many;
DROP DOMAIN points;
