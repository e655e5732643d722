-- Refreshing by hand, the account of it, who may see it, and the switches.
SET search_path = custprio, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';

CREATE ROLE regress_run_owner;
CREATE ROLE regress_run_member IN ROLE regress_run_owner;
CREATE ROLE regress_run_other;
CREATE ROLE regress_run_monitor IN ROLE pg_monitor;
CREATE SCHEMA shop AUTHORIZATION regress_run_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE regress_run_owner;
CREATE TABLE shop.orders (customer int, ordered_on date, amount numeric(10,2));
INSERT INTO shop.orders SELECT i % 20, date '2024-01-01' + i, i FROM generate_series(1, 100) i;
SELECT create_scorecard('run', 'shop.orders', 'customer', 'ordered_on', 'amount', every => NULL, time_zone => 'UTC', schema => 'shop');
SELECT running_since, failures, last_success, next_due, served, reason IS NOT NULL AS reason FROM custprio.status;

-- In the caller's transaction: one row, which goes with the transaction.
SELECT run_id > 0 AS numbered, status, started_by, pid = pg_backend_pid() AS mine, started_at <= finished_at AS in_order,
       requested, mode, as_of, rows_read, purchases, customers, buyers, inserted, failures, sqlstate, message
FROM refresh('run', as_of => '2024-06-01');
BEGIN;
SELECT status, mode, inserted, updated, deleted FROM refresh('run', 'rescore', '2024-06-01');
ROLLBACK;
SELECT status, requested, mode FROM refresh_run ORDER BY run_id;
SELECT status, requested, mode FROM refresh('run', mode => 'rebuild', as_of => '2024-06-01');
SELECT scorecard, schema, owner, as_of, customers, failures, last_error FROM custprio.status;

-- Several in one transaction, and in a block that is rolled back.
DO $$
DECLARE n int;
BEGIN
  BEGIN
    PERFORM refresh('run', 'rebuild', '2024-06-02');
    RAISE EXCEPTION 'undone';
  EXCEPTION WHEN raise_exception THEN NULL;
  END;
  PERFORM refresh('run', 'rebuild', '2024-06-01');
END $$;
SELECT count(*), max(as_of) FROM refresh_run;

-- Arguments.
SELECT refresh(NULL);
SELECT refresh('run', NULL);
SELECT refresh('nobody');
SELECT refresh('run', 'everything');
SELECT refresh('run', 'incremental');
SELECT refresh('run', as_of => 'infinity');
CALL run_refresh(NULL);
CALL run_refresh('nobody');
CALL run_refresh('run', 'incremental');
SELECT pause(NULL);
SELECT pause('nobody');
BEGIN READ ONLY;
SELECT refresh('run');
ROLLBACK;

-- run_refresh() takes transactions of its own.
CALL run_refresh('run', 'rebuild', '2024-06-01');
BEGIN;
CALL run_refresh('run');
ROLLBACK;
DO $$ BEGIN CALL custprio.run_refresh('run', 'rescore', '2024-06-01'); END $$;
DO $$
BEGIN
  CALL custprio.run_refresh('run');
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%: %', SQLSTATE, SQLERRM;
END $$;
SELECT status, started_by, requested, mode FROM refresh_run ORDER BY run_id DESC LIMIT 2;

-- A refresh that fails: the row of run_refresh() stays, and the published table is untouched.
ALTER TABLE shop.orders RENAME COLUMN amount TO total;
CALL run_refresh('run');
CALL run_refresh('run');
SELECT refresh('run');
SELECT status, sqlstate, message, failures, context FROM refresh_run WHERE status <> 'ok' ORDER BY run_id;
SELECT customers, failures, error_code, last_error FROM custprio.status;
SELECT count(*) FROM shop.run_priority WHERE tier IS NOT NULL;
ALTER TABLE shop.orders RENAME COLUMN total TO amount;
CALL run_refresh('run', as_of => '2024-06-01');
SELECT status, failures, sqlstate FROM refresh_run ORDER BY run_id DESC LIMIT 1;
SELECT failures, error_code, last_error FROM custprio.status;
-- the session's lock is not left behind
SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'custprio.scorecard'::regclass;

