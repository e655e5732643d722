-- purchase_summary: text and binary forms, aggregates, merging, accessors, and what each of them refuses.
SET search_path = custprio, public;
SET TimeZone = 'America/New_York';
SET DateStyle = 'German';
\set SHOW_CONTEXT never

-- Rows of one group, in no order: ties, a return, a zero, several purchases on a day.
CREATE TEMP TABLE bought (n int, at timestamptz, amount numeric);
INSERT INTO bought VALUES
  (1, '2024-03-30 12:00+01', 10.50), (2, '2024-03-30 23:59+01', 0), (3, '2024-03-31 00:00+01', 5),
  (4, '2024-03-29 08:00+01', 20.25), (5, '2024-04-02 08:00+02', -3.125), (6, '2024-03-30 12:00+01', 10.50);
SELECT summarize(at, amount, 'Europe/Berlin') FROM bought;
SELECT summarize(at, amount, 'europe/berlin') = summarize(at, amount, 'Europe/Berlin') AS zone_by_its_name FROM bought;
SELECT summarize(at::date, amount) FROM bought;
SELECT summarize(DATE '2024-02-29', 7);

-- Accessors
CREATE TEMP TABLE one AS SELECT summarize(at, amount, 'Europe/Berlin') AS s FROM bought;
SELECT purchases(s), purchase_days(s), first_purchase(s), last_purchase(s), first_day(s), last_day(s) FROM one;
SELECT revenue(s), gross(s), returns(s), average_order_value(s) FROM one;
SELECT repeat_days(s), repeat_recency(s), repeat_value(s) FROM one;
SELECT recency(s, '2024-03-31'), tenure(s, '2024-03-31'), recency(s, as_of => '2025-03-31'), tenure(s, as_of => '2025-03-31') FROM one;
\set one_day 'summarize(DATE ''2024-02-29'', 7)'
SELECT repeat_days(:one_day), repeat_recency(:one_day), repeat_value(:one_day), recency(:one_day, '2024-02-29'), tenure(:one_day, '2024-03-01');
-- Without a purchase there are sums and counts, but no days and means.
CREATE TEMP TABLE returned AS SELECT summarize(DATE '2024-01-01', -5.5) AS s;
SELECT s FROM returned;
SELECT purchases(s), purchase_days(s), revenue(s), gross(s), returns(s) FROM returned;
SELECT num_nulls(first_purchase(s), last_purchase(s), first_day(s), last_day(s), average_order_value(s), repeat_days(s),
                 repeat_recency(s), repeat_value(s), recency(s, '2024-01-01'), tenure(s, 'infinity')) AS nulls FROM returned;
SELECT num_nulls(purchases(NULL), purchase_days(NULL), first_purchase(NULL), last_purchase(NULL), first_day(NULL), last_day(NULL),
                 revenue(NULL), gross(NULL), returns(NULL), average_order_value(NULL), repeat_days(NULL), repeat_recency(NULL),
                 repeat_value(NULL), recency(NULL, '2024-01-01'), tenure(NULL, '2024-01-01'), recency(s, NULL), tenure(s, NULL),
                 s || NULL, NULL || s) AS nulls FROM one;
SELECT recency(s, '2024-03-30') FROM one;
SELECT tenure(s, '2024-03-30') FROM one;
SELECT recency(s, 'infinity') FROM one;
SELECT tenure(s, '-infinity') FROM one;

