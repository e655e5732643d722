-- refresh_on_commit: order and tier in one transaction
CREATE SCHEMA at_commit;
SET search_path = at_commit, custprio;
SET client_min_messages = warning;
CREATE TABLE orders (customer int, at date, amount int);
INSERT INTO orders SELECT i % 50, current_date - 1 - i % 200, i FROM generate_series(1, 500) i;
CREATE INDEX ON orders (customer);

-- the option
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, refresh_on_commit => true);
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', rebase_every => '1 mon', capture => 'trigger');
SELECT alter_scorecard('crm', refresh_on_commit => true);
SELECT alter_scorecard('crm', capture => 'none');
SELECT refresh_on_commit FROM scorecard WHERE name = 'crm';

CREATE VIEW runs AS SELECT status, started_by, mode, queued, inserted, updated, deleted FROM refresh_run JOIN scorecard USING (scorecard_id)
  WHERE name = 'crm' ORDER BY run_id;
CREATE VIEW latest AS SELECT * FROM runs OFFSET greatest(0, (SELECT count(*) - 1 FROM runs));
CREATE VIEW agrees AS SELECT count(*) = (SELECT sum(frequency) FROM crm_priority) AS agrees, (SELECT count(*) FROM change_queue) AS queued FROM orders WHERE amount >= 0;

-- a statement of its own; the first refresh is a rebuild
INSERT INTO orders VALUES (1001, current_date - 1, 10000);
SELECT * FROM latest;
SELECT customer_id, tier IS NOT NULL AS tier FROM crm_priority WHERE customer_id = 1001;
INSERT INTO orders VALUES (1002, current_date - 1, 10000);
SELECT * FROM latest;
SELECT customer_id, previous_tier, tier IS NOT NULL AS tier, reason FROM crm_tier_history WHERE customer_id = 1002;

-- a transaction of several statements is refreshed once, at its end
BEGIN;
INSERT INTO orders VALUES (1003, current_date - 1, 10000);
UPDATE orders SET amount = amount + 1 WHERE customer = 7;
DELETE FROM orders WHERE customer = 8;
SELECT count(*) FROM crm_priority WHERE customer_id IN (1003, 8);
COMMIT;
SELECT * FROM latest;
SELECT customer_id FROM crm_priority WHERE customer_id IN (1003, 8);
SELECT * FROM agrees;

-- an abort leaves no trace, and so does what goes back to a savepoint
SELECT count(*) AS before FROM refresh_run \gset
BEGIN;
INSERT INTO orders VALUES (1004, current_date - 1, 1);
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO orders VALUES (1004, current_date - 1, 1);
ROLLBACK TO a;
COMMIT;
SELECT count(*) - :before AS more_runs, (SELECT count(*) FROM change_queue) AS queued, (SELECT count(*) FROM crm_priority WHERE customer_id = 1004) AS published FROM refresh_run;
BEGIN;
SAVEPOINT a;
INSERT INTO orders VALUES (1004, current_date - 1, 1);
RELEASE a;
SAVEPOINT b;
INSERT INTO orders VALUES (1005, current_date - 1, 1);
ROLLBACK TO b;
COMMIT;
SELECT * FROM latest;
SELECT * FROM agrees;

-- what changes nothing that counts refreshes nothing
SELECT count(*) AS before FROM refresh_run \gset
UPDATE orders SET amount = amount;
UPDATE orders SET amount = 0 WHERE false;
SELECT count(*) - :before AS more_runs FROM refresh_run;

-- procedures that commit, functions that catch errors, deferred triggers that write once more
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO at_commit.orders VALUES (1010 + i, current_date - 1, i); COMMIT; END LOOP; END $$;
CALL commits();
SELECT count(*) FROM crm_priority WHERE customer_id BETWEEN 1011 AND 1013;
DO $$ BEGIN
  INSERT INTO at_commit.orders VALUES (1020, current_date - 1, 5);
  BEGIN INSERT INTO at_commit.orders VALUES (1021, current_date - 1, 5); RAISE EXCEPTION 'undo'; EXCEPTION WHEN raise_exception THEN NULL; END;
END $$;
SELECT customer_id FROM crm_priority WHERE customer_id BETWEEN 1020 AND 1021;
CREATE FUNCTION gift() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.amount > 500000 THEN INSERT INTO at_commit.orders VALUES (NEW.customer, NEW.at, 0); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER gift AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gift();
INSERT INTO orders VALUES (1030, current_date - 1, 600000);
SELECT customer_id, frequency FROM crm_priority WHERE customer_id = 1030;
DROP TRIGGER gift ON orders;
SELECT * FROM agrees;

