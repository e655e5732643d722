\pset footer off
\pset null ''
\echo Medians; a is the plain GROUP BY, b the materialised view, b2 the same with rank and cumulative share as columns;
\echo c is CREATE TABLE AS of the rows that a first rebuild writes, and their indexes; each ratio is of medians of this run.
WITH median AS (
  SELECT step, count(*) AS rounds,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS s,
         min(seconds) AS fastest, max(seconds) AS slowest,
         percentile_disc(0.5) WITHIN GROUP (ORDER BY wal) AS wal,
         max(peak_kb) AS peak_kb
  FROM measured GROUP BY step
)
SELECT m.step, m.rounds, round(m.s::numeric, 3) AS "median s", round(m.fastest, 3) AS fastest, round(m.slowest, 3) AS slowest,
       round((m.s / a.s)::numeric, 3) AS "/ a",
       round((m.s / b.s)::numeric, 3) AS "/ b REFRESH",
       round((m.s / c.s)::numeric, 3) AS "/ b CONCURRENTLY",
       round((m.s / d.s)::numeric, 3) AS "/ b2 CONCURRENTLY",
       round(m.wal / 1e6, 2) AS "WAL MB",
       round(m.peak_kb / 1024.0) AS "backend peak MB"
FROM median m
LEFT JOIN median a ON a.step = 'a: GROUP BY'
LEFT JOIN median b ON b.step = 'b: REFRESH'
CROSS JOIN LATERAL (SELECT CASE WHEN m.step LIKE '%nothing changed' OR m.step = 'rescore' OR m.step LIKE 'rebuild with %'
                                THEN 'nothing changed' ELSE '1 % changed' END) kind (of_change)
LEFT JOIN median c ON c.step = 'b: CONCURRENTLY, ' || of_change
LEFT JOIN median d ON d.step = 'b2: CONCURRENTLY, ' || of_change
ORDER BY array_position(ARRAY['a: GROUP BY', 'b: REFRESH', 'b: CONCURRENTLY, nothing changed', 'b: CONCURRENTLY, 1 % changed',
                              'b2: CONCURRENTLY, nothing changed', 'b2: CONCURRENTLY, 1 % changed',
                              'c: writing alone', 'rebuild, first', 'rebuild, nothing changed', 'rebuild, 1 % changed',
                              'rebuild, 1 % changed, new thresholds', 'rebuild with tier policy and lifecycle', 'rebuild with metrics too', 'rescore'], m.step);
\echo Backend peak includes the shared buffers it touched. CONCURRENTLY is compared like with like: changed with changed.
\echo
\echo Sizes with indexes:
SELECT relname AS relation, pg_size_pretty(pg_total_relation_size(oid)) AS size, reltuples::bigint AS rows
FROM pg_class WHERE relname IN ('orders', 'priority_mv', 'ranked_mv', 'bench_priority', 'bench_purchases', 'bench_tier_history')
ORDER BY pg_total_relation_size(oid) DESC;