-- What is passed over, and what is refused
SELECT summarize(at, amount, 'UTC') FROM bought WHERE false;
SELECT summarize(NULL::timestamptz, 1, 'UTC'), summarize('2024-01-01'::timestamptz, NULL, 'UTC'), summarize(NULL::date, 1), summarize(DATE '2024-01-01', NULL);
SELECT purchases(summarize(CASE WHEN n > 2 THEN at END, CASE WHEN n < 6 THEN amount END, 'UTC')) FROM bought;
SELECT summarize(at, CASE n WHEN 4 THEN 'NaN' ELSE amount END, 'UTC') FROM bought;
SELECT summarize(at, CASE n WHEN 4 THEN 'Infinity' ELSE amount END, 'UTC') FROM bought;
SELECT summarize(DATE '2024-01-01', '-Infinity');
SELECT summarize(TIMESTAMPTZ 'infinity', 1, 'UTC');
SELECT summarize(TIMESTAMPTZ '-infinity', 1, 'UTC');
SELECT summarize(DATE 'infinity', 1);
SELECT summarize(DATE '-infinity', 1);
SELECT summarize(DATE '294277-01-01', 1);
SELECT summarize(at, amount, NULL) FROM bought;
SELECT summarize(at, amount, 'Mars/Olympus') FROM bought;
SELECT summarize(at, amount, '') FROM bought;
SELECT summarize(at, amount, repeat('x', 1000)) FROM bought WHERE n = 1;
SELECT summarize(at, amount, CASE WHEN n < 3 THEN 'UTC' ELSE 'Europe/Berlin' END) FROM bought;
SELECT length(summarize(DATE '2024-01-01', ('0.' || repeat('1', 1000))::numeric)::text);
SELECT summarize(DATE '2024-01-01', ('0.' || repeat('1', 1001))::numeric);
SELECT summarize(TIMESTAMPTZ '4714-11-24 00:00+00 BC', 1, 'America/New_York');
SELECT first_day(summarize(TIMESTAMPTZ '4714-11-24 00:00+00 BC', 1, 'Europe/Berlin')), first_day(summarize(TIMESTAMPTZ '294276-12-31 23:59+00', 1, 'Pacific/Kiritimati'));
SELECT summarize_trans(NULL, DATE '2024-01-01', 1);
SELECT summarize_trans(NULL, TIMESTAMPTZ '2024-01-01', 1, 'UTC');
SELECT merge_trans(s, s) FROM one;

-- Wide sums: beyond 64 bits, or with more than 18 decimals
SELECT summarize(DATE '2024-01-01' + n, a) FROM (VALUES (1, 9223372036854775807::numeric), (2, 1)) v (n, a);
SELECT summarize(DATE '2024-01-01' + n, a) FROM (VALUES (1, 9223372036854775807::numeric), (2, -9223372036854775808)) v (n, a);
SELECT s, revenue(s), average_order_value(s) FROM (SELECT summarize(DATE '2024-01-01' + n, a) AS s FROM (VALUES (1, 1e30::numeric), (2, 1e-20), (3, -1e15)) v (n, a)) w;
SELECT summarize(DATE '2024-01-01', 0.0000000000000000000) AS zero_with_19_decimals, summarize(DATE '2024-01-01', 0.000000000000000000) AS with_18;
SELECT revenue(summarize(DATE '2024-01-01', 1e131071::numeric)) = 1e131071 AS largest;
SELECT summarize(DATE '2024-01-01', 9.9e131071::numeric) FROM generate_series(1, 2);

-- Merging
SELECT (SELECT summarize(at, amount, 'Europe/Berlin') FROM bought WHERE n % 2 = 0)
       || (SELECT summarize(at, amount, 'Europe/Berlin') FROM bought WHERE n % 2 = 1) = s AS whole FROM one;
SELECT merge(p) = (SELECT s FROM one) AS whole FROM (SELECT summarize(at, amount, 'Europe/Berlin') AS p FROM bought GROUP BY n) pieces;
SELECT merge(s) FROM one WHERE false;
SELECT merge(CASE WHEN g = 2 THEN s END) = (SELECT s FROM one) AS nulls_are_passed_over FROM one, generate_series(1, 3) g;
SELECT one.s || returned.s FROM one, returned;
SELECT merge(s) FROM (SELECT s FROM one UNION ALL SELECT s FROM returned) both_zones;
SELECT s = s AS eq, s <> s AS ne, s = (s || s) AS eq_twice, s <> (s || s) AS ne_twice FROM one;

-- As aggregates in every place
SELECT n, purchases(summarize(at, amount, 'UTC') OVER (ORDER BY n)), revenue(summarize(at, amount, 'UTC') OVER (ORDER BY n)),
  purchase_days(summarize(at, amount, 'UTC') OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) FROM bought ORDER BY n;
SELECT n, revenue(merge(p) OVER (ORDER BY n)) FROM (SELECT n, summarize(at, amount, 'UTC') AS p FROM bought GROUP BY n) pieces ORDER BY n;
SELECT purchases(summarize(DISTINCT at, amount, 'UTC')), purchases(summarize(at, amount, 'UTC' ORDER BY n DESC)),
  purchases(summarize(at, amount, 'UTC') FILTER (WHERE n > 3)), summarize(at, amount, 'UTC') FILTER (WHERE false) IS NULL AS none FROM bought;
