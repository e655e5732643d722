-- Nested RFM scores: by hand, by windows within windows, and by percentile_disc.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(14);
SELECT setseed(0.15);

CREATE TABLE hand (id int, day date, f int, m int);
INSERT INTO hand VALUES (1, '2025-01-01', 1, 1), (2, '2025-01-01', 1, 9), (3, '2025-01-01', 5, 5), (4, '2025-01-01', 5, 5),
  (5, '2025-01-02', 2, 2), (6, '2025-01-02', 2, 3), (7, '2025-01-02', 2, 4), (8, '2025-01-02', 7, 1);
SELECT results_eq('SELECT id, rfm_code(nested_rfm_score(day, f, m, 2) OVER ()) FROM hand ORDER BY id',
  $$ VALUES (1, 111), (2, 112), (3, 121), (4, 121), (5, 211), (6, 211), (7, 212), (8, 221) $$, 'counted by hand');

-- random customers, with many equal ones, in two partitions; frequency goes with recency
CREATE TABLE buyer AS
SELECT n, n % 2 AS part, date '2025-01-01' + (200 * r)::int AS day, 1 + (30 * r * random() ^ 3)::int AS f, round((exp(5 * random()) * CASE WHEN n % 7 = 0 THEN 1e15 ELSE 1 END)::numeric, n % 3) AS m
FROM (SELECT n, random() AS r FROM generate_series(1, 3000) n) q;
CREATE FUNCTION pg_temp.differing(bins int) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM (
    SELECT n, rfm_score(r, f, quantile_score(m, bins) OVER (PARTITION BY part, r, f)) AS own, c FROM (
      SELECT n, part, r, quantile_score(f, bins) OVER (PARTITION BY part, r) AS f, m, c FROM (
        SELECT n, part, quantile_score(day, bins) OVER (PARTITION BY part) AS r, f, m, nested_rfm_score(day, f, m, bins) OVER (PARTITION BY part) AS c FROM buyer) a) b) c
  WHERE own IS DISTINCT FROM c $$;
SELECT is(pg_temp.differing(bins), 0::bigint, format('as windows within windows, %s bins', bins)) FROM unnest('{1,2,3,5,9}'::int[]) bins;
-- the definition: 1 + the breaks below, a break equal to the largest value being replaced by the next smaller
CREATE TEMP TABLE scored AS SELECT *, nested_rfm_score(day, f, m) OVER () AS c FROM buyer;
SELECT is_empty($$
  SELECT s.n FROM scored s JOIN LATERAL (SELECT array_agg(f) AS fs, max(f) AS top FROM scored o WHERE recency_score(o.c) = recency_score(s.c)) g ON s.n % 50 = 0
  WHERE frequency_score(s.c) <> 1 + (SELECT count(*) FROM generate_series(1, 4) i,
    LATERAL (SELECT percentile_disc((i - 1e-9) / 5) WITHIN GROUP (ORDER BY v) AS b FROM unnest(g.fs) v) q,
    LATERAL (SELECT CASE WHEN b = g.top THEN coalesce((SELECT max(v) FROM unnest(g.fs) v WHERE v < g.top), b) ELSE b END AS b) e WHERE e.b < s.f)
$$, 'by percentile_disc within the recency score');
SELECT is_empty('SELECT day, f, m FROM scored GROUP BY 1, 2, 3 HAVING count(DISTINCT c) > 1', 'equal customers score the same');
SELECT is_empty($$ SELECT recency_score(c) FROM scored GROUP BY 1 HAVING max(frequency_score(c)) <> 5 OR min(frequency_score(c)) <> 1 $$, 'frequency scores span all digits for each recency score');
SELECT cmp_ok((SELECT max(count(*)) OVER () FROM scored GROUP BY c LIMIT 1), '<', (SELECT max(count(*)) OVER () FROM (SELECT rfm_score(quantile_score(day, 5) OVER (), quantile_score(f, 5) OVER (), quantile_score(m, 5) OVER ()) AS c FROM buyer) q GROUP BY c LIMIT 1),
  'the most frequent code is rarer than among independent scores');
SELECT is_empty('SELECT n, c FROM scored EXCEPT SELECT n, nested_rfm_score(day, f, m) OVER (ORDER BY m ROWS 3 PRECEDING) FROM (SELECT * FROM buyer ORDER BY random()) q', 'order and frame play no part');
-- missing values
SELECT results_eq($$ SELECT id, rfm_code(nested_rfm_score(day, f, m, 2) OVER ()) FROM (SELECT * FROM hand UNION ALL VALUES (9, NULL::date, 1, 1), (10, '2025-01-02', NULL, 9), (11, '2025-01-01', 9, NULL)) h ORDER BY id $$,
  $$ VALUES (1, 111), (2, 112), (3, 121), (4, 121), (5, 211), (6, 211), (7, 212), (8, 221), (9, NULL), (10, NULL), (11, NULL) $$, 'a row with a NULL has no score and no part');
SELECT results_eq($$ SELECT nested_rfm_score(day, f, m) OVER () FROM hand WHERE id = 1 $$, $$ VALUES ('111'::rfm_score) $$, 'a single row');
SELECT results_eq($$ SELECT DISTINCT nested_rfm_score('2025-01-01'::timestamptz, 'Infinity', n, 9) OVER () FROM generate_series(1, 9) n ORDER BY 1 $$,
  $$ SELECT ('11' || n)::rfm_score FROM generate_series(1, 9) n $$, 'values that are all equal score 1, infinity is a value');
SELECT * FROM finish();
ROLLBACK;
