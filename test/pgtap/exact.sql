-- Numerics taken apart into 64-bit integers and put together again, against plain numeric arithmetic.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = custprio, public;

SELECT plan(4);
SELECT setseed(0.123);

-- every display scale with random mantissas of every length, and the edges of 64 bits and of base 10000
CREATE TEMP TABLE num AS
  SELECT row_number() OVER () AS id, v FROM (
    SELECT round(floor(random() * power(10, digits))::numeric * CASE WHEN random() < 0.5 THEN -1 ELSE 1 END, 0) * (1 / power(10::numeric, scale))::numeric AS v
    FROM generate_series(0, 20) scale, generate_series(1, 19) digits, generate_series(1, 3)
    UNION ALL
    SELECT round(v * power(10::numeric, -scale), scale)
    FROM generate_series(0, 18) scale,
      unnest('{0,1,-1,9999,10000,10001,99990000,100000000,9223372036854775807,-9223372036854775807,-9223372036854775808,9223372036854775808,-9223372036854775809,1000000000000000000,18446744073709551616}'::numeric[]) v
    UNION ALL
    SELECT round(sign * power(10::numeric, e), scale) FROM generate_series(-18, 18) e, generate_series(0, 18) scale, unnest('{1,-1}'::int[]) sign) x (v);

SELECT is_empty($$ SELECT id, v FROM num GROUP BY id, v HAVING (quantile_breaks(v, 2))[1]::text <> v::text $$,
                'a numeric comes back with its value and its display scale');

-- pairs of values: which one is smaller, whatever their scales
SELECT is_empty($$
  SELECT a.v, b.v FROM num a JOIN num b ON b.id = (a.id * 7919) % (SELECT count(*) FROM num) + 1
  WHERE (SELECT (quantile_breaks(x, 2))[1] FROM unnest(ARRAY[a.v, b.v]) x) <> least(a.v, b.v)
$$, 'two numerics of different scale sort as numerics');

SELECT is_empty($$
  SELECT a.v, b.v FROM num a JOIN num b ON b.id = (a.id * 104729) % (SELECT count(*) FROM num) + 1
  WHERE score_by(a.v, ARRAY[b.v]) <> CASE WHEN b.v < a.v THEN 2 ELSE 1 END
$$, 'score_by compares as numerics do');

-- sums that leave 64 bits, as a summary keeps them
SELECT is_empty($$
  SELECT g FROM (SELECT id % 50 AS g, v FROM num) q GROUP BY g
  HAVING revenue(summarize(date '2020-01-01', v)) <> sum(v)
$$, 'sums of numerics are those of sum()');

SELECT * FROM finish();
ROLLBACK;