-- max_runtime bounds both, and statement_timeout goes on beside it.
CREATE VIEW shop.slow AS SELECT o.* FROM shop.orders o, (SELECT pg_sleep(60) OFFSET 0) s;
SELECT create_scorecard('slow', 'shop.slow', 'customer', 'ordered_on', 'amount', every => NULL, time_zone => 'UTC', schema => 'shop', max_runtime => '1 second');
SELECT refresh('slow');
CALL run_refresh('slow');
SELECT alter_scorecard('slow', max_runtime => '1 hour');
\set SHOW_CONTEXT never
SET statement_timeout = '1s';
SELECT refresh('slow');
CALL run_refresh('slow');
RESET statement_timeout;
\set SHOW_CONTEXT errors
RESET ROLE;
SET custprio.max_runtime = 1;
SELECT alter_scorecard('slow', reset => '{max_runtime}');
SELECT refresh('slow');
RESET custprio.max_runtime;
SELECT status, sqlstate, message FROM refresh_run JOIN scorecard USING (scorecard_id) WHERE name = 'slow' ORDER BY run_id;
SELECT drop_scorecard('slow');
SET ROLE regress_run_owner;

-- No refresh inside a refresh.
CREATE FUNCTION shop.again() RETURNS boolean LANGUAGE sql AS $$ SELECT status = 'ok' FROM custprio.refresh('run') $$;
CREATE VIEW shop.nested AS SELECT o.* FROM shop.orders o, (SELECT shop.again() AS again OFFSET 0) a WHERE again;
SELECT create_scorecard('nested', 'shop.nested', 'customer', 'ordered_on', 'amount', every => NULL, time_zone => 'UTC', schema => 'shop');
SELECT refresh('nested');
SELECT drop_scorecard('nested');

-- Who may do what.
SET ROLE regress_run_other;
SELECT refresh('run');
CALL run_refresh('run');
SELECT pause('run');
SELECT resume('run');
SELECT resume_all();
SELECT (SELECT count(*) FROM custprio.status) AS status, (SELECT count(*) FROM refresh_run) AS runs,
       (SELECT count(*) FROM threshold) AS thresholds, (SELECT count(*) FROM epoch) AS epochs,
       (SELECT count(*) FROM scorecard) AS declarations;
SELECT * FROM schedule;
DELETE FROM refresh_run;
UPDATE scorecard SET paused = true;
INSERT INTO identity VALUES (true, '1', 1);
SET ROLE regress_run_monitor;
SELECT refresh('run');
SELECT (SELECT count(*) FROM custprio.status) AS status, (SELECT count(*) > 0 FROM refresh_run) AS runs,
       (SELECT count(*) > 0 FROM threshold) AS thresholds, (SELECT count(*) FROM epoch) AS epochs;
SET ROLE regress_run_member;
SELECT status FROM refresh('run', as_of => '2024-06-01');
CALL run_refresh('run', as_of => '2024-06-01');
SELECT pause('run');
SELECT paused, served FROM custprio.status;
SELECT resume('run');
SELECT paused FROM custprio.status;
RESET ROLE;

-- The schedule.
SELECT alter_scorecard('run', every => '1 hour');
UPDATE refresh_run SET started_at = '2024-06-01 10:00+0', finished_at = '2024-06-01 10:05+0';
SELECT name, next_due, last_status FROM schedule;
SELECT alter_scorecard('run', bins => 3);
SELECT next_due AS "at once, because it changed" FROM schedule;
UPDATE refresh_run SET status = 'failed', failures = 1 WHERE run_id = (SELECT max(run_id) FROM refresh_run);
SELECT next_due BETWEEN '2024-06-01 10:05:30+0' AND '2024-06-01 10:05:34+0' AS "soon, because it failed" FROM schedule;
SELECT pause('run');
SELECT next_due FROM schedule;
SELECT resume('run');
SELECT bool_and(retry_delay('1 h', f, 5) <= retry_delay('1 h', f + 1, 5)) FROM generate_series(1, 9) f;
SELECT retry_delay('178000000 years', 2147483647, 5) > '0' AS "no overflow", retry_delay(NULL, 1, 1);

