-- What becomes of capture when somebody alters the source: writers are never harmed, nothing is lost, and a declaration
-- that no longer fits is for the refresh to report.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(36);

CREATE FUNCTION pg_temp.again() RETURNS text LANGUAGE sql AS $$ SELECT mode FROM refresh('crm', 'auto', '2025-12-31') $$;
CREATE TABLE orders (gone int, customer int, at date, amount int, cancelled boolean DEFAULT false, note text);
INSERT INTO orders (customer, at, amount) SELECT i % 40, date '2025-01-01' + i, i FROM generate_series(1, 300) i;
CREATE INDEX ON orders (customer);
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', filter => 'NOT cancelled', every => NULL, time_zone => 'UTC', capture => 'trigger');
SELECT pg_temp.again();
SELECT is(pg_temp.again(), 'incremental', 'captured');

-- columns that nobody reads
ALTER TABLE orders DROP COLUMN gone;
INSERT INTO orders (customer, at, amount) VALUES (1, '2025-12-01', 50);
SELECT is(pg_temp.again(), 'incremental', 'a column dropped before the others');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'the same result');
ALTER TABLE orders ADD COLUMN extra int DEFAULT 5;
UPDATE orders SET extra = 6, note = 'x';
INSERT INTO orders (customer, at, amount) VALUES (1, '2025-12-01', 50);
SELECT is(pg_temp.again(), 'incremental', 'a column added');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'the same result');

-- a column that is read gets another name
ALTER TABLE orders RENAME COLUMN amount TO total;
SELECT lives_ok('INSERT INTO orders (customer, at, total) VALUES (2, ''2025-12-01'', 70)', 'writers do not notice a renamed column');
SELECT throws_like('SELECT pg_temp.again()', '%amount%does not exist%', 'the refresh says which argument no longer fits');
SELECT alter_scorecard('crm', amount => 'total');
SELECT is(pg_temp.again(), 'rebuild', 'told its new name, it reads everything');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'what came meanwhile is in');
INSERT INTO orders (customer, at, total) VALUES (3, '2025-12-01', 70);
SELECT is(pg_temp.again(), 'incremental', 'and is captured again');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'with the same result');
ALTER TABLE orders RENAME COLUMN customer TO client;
SELECT lives_ok('INSERT INTO orders (client, at, total) VALUES (2, ''2025-12-01'', 70)', 'the key too');
SELECT throws_like('SELECT pg_temp.again()', '%customer%does not exist%', 'can have another name');
ALTER TABLE orders RENAME COLUMN client TO customer;
INSERT INTO orders (customer, at, total) VALUES (4, '2025-12-01', 70);
SELECT is(pg_temp.again(), 'rebuild', 'given back, everything is read once, for what no key told');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'and nothing is lost');
-- names that change places
ALTER TABLE orders RENAME COLUMN cancelled TO was_cancelled;
ALTER TABLE orders ADD COLUMN cancelled boolean DEFAULT false;
UPDATE orders SET cancelled = true WHERE customer = 5;
SELECT pg_temp.again();
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'another column of the same name counts from now on');
UPDATE orders SET was_cancelled = true WHERE customer = 6;
UPDATE orders SET cancelled = true WHERE customer = 7;
SELECT is(pg_temp.again(), 'incremental', 'the plan of what is read follows');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'with the same result');

-- types
ALTER TABLE orders ALTER COLUMN total TYPE numeric(12,2);
INSERT INTO orders (customer, at, total) VALUES (8, '2025-12-01', 70.25);
SELECT pg_temp.again();
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'amounts of another type');
INSERT INTO orders (customer, at, total) VALUES (9, '2025-12-01', 70.25);
SELECT throws_ok('ALTER TABLE orders ALTER COLUMN customer TYPE bigint', '0A000', NULL, 'a captured key keeps its type, and the capture its promise');
SELECT throws_ok('ALTER TABLE orders DROP COLUMN customer', '2BP01', NULL, 'nor is it dropped by accident');
SELECT alter_scorecard('crm', capture => 'none');
ALTER TABLE orders ALTER COLUMN customer TYPE bigint;
SELECT throws_like('SELECT pg_temp.again()', '%type has changed%', 'without capture it can be altered, and the refresh says so');
ALTER TABLE orders ALTER COLUMN customer TYPE int;
SELECT alter_scorecard('crm', capture => 'trigger');
SELECT is(pg_temp.again(), 'rebuild', 'captured again, everything is read once');
INSERT INTO orders (customer, at, total) VALUES (11, '2025-12-01', 70.25);
SELECT is(pg_temp.again(), 'incremental', 'and goes on');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'and nothing is lost');
-- the key's name changes places
ALTER TABLE orders RENAME COLUMN customer TO former;
ALTER TABLE orders ADD COLUMN customer int;
UPDATE orders SET customer = former % 7;
INSERT INTO orders (customer, former, at, total) VALUES (3, 300, '2025-12-01', 70.25);
DELETE FROM orders WHERE former = 8;
SELECT is(pg_temp.again(), 'rebuild', 'another column of the key''s name');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'is the key from now on');
INSERT INTO orders (customer, former, at, total) VALUES (3, 300, '2025-12-01', 70.25);
SELECT is(pg_temp.again(), 'incremental', 'also for row triggers');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'which take keys from there');
ALTER TABLE orders DROP COLUMN former;

-- a column that is read goes
ALTER TABLE orders DROP COLUMN cancelled;
SELECT lives_ok('INSERT INTO orders (customer, at, total) VALUES (12, ''2025-12-01'', 70)', 'writers do not notice a dropped column');
SELECT throws_like('SELECT pg_temp.again()', '%cancelled%does not exist%', 'the refresh does');
SELECT alter_scorecard('crm', reset => '{filter}');
SELECT is(pg_temp.again(), 'rebuild', 'without the filter it goes on');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'and nothing is lost');

-- the table is exchanged for another of its name
ALTER TABLE orders RENAME TO orders_old;
CREATE TABLE orders (customer int, at date, total numeric);
INSERT INTO orders SELECT customer, at, total + 1 FROM orders_old;
SELECT is(pg_temp.again(), 'rebuild', 'another table of the same name is read');
INSERT INTO orders VALUES (13, '2025-12-01', 70.25);
SELECT is(pg_temp.again(), 'incremental', 'and captured');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'with the same result');
SELECT * FROM finish();
ROLLBACK;
