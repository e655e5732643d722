-- purchase_summary against plain SQL over random purchases: what it says, and that neither the order of rows nor how
-- they are cut into pieces changes a byte of it.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET search_path = custprio, public;
SET jit = off;
SELECT plan(29);
SELECT setseed(0.20240229);

-- Zones with an instant around which their local days are odd: clocks that go back over midnight (at 00:01), an offset
-- of minutes and seconds, a day that never was, days that begin at 01:00; and some without oddities.
CREATE TEMP TABLE odd (zone text, around timestamptz);
INSERT INTO odd VALUES
  ('UTC', '2000-01-01 00:00Z'), ('Europe/Berlin', '2020-10-25 01:00Z'), ('America/New_York', '2024-03-10 07:00Z'),
  ('America/St_Johns', '2006-10-29 02:31Z'), ('America/St_Johns', '1988-10-30 02:31Z'), ('Pacific/Apia', '2011-12-30 10:00Z'),
  ('Asia/Kathmandu', '1985-12-31 18:30Z'), ('America/Sao_Paulo', '2018-11-04 03:00Z'), ('America/Sao_Paulo', '2018-02-18 02:00Z'),
  ('Africa/Monrovia', '1972-01-07 00:44:30Z'), ('Australia/Lord_Howe', '2021-04-03 15:00Z'), ('Pacific/Kwajalein', '1993-08-21 12:00Z'),
  ('Asia/Manila', '1844-12-31 16:00Z'), ('Africa/Casablanca', '2024-03-10 02:00Z'), ('<+03>-3', '2024-01-01 21:00Z');

-- 800 customers of 1 to 60 rows. How the amounts are written goes by customer: cents, mixed decimals, integers near 2^63
-- that cross into numeric sooner or later, more than 18 decimals, magnitudes that no integer holds, all of them mixed.
CREATE TABLE purchase (customer int, zone text, n int, at timestamptz, amount numeric, piece int, shuffle float8);
INSERT INTO purchase
SELECT c, zone, n,
  CASE WHEN random() < 0.8 THEN around + make_interval(secs => round((power(random() * 2 - 1, 3) * 300000)::numeric, (n % 3) * 3)::float8)
       ELSE timestamptz '1890-01-01' + random() * interval '300 years' END,
  CASE WHEN random() < 0.1 OR style = 6 THEN -1 ELSE 1 END * CASE
    WHEN random() < 0.05 THEN round(0::numeric, n % 4)
    WHEN style = 0 OR style = 6 THEN round((random() * 500)::numeric, 2)
    WHEN style = 1 THEN round((random() * 500)::numeric, n * 7 % 13)
    WHEN style = 2 THEN 9223372036854775807 / (1 + n * 31 % 7)::numeric(30,0) - n
    WHEN style = 3 THEN round((random() * 9)::numeric, 15 + n % 7)
    WHEN style = 4 THEN (1 + n % 9) * power(10::numeric, n * 37 % 35 - 15)
    ELSE round((random() * 5)::numeric * power(10::numeric, n * 11 % 19), n % 3) END,
  floor(random() * (1 + c % 5))::int, random()
FROM (SELECT c, c % 7 AS style, (SELECT count(*) FROM odd) AS zones, ceil(power(random(), 2) * 60)::int AS rows FROM generate_series(1, 800) c) customer
JOIN LATERAL (SELECT zone, around, row_number() OVER (ORDER BY zone, around) - 1 AS k FROM odd) o ON k = c / 7 % zones,
generate_series(1, rows) n;
ANALYZE purchase;
SELECT cmp_ok((SELECT count(*)::int FROM purchase), '>', 10000, 'there are purchases');
-- the session's zone must not matter, and neither must the names of days
SET TimeZone = 'Pacific/Apia';
SET DateStyle = 'Postgres, DMY';

CREATE TEMP TABLE whole AS SELECT customer, zone, summarize(at, amount, zone) AS s FROM purchase GROUP BY 1, 2;
-- The truth, in plain SQL
CREATE TEMP TABLE truth AS
SELECT customer, count(*) FILTER (WHERE buys) AS purchases, count(*) FILTER (WHERE NOT buys) AS returns,
  count(DISTINCT day) FILTER (WHERE buys) AS days, min(at) FILTER (WHERE buys) AS first, max(at) FILTER (WHERE buys) AS last,
  min(day) FILTER (WHERE buys) AS first_day, max(day) FILTER (WHERE buys) AS last_day, sum(amount) AS revenue, max(scale(amount)) AS scale,
  coalesce(sum(amount) FILTER (WHERE buys), 0) AS gross, coalesce(-sum(amount) FILTER (WHERE NOT buys), 0) AS returned,
  sum(amount) FILTER (WHERE buys AND day > first_buy) AS repeated, array_agg(DISTINCT day ORDER BY day) FILTER (WHERE buys) AS all_days
