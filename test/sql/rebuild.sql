-- What owners do to published tables, and when thresholds are kept: a refresh serves it or says what is wrong.
SET search_path = custprio, public;
SET TimeZone = 'UTC';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA shop;
SET search_path = shop, custprio;
CREATE TABLE orders (customer int, at date, amount numeric(12,2));
INSERT INTO orders SELECT i % 40, date '2024-01-01' + i * 7 % 300, i * 37 % 500 + 1 FROM generate_series(1, 400) i;
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, clv_model => 'none');
-- What the latest refresh wrote
CREATE VIEW wrote AS SELECT mode, rebased, inserted, updated, deleted, state_written FROM refresh_run ORDER BY run_id DESC LIMIT 1;
CREATE FUNCTION again(mode text DEFAULT 'rebuild') RETURNS SETOF wrote LANGUAGE sql AS $$
  SELECT mode, rebased, inserted, updated, deleted, state_written FROM refresh('crm', mode, '2024-12-31') $$;
SELECT * FROM again();
SELECT * FROM again();

-- Thresholds within an epoch
INSERT INTO orders SELECT 100 + i, date '2024-12-01', 100000 + i FROM generate_series(1, 10) i;
CREATE TABLE thresholds AS SELECT metric, kind, breaks FROM threshold JOIN epoch USING (scorecard_id, run_id);
CREATE FUNCTION thresholds_kept() RETURNS boolean LANGUAGE sql AS $$
  SELECT NOT EXISTS (SELECT metric, kind, breaks FROM threshold JOIN epoch USING (scorecard_id, run_id) EXCEPT SELECT * FROM thresholds) $$;
SELECT mode, rebased, inserted, updated, thresholds_kept() FROM again('auto');
SELECT tier, abc, count(*) FROM crm_priority WHERE customer_id > 100 GROUP BY 1, 2;
SELECT * FROM again('auto');
SELECT mode, rebased, updated > 0 AS updated, thresholds_kept() FROM again('rescore');
SELECT tier, abc, count(*) FROM crm_priority WHERE customer_id > 100 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM again('auto');
DELETE FROM orders WHERE customer > 100;
SELECT mode, rebased, deleted FROM again('auto');
SELECT mode, rebased, thresholds_kept() FROM again('rebuild');
SELECT mode, rebased FROM refresh('crm', 'auto', '2025-01-01');
-- A changed declaration ends the epoch, too.
SELECT alter_scorecard('crm', bins => 4, segment_map => NULL, reset => '{segment_map}');
SELECT mode, rebased FROM again('auto');

-- Added columns: a default, a sequence, a computed one, a domain's default; their values stay when rows change.
CREATE DOMAIN state AS text DEFAULT 'new' CHECK (VALUE <> '');
ALTER TABLE crm_priority ADD note text NOT NULL DEFAULT 'none', ADD number int GENERATED ALWAYS AS IDENTITY,
  ADD twice numeric GENERATED ALWAYS AS (monetary * 2) STORED, ADD state state, ADD called_by text, ADD gone int;
ALTER TABLE crm_priority DROP COLUMN gone;
ALTER TABLE crm_priority ADD CHECK (twice <= 40000);
ALTER TABLE crm_tier_history ADD seen_by text NOT NULL DEFAULT 'nobody';
ALTER TABLE crm_purchases ADD first_seen date NOT NULL DEFAULT '2024-12-31';
SELECT * FROM again();
UPDATE crm_priority SET note = 'friend', called_by = 'Ada' WHERE customer_id = 7;
UPDATE crm_purchases SET first_seen = '2023-01-01' WHERE customer_id = 7;
INSERT INTO orders VALUES (7, '2024-12-30', 1), (200, '2024-12-30', 15000);
SELECT inserted, updated > 1 AS updated, state_written FROM again();
SELECT customer_id, frequency, note, number > 40 AS later, twice = monetary * 2 AS twice, state, called_by FROM crm_priority WHERE customer_id IN (7, 200) ORDER BY 1;
SELECT customer_id, first_seen FROM crm_purchases WHERE customer_id IN (7, 200) ORDER BY 1;
SELECT customer_id, tier, seen_by FROM crm_tier_history WHERE customer_id = 200;
-- Constraints hold, whether the row is new or not.
INSERT INTO orders VALUES (201, '2024-12-30', 30000);
SELECT * FROM again();
UPDATE orders SET customer = 200 WHERE customer = 201;
SELECT * FROM again();
ALTER TABLE crm_priority DROP CONSTRAINT crm_priority_twice_check;
SELECT inserted, updated > 0 AS updated FROM again();

