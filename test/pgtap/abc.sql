-- ABC classes over random tables, against plain window SQL.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = custprio, public;

SELECT plan(7);
SELECT setseed(0.815);

-- 200 tables of 1 to 300 values: lognormal, with ties, zeros, refunds, NULLs and several scales; sometimes huge or tiny;
-- and tables of few round values, whose shares fall on the cuts
CREATE TEMP TABLE shape AS
  SELECT k, 1 + floor(power(random(), CASE WHEN k % 5 = 2 THEN 6 ELSE 2 END) * 300)::int AS n, 1 + floor(random() * 4)::int AS scale,
    CASE WHEN k % 10 = 0 THEN 1e22 WHEN k % 10 = 1 THEN 1e-20 ELSE 1 END AS factor
  FROM generate_series(1, 200) k;
CREATE TEMP TABLE sample AS
  SELECT row_number() OVER () AS id, k,
    CASE WHEN k % 5 = 2 THEN 5 * ceil(random() * 3)::numeric WHEN random() < 0.05 THEN NULL WHEN random() < 0.05 THEN 0
      ELSE factor * (round(exp(random() * 6)::numeric, scale - (random() * 0.7)::int) * CASE WHEN random() < 0.1 THEN -1 ELSE 1 END) END AS v
  FROM shape, generate_series(1, n);
CREATE TEMP TABLE cuts AS
  SELECT '{0.80,0.95}'::numeric[] AS cuts UNION ALL SELECT '{0.5}' UNION ALL SELECT '{0.1,0.25,0.333333333333333333333333,0.9}'
  UNION ALL SELECT array_agg(i / 25.0 ORDER BY i) FROM generate_series(1, 24) i;

CREATE FUNCTION pg_temp.oracle(which numeric[]) RETURNS TABLE (id bigint, class int) LANGUAGE sql AS $$
  SELECT id, CASE
      WHEN v IS NULL THEN NULL
      WHEN v <= 0 THEN 1 + cardinality(which)
      ELSE 1 + (SELECT count(*)::int FROM unnest(which) c WHERE coalesce(before, 0) >= c * total) END
  FROM (SELECT id, v, sum(greatest(v, 0)) OVER (PARTITION BY k ORDER BY v DESC NULLS LAST RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS before,
          sum(v) FILTER (WHERE v > 0) OVER (PARTITION BY k) AS total
        FROM sample) s
$$;

SELECT is_empty(format($$
  SELECT id, class FROM pg_temp.oracle(%1$L)
  EXCEPT SELECT id, abc_class(v, %1$L) OVER (PARTITION BY k)::int FROM sample
$$, cuts), 'classes of 200 random tables with cuts ' || left(cuts::text, 30))
FROM cuts;

SELECT is_empty($$
  SELECT id, abc_class(v) OVER (PARTITION BY k) FROM sample
  EXCEPT SELECT id, abc_class(v, '{0.80,0.95}') OVER (PARTITION BY k) FROM sample
$$, 'the default cuts are 0.80 and 0.95');

SELECT is_empty($$
  SELECT id, abc_class(v) OVER (PARTITION BY k) FROM sample
  EXCEPT SELECT id, abc_class(v * 1e-30) OVER (PARTITION BY k) FROM sample
$$, 'whole and numeric arithmetic agree');

SELECT is_empty($$
  SELECT k, v FROM (SELECT k, v, abc_class(v) OVER (PARTITION BY k ORDER BY id DESC) AS c FROM sample) s
  GROUP BY k, v HAVING count(DISTINCT c) > 1
$$, 'equal values share a class');

SELECT * FROM finish();
ROLLBACK;
