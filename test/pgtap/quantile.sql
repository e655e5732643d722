-- Quantile breaks and scores over random tables, against percentile_disc and against counting.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = custprio, public;
SET LOCAL client_min_messages = warning;

SELECT plan(16);
SELECT setseed(0.4711);

-- 200 tables: 1 to 400 rows, from all distinct to all equal, 1 to 30 bins, now and then 1000
CREATE TEMP TABLE shape AS
  SELECT k, 1 + floor(power(random(), 3) * 400)::int AS n, 1 + floor(power(random(), 2) * 300)::int AS spread,
    CASE WHEN random() < 0.1 THEN 1000 ELSE 1 + floor(random() * 30)::int END AS bins
  FROM generate_series(1, 200) k;
CREATE TEMP TABLE sample AS
  SELECT k, bins, floor(random() * spread)::int - spread / 2 AS i
  FROM shape, generate_series(1, n);
CREATE TEMP TABLE typed AS
  SELECT k, bins, i, i::smallint AS i2, i * 100000000000000 AS i8, i / 7.0::float8 AS f8, i / 7.0::float4 AS f4,
    CASE abs(i) % 4 WHEN 0 THEN i::numeric WHEN 1 THEN round(i / 3.0, 2) WHEN 2 THEN round(i / 3.0, 9) ELSE round(i * 1e9 / 7, 5) END AS num,
    CASE WHEN abs(i) % 5 = 0 THEN i * 1e25 ELSE i / 3.0 END AS big,
    date '2020-02-29' + i AS d, timestamptz '2020-03-29 00:30+00' + i * interval '7 min' AS ts,
    i * interval '37 hours' AS iv, ('n' || i) COLLATE "C" AS t
  FROM sample;
UPDATE typed SET f8 = CASE WHEN i % 2 = 0 THEN 'Infinity' ELSE '-Infinity' END::float8, f4 = 'Infinity' WHERE abs(i) % 11 = 10;

-- The definition in plain SQL. The fraction is lowered by a hair, which moves no position but those where i * n / bins
-- is whole and the double nearest to i/bins lies above it.
CREATE FUNCTION pg_temp.oracle(col text) RETURNS TABLE (k int, breaks text[], all_values text[]) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH raw AS (
      SELECT k, bins, max(v) AS top,
        CASE WHEN bins > 1 THEN percentile_disc(ARRAY(SELECT (i - 1e-9) / bins FROM generate_series(1, bins - 1) i)::float8[])
          WITHIN GROUP (ORDER BY v) END AS raw
      FROM (SELECT k, bins, %1$I AS v FROM typed) t GROUP BY k, bins)
    SELECT k, ARRAY(SELECT CASE WHEN b = top THEN coalesce((SELECT max(%1$I) FROM typed WHERE typed.k = raw.k AND %1$I < top), top) ELSE b END
                    FROM unnest(raw) WITH ORDINALITY AS u (b, o) ORDER BY o)::text[], NULL::text[]
    FROM raw $q$, col);
END $$;
CREATE FUNCTION pg_temp.ours(col text) RETURNS TABLE (k int, breaks text[], all_values text[]) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT k, quantile_breaks(%1$I, bins)::text[], NULL::text[] FROM typed GROUP BY k, bins', col);
END $$;

SELECT is_empty(format('(SELECT k, breaks%1$s FROM pg_temp.oracle(%2$L) EXCEPT SELECT k, breaks%1$s FROM pg_temp.ours(%2$L))', cast_to, col),
                'breaks are percentile_disc with the top replaced: ' || col)
FROM (VALUES ('i', ''), ('i2', ''), ('i8', ''), ('f8', ''), ('f4', ''), ('num', '::numeric[]'), ('big', '::numeric[]'),
             ('d', ''), ('ts', ''), ('iv', '::interval[]'), ('t', '')) AS x (col, cast_to);

SELECT is_empty($$
  SELECT k FROM (SELECT k, bins, quantile_breaks(num, bins) AS b, percentile_disc(ARRAY(SELECT i::float8 / bins FROM generate_series(1, bins - 1) i)) WITHIN GROUP (ORDER BY num) AS p, max(num) AS top
                 FROM typed WHERE bins IN (2, 3, 4, 5, 8, 10, 16) GROUP BY k, bins) q
  WHERE NOT top = ANY (p) AND b <> p
$$, 'breaks are percentile_disc to the letter for common numbers of bins');

SELECT is_empty($$
  SELECT k FROM (SELECT k, bins, num, quantile_score(num, bins) OVER (PARTITION BY k) AS score FROM typed) s
    JOIN (SELECT k, quantile_breaks(num, bins) AS breaks FROM typed GROUP BY k, bins) b USING (k)
  WHERE score <> 1 + (SELECT count(*) FROM unnest(breaks) x WHERE x < num) OR score <> score_by(num, breaks)
$$, 'quantile_score, score_by and counting the breaks below agree');

SELECT is_empty($$
  SELECT k FROM (SELECT k, bins, big, quantile_score(big, bins) OVER (PARTITION BY k) AS score FROM typed) s
    JOIN (SELECT k, quantile_breaks(big, bins) AS breaks FROM typed GROUP BY k, bins) b USING (k)
  WHERE score <> 1 + (SELECT count(*) FROM unnest(breaks) x WHERE x < big) OR score <> score_by(big, breaks)
$$, 'and so they do for numerics beyond 64 bits');

SELECT is_empty($$
  SELECT k FROM (SELECT k, bins, f8, quantile_score(f8, bins) OVER (PARTITION BY k) AS score FROM typed) q
  GROUP BY k, bins, f8 HAVING min(score) <> max(score)
$$, 'equal values always get equal scores');

SELECT is_empty($$
  SELECT k FROM (SELECT k, bins, i, quantile_score(i, bins) OVER (PARTITION BY k) AS score FROM typed) q
  GROUP BY k, bins
  HAVING max(score) <> CASE WHEN min(i) = max(i) THEN 1 ELSE bins END
    OR bool_or(score NOT BETWEEN 1 AND bins)
    OR (array_agg(score ORDER BY i)) <> (array_agg(score ORDER BY score))
$$, 'the best value scores bins unless all are equal, and scores follow values');

SELECT * FROM finish();
ROLLBACK;
