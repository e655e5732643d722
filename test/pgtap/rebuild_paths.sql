-- Every way through a rebuild and a rescore ends at the same rows: directly or through a query, alone or in parallel,
-- in memory or spilled to files, day after day or all at once.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET search_path = custprio, public;
SET jit = off;
CREATE SCHEMA paths;
SET search_path = paths, custprio, public;
SELECT plan(56);
SELECT setseed(0.11);
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_maintenance_workers = 0;

-- 14,000 purchases of 5,000 customers with every kind of row that is left out
CREATE TABLE orders (gone text, n int, c int, at timestamptz, amount numeric, ok boolean);
INSERT INTO orders
SELECT 'x', i, (power(random(), 1.1) * 5000)::int,
  CASE i % 500 WHEN 1 THEN NULL WHEN 2 THEN 'infinity' WHEN 3 THEN '-infinity' ELSE timestamptz '2023-01-01' + random() * interval '700 days' END,
  CASE i % 500 WHEN 4 THEN NULL WHEN 5 THEN 'NaN' WHEN 6 THEN '-Infinity' WHEN 7 THEN 1e25 WHEN 8 THEN 1.00000000000000000000001
    ELSE CASE WHEN random() < 0.05 THEN -1 ELSE 1 END * round((random() * 300)::numeric, i % 3) END,
  random() < 0.8
FROM generate_series(1, 14000) i;
ALTER TABLE orders DROP COLUMN gone;

CREATE FUNCTION image(of regclass) RETURNS text LANGUAGE plpgsql SET TimeZone = 'UTC' SET DateStyle = 'ISO' AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %s t', of) INTO result;
  RETURN coalesce(result, 'empty');
END $$;
-- What a run says of the rows that it read
CREATE FUNCTION account(r refresh_run) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', r.mode, r.rows_read, r.purchases, r.returns, r.null_customer, r.null_time, r.null_amount, r.nan_amount,
    r.infinite_amount, r.infinite_time, r.future_rows, r.filtered_by_history, r.customers, r.buyers, r.orphans, r.shares) $$;
CREATE FUNCTION written(r refresh_run) RETURNS bigint LANGUAGE sql AS $$ SELECT r.inserted + r.updated + r.deleted + r.tier_changes + r.state_written $$;

-- Starting workers takes time: some ways are for some sources only.
CREATE TABLE way (name text, fast boolean, workers int, memory text, sources text);
INSERT INTO way VALUES
  ('query', false, 0, '512MB', ''), ('query, spilled', false, 0, '1MB', ''), ('query, parallel', false, 2, '512MB', 'totals'), ('direct', true, 0, '512MB', ''),
  ('direct, spilled', true, 0, '1MB', ''),
  ('direct, parallel', true, 2, '512MB', 'orders,parts,long_keys'), ('direct, parallel, spilled', true, 2, '1MB', 'keyed,parts,long_keys');
-- Rebuild by every way, over what the way before left and over nothing; returns what is not as the first way had it.
CREATE FUNCTION ways_differ(source text, customer text, filter text DEFAULT NULL, history interval DEFAULT '300 days', fewest int DEFAULT 1000) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  w way;
  run refresh_run;
  priority text;
  purchases text;
  first_account text;