SELECT n % 2 AS odd, amount > 5 AS much, purchases(summarize(at, amount, 'UTC')), revenue(summarize(at, amount, 'UTC'))
FROM bought GROUP BY GROUPING SETS ((n % 2, amount > 5), (n % 2), ()) ORDER BY 1, 2;
-- One state, two final functions: the transition value is shared.
SELECT revenue(summarize(at, amount, 'UTC')) AS a, gross(summarize(at, amount, 'UTC')) AS b FROM bought;

-- Text form: ISO whatever the session says, and back
SELECT s::text::purchase_summary = s AS same FROM one UNION ALL SELECT s::text::purchase_summary = s FROM returned;
SELECT s, s::text::purchase_summary = s AS same
FROM (SELECT summarize(d, 1.50) AS s FROM unnest('{4714-11-24 BC,0001-12-31 BC,9999-12-31,10000-01-01,294276-12-31}'::date[]) d) far;
\set head '{"zone": "UTC", "purchases": 2, "returns": 1, "first": "2024-01-01T10:00:00+00:00", "last": "2024-01-03T10:00:00+00:00", '
\set sums '"gross": "30.00", "returned": "5.00", "first_day_gross": "10.00", '
\set days '"days": ["2024-01-01", "2024-01-03"]}'
SELECT (:'head' || :'sums' || :'days')::purchase_summary;
-- Spelled in other ways
SELECT revenue('{"days": ["20240101", "3 Jan 2024"], "zone": "utc", "purchases": "2", "returns": 1, "first": "2024-01-01 05:00-05", "last": "2024-01-03 05:00-05",
  "gross": 30, "returned": 5.000, "first_day_gross": 10.0, "more": [1]}'::purchase_summary);
CREATE FUNCTION pg_temp.refused(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  RETURN 'accepted: ' || value::custprio.purchase_summary::text;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' ', SQLSTATE, sqlerrm, detail);
END $$;
CREATE TEMP TABLE good AS SELECT (:'head' || :'sums' || :'days')::jsonb AS j;
SELECT value, pg_temp.refused(value) FROM unnest('{"",x,null,1,"[]","\"UTC\"","{}","{\"zone\": 1}"}'::text[]) value;
SELECT patch, pg_temp.refused((j || patch)::text)
FROM good, unnest(ARRAY[
  '{"zone": "Mars/Olympus"}', '{"zone": ""}', '{"zone": null}', '{"zone": ["UTC"]}', '{"zone": "right/UTC"}',
  '{"purchases": null}', '{"purchases": 1.5}', '{"purchases": "two"}', '{"purchases": true}', '{"purchases": 99999999999999999999}',
  '{"purchases": -2}', '{"purchases": 1}', '{"purchases": 0}', '{"returns": -1}', '{"returns": 0}',
  '{"first": null}', '{"last": null}', '{"first": "yesteryear"}', '{"first": "infinity"}', '{"last": "-infinity"}', '{"first": 5}',
  '{"first": "2024-01-02T00:00:00Z"}', '{"first": "2023-12-31T23:59:59Z"}', '{"last": "2024-01-04T00:00:00Z"}',
  '{"first": "2024-01-05T00:00:00Z"}', '{"first": {}}',
  '{"gross": null}', '{"gross": "NaN"}', '{"gross": "Infinity"}', '{"gross": "-1"}', '{"gross": "9.99"}', '{"gross": "1,5"}',
  '{"returned": "NaN"}', '{"returned": "-5"}', '{"returned": "0"}', '{"returned": []}', '{"returned": "Infinity"}',
  '{"first_day_gross": "NaN"}', '{"first_day_gross": "-1"}', '{"first_day_gross": "30.01"}', '{"first_day_gross": "-Infinity"}',
  '{"days": null}', '{"days": {}}', '{"days": "2024-01-01"}', '{"days": [1, 2]}', '{"days": [null]}', '{"days": []}', '{"days": [["2024-01-01"]]}',
  '{"days": ["2024-01-03", "2024-01-01"]}', '{"days": ["2024-01-01", "2024-01-01"]}', '{"days": ["2024-01-01"]}',
  '{"days": ["2024-01-01", "2024-01-02", "2024-01-03"]}', '{"days": ["-infinity", "2024-01-03"]}', '{"days": ["2024-01-01", "2024-02-30"]}',
  '{"purchases": 2, "days": ["2024-01-01"], "last": "2024-01-01T11:00:00Z"}',
  '{"purchases": 1, "days": ["2024-01-01"], "last": "2024-01-01T11:00:00Z", "gross": "10.00"}',
  '{"purchases": 0, "days": [], "gross": "0", "first_day_gross": "0"}',
  '{"purchases": 0, "days": [], "first": null, "last": null}']::jsonb[]) patch;
