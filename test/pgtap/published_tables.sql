-- What an owner may add to a published table: columns, constraints, indexes, triggers and foreign keys all keep working,
-- although refreshes write by their own means.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
CREATE EXTENSION IF NOT EXISTS amcheck;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = warning;

SELECT plan(19);

CREATE TABLE src (c int, d date, a numeric(12,2));
INSERT INTO src SELECT i * 7919 % 300, date '2024-01-01' + i % 300, (i * 37 % 500) / 4.0 FROM generate_series(1, 3000) i;
SELECT create_scorecard('card', 'src', 'c', 'd', 'a', every => NULL, time_zone => 'UTC');
SELECT refresh('card', as_of => date '2024-12-31');
SELECT is((SELECT count(*) FROM card_priority), 300::bigint, 'published');

-- columns
ALTER TABLE card_priority ADD COLUMN note text DEFAULT 'new', ADD COLUMN seen int,
  ADD COLUMN top boolean GENERATED ALWAYS AS (priority > 90) STORED, ADD COLUMN serial bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE card_priority DROP COLUMN seen;
UPDATE card_priority SET note = 'call back' WHERE customer_id % 2 = 0;
CREATE TEMP TABLE numbered AS SELECT customer_id, serial FROM card_priority;
-- indexes of several kinds
CREATE INDEX by_segment ON card_priority (segment, monetary DESC) INCLUDE (note);
CREATE INDEX by_letter ON card_priority (lower(tier::text), note) WHERE monetary > 100;
CREATE INDEX by_hash ON card_priority USING hash (note);
CREATE INDEX by_brin ON card_priority USING brin (last_purchase);
CREATE UNIQUE INDEX by_serial ON card_priority (serial);

UPDATE src SET a = a * 5 WHERE c % 5 = 0;
INSERT INTO src SELECT 1000 + i, date '2024-11-01', i FROM generate_series(1, 50) i;
DELETE FROM src WHERE c BETWEEN 100 AND 119;
SELECT refresh('card', as_of => date '2024-12-31');

SELECT is((SELECT count(*) FROM card_priority WHERE note IS DISTINCT FROM CASE WHEN customer_id < 1000 AND customer_id % 2 = 0 THEN 'call back' ELSE 'new' END), 0::bigint,
  'added columns keep their values, and new rows get the default');
SELECT is((SELECT count(*) FROM card_priority WHERE top IS DISTINCT FROM (priority > 90)), 0::bigint, 'generated columns are generated');
SELECT is((SELECT count(*) FROM card_priority JOIN numbered USING (customer_id) WHERE card_priority.serial <> numbered.serial), 0::bigint, 'identity values stay');
SELECT is((SELECT count(DISTINCT serial) FROM card_priority), 330::bigint, 'and new rows get their own');

SET LOCAL enable_seqscan = off;
CREATE TEMP TABLE by_index AS
  SELECT (SELECT count(*) FROM card_priority WHERE segment > '') AS segment, (SELECT count(*) FROM card_priority WHERE lower(tier::text) = 'a' AND monetary > 100) AS letter,
    (SELECT count(*) FROM card_priority WHERE note = 'new') AS hash, (SELECT count(*) FROM card_priority WHERE last_purchase > '2024-10-01') AS brin;
SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
SELECT is((SELECT by_index FROM by_index), (SELECT row(
    (SELECT count(*) FROM card_priority WHERE segment > ''), (SELECT count(*) FROM card_priority WHERE lower(tier::text) = 'a' AND monetary > 100),
    (SELECT count(*) FROM card_priority WHERE note = 'new'), (SELECT count(*) FROM card_priority WHERE last_purchase > '2024-10-01'))::by_index), 'indexes find what a scan finds');
RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;
SELECT lives_ok(format('SELECT bt_index_check(%L, true)', indexrelid::regclass), 'sound: ' || indexrelid::regclass)
FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam AND amname = 'btree' WHERE indrelid = 'card_priority'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";

-- row triggers
CREATE TABLE audit (op text, customer_id int, old_tier text, new_tier text);
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.audit VALUES (TG_OP, coalesce(NEW.customer_id, OLD.customer_id), OLD.tier::text, NEW.tier::text);
  RETURN NULL;
END $$;
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.note := TG_OP;
  RETURN NEW;
END $$;
CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON card_priority FOR EACH ROW EXECUTE FUNCTION log_change();
CREATE TRIGGER mark BEFORE INSERT OR UPDATE ON card_priority FOR EACH ROW EXECUTE FUNCTION mark();
UPDATE src SET a = a * 5 WHERE c % 7 = 0;
INSERT INTO src SELECT 2000 + i, date '2024-12-01', i FROM generate_series(1, 10) i;
DELETE FROM src WHERE c BETWEEN 120 AND 129;
SELECT refresh('card', as_of => date '2024-12-31');
SELECT results_eq($$ SELECT count(*) FILTER (WHERE op = 'INSERT'), count(*) FILTER (WHERE op = 'UPDATE'), count(*) FILTER (WHERE op = 'DELETE') FROM audit $$,
  'SELECT inserted, updated, deleted FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1', 'row triggers fire once for each row written');
SELECT is_empty($$ SELECT customer_id, new_tier FROM audit WHERE op <> 'DELETE' EXCEPT SELECT customer_id, tier::text FROM card_priority $$, 'with the rows as published');
SELECT results_eq($$ SELECT count(*) FROM card_priority WHERE note IN ('INSERT', 'UPDATE') $$, $$ SELECT inserted + updated FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1 $$, 'and may change added columns');
DROP TRIGGER log ON card_priority;
DROP TRIGGER mark ON card_priority;

-- foreign keys
CREATE TABLE ticket (id int, customer_id int REFERENCES card_priority ON DELETE CASCADE);
INSERT INTO ticket SELECT customer_id, customer_id FROM card_priority;
DELETE FROM src WHERE c BETWEEN 130 AND 134;
SELECT refresh('card', as_of => date '2024-12-31');
SELECT is((SELECT count(*) FROM ticket WHERE id BETWEEN 130 AND 134), 0::bigint, 'deleting a customer cascades');
CREATE TABLE contract (customer_id int REFERENCES card_priority);
INSERT INTO contract VALUES (140);
CREATE TEMP TABLE before AS TABLE card_priority;
DELETE FROM src WHERE c = 140;
SELECT throws_ok($$ SELECT refresh('card', as_of => date '2024-12-31') $$, '23503', NULL, 'or is refused by a foreign key');
SELECT results_eq('SELECT * FROM card_priority ORDER BY customer_id', 'SELECT * FROM before ORDER BY customer_id', 'and then nothing is published');
INSERT INTO src VALUES (140, '2024-05-05', 20);

-- constraints
ALTER TABLE card_priority ADD CONSTRAINT modest CHECK (monetary < 1000000);
INSERT INTO src VALUES (150, '2024-05-05', 2000000);
SELECT throws_ok($$ SELECT refresh('card', as_of => date '2024-12-31') $$, '23514', NULL, 'a check constraint holds for updates');
DELETE FROM src WHERE a = 2000000;
INSERT INTO src VALUES (3000, '2024-05-05', 2000000);
SELECT throws_ok($$ SELECT refresh('card', as_of => date '2024-12-31') $$, '23514', NULL, 'and for new rows');

SELECT * FROM finish();
ROLLBACK;
