SET search_path = custprio, public;

-- the textbook case: 80 % and 95 % of 100
SELECT v, abc_class(v) OVER () FROM unnest('{50,30,10,5,3,2}'::numeric[]) v;
-- whoever crosses a cut stays in the better class
SELECT v, abc_class(v) OVER () FROM unnest('{79,2,14,1,4}'::numeric[]) v ORDER BY v DESC;
-- equal values share a class
SELECT v, abc_class(v) OVER () FROM unnest('{10,10,10,10,10,10,10,10,10,10}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{70,10,10,10}'::numeric[]) v;
-- exactly on a cut: 0.80 of 1.00 before is not below 0.80
SELECT v, abc_class(v) OVER () FROM unnest('{0.80,0.15,0.05}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{0.7999999999,0.1500000001,0.05}'::numeric[]) v;
-- zero, negative and NULL values; only positive values make the total
SELECT v, abc_class(v) OVER () FROM unnest('{100,0,-5,NULL,1}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{0,-5,NULL}'::numeric[]) v;
-- one row, no row
SELECT v, abc_class(v) OVER () FROM unnest('{0.01}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{NULL}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{}'::numeric[]) v;
-- order, frame and partitions
SELECT v, abc_class(v) OVER (ORDER BY v ROWS BETWEEN CURRENT ROW AND CURRENT ROW) FROM unnest('{50,30,10,5,3,2}'::numeric[]) v;
SELECT g, v, abc_class(v) OVER (PARTITION BY g) FROM (VALUES (1, 90), (1, 9), (1, 1), (2, 1), (2, 1), (3, NULL)) AS x (g, v) ORDER BY g, v DESC;
SELECT pg_typeof(abc_class(v) OVER ()), pg_typeof(v) FROM generate_series(1, 1) v;
SELECT v, abc_class(v::numeric) OVER () FROM unnest('{50,30,10,5,3,2}'::float8[]) v;
-- own cuts
SELECT v, abc_class(v, '{0.5}') OVER () FROM unnest('{50,30,10,5,3,2}'::numeric[]) v;
SELECT v, abc_class(v, '{0.2,0.5,0.85,0.97}') OVER () FROM unnest('{50,30,10,5,3,2}'::numeric[]) v;
SELECT v, abc_class(v, c) OVER () FROM (VALUES (50, '{0.80,0.95}'::numeric[]), (30, '{0.8,0.9500}'), (20, '{0.80,0.95}')) AS x (v, c);
SELECT max(abc_class) FROM (SELECT abc_class(v, (SELECT array_agg(i / 25.0 ORDER BY i) FROM generate_series(1, 24) i)) OVER () FROM generate_series(1, 100) v) q;
-- a cut with more digits than 64 bits hold
SELECT v, abc_class(v, '{0.8000000000000000000000000000001}') OVER () FROM unnest('{80,15,5}'::numeric[]) v;
SELECT v, abc_class(v, '{0.7999999999999999999999999999999}') OVER () FROM unnest('{80,15,5}'::numeric[]) v;
-- a class may stay empty
SELECT v, abc_class(v, '{0.1,0.2,0.3,0.95}') OVER () FROM unnest('{90,9,1}'::numeric[]) v;

-- values of several scales, at the edge of 64 bits and far beyond
SELECT v, abc_class(v) OVER () FROM unnest('{80,14.99999999,0.00000001,5}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{9223372036854775807,9223372036854775807,1,-9223372036854775808}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{80e30,15e30,5e30,0,-1}'::numeric[]) v;
SELECT v > 1, abc_class(v) OVER () FROM unnest('{80e300,15e300,5e300,1e-300,-1e300,NULL}'::numeric[]) v;
SELECT v, abc_class(v) OVER () FROM unnest('{0.0000000000000000000080,0.0000000000000000000015,0.0000000000000000000005,-1}'::numeric[]) v;

-- errors
SELECT abc_class(v) OVER () FROM unnest('{1,NaN}'::numeric[]) v;
SELECT abc_class(v) OVER () FROM unnest('{1,Infinity}'::numeric[]) v;
SELECT abc_class(v) OVER () FROM unnest('{-Infinity}'::numeric[]) v;
SELECT abc_class(v, NULL) OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{0.8,NULL}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{{0.8,0.9},{0.95,0.99}}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{0.95,0.8}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{0.8,0.80}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{0,0.8}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{0.8,1}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{0.8,NaN}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, '{-Infinity}') OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, (SELECT array_agg(i / 26.0 ORDER BY i) FROM generate_series(1, 25) i)) OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, ARRAY[0.8, 0.95 + v / 1000.0]) OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v, CASE v WHEN 1 THEN ARRAY[0.8] ELSE ARRAY[0.8, 0.9] END) OVER () FROM generate_series(1, 3) v;
SELECT abc_class(v) FROM generate_series(1, 3) v;