FROM (SELECT *, min(day) FILTER (WHERE buys) OVER (PARTITION BY customer) AS first_buy
      FROM (SELECT *, (at AT TIME ZONE zone)::date AS day, amount >= 0 AS buys FROM purchase) d) p
GROUP BY customer;
CREATE TEMP TABLE both_sides AS SELECT * FROM whole JOIN truth USING (customer);
SELECT is((SELECT count(*)::int FROM both_sides), 800, 'every customer has one summary');
SELECT is_empty($$ SELECT customer FROM both_sides WHERE purchases(s) <> purchases OR (s::text::jsonb ->> 'returns')::bigint <> returns $$, 'counts of rows');
SELECT is_empty($$ SELECT customer, zone, purchase_days(s), days FROM both_sides WHERE purchase_days(s) <> days $$, 'distinct local days');
SELECT is_empty($$ SELECT customer, zone FROM both_sides WHERE ARRAY(SELECT d::date FROM jsonb_array_elements_text(s::text::jsonb -> 'days') d) IS DISTINCT FROM coalesce(all_days, '{}') $$, 'the days themselves');
SELECT is_empty($$ SELECT customer, zone FROM both_sides WHERE (first_day(s), last_day(s)) IS DISTINCT FROM (first_day, last_day) $$, 'first and last day');
SELECT is_empty($$ SELECT customer FROM both_sides WHERE (first_purchase(s), last_purchase(s)) IS DISTINCT FROM (first, last) $$, 'first and last instant, to the microsecond');
SELECT is_empty($$ SELECT customer, revenue(s), revenue FROM both_sides WHERE revenue(s)::text <> revenue::text $$, 'revenue reads as sum() does');
SELECT is_empty($$ SELECT customer, s, gross, returned FROM both_sides WHERE gross(s)::text <> round(gross, scale)::text OR returns(s)::text <> round(returned, scale)::text $$, 'gross and returns');
SELECT is_empty($$ SELECT customer FROM both_sides WHERE average_order_value(s) IS DISTINCT FROM revenue / nullif(purchases, 0) $$, 'average order value');
SELECT is_empty($$ SELECT customer FROM both_sides WHERE (repeat_days(s), repeat_recency(s)) IS DISTINCT FROM (nullif(days, 0) - 1, last_day - first_day) $$, 'x and t_x');
SELECT is_empty($$ SELECT customer, repeat_value(s), repeated / nullif(days - 1, 0) FROM both_sides WHERE repeat_value(s) IS DISTINCT FROM round(repeated, scale) / nullif(days - 1, 0) $$,
                'mean gross of the repeat days');
SELECT is_empty($$ SELECT customer FROM both_sides WHERE (recency(s, last_day + 5), tenure(s, last_day + 5)) IS DISTINCT FROM (CASE WHEN days > 0 THEN 5 END, last_day - first_day + 5) $$,
                'recency and tenure');

-- Local days of all zones there are, in and out of the years that are listed ahead. AT TIME ZONE takes a few names (CET)
-- for abbreviations of a fixed offset; to us, as to SET TimeZone, they are zones.
SELECT is_empty($$
  WITH instants AS (SELECT timestamptz '1880-01-01Z' + make_interval(hours => i * 4567) AS at FROM generate_series(1, 560) i),
  zones AS (SELECT name FROM pg_timezone_names WHERE name !~ '^(posix|right)/|^posixrules$'
            AND upper(name) NOT IN (SELECT abbrev FROM pg_timezone_abbrevs))
  SELECT name FROM zones,
    LATERAL (SELECT summarize(at, 1, name) AS s, array_agg(DISTINCT (at AT TIME ZONE name)::date ORDER BY (at AT TIME ZONE name)::date) AS days FROM instants) d
  WHERE ARRAY(SELECT d::date FROM jsonb_array_elements_text(s::text::jsonb -> 'days') d) <> days $$, 'local days in every time zone');
SELECT is_empty($$
  SELECT zone, around FROM odd,
    LATERAL (SELECT summarize(at, 1, zone) AS s, array_agg(DISTINCT (at AT TIME ZONE zone)::date ORDER BY (at AT TIME ZONE zone)::date) AS days,
               count(*) FILTER (WHERE (at AT TIME ZONE zone)::date <> first_day(summarize_one)) AS wrong
             FROM (SELECT at, summarize(at, 1, zone) AS summarize_one FROM (SELECT around + make_interval(secs => i * 29.5) AS at FROM generate_series(-6000, 6000) i) a GROUP BY at) b) d
  WHERE wrong > 0 OR ARRAY(SELECT d::date FROM jsonb_array_elements_text(s::text::jsonb -> 'days') d) <> days $$, 'local days around odd instants');

