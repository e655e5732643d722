-- Properties of largest_remainder and greedy_allocation on random cases, by plain SQL.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SELECT plan(10);
SELECT setseed(0.7);

CREATE TEMP TABLE problem AS
SELECT n, (random() * 200)::bigint AS total, array_agg(CASE WHEN random() < .1 THEN 0 ELSE round((random() ^ 3 * 100)::numeric, 2) END ORDER BY i) AS shares,
  array_agg(f ORDER BY i) AS floors, array_agg(CASE WHEN random() < .8 THEN f + (random() * 40)::bigint END ORDER BY i) AS caps
FROM generate_series(1, 2000) n, generate_series(1, 1 + n % 12) i, LATERAL (SELECT CASE WHEN random() < .4 THEN (random() * 10 + i - i)::bigint ELSE 0 END AS f) b
GROUP BY n;

-- without bounds: the textbook method
CREATE TEMP TABLE free AS SELECT p.*, a.* FROM problem p, LATERAL largest_remainder(shares, total) a WHERE (SELECT sum(s) FROM unnest(shares) s) > 0;
SELECT is_empty($$ SELECT n FROM free WHERE unallocated <> 0 OR reason IS NOT NULL OR total <> (SELECT sum(u) FROM unnest(allocated) u) $$, 'the sum is the total');
SELECT is_empty($$
  WITH quota AS (SELECT n, i, s, total, total * s / sum(s) OVER w AS q, floor(total * s / sum(s) OVER w) AS whole
                 FROM free, unnest(shares) WITH ORDINALITY u(s, i) WINDOW w AS (PARTITION BY n)),
  expected AS (SELECT n, i, whole + (row_number() OVER (PARTITION BY n ORDER BY round(q - whole, 12) DESC, s DESC, i)
                                     <= total - sum(whole) OVER (PARTITION BY n))::int AS units FROM quota)
  SELECT n FROM expected JOIN free USING (n) WHERE units <> allocated[i] $$, 'Hamilton''s method in plain SQL gives the same');

-- with bounds
CREATE TEMP TABLE bound AS SELECT p.*, a.*, f.least, c.most FROM problem p, LATERAL largest_remainder(shares, total, floors, caps) a,
  LATERAL (SELECT sum(u) AS least FROM unnest(floors) u) f,
  LATERAL (SELECT sum(CASE WHEN s = 0 THEN f WHEN c IS NULL THEN 'Infinity' ELSE c::numeric END) AS most FROM unnest(shares, floors, caps) u(s, f, c)) c;
SELECT is_empty($$ SELECT n FROM bound WHERE (reason IS NULL) <> (total BETWEEN least AND most) $$, 'there is a reason just when bounds do not allow the total');
SELECT is_empty($$ SELECT n FROM bound WHERE total BETWEEN least AND most AND (unallocated <> 0 OR total IS DISTINCT FROM (SELECT sum(u) FROM unnest(allocated) u)) $$, 'else the sum is the total');
SELECT is_empty($$ SELECT n FROM bound WHERE (allocated IS NULL) <> (least > total)
  OR total > most AND (total - most <> unallocated OR most <> (SELECT sum(u) FROM unnest(allocated) u)) $$, 'too small caps are given in full');
SELECT is_empty($$ SELECT n FROM bound, unnest(allocated, floors, caps) u(a, f, c) WHERE a < f OR a > c $$, 'bounds hold');
-- one factor explains all: who is inside the bounds has factor * share to within one unit
SELECT is_empty($$
  SELECT n FROM bound, unnest(allocated, shares, floors, caps) u(a, s, f, c) WHERE reason IS NULL AND s > 0 GROUP BY n
  HAVING max((a - 1) / s) FILTER (WHERE a > f) >= min((a + 1) / s) FILTER (WHERE a < c OR c IS NULL) $$, 'units are in proportion but for bounds and rounding');
SELECT is_empty($$ SELECT n FROM bound, LATERAL largest_remainder((SELECT array_agg(s * 3.7 ORDER BY i) FROM unnest(shares) WITH ORDINALITY u(s, i)), total, floors, caps) a
  WHERE a.allocated IS DISTINCT FROM bound.allocated $$, 'only the proportion of shares matters');
SELECT cmp_ok((SELECT least(count(*) FILTER (WHERE reason IS NULL), count(*) FILTER (WHERE total < least), count(*) FILTER (WHERE total > most)) FROM bound), '>', 50::bigint, 'all kinds of cases were tried');

-- greedy: against all ways to give up to 4 units to three, by brute force
SELECT is_empty($$
  WITH m AS (SELECT n, array_agg(r) AS r FROM (SELECT n, i, array_agg(v ORDER BY v DESC) AS r
    FROM generate_series(1, 300) n, generate_series(1, 3) i, LATERAL (SELECT (random() * 10 - 1 + i - i) AS v FROM generate_series(1, 4)) x GROUP BY n, i) q GROUP BY n),
  got AS (SELECT n, sum(r[i][j]) AS value FROM m, LATERAL greedy_allocation(r, 4) g, generate_series(1, 3) i, generate_series(1, 4) j WHERE j <= allocated[i] GROUP BY n),
  tried AS (SELECT n, a, b, c, (SELECT coalesce(sum(r[1][j]), 0) FROM generate_series(1, a) j) + (SELECT coalesce(sum(r[2][j]), 0) FROM generate_series(1, b) j)
    + (SELECT coalesce(sum(r[3][j]), 0) FROM generate_series(1, c) j) AS value
    FROM m, generate_series(0, 4) a, generate_series(0, 4) b, generate_series(0, 4) c WHERE a + b + c <= 4)
  SELECT n FROM tried JOIN got USING (n) GROUP BY n, got.value HAVING abs(max(tried.value) - got.value) > 1e-9 $$, 'no other allocation brings more');
SELECT * FROM finish();
ROLLBACK;