SELECT member, pg_temp.refused((j - member)::text) FROM good, jsonb_object_keys(j) member;
SELECT pg_temp.refused(jsonb_set(jsonb_set(j, '{gross}', to_jsonb('30.' || repeat('0', 1001))), '{returned}', '"5"')::text) FROM good;
SELECT length(jsonb_set(j, '{returned}', to_jsonb('5.' || repeat('0', 999) || '1'))::text::purchase_summary::text) FROM good;

-- Counts beyond 64 bits
SELECT '{"zone": "UTC", "purchases": 9223372036854775807, "returns": 0, "first": "2024-01-01T00:00:00Z", "last": "2024-01-01T00:00:00Z",
  "gross": "1", "returned": "0", "first_day_gross": "1", "days": ["2024-01-01"]}'::purchase_summary || summarize(DATE '2024-01-01', 1);
SELECT '{"zone": "UTC", "purchases": 0, "returns": 9223372036854775807, "first": null, "last": null,
  "gross": "0", "returned": "1", "first_day_gross": "0", "days": []}'::purchase_summary || (SELECT s FROM returned);

-- Binary form: there and back through COPY, and what hostile bytes give
CREATE TEMP TABLE wire AS
SELECT s FROM one UNION ALL SELECT s FROM returned
UNION ALL SELECT summarize(DATE '2024-01-01' + n, a) FROM (VALUES (1, 1e30::numeric), (2, 1e-20), (3, -1e15)) v (n, a)
UNION ALL SELECT summarize(DATE '2024-01-01' - n * 400, 9223372036854775807) FROM generate_series(1, 1000) n
UNION ALL SELECT NULL;
SELECT current_setting('data_directory') || '/purchase_summary.bin' AS file \gset
COPY wire TO :'file' (FORMAT binary);
CREATE TEMP TABLE wired (s purchase_summary);
COPY wired FROM :'file' (FORMAT binary);
SELECT count(*), count(s) FROM wired;
SELECT count(*) AS changed FROM (SELECT purchase_summary_send(s) FROM wire EXCEPT ALL SELECT purchase_summary_send(s) FROM wired) c;
SELECT purchase_summary_send(s) FROM returned;
CREATE FUNCTION pg_temp.received(wire bytea, file text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  oid oid := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || '\x0000000000000000'::bytea || int2send(1::int2) || int4send(length(wire)) || wire || int2send(-1::int2));
  detail text;
BEGIN
  PERFORM lo_export(oid, file);
  PERFORM lo_unlink(oid);
  TRUNCATE wired;
  EXECUTE format('COPY wired FROM %L (FORMAT binary)', file);
  RETURN 'accepted: ' || (SELECT s::text FROM wired);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' ', SQLSTATE, sqlerrm, detail);
END $$;
CREATE FUNCTION pg_temp.sum_bytes(value numeric) RETURNS bytea LANGUAGE sql AS
  $$ SELECT int4send(length(numeric_send(value))) || numeric_send(value) $$;
CREATE FUNCTION pg_temp.pack(format int DEFAULT 1, zone bytea DEFAULT 'UTC', scale int DEFAULT 2, purchases bigint DEFAULT 2, returns bigint DEFAULT 1,
  first timestamptz DEFAULT '2024-01-01 10:00Z', last timestamptz DEFAULT '2024-01-03 10:00Z',
  gross bytea DEFAULT pg_temp.sum_bytes(30.00), returned bytea DEFAULT pg_temp.sum_bytes(5.00), first_gross bytea DEFAULT pg_temp.sum_bytes(10.00),
  n_days bigint DEFAULT NULL, days int[] DEFAULT '{8766,8768}') RETURNS bytea LANGUAGE sql AS $$
  SELECT set_byte('\x00', 0, format) || set_byte('\x00', 0, length(zone)) || zone || int2send(scale::int2) || int8send(purchases) || int8send(returns)
    || timestamptz_send(first) || timestamptz_send(last) || gross || returned || first_gross
    || int4send(coalesce(n_days, cardinality(days))::int)
    || coalesce((SELECT string_agg(int4send(d), '' ORDER BY o) FROM unnest(days) WITH ORDINALITY u (d, o)), '') $$;