-- The forms
SELECT is_empty($$ SELECT customer FROM whole WHERE s::text::purchase_summary IS DISTINCT FROM s OR NOT record_image_eq(ROW(s::text::purchase_summary), ROW(s)) $$, 'text form goes there and back');
SELECT is((SELECT count(DISTINCT purchase_summary_send(s)) FROM whole), (SELECT count(DISTINCT s::text) FROM whole), 'the binary form tells as much as the text form');

-- Order of rows: byte for byte the same
CREATE FUNCTION pg_temp.differing(query text) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT coalesce(w.customer, o.customer) FROM whole w FULL JOIN (%s) o ON o.customer = w.customer
    WHERE (w.s = o.s) IS NOT TRUE OR w.s <> o.s OR purchase_summary_send(w.s) <> purchase_summary_send(o.s) OR NOT record_image_eq(ROW(w.s), ROW(o.s))', query);
END $$;
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, summarize(at, amount, zone ORDER BY shuffle) AS s FROM purchase GROUP BY 1') $$, 'rows in random order');
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, summarize(at, amount, zone ORDER BY at DESC, amount) AS s FROM purchase GROUP BY 1') $$, 'latest rows first');
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, summarize(at, amount, zone ORDER BY abs(amount) DESC) AS s FROM purchase GROUP BY 1') $$, 'largest amounts first: wide from the start');
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, summarize(at, amount, zone ORDER BY abs(amount), scale(amount)) AS s FROM purchase GROUP BY 1') $$, 'smallest amounts first: wide at last');
SELECT is_empty($$ SELECT pg_temp.differing('SELECT DISTINCT ON (customer) customer, summarize(at, amount, zone) OVER (PARTITION BY customer ORDER BY shuffle, n) AS s
  FROM purchase ORDER BY customer, shuffle DESC, n DESC') $$, 'a running window, at its end');

-- Pieces
CREATE TEMP TABLE part AS SELECT customer, piece, summarize(at, amount, zone) AS p FROM purchase GROUP BY 1, 2;
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, merge(p) AS s FROM part GROUP BY 1') $$, 'merged from up to five pieces');
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, merge(p ORDER BY purchases(p), piece DESC) AS s FROM part GROUP BY 1') $$, 'in another order');
SELECT is_empty($$ SELECT pg_temp.differing('SELECT customer, merge(p ORDER BY random()) AS s
  FROM (SELECT customer, summarize(at, amount, zone) AS p FROM purchase GROUP BY customer, n) single GROUP BY 1') $$, 'from single purchases');
SELECT is_empty($$ SELECT a.customer FROM part a JOIN part b ON b.customer = a.customer AND b.piece > a.piece
                   WHERE a.p || b.p <> b.p || a.p OR purchase_summary_send(a.p || b.p) <> purchase_summary_send(b.p || a.p) $$, 'merging commutes');
SELECT is_empty($$ SELECT a.customer FROM part a JOIN part b ON b.customer = a.customer JOIN part c ON c.customer = a.customer
                   WHERE (a.p || b.p) || c.p <> a.p || (b.p || c.p) OR purchase_summary_send((a.p || b.p) || c.p) <> purchase_summary_send(a.p || (b.p || c.p)) $$,
                'and does not care for brackets');

-- Plans of several processes and over partitions
CREATE FUNCTION pg_temp.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
  found boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
    found := found OR line ~ node;
  END LOOP;
  RETURN found;
END $$;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.planned(query text, node text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT 'no ' || node WHERE NOT pg_temp.plan_has(query, node) UNION ALL SELECT 'customer ' || d FROM pg_temp.differing(query) d $$;
SELECT is_empty($$ SELECT pg_temp.planned('SELECT customer, summarize(at, amount, zone) AS s FROM purchase GROUP BY 1', 'Partial .*Aggregate') $$, 'partial aggregation in parallel');
CREATE TABLE cut (LIKE purchase) PARTITION BY LIST (piece);
CREATE TABLE cut_0 PARTITION OF cut FOR VALUES IN (0, 3);
CREATE TABLE cut_1 PARTITION OF cut DEFAULT;
INSERT INTO cut SELECT * FROM purchase ORDER BY shuffle;
ANALYZE cut;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL enable_partitionwise_aggregate = on;
SELECT is_empty($$ SELECT pg_temp.planned('SELECT customer, summarize(at, amount, zone) AS s FROM cut GROUP BY 1', 'Partial .*Aggregate') $$, 'partial aggregation by partition');

SELECT * FROM finish();
ROLLBACK;