BEGIN
  PERFORM create_scorecard('card', source::regclass, customer, 'at', 'amount', filter, every => NULL, history => history, amount_scale => 2, time_zone => 'America/St_Johns');
  FOR w IN SELECT * FROM way WHERE sources = '' OR source = ANY (string_to_array(sources, ',')) LOOP
    PERFORM set_config('custprio.fast_scan', w.fast::text, true), set_config('custprio.rebuild_memory', w.memory, true),
      set_config('max_parallel_workers_per_gather', w.workers::text, true);
    run := refresh('card', 'rebuild', as_of => '2024-10-01');
    IF priority IS NULL THEN
      priority := image('card_priority');
      purchases := image('card_purchases');
      first_account := account(run);
      IF run.customers < fewest THEN
        RETURN NEXT 'only ' || run.customers || ' customers';
      END IF;
      CONTINUE;
    END IF;
    IF written(run) <> 0 OR account(run) <> first_account THEN
      RETURN NEXT format('%s over the same: %s written, %s', w.name, written(run), account(run));
    END IF;
    DELETE FROM card_purchases;
    DELETE FROM card_priority;
    run := refresh('card', 'rebuild', as_of => '2024-10-01');
    IF run.inserted <> run.customers OR account(run) <> first_account OR image('card_priority') <> priority OR image('card_purchases') <> purchases THEN
      RETURN NEXT format('%s over nothing: %s inserted, %s', w.name, run.inserted, account(run));
    END IF;
  END LOOP;
  PERFORM drop_scorecard('card');
END $$;