-- Triggers of rows, also constraint triggers, fire; those of statements do not, as in logical replication.
CREATE TABLE seen (event text, customer_id int, tier text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_LEVEL = 'STATEMENT' THEN
    INSERT INTO shop.seen VALUES (concat_ws(' ', TG_WHEN, TG_OP, 'statement'));
    RETURN NULL;
  END IF;
  INSERT INTO shop.seen VALUES (concat_ws(' ', TG_WHEN, TG_OP), CASE TG_OP WHEN 'DELETE' THEN OLD.customer_id ELSE NEW.customer_id END,
                           (CASE TG_OP WHEN 'DELETE' THEN OLD.tier ELSE NEW.tier END)::text);
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON crm_priority FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER b AFTER INSERT OR UPDATE OR DELETE ON crm_priority FOR EACH ROW EXECUTE FUNCTION see();
CREATE CONSTRAINT TRIGGER c AFTER INSERT ON crm_priority FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER s AFTER INSERT OR UPDATE OR DELETE ON crm_priority FOR EACH STATEMENT EXECUTE FUNCTION see();
DELETE FROM orders WHERE customer = 200;
INSERT INTO orders VALUES (300, '2024-12-30', 1), (300, '2024-12-30', 2);
SELECT inserted, deleted FROM again();
SELECT event, customer_id, count(*) FROM seen WHERE customer_id >= 200 OR customer_id IS NULL GROUP BY 1, 2 ORDER BY 1, 2;
-- A trigger that changes the row or keeps it back: that is what is there, and the next refresh tries again.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.note := 'by trigger';
  RETURN CASE WHEN NEW.customer_id <> 301 THEN NEW END;
END $$;
CREATE TRIGGER m BEFORE INSERT OR UPDATE ON crm_priority FOR EACH ROW EXECUTE FUNCTION meddle();
INSERT INTO orders VALUES (301, '2024-12-30', 1), (302, '2024-12-30', 2);
SELECT count(*) FROM again();
SELECT customer_id, note FROM crm_priority WHERE customer_id > 300;
SELECT count(*) FROM again();
SELECT customer_id, note FROM crm_priority WHERE customer_id > 300;
DROP TRIGGER m ON crm_priority;
-- One that fails is the refresh's failure; the last good table stays.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not for sale'; END $$;
CREATE TRIGGER r AFTER INSERT ON crm_priority FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT * FROM again();
SELECT count(*) FROM crm_priority WHERE customer_id = 301;
DROP TRIGGER r ON crm_priority;
DROP TRIGGER a ON crm_priority; DROP TRIGGER b ON crm_priority; DROP TRIGGER c ON crm_priority; DROP TRIGGER s ON crm_priority;
SELECT inserted FROM again();

-- References from other tables
CREATE TABLE visits (customer_id int REFERENCES crm_priority);
INSERT INTO visits VALUES (301);
DELETE FROM orders WHERE customer = 301;
SELECT * FROM again();
ALTER TABLE visits DROP CONSTRAINT visits_customer_id_fkey, ADD FOREIGN KEY (customer_id) REFERENCES crm_priority ON DELETE CASCADE;
SELECT deleted FROM again();
SELECT * FROM visits;
ALTER TABLE visits DROP CONSTRAINT visits_customer_id_fkey, ADD FOREIGN KEY (customer_id) REFERENCES crm_priority DEFERRABLE INITIALLY DEFERRED;
DELETE FROM orders WHERE customer = 302;
SELECT * FROM again();
DROP TABLE visits;
SELECT deleted FROM again();
-- Further indexes, also unique and deferrable
CREATE INDEX ON crm_priority (lower(note)) WHERE customer_id > 5;
ALTER TABLE crm_priority ADD UNIQUE (number) DEFERRABLE;
ALTER TABLE crm_priority ADD EXCLUDE USING btree (number WITH =) DEFERRABLE INITIALLY DEFERRED;
INSERT INTO orders VALUES (303, '2024-12-30', 3);
SELECT * FROM again();
ALTER TABLE crm_priority DROP CONSTRAINT crm_priority_number_excl;
SELECT inserted FROM again();

-- Row security holds for readers; the refresh publishes all rows.
ALTER TABLE crm_priority ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY nothing ON crm_priority USING (false);
ALTER TABLE crm_purchases ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
INSERT INTO orders VALUES (304, '2024-12-30', 4);
SELECT inserted FROM again();
SELECT inserted, updated, deleted, state_written FROM again('rescore');
ALTER TABLE crm_priority NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE crm_purchases NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;

-- Columns that are missing or of another type
ALTER TABLE crm_priority RENAME COLUMN abc TO class;
SELECT * FROM again();
ALTER TABLE crm_priority RENAME COLUMN class TO abc;
ALTER TABLE crm_priority ALTER frequency TYPE int;
SELECT * FROM again();
ALTER TABLE crm_tier_history DROP COLUMN reason;
SELECT * FROM again();
ALTER TABLE crm_tier_history ADD reason text;
ALTER TABLE crm_purchases DROP COLUMN next_day;
SELECT * FROM again();
ALTER TABLE crm_purchases ADD next_day date;
ALTER TABLE crm_purchases ALTER customer_id TYPE bigint;
SELECT * FROM again();
ALTER TABLE crm_purchases ALTER customer_id TYPE int;
SELECT count(*) FROM again();
-- Rows that only dropped constraints let in
ALTER TABLE crm_purchases ALTER summary DROP NOT NULL;
UPDATE crm_purchases SET summary = NULL WHERE customer_id = 3;
SELECT * FROM again();
SELECT * FROM again('rescore');
DELETE FROM crm_purchases WHERE summary IS NULL;
ALTER TABLE crm_purchases DROP CONSTRAINT crm_purchases_pkey, ALTER customer_id DROP NOT NULL;
INSERT INTO crm_purchases SELECT * FROM crm_purchases WHERE customer_id = 4;
SELECT * FROM again('rescore');
UPDATE crm_purchases SET customer_id = NULL WHERE customer_id = 4;
SELECT * FROM again('rescore');
DELETE FROM crm_purchases WHERE customer_id IS NULL;
ALTER TABLE crm_purchases ADD PRIMARY KEY (customer_id);
ALTER TABLE crm_priority DROP CONSTRAINT crm_priority_pkey, ALTER customer_id DROP NOT NULL;
UPDATE crm_priority SET customer_id = NULL WHERE customer_id = 4;
SELECT * FROM again();
DELETE FROM crm_priority WHERE customer_id IS NULL;
-- A primary key of the owner's own, before there are rows
SELECT create_scorecard('own', 'orders', 'customer::text', 'at', 'amount', every => NULL, clv_model => 'none');
ALTER TABLE own_priority DROP CONSTRAINT own_priority_pkey, ADD number text DEFAULT md5(random()::text) PRIMARY KEY;
ALTER TABLE own_purchases DROP CONSTRAINT own_purchases_pkey, ADD number text DEFAULT md5(random()::text) PRIMARY KEY;
SELECT inserted > 0 AS inserted FROM refresh('own', as_of => '2024-12-31');
SET enable_seqscan = off;
SELECT count(*) FROM own_priority p WHERE number = (SELECT o.number FROM own_priority o WHERE o.customer_id = '7');
RESET enable_seqscan;
SELECT inserted, updated, deleted, state_written FROM refresh('own', as_of => '2024-12-31');
SELECT drop_scorecard('own');
-- Healed
SELECT inserted, state_written FROM again();
SELECT inserted, updated, deleted, state_written FROM again();

SELECT drop_scorecard('crm');
RESET search_path;
DROP SCHEMA shop CASCADE;