-- by whom: a writer needs no right, and gets none
CREATE ROLE at_commit_clerk;
GRANT USAGE ON SCHEMA at_commit TO at_commit_clerk;
GRANT INSERT ON orders TO at_commit_clerk;
CREATE TABLE seen (who text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO at_commit.seen VALUES (current_user); RETURN NEW; END $$;
CREATE TRIGGER see BEFORE INSERT ON crm_priority FOR EACH ROW EXECUTE FUNCTION see();
SET ROLE at_commit_clerk;
INSERT INTO at_commit.orders VALUES (1040, current_date - 1, 5);
SELECT count(*) FROM at_commit.crm_priority;
RESET ROLE;
SELECT who = current_user AS as_owner FROM seen;
SELECT * FROM latest;
DROP TRIGGER see ON crm_priority;

-- a refresh that fails costs nobody an order, and leaves nothing half done
ALTER TABLE crm_priority ADD CONSTRAINT refuses CHECK (customer_id <> 1050);
INSERT INTO orders VALUES (1050, current_date - 1, 5), (1051, current_date - 1, 5);
SELECT count(*) FROM orders WHERE customer IN (1050, 1051);
SELECT count(*) FROM crm_priority WHERE customer_id IN (1050, 1051);
SELECT status, started_by, message, failures FROM refresh_run ORDER BY run_id DESC LIMIT 1;
SELECT count(*) FROM change_queue;
SET ROLE at_commit_clerk;
INSERT INTO at_commit.orders VALUES (1052, current_date - 1, 5);
RESET ROLE;
SELECT failures FROM refresh_run ORDER BY run_id DESC LIMIT 1;
ALTER TABLE crm_priority DROP CONSTRAINT refuses;
INSERT INTO orders VALUES (1053, current_date - 1, 5);
SELECT * FROM latest;
SELECT * FROM agrees;
SELECT * FROM verify('crm');

-- pausing, switching it off and on again
SELECT pause('crm');
INSERT INTO orders VALUES (1060, current_date - 1, 5);
SELECT count(*) FROM crm_priority WHERE customer_id = 1060;
SELECT resume('crm');
INSERT INTO orders VALUES (1061, current_date - 1, 5);
SELECT count(*) FROM crm_priority WHERE customer_id IN (1060, 1061);
SELECT alter_scorecard('crm', reset => '{refresh_on_commit}');
INSERT INTO orders VALUES (1062, current_date - 1, 5);
SELECT count(*) FROM crm_priority WHERE customer_id = 1062;
BEGIN;
SELECT alter_scorecard('crm', refresh_on_commit => true);
INSERT INTO orders VALUES (1063, current_date - 1, 5);
COMMIT;
SELECT count(*) FROM crm_priority WHERE customer_id IN (1062, 1063);

-- a transaction that became read-only leaves it to the next
BEGIN;
INSERT INTO orders VALUES (1070, current_date - 1, 5);
SET TRANSACTION READ ONLY;
COMMIT;
SELECT count(*) FROM orders WHERE customer = 1070;
SELECT count(*) FROM crm_priority WHERE customer_id = 1070;

-- COPY, TRUNCATE, a dropped trigger
COPY orders FROM stdin;
1080	2020-01-01	5
1081	2020-01-01	5
\.
SELECT * FROM latest;
TRUNCATE orders;
SELECT * FROM latest;
SELECT count(*) FROM crm_priority;
INSERT INTO orders VALUES (1, current_date - 1, 5);
SELECT * FROM latest;
DO $$ BEGIN EXECUTE (SELECT format('DROP TRIGGER %I ON at_commit.orders', tgname) FROM pg_trigger WHERE tgrelid = 'at_commit.orders'::regclass AND tgname ~ 'capture_.*_delete$'); END $$;
INSERT INTO orders VALUES (2, current_date - 1, 5);
SELECT count(*) FROM crm_priority WHERE customer_id = 2;
SELECT mode, reason FROM refresh('crm');
INSERT INTO orders VALUES (3, current_date - 1, 5);
SELECT count(*) FROM crm_priority WHERE customer_id = 3;

-- two scorecards on one source
SELECT create_scorecard('second', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', rebase_every => '1 mon', capture => 'trigger', refresh_on_commit => true);
INSERT INTO orders VALUES (4, current_date - 1, 5);
SELECT (SELECT count(*) FROM crm_priority), (SELECT count(*) FROM second_priority);
-- refreshes write past triggers
SELECT create_scorecard('chain', 'crm_priority', 'customer_id', 'last_purchase', 'monetary', amount_scale => 0, every => NULL, capture => 'trigger');

-- what was touched may be gone at the end
BEGIN;
INSERT INTO orders VALUES (6, current_date - 1, 5);
SELECT drop_scorecard('second');
COMMIT;
SELECT count(*) FROM crm_priority WHERE customer_id = 6;
BEGIN;
INSERT INTO orders VALUES (7, current_date - 1, 5);
DROP TABLE orders CASCADE;
COMMIT;
SELECT status, message FROM refresh_run ORDER BY run_id DESC LIMIT 1;

SELECT drop_scorecard('crm');
DROP SCHEMA at_commit CASCADE;
DROP ROLE at_commit_clerk;