-- The way through files is taken: without room for them it fails.
CREATE FUNCTION pg_temp.spills(fast boolean, memory text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('custprio.fast_scan', fast::text, true), set_config('custprio.rebuild_memory', memory, true),
    set_config('max_parallel_workers_per_gather', '0', true), set_config('temp_file_limit', '0', true);
  PERFORM create_scorecard('card', 'orders', 'c', 'at', 'amount', every => NULL), refresh('card', as_of => '2024-10-01');
  RAISE 'it does not' USING ERRCODE = 'P0004';
EXCEPTION
  WHEN configuration_limit_exceeded THEN RETURN 'yes';
  WHEN assert_failure THEN RETURN 'no';
END $$;
SELECT is(pg_temp.spills(fast, memory), CASE memory WHEN '1MB' THEN 'yes' ELSE 'no' END, concat_ws(' ', 'files are used:', fast, memory))
FROM unnest('{t,f}'::boolean[]) fast, unnest('{1MB,512MB}'::text[]) memory;

-- Keys of every representation
CREATE TABLE keyed AS
SELECT n, at, amount, ok, c, c::bigint * 3000000000 AS big, md5(c::text)::uuid AS id, CASE WHEN c > 0 THEN 'K' || c ELSE '' END AS name,
  (4294967295 - c)::oid AS oid, (c % 30000)::int2 AS small, date '1900-01-01' + c AS day, decode(md5(c::text), 'hex') AS raw
FROM orders;
SELECT is_empty(format($$ SELECT ways_differ('keyed', %L) $$, key), 'keys: ' || key)
FROM unnest('{c,big,id,name,oid,small,day,raw}'::text[]) key;
SELECT is_empty($$ SELECT ways_differ('keyed', 'c::bigint::oid') $$, 'keys that a cast makes');
-- Long keys: compressed in line, compressed and moved out, moved out as they are
CREATE TABLE long_keys (n int, at timestamptz, amount numeric, ok boolean, short_header text, compressed text, moved text);
ALTER TABLE long_keys ALTER moved SET STORAGE EXTERNAL;
INSERT INTO long_keys
SELECT n, at, amount, ok, repeat(md5(k::text), 3), repeat(md5(k::text), 1 + k % 3 * 150), (SELECT string_agg(md5(k::text || g), '') FROM generate_series(1, 70) g)
FROM orders, LATERAL (SELECT c % 600 AS k) d WHERE n % 3 = 0;
SELECT is_empty(format($$ SELECT ways_differ('long_keys', %L, fewest => 500) $$, key), 'keys: ' || key) FROM unnest('{short_header,compressed,moved}'::text[]) key;

-- Filters, kinds of tables
SELECT is_empty($$ SELECT ways_differ('orders', 'c', 'ok AND n % 10 <> 3') $$, 'a filter');
SELECT is_empty($$ SELECT ways_differ('orders', 'c', 'ok AND amount IS NOT NULL AND coalesce(at > ''2023-06-01'', true)', NULL) $$, 'a filter, no window');
CREATE TABLE parts (amount numeric, ok boolean, gone int, n int, at timestamptz, c int) PARTITION BY RANGE (n);
ALTER TABLE parts DROP COLUMN gone;
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (4000);
CREATE TABLE parts_2 (c int, n int, wide text, amount numeric, at timestamptz, ok boolean);
ALTER TABLE parts_2 DROP COLUMN wide;
CREATE TABLE parts_3 (at timestamptz, c int, ok boolean, amount numeric, n int) PARTITION BY HASH (c);
CREATE TABLE parts_3_0 (n int, a int, b int, amount numeric, ok boolean, c int, at timestamptz);
ALTER TABLE parts_3_0 DROP COLUMN a, DROP COLUMN b;
ALTER TABLE parts_3 ATTACH PARTITION parts_3_0 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_3_1 PARTITION OF parts_3 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (4000) TO (8000);
ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (8000) TO (MAXVALUE);
INSERT INTO parts (n, c, at, amount, ok) SELECT n, c, at, amount, ok FROM orders;
SELECT is_empty($$ SELECT ways_differ('parts', 'c') $$, 'partitions with columns in other orders');
SELECT is_empty($$ SELECT ways_differ('parts', 'c', 'ok AND n > 500') $$, 'partitions and a filter over their columns');
CREATE TABLE parent (n int, gone int, c int, at timestamptz, amount numeric, ok boolean);
CREATE TABLE child (more text) INHERITS (parent);
ALTER TABLE parent DROP COLUMN gone;
CREATE TABLE grandchild (c int, more text, n int, ok boolean, amount numeric, at timestamptz);
ALTER TABLE grandchild INHERIT child;
INSERT INTO parent SELECT n, c, at, amount, ok FROM orders WHERE n % 3 = 0;
INSERT INTO child (n, c, at, amount, ok) SELECT n, c, at, amount, ok FROM orders WHERE n % 3 = 1;
INSERT INTO grandchild (n, c, at, amount, ok) SELECT n, c, at, amount, ok FROM orders WHERE n % 3 = 2;
SELECT is_empty($$ SELECT ways_differ('parent', 'c', 'ok') $$, 'a table with children');
CREATE TABLE later AS SELECT n FROM orders;
ALTER TABLE later ADD c int DEFAULT 7, ADD amount numeric DEFAULT 12.50, ADD at timestamptz DEFAULT '2024-02-29', ADD ok boolean DEFAULT true;
INSERT INTO later (n, c, at, amount, ok) SELECT n, c, at, amount, ok FROM orders;
SELECT is_empty($$ SELECT ways_differ('later', 'c', 'ok') $$, 'columns added later, with a default');
-- Columns that have a fixed place in the row, unless a NULL before them or a row older than them says otherwise
CREATE TABLE placed AS SELECT NULLIF(n % 3, 0) AS maybe, c, at, amount, CASE WHEN n % 2 = 0 THEN 'x' END AS note FROM orders;
SELECT is_empty($$ SELECT ways_differ('placed', 'c') $$, 'columns behind one that is NULL at times');
ALTER TABLE placed ALTER amount TYPE float8 USING CASE WHEN amount BETWEEN -1e6 AND 1e6 THEN amount END;
SELECT is_empty($$ SELECT ways_differ('placed', 'c') $$, 'and all of them by value');
CREATE TABLE later_placed AS SELECT n FROM orders;
ALTER TABLE later_placed ADD c int DEFAULT 7, ADD at timestamptz DEFAULT '2024-02-29', ADD amount numeric DEFAULT 12.50;
INSERT INTO later_placed (n, c, at, amount) SELECT n, c, at, amount FROM orders;
SELECT is_empty($$ SELECT ways_differ('later_placed', 'c') $$, 'columns of a fixed place added later');
CREATE VIEW totals AS SELECT c, at, sum(amount) AS amount, bool_or(ok) AS ok FROM orders GROUP BY c, at;
SELECT is_empty($$ SELECT ways_differ('totals', 'c') $$, 'a view that aggregates');

-- The rights of the owner: columns only, and rows only
CREATE ROLE regress_paths;
GRANT USAGE, CREATE ON SCHEMA paths TO regress_paths;
GRANT SELECT ON way, orders TO regress_paths;
CREATE TABLE guarded AS SELECT * FROM orders;
GRANT SELECT (c, at, amount, ok) ON guarded TO regress_paths;
CREATE TABLE secured AS SELECT * FROM orders;
GRANT SELECT ON secured TO regress_paths;
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON secured TO regress_paths USING (n % 2 = 0);
SET ROLE regress_paths;
SELECT is_empty($$ SELECT ways_differ('guarded', 'c', 'ok') $$, 'a right to columns only');
SELECT is_empty($$ SELECT ways_differ('secured', 'c') $$, 'row security');
SELECT create_scorecard('seen', 'secured', 'c', 'at', 'amount', every => NULL, amount_scale => 2) \g /dev/null
SELECT is((refresh('seen', as_of => '2030-01-01')).rows_read, 7000::bigint, 'row security leaves out what the owner may not see');
SELECT is((SELECT sum(frequency)::bigint FROM seen_priority),
          (SELECT count(*) FROM orders WHERE n % 2 = 0 AND amount >= 0 AND amount <> 'NaN' AND isfinite(at)), 'in the sums, too');
RESET ROLE;

SET LOCAL max_parallel_workers_per_gather = 0;

-- Day after day: rescored on each of 60 days, against rebuilt on each. The source ends in the middle, so that purchases
-- come into their day and fall out of the window.
CREATE TABLE daily AS
SELECT i AS n, (random() * 60)::int AS c, timestamp '2024-01-01' + random() * interval '75 days' AS at,
  CASE WHEN random() < 0.1 THEN -20 ELSE round((random() * 100)::numeric, 2) END AS amount FROM generate_series(1, 500) i;
CREATE TABLE people AS SELECT c AS id, c % 2 = 0 AS known FROM generate_series(0, 70) c WHERE c % 5 <> 0;
CREATE FUNCTION days_differ(history interval, frequency_by text, customers regclass DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  a refresh_run;
  b refresh_run;
  resummarized int := 0;
BEGIN
  PERFORM create_scorecard(card, 'daily', 'c', 'at', 'amount', every => NULL, history => history, frequency_by => frequency_by, bins => 3, segment_map => 'rfm_6',
    time_zone => 'Pacific/Apia', customers => customers, customers_key => CASE WHEN customers IS NOT NULL THEN 'id' END) FROM unnest('{stepped,rebuilt}'::text[]) card;
  PERFORM refresh(card, 'rebuild', as_of => '2024-01-10') FROM unnest('{stepped,rebuilt}'::text[]) card;
  FOR d IN 11 .. 70 LOOP
    CONTINUE WHEN d % 7 = 3;	-- a day is skipped now and then
    a := refresh('stepped', 'rescore', as_of => date '2023-12-31' + d);
    b := refresh('rebuilt', 'rebuild', as_of => date '2023-12-31' + d);
    resummarized := resummarized + (a.rows_read > 0)::int;
    IF a.mode <> 'rescore' OR image('stepped_priority') <> image('rebuilt_priority') OR image('stepped_purchases') <> image('rebuilt_purchases')
      OR (a.inserted, a.updated, a.deleted, a.tier_changes, a.state_written) IS DISTINCT FROM (b.inserted, b.updated, b.deleted, b.tier_changes, b.state_written) THEN
      RETURN NEXT format('day %s: %s', d, a);
    END IF;
  END LOOP;
  IF EXISTS (SELECT customer_id, changed_on, previous_tier::text, tier::text, reason FROM stepped_tier_history
             EXCEPT ALL SELECT customer_id, changed_on, previous_tier::text, tier::text, reason FROM rebuilt_tier_history) THEN
    RETURN NEXT 'history';
  END IF;
  IF resummarized < 20 THEN
    RETURN NEXT 'only ' || resummarized || ' days read the source';
  END IF;
  PERFORM drop_scorecard(card) FROM unnest('{stepped,rebuilt}'::text[]) card;
END $$;
SELECT is_empty($$ SELECT days_differ(NULL, 'purchase') $$, 'day after day');
SELECT is_empty($$ SELECT days_differ('12 days', 'purchase') $$, 'day after day in a window');
SELECT is_empty($$ SELECT days_differ('1 month', 'day') $$, 'day after day in a window of a month, counting days');
SELECT is_empty($$ SELECT days_differ('20 days', 'purchase', 'people') $$, 'day after day with a relation of customers');

-- A rescore that would read too much again is a rebuild; an as-of day before the state's leaves the state alone.
CREATE TABLE dated AS SELECT c, date '2024-01-01' + n % 30 AS at, 5 AS amount FROM generate_series(1, 3000) c, generate_series(1, 2) n;
SELECT create_scorecard('card', 'dated', 'c', 'at', 'amount', every => NULL) \g /dev/null
SELECT refresh('card', as_of => '2024-01-02') \g /dev/null
SELECT is(mode || ', ' || reason, 'rebuild, too many customers to summarize again', 'a rescore that is none') FROM refresh('card', 'rescore', as_of => '2024-01-03');
CREATE TEMP TABLE before AS SELECT image('card_purchases') AS state, image('card_priority') AS published;
SELECT is(concat_ws(' ', mode, reason, state_written), 'rebuild as-of day before the state''s 0', 'an earlier day is rebuilt') FROM refresh('card', 'rescore', as_of => '2024-01-02');
SELECT is(image('card_purchases'), (SELECT state FROM before), 'beside the state');
SELECT isnt(image('card_priority'), (SELECT published FROM before), 'which is of another day');
SELECT is(concat_ws(' ', mode, state_written), 'rescore 0', 'that later days still start from') FROM refresh('card', 'rescore', as_of => '2024-01-03');
SELECT results_eq('SELECT customer_id, frequency, monetary FROM card_priority ORDER BY 1', 'SELECT c, count(*), sum(amount)::numeric FROM dated WHERE at <= ''2024-01-03'' GROUP BY 1 ORDER BY 1', 'and publish from');
SELECT drop_scorecard('card') \g /dev/null

-- The relation of customers: prospects, customers of returns only, orphans, and what becomes of them
CREATE TABLE sold (c int, at date, amount numeric);
INSERT INTO sold VALUES (1, '2024-01-01', 10), (1, '2024-01-02', 5), (2, '2024-01-01', -3), (3, '2024-01-05', 7), (6, '2024-02-01', 1), (6, '2024-01-01', -1);
CREATE TABLE listed (id int);
INSERT INTO listed VALUES (1), (2), (4), (4), (NULL), (6);
SELECT create_scorecard('card', 'sold', 'c', 'at', 'amount', every => NULL, customers => 'listed', customers_key => 'id', amount_scale => 0) \g /dev/null
SELECT is(concat_ws(' ', customers, buyers, orphans, future_rows), '5 2 1 1', 'counts') FROM refresh('card', as_of => '2024-01-31');
SELECT results_eq('SELECT customer_id, stage, frequency, monetary::text, tier IS NULL, rfm IS NULL, last_purchase IS NULL FROM card_priority ORDER BY 1',
  $$ VALUES (1, NULL, 2::bigint, '15', false, false, false), (2, 'returns_only', 0, '-3', true, true, true), (3, NULL, 1, '7', false, false, false),
            (4, 'prospect', 0, '0', true, true, true), (6, 'returns_only', 0, '-1', true, true, true) $$, 'stages');
INSERT INTO listed VALUES (3), (5);
DELETE FROM listed WHERE id IN (2, 4);
DELETE FROM sold WHERE c = 1;
SELECT is(concat_ws(' ', customers, buyers, orphans, inserted, deleted), '5 1 0 1 1', 'the relation changes, and a buyer is left without purchases') FROM refresh('card', 'rebuild', as_of => '2024-01-31');
SELECT results_eq('SELECT customer_id, stage FROM card_priority ORDER BY 1', $$ VALUES (1, 'prospect'), (2, 'returns_only'), (3, NULL), (5, 'prospect'), (6, 'returns_only') $$, 'stages follow');
SELECT is(concat_ws(' ', mode, buyers, rows_read, purchases, returns), 'rescore 2 2 1 1', 'a purchase comes into its day') FROM refresh('card', 'rescore', as_of => '2024-02-01');
TRUNCATE sold, listed;
SELECT is(concat_ws(' ', customers, deleted), '0 5', 'all customers vanish') FROM refresh('card', as_of => '2024-02-01');
SELECT is((SELECT count(*) FROM card_purchases) + (SELECT count(*) FROM card_priority), 0::bigint, 'from both tables');
SELECT drop_scorecard('card') \g /dev/null

-- Against the oracle: amounts and customers of an unusual kind
\ir ../oracle/refresh.sql
CREATE TABLE unusual (c int, at date, amount numeric, approximate float8);
CREATE FUNCTION unlike_oracle(amount text, segment_map text, bins int, frequency_by text DEFAULT 'purchase', amount_scale int DEFAULT 2) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  run refresh_run;
BEGIN
  PERFORM create_scorecard('card', 'unusual', 'c', 'at', amount, every => NULL, segment_map => segment_map, bins => bins, frequency_by => frequency_by, amount_scale => amount_scale);
  PERFORM refresh('card', as_of => '2024-12-31');
  PERFORM oracle.compute('card', '2024-12-31');
  RETURN QUERY SELECT d::text FROM oracle.difference('card') d;
  run := refresh('card', 'rescore', as_of => '2024-12-31');
  IF written(run) <> 0 THEN
    RETURN NEXT 'a rescore wrote ' || written(run);
  END IF;
  run := refresh('card', 'auto', as_of => '2024-12-31');
  IF written(run) <> 0 OR run.rebased AND run.buyers > 0 THEN
    RETURN NEXT 'a refresh within the epoch wrote ' || written(run);
  END IF;
  PERFORM drop_scorecard('card');
END $$;
INSERT INTO unusual SELECT c, date '2023-01-01' + c * 37 % 700, a, a::float8
FROM generate_series(1, 300) c, LATERAL (SELECT CASE c % 4 WHEN 0 THEN 1e30 + c WHEN 1 THEN 1e-20 * c WHEN 2 THEN -1e17 + c ELSE c / 7.0 END AS a, c AS c2) a, generate_series(1, 1 + c % 3);
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_11', 5) $$, 'amounts from 1e-20 to 1e30');
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_8_mean', 2) $$, 'the same, cut at the mean');
SELECT is_empty($$ SELECT unlike_oracle('approximate', 'rfm_6', 3, 'day', 4) $$, 'approximate amounts');
DELETE FROM unusual WHERE c > 1;
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_11', 5) $$, 'one customer');
UPDATE unusual SET amount = -1;
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_8_mean', 2) $$, 'nothing but returns');
DELETE FROM unusual;
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_11', 5) $$, 'nobody');
INSERT INTO unusual SELECT c, '2024-01-01', 9.995, 9.995 FROM generate_series(1, 500) c;
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_11', 5) $$, 'all alike');
SELECT is_empty($$ SELECT unlike_oracle('approximate', 'rfm_8_mean', 2, amount_scale => 0) $$, 'all alike, cut at the mean');
TRUNCATE unusual;
INSERT INTO unusual SELECT c, '2024-01-01', 9223372036854775807 - c % 3, 1 FROM generate_series(1, 100) c, generate_series(1, 1 + c % 2);
SELECT is_empty($$ SELECT unlike_oracle('amount', 'rfm_8_mean', 2, amount_scale => 0) $$, 'on both sides of 64 bits');

SELECT * FROM finish();
ROLLBACK;
