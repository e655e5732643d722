-- Inserted and deleted rows: what row triggers keep reaches the queue with the statement, in whatever nest of statements,
-- subtransactions, roles and relations it happens.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(70);

CREATE FUNCTION pg_temp.again(card text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', mode, queued) FROM refresh(card, 'auto', '2025-12-31') $$;
CREATE FUNCTION pg_temp.waiting(card text) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(sum(keys), 0) FROM change_queue JOIN scorecard USING (scorecard_id) WHERE name = card $$;
CREATE TABLE orders (customer int, at date DEFAULT '2025-06-01', amount int DEFAULT 5);
CREATE INDEX ON orders (customer);
INSERT INTO orders SELECT i FROM generate_series(1, 1000) i;
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT create_scorecard('wide', 'orders', 'customer::bigint', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT pg_temp.again('crm'), pg_temp.again('wide');

INSERT INTO orders SELECT NULL FROM generate_series(1, 10);
DELETE FROM orders WHERE customer IS NULL;
SELECT is(pg_temp.waiting('crm'), 0::bigint, 'rows without a customer are of no concern');
INSERT INTO orders SELECT 1 WHERE false;
SELECT is(pg_temp.waiting('crm'), 0::bigint, 'nor are statements without rows');
INSERT INTO orders VALUES (1), (2), (1);
SELECT is(ARRAY[pg_temp.waiting('crm'), pg_temp.waiting('wide')], ARRAY[2::bigint, 2], 'each of two scorecards has its keys');
DELETE FROM orders WHERE customer IN (3, 4);
SELECT is(ARRAY[pg_temp.again('crm'), pg_temp.again('wide')], ARRAY['incremental 4', 'incremental 4'], 'those of deleted rows too');
SELECT is_empty($$ SELECT * FROM verify('crm') UNION ALL SELECT * FROM verify('wide') $$, 'and that is all');
WITH one AS (INSERT INTO orders VALUES (1001) RETURNING customer), two AS (INSERT INTO orders VALUES (1002)),
     gone AS (DELETE FROM orders WHERE customer = 5)
INSERT INTO orders SELECT customer + 10 FROM one;
SELECT is(pg_temp.again('crm'), 'incremental 4', 'several statements in one');
MERGE INTO orders o USING (VALUES (6), (1003), (7)) s(customer) ON o.customer = s.customer
  WHEN MATCHED AND s.customer = 6 THEN DELETE WHEN MATCHED THEN UPDATE SET amount = 6 WHEN NOT MATCHED THEN INSERT VALUES (s.customer);
SELECT is(pg_temp.again('crm'), 'incremental 3', 'MERGE');

-- statements within statements: a function of the row's trigger writes, and fails or not
CREATE FUNCTION pg_temp.nest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.amount = 100 THEN
    INSERT INTO orders VALUES (NEW.customer + 2000);
  ELSIF NEW.amount IN (101, 102) THEN
    BEGIN
      INSERT INTO orders VALUES (NEW.customer + 3000);
      IF NEW.amount = 101 THEN RAISE division_by_zero; END IF;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  ELSIF NEW.amount = 103 THEN
    BEGIN
      INSERT INTO orders SELECT 10000 + i FROM generate_series(1, 9000) i;
      RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  ELSIF NEW.amount = 104 THEN
    BEGIN
      INSERT INTO orders SELECT 20000 + i, '2025-06-01', CASE i WHEN 900 THEN 105 ELSE 5 END FROM generate_series(1, 1000) i;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  ELSIF NEW.amount = 105 THEN
    RAISE division_by_zero;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER nest BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION pg_temp.nest();
INSERT INTO orders SELECT i, '2025-06-01', 100 FROM generate_series(11, 13) i;
SELECT is(pg_temp.again('crm'), 'incremental 6', 'a statement within another');
INSERT INTO orders SELECT i, '2025-06-01', 101 FROM generate_series(11, 13) i;
SELECT is(pg_temp.again('crm'), 'incremental 3', 'one that is rolled back leaves the other''s keys');
INSERT INTO orders SELECT i, '2025-06-01', 101 + i % 2 FROM generate_series(11, 20) i;
SELECT is(pg_temp.again('crm'), 'incremental 15', 'some rolled back and some not');
INSERT INTO orders SELECT i, '2025-06-01', CASE i WHEN 15 THEN 103 ELSE 5 END FROM generate_series(11, 20) i;
SELECT is(pg_temp.again('crm'), 'incremental 10', 'a large one rolled back');
INSERT INTO orders SELECT i, '2025-06-01', CASE i WHEN 700 THEN 103 WHEN 710 THEN 104 ELSE 5 END FROM generate_series(1, 800) i;
SELECT is(pg_temp.waiting('crm'), 800::bigint, 'in the midst of a large one');
SELECT pg_temp.again('crm');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'nothing is lost');
DROP TRIGGER nest ON orders;
CREATE FUNCTION pg_temp.follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO orders VALUES (NEW.customer + 4000);
  RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
  INSERT INTO orders VALUES (NEW.customer + 5000);
  RETURN NULL;
END $$;
CREATE TRIGGER follow AFTER INSERT ON orders FOR EACH ROW WHEN (NEW.amount = 200) EXECUTE FUNCTION pg_temp.follow();
INSERT INTO orders SELECT i, '2025-06-01', 200 FROM generate_series(11, 13) i;
SELECT is(pg_temp.again('crm'), 'incremental 6', 'row triggers that write afterwards');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'nothing is lost');
DROP TRIGGER follow ON orders;
SAVEPOINT s;
INSERT INTO orders SELECT i FROM generate_series(1, 600) i;
ROLLBACK TO s;
SELECT is(pg_temp.waiting('crm'), 0::bigint, 'what is rolled back is not queued');
DO $$
BEGIN
  FOR i IN 1 .. 100 LOOP
    BEGIN
      INSERT INTO orders SELECT CASE WHEN j > 20 THEN 1 / (j - 21) ELSE j END FROM generate_series(1, 30) j;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'custprio captured keys'), '<', 10::bigint, 'failed statements hold no memory');