SELECT what, pg_temp.received(bytes, :'file') FROM (VALUES
  ('as it should be', pg_temp.pack()),
  ('nothing', ''::bytea),
  ('format of the future', pg_temp.pack(format => 2)),
  ('unknown zone', pg_temp.pack(zone => 'Mars/Olympus')),
  ('no zone', pg_temp.pack(zone => '')),
  ('zone with a zero byte', pg_temp.pack(zone => 'UTC\000')),
  ('zone that is no text', pg_temp.pack(zone => '<\377>3')),
  ('zone longer than the rest', overlay(pg_temp.pack() placing '\xff' from 2)),
  ('scale over the limit', pg_temp.pack(scale => 1001)),
  ('negative scale', pg_temp.pack(scale => -1)),
  ('scale under the sums''', pg_temp.pack(scale => 1)),
  ('scale over the sums''', pg_temp.pack(scale => 3)),
  ('negative purchases', pg_temp.pack(purchases => -2)),
  ('fewer purchases than days', pg_temp.pack(purchases => 1)),
  ('no purchases', pg_temp.pack(purchases => 0)),
  ('negative returns', pg_temp.pack(returns => -9223372036854775808)),
  ('no returns', pg_temp.pack(returns => 0)),
  ('infinite instant', pg_temp.pack(last => 'infinity')),
  ('instant on no purchase day', pg_temp.pack(first => '2024-01-02 10:00Z')),
  ('last before first', pg_temp.pack(first => '2024-01-03 10:00Z', last => '2024-01-01 10:00Z')),
  ('NaN', pg_temp.pack(gross => pg_temp.sum_bytes('NaN'))),
  ('infinity', pg_temp.pack(returned => pg_temp.sum_bytes('Infinity'))),
  ('negative sum', pg_temp.pack(first_gross => pg_temp.sum_bytes(-10.00))),
  ('part greater than the whole', pg_temp.pack(first_gross => pg_temp.sum_bytes(30.01))),
  ('sum of negative length', pg_temp.pack(gross => '\xffffffff')),
  ('sum longer than the rest', pg_temp.pack(gross => '\x7fffffff')),
  ('sum shorter than its digits', pg_temp.pack(gross => '\x00000002' || numeric_send(30.00))),
  ('sum longer than its digits', pg_temp.pack(gross => '\x0000000c' || numeric_send(30.00))),
  ('sum of bad digits', pg_temp.pack(gross => '\x0000000a' || '\x000100000000000227ff'::bytea)),
  ('sum of bad sign', pg_temp.pack(gross => '\x0000000a' || '\x0001000012340002001e'::bytea)),
  ('more days than bytes', pg_temp.pack(n_days => 3)),
  ('days for gigabytes', pg_temp.pack(n_days => 2147483647)),
  ('days that wrap around', pg_temp.pack(n_days => 1073741826)),
  ('negative number of days', pg_temp.pack(n_days => -1)),
  ('fewer days than bytes', pg_temp.pack(n_days => 1)),
  ('half a day', pg_temp.pack() || '\x0000'),
  ('unsorted days', pg_temp.pack(days => '{8768,8766}')),
  ('a day twice', pg_temp.pack(days => '{8766,8766}')),
  ('infinite day', pg_temp.pack(days => '{8766,2147483647}')),
  ('day before the calendar', pg_temp.pack(days => '{-2147483647,8768}'))
) hostile (what, bytes);
-- Cut anywhere, it is refused.
SELECT result, count(*) FROM (SELECT left(pg_temp.received(substr(pg_temp.pack(), 1, cut), :'file'), 5) AS result FROM generate_series(0, length(pg_temp.pack()) - 1) cut) c GROUP BY 1 ORDER BY 1;
-- With any byte replaced, it is refused or a value whose forms agree.
SELECT count(*) FILTER (WHERE left(result, 5) NOT IN ('22P03', '22021', '08P01', '22003', '22P02', '22008', 'accep')) AS odd,
       count(*) FILTER (WHERE result LIKE 'accepted%' AND (substr(result, 11)::purchase_summary)::text <> substr(result, 11)) AS disagree
FROM (SELECT pg_temp.received(set_byte(pg_temp.pack(), at, value), :'file') AS result
      FROM generate_series(0, length(pg_temp.pack()) - 1) at, unnest('{0,1,127,128,255}'::int[]) value) r;
SELECT format('rm %L', :'file') AS remove \gset
COPY (SELECT) TO PROGRAM :'remove';