-- A copy of the database is not served until it is told to be.
SELECT system_identifier || '/' || database_oid = database_identity() AS recorded FROM identity;
UPDATE identity SET database_oid = 1;
SELECT count(*) FROM custprio.status WHERE served;
SELECT resume_all();
SELECT system_identifier || '/' || database_oid = database_identity() AS recorded FROM identity;

-- A deferrable foreign key to the published table is reported.
CREATE TABLE shop.letters (customer int REFERENCES shop.run_priority DEFERRABLE);
SELECT w FROM custprio.status, unnest(warnings) w WHERE w LIKE '%key%';
DROP TABLE shop.letters;

-- Old runs go with their thresholds, except the latest, the latest success and the epoch's.
TRUNCATE refresh_run, threshold, epoch;
SELECT status FROM refresh('run', as_of => '2024-06-01');
INSERT INTO refresh_run (run_id, scorecard_id, status, started_by, started_at, finished_at, requested)
OVERRIDING SYSTEM VALUE
SELECT -i, scorecard_id, 'ok', 'worker', now() - '40 days'::interval, now() - '40 days'::interval, 'auto'
FROM scorecard, generate_series(1, 3) i;
INSERT INTO threshold SELECT scorecard_id, -i, 'recency', 'rfm', '{}' FROM scorecard, generate_series(1, 3) i;
SELECT count(*) FILTER (WHERE run_id < 0) AS old FROM refresh_run;
SELECT status FROM refresh('run', 'rescore', '2024-06-01');
SELECT count(*) FILTER (WHERE run_id < 0) AS old, count(*) FILTER (WHERE run_id > 0) AS young FROM refresh_run;
SELECT count(*) FILTER (WHERE run_id < 0) AS old, count(*) FILTER (WHERE run_id > 0) > 0 AS young FROM threshold;
UPDATE refresh_run SET finished_at = now() - '40 days'::interval;
SELECT run_id <> (SELECT max(run_id) FROM refresh_run) AS "older thresholds hold" FROM epoch;
SELECT status FROM refresh('run', 'rescore', '2024-06-01');
SELECT count(*) FILTER (WHERE run_id = (SELECT run_id FROM epoch)) AS epoch, count(*) FROM refresh_run;
SELECT count(*) > 0 AS kept FROM threshold JOIN epoch USING (run_id);
-- and one that a crash cut off is closed by whoever comes next
INSERT INTO refresh_run (scorecard_id, status, started_by, pid, started_at, requested)
SELECT scorecard_id, 'running', 'worker', 1, now() - '1 minute'::interval, 'auto' FROM scorecard;
SELECT status FROM refresh('run', as_of => '2024-06-01');
SELECT status, sqlstate, message, failures FROM refresh_run ORDER BY run_id DESC LIMIT 2;

-- A broken scorecard can be paused, but only by whom it belongs to; without its table that is the recorded owner.
SELECT alter_scorecard('run', every => NULL, reset => '{every}');
DROP TABLE shop.run_priority CASCADE;
SET ROLE regress_run_other;
SELECT pause('run');
SET ROLE regress_run_owner;
SELECT pause('run');
SELECT scorecard, owner, paused FROM custprio.status;
SELECT refresh('run');
SELECT drop_scorecard('run');
RESET ROLE;

DROP SCHEMA shop CASCADE;
DROP ROLE regress_run_member, regress_run_monitor, regress_run_other, regress_run_owner;