INSERT INTO orders VALUES (21);
SELECT is(pg_temp.again('crm'), 'incremental 1', 'and leave no keys behind');

-- many keys of other types
CREATE TABLE visits (who text, at date DEFAULT '2025-06-01', amount int DEFAULT 1);
INSERT INTO visits VALUES ('first');
SELECT create_scorecard('web', 'visits', 'who', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT pg_temp.again('web');
INSERT INTO visits SELECT md5(i::text) FROM generate_series(1, 20000) i;
SELECT is(pg_temp.again('web'), 'rebuild 20000', 'more than are kept at a time');
DELETE FROM visits WHERE who <> 'first';
SELECT is(pg_temp.again('web'), 'rebuild 20000', 'and gone');
SELECT is_empty($$ SELECT * FROM verify('web') $$, 'nothing is lost');

-- partitions
CREATE TABLE sales (id int, customer int, at date DEFAULT '2025-06-01', amount int DEFAULT 5, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (1000);
CREATE TABLE sales_2 (gone int, amount int DEFAULT 5, at date DEFAULT '2025-06-01', customer int, id int NOT NULL);
ALTER TABLE sales_2 DROP COLUMN gone;
ALTER TABLE sales ATTACH PARTITION sales_2 FOR VALUES FROM (1000) TO (2000);
INSERT INTO sales SELECT i, i FROM generate_series(1, 500) i;
SELECT create_scorecard('parts', 'sales', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT pg_temp.again('parts');
INSERT INTO sales SELECT i, i FROM generate_series(990, 1009) i;
SELECT is(pg_temp.again('parts'), 'incremental 20', 'rows for several partitions');
INSERT INTO sales_2 VALUES (5, '2025-06-01', 2000, 1500);
SELECT is(pg_temp.again('parts'), 'incremental 1', 'one of the partition itself');
UPDATE sales SET id = id + 1100 WHERE id BETWEEN 1 AND 10;
SELECT is(pg_temp.again('parts'), 'incremental 10', 'rows that move');
UPDATE sales SET id = id - 1100, customer = customer + 100 WHERE id BETWEEN 1101 AND 1105;
SELECT is(pg_temp.again('parts'), 'incremental 10', 'rows that move to another customer, too');
INSERT INTO sales VALUES (1, 3000), (1600, 3001), (6, 3002) ON CONFLICT (id) DO UPDATE SET amount = 9;
SELECT is(pg_temp.again('parts'), 'incremental 3', 'ON CONFLICT');
DELETE FROM sales WHERE id IN (20, 1600);
SELECT is(pg_temp.again('parts'), 'incremental 2', 'deleted from several partitions');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'nothing is lost');

-- parts of other tables
SELECT throws_ok($$ SELECT create_scorecard('part', 'sales_1', 'customer', 'at', 'amount', capture => 'trigger') $$, '0A000',
  'argument "capture": changes of public.sales_1 cannot be captured', 'a partition alone is not captured');
CREATE TABLE one (customer int, at date, amount int);
CREATE TABLE two (LIKE one);
CREATE TABLE both_of_them () INHERITS (one, two);
SELECT throws_ok($$ SELECT create_scorecard('part', 'one', 'customer', 'at', 'amount', capture => 'trigger') $$, '0A000',
  'argument "capture": changes of public.one cannot be captured', 'nor one whose child has another parent too');
ALTER TABLE both_of_them NO INHERIT two;
INSERT INTO one VALUES (9, '2025-06-01', 5);
SELECT lives_ok($$ SELECT create_scorecard('part', 'one', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger') $$, 'with its own children it is');
SELECT pg_temp.again('part');
INSERT INTO both_of_them VALUES (1, '2025-06-01', 5);
UPDATE one SET customer = 2;
INSERT INTO one VALUES (3, '2025-06-01', 5), (4, '2025-06-01', 5);
DELETE FROM one WHERE customer IN (2, 3);
SELECT is(pg_temp.again('part'), 'incremental 5', 'whatever the statement names');
SELECT is_empty($$ SELECT * FROM verify('part') $$, 'nothing is lost');
CREATE TABLE old_sales (LIKE sales INCLUDING DEFAULTS);
INSERT INTO old_sales VALUES (3500, 1);
SELECT create_scorecard('old', 'old_sales', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT pg_temp.again('old');
ALTER TABLE sales ATTACH PARTITION old_sales FOR VALUES FROM (3000) TO (4000);
INSERT INTO sales VALUES (3600, 2);
UPDATE sales SET customer = 3 WHERE id = 3600;
SELECT is((SELECT mode || ': ' || reason FROM refresh('old', 'auto', '2025-12-31')),
  'rebuild: the source became a part of another table, through which it changes unseen', 'one that becomes a partition is read whole');
SELECT is_empty($$ SELECT * FROM verify('old') $$, 'nothing is lost');
SELECT is(pg_temp.again('parts'), 'rebuild 2', 'and the other table notices its new partition');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'with all of its rows');

-- a former part, which keeps its triggers, in statements around and within those of the source
ALTER TABLE sales DETACH PARTITION sales_2;
INSERT INTO sales_2 VALUES (5, '2025-06-01', 3003, 1700);
ALTER TABLE sales ATTACH PARTITION sales_2 FOR VALUES FROM (1000) TO (2000);
SELECT is((SELECT mode || ': ' || reason FROM refresh('parts', 'auto', '2025-12-31')),
  'rebuild: the source was truncated, or a change could not be told by customer', 'changed while it was detached for a moment');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'nothing is lost');
ALTER TABLE sales DETACH PARTITION sales_2;
SELECT is(pg_temp.again('parts'), 'rebuild 0', 'detached for good');
CREATE FUNCTION pg_temp.archive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sales_2 (amount, at, customer, id) VALUES (NEW.amount, NEW.at, NEW.customer, NEW.id);
  RETURN NEW;
END $$;
CREATE TRIGGER archive BEFORE INSERT ON sales FOR EACH ROW EXECUTE FUNCTION pg_temp.archive();
INSERT INTO sales SELECT i, i FROM generate_series(601, 610) i;
SELECT is(pg_temp.again('parts'), 'incremental 10', 'copied into it, row by row');
DROP TRIGGER archive ON sales;
WITH moved AS (DELETE FROM sales_2 WHERE id BETWEEN 601 AND 605 RETURNING *)
INSERT INTO sales SELECT id + 100, customer, at, amount FROM moved;
SELECT is(pg_temp.again('parts'), 'incremental 5', 'moved out of it');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'nothing is lost');
-- names of columns change places, and the first partition has no rows to look at
CREATE TABLE swapped (customer int, other int, at date DEFAULT '2025-06-01', amount int DEFAULT 5) PARTITION BY LIST (amount);
CREATE TABLE swapped_0 PARTITION OF swapped FOR VALUES IN (77) PARTITION BY LIST (amount);
CREATE TABLE swapped_1 PARTITION OF swapped DEFAULT;
INSERT INTO swapped SELECT i, i + 500 FROM generate_series(1, 1000) i;
SELECT create_scorecard('swapped', 'swapped', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
CREATE PROCEDURE pg_temp.swap() LANGUAGE plpgsql AS $$
BEGIN
  ALTER TABLE swapped RENAME customer TO third;
  ALTER TABLE swapped RENAME other TO customer;
  ALTER TABLE swapped RENAME third TO other;
END $$;
CALL pg_temp.swap();
SELECT pg_temp.again('swapped');
CALL pg_temp.swap();
DELETE FROM swapped WHERE customer = 120;
UPDATE swapped SET amount = amount + 1 WHERE customer = 130;
CALL pg_temp.swap();
SELECT matches(pg_temp.again('swapped'), '^rebuild', 'names of columns that change places and back');
SELECT is_empty($$ SELECT * FROM verify('swapped') $$, 'nothing is lost');

-- a refresh within a large statement, and more keys than memory takes
CREATE TABLE large (customer int, at date DEFAULT '2025-06-01', amount int DEFAULT 5);
CREATE INDEX ON large (customer);
INSERT INTO large SELECT i FROM generate_series(1, 50000) i;
SELECT create_scorecard('large', 'large', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT pg_temp.again('large');
ANALYZE large, large_purchases;
CREATE FUNCTION pg_temp.refresh_within(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF i = 4200 THEN PERFORM pg_temp.again('large'); END IF;
  RETURN CASE WHEN i > 4200 THEN i - 1000 ELSE i END;
END $$;
INSERT INTO large SELECT pg_temp.refresh_within(i) FROM generate_series(1, 4700) i;
SELECT is(pg_temp.again('large'), 'incremental 4200', 'a refresh takes nothing from a statement that goes on');
SELECT is_empty($$ SELECT * FROM verify('large') $$, 'nothing is lost');
SET LOCAL maintenance_work_mem = '1MB';
INSERT INTO large SELECT i FROM generate_series(1, 300000) i;
SELECT is((SELECT array_agg(keys) FROM change_queue JOIN scorecard USING (scorecard_id) WHERE name = 'large'), '{0}', 'more than memory takes: everything may have changed');
INSERT INTO visits SELECT md5(i::text) FROM generate_series(1, 100000) i;
SELECT is((SELECT array_agg(keys) FROM change_queue JOIN scorecard USING (scorecard_id) WHERE name = 'web'), '{0}', 'keys by reference, too');
RESET maintenance_work_mem;
SELECT is(pg_temp.again('large'), 'rebuild 0', 'and all is read');
SELECT is(pg_temp.again('web'), 'rebuild 0', 'and all is read');
SELECT is_empty($$ SELECT * FROM verify('large') UNION ALL SELECT * FROM verify('web') $$, 'nothing is lost');

-- triggers that came to fire as others do
ALTER TABLE large DISABLE TRIGGER ALL;
ALTER TABLE large ENABLE TRIGGER ALL;
SELECT is((SELECT mode || ': ' || reason FROM refresh('large', 'auto', '2025-12-31')), 'rebuild: a capture trigger was missing', 'all triggers disabled and enabled');
SELECT is((SELECT string_agg(tgenabled::text, '' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'large'::regclass), 'OOOORAO', 'each fires again when it ought to');

-- one table captured twice, by different columns
CREATE TABLE gifts (giver int, receiver int, at date DEFAULT '2025-06-01', amount int DEFAULT 5);
INSERT INTO gifts SELECT i, i + 100 FROM generate_series(1, 100) i;
SELECT create_scorecard('giver', 'gifts', 'giver', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT add_metric('giver', 'received', 'count(*)', relation => 'gifts', key => 'receiver', weight => 1);
SELECT pg_temp.again('giver');
INSERT INTO gifts VALUES (1, 2), (3, 4);
SELECT is(pg_temp.again('giver'), 'incremental 4', 'one table, two keys');
DELETE FROM gifts WHERE giver = 5;
UPDATE gifts SET receiver = 7 WHERE giver = 8;
INSERT INTO gifts SELECT i, 101 - i FROM generate_series(1, 5) i;
SELECT is(pg_temp.again('giver'), 'incremental 13', 'of all kinds of statements');
SELECT is_empty($$ SELECT * FROM verify('giver') $$, 'nothing is lost');

-- others who write, and others who call
CREATE ROLE capture_writer;
CREATE ROLE capture_stranger;
CREATE VIEW order_entry AS SELECT * FROM orders;
GRANT INSERT, DELETE, SELECT ON order_entry TO capture_writer;
SELECT pg_temp.again('crm');
SET LOCAL ROLE capture_writer;
INSERT INTO public.order_entry SELECT i FROM generate_series(31, 33) i;
DELETE FROM public.order_entry WHERE customer = 34;
RESET ROLE;
SELECT is(pg_temp.again('crm'), 'incremental 4', 'a writer through a view, without rights on the table or on custprio');
-- a transaction in which the table was written would not do: another scorecard, whose table was not
CREATE TABLE quiet (customer int, at date, amount int);
SELECT create_scorecard('quiet', 'quiet', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
GRANT USAGE ON SCHEMA custprio TO capture_stranger;
CREATE SCHEMA hidden;
CREATE FUNCTION hidden.counts(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0';
CREATE TABLE filtered (customer int, at date, amount int);
CREATE INDEX ON filtered (customer);
INSERT INTO filtered SELECT i, '2025-06-01', 5 FROM generate_series(1, 1000) i;
SELECT create_scorecard('filtered', 'filtered', 'customer', 'at', 'amount', filter => 'hidden.counts(amount)', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT pg_temp.again('filtered');
GRANT INSERT, UPDATE, SELECT ON filtered TO capture_writer;
SET LOCAL ROLE capture_writer;
INSERT INTO filtered VALUES (1, '2025-06-01', 5);
UPDATE filtered SET amount = 6 WHERE customer = 2;
RESET ROLE;
SELECT is(pg_temp.again('filtered'), 'incremental 2', 'a writer who does not see what the declaration names');
-- a trigger of somebody else's that names the scorecard
CREATE SCHEMA theirs AUTHORIZATION capture_stranger;
GRANT INSERT, SELECT ON filtered TO capture_stranger;
SET LOCAL ROLE capture_stranger;
CREATE TABLE theirs.mine (customer int);
SELECT format($$ CREATE TRIGGER x AFTER INSERT ON theirs.mine FOR EACH STATEMENT EXECUTE FUNCTION custprio.capture(%L, 'source') $$, scorecard_id)
FROM custprio.scorecard WHERE name = 'filtered' \gexec
CREATE FUNCTION theirs.hide() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO theirs.mine VALUES (1); RETURN 1; END $$;
INSERT INTO public.filtered VALUES (3, '2025-06-01', 5), (4, '2025-06-01', 5) RETURNING theirs.hide();
RESET ROLE;
SELECT is(pg_temp.again('filtered'), 'incremental 2', 'does not hide what changes');
SELECT is_empty($$ SELECT * FROM verify('filtered') $$, 'nothing is lost');
SET LOCAL ROLE capture_stranger;
PREPARE locks AS INSERT INTO public.quiet VALUES (1);
SELECT lives_ok(format($$ SELECT count(custprio.capture_row(%L, i)) FROM generate_series(1, 9000) i $$,
  (SELECT scorecard_id || ' source' FROM custprio.scorecard WHERE name = 'quiet')), 'anybody can call it');
SELECT lives_ok(format($$ SELECT count(custprio.capture_row(%L, i::text)) FROM generate_series(1, 9000) i $$,
  (SELECT scorecard_id || ' source' FROM custprio.scorecard WHERE name = 'quiet')), 'with whatever');
SELECT lives_ok($$ SELECT count(custprio.capture_row('12345678901234 nothing', i)) FROM generate_series(1, 9000) i $$, 'for whatever');
SELECT throws_ok($$ SELECT custprio.capture_row('1 source', 'abcdef') $$, '39P01', NULL, 'with a value of some type');
SELECT throws_ok($$ SELECT custprio.capture_row('1 source', E'\x01\x02AAAA'::cstring) $$, '39P01', NULL, 'that is none of the C language');
SELECT throws_ok($$ SELECT custprio.capture_row('1source', 5) $$, '39P01', NULL, 'said as triggers say it');
SELECT throws_ok($$ SELECT custprio.capture_row('1 ' || repeat('x', 100), 5) $$, '39P01', NULL, 'and no longer');
RESET ROLE;
SELECT is(pg_temp.waiting('quiet'), 0::bigint, 'but that fills no queue');
SELECT pg_temp.again('crm');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'nothing is lost');
SELECT * FROM finish();
ROLLBACK;
