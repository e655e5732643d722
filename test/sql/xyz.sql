SET search_path = custprio, public;

SELECT xyz_class('{10,10,10,10}');
SELECT xyz_class('{10,14,6,10}');
-- 1 and 3: standard deviation 1, mean 2, on the cut
SELECT xyz_class('{1,3}');
SELECT xyz_class('{1,3.0000000001}');
-- 0 and 2: on the second cut
SELECT xyz_class('{0,2}'), xyz_class('{0,0,2}'), xyz_class('{0,0,0,0,100}');
-- population, not sample: the sample coefficient of {1,3} would be 0.71
SELECT xyz_class('{1,3}', '{0.5,0.6}'), xyz_class('{1,3}', '{0.49,0.5}'), xyz_class('{1,3}', '{0,0.4}');
-- exact where float8 would not be
SELECT xyz_class('{1000000000000000000001,3000000000000000000003}'), xyz_class('{1000000000000000000001,3000000000000000000004}');
SELECT xyz_class('{0.00000000000000000001,0.00000000000000000003}');
-- returns are amounts too
SELECT xyz_class('{10,-2,12,9}');
-- one element, none, NULL
SELECT xyz_class('{5}'), xyz_class('{5,NULL}'), xyz_class('{NULL,5,5}');
SELECT xyz_class('{}'), xyz_class('{NULL}'), xyz_class(NULL), xyz_class('{1}', NULL);
-- mean not above 0
SELECT xyz_class('{0}'), xyz_class('{0,0}'), xyz_class('{-5,5}'), xyz_class('{-5,-6}');

SELECT xyz_class('{1,NaN}');
SELECT xyz_class('{1,Infinity}');
SELECT xyz_class('{{1,2},{3,4}}');
SELECT xyz_class('{1,2}', '{0.5}');
SELECT xyz_class('{1,2}', '{}');
SELECT xyz_class('{1,2}', '{0.5,1,2}');
SELECT xyz_class('{1,2}', '{0.5,NULL}');
SELECT xyz_class('{1,2}', '{1,0.5}');
SELECT xyz_class('{1,2}', '{0.5,0.5}');
SELECT xyz_class('{1,2}', '{-0.5,0.5}');
SELECT xyz_class('{1,2}', '{0.5,NaN}');
SELECT xyz_class('{1,2}', '{0.5,Infinity}');
SELECT xyz_class('{1,2}', '{{0.5,1}}');

-- against stddev_pop and avg
SELECT count(*) FILTER (WHERE c IS DISTINCT FROM CASE WHEN m <= 0 THEN NULL WHEN s / m <= 0.5 THEN 'X' WHEN s / m <= 1 THEN 'Y' ELSE 'Z' END) AS wrong,
  count(DISTINCT c) AS classes
FROM (SELECT g, xyz_class(array_agg(v)) AS c, stddev_pop(v) AS s, avg(v) AS m
      FROM (SELECT i % 200 AS g, (i * 7919 % (1 + i % 200 * 3)) * (i * 31 % 5)::numeric / 100 AS v FROM generate_series(1, 2000) i) q
      GROUP BY g) q;
