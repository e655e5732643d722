-- The schedule, the switches, and what monitoring reads.

CREATE FUNCTION custprio.pause(name text) RETURNS void
AS 'MODULE_PATHNAME', 'custprio_pause'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.pause(text) IS
'stops the scheduler from refreshing a scorecard until resume(); a refresh that runs goes on';

CREATE FUNCTION custprio.resume(name text) RETURNS void
AS 'MODULE_PATHNAME', 'custprio_resume'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.resume(text) IS 'lets the scheduler refresh a paused scorecard again, at once if it is due';

CREATE FUNCTION custprio.resume_all() RETURNS void
AS 'MODULE_PATHNAME', 'custprio_resume_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.resume_all() IS
'lets the scheduler serve this database although it is a copy or a restored dump; scorecards that were paused stay paused';

CREATE FUNCTION custprio.retry_delay(every interval, failures int, seed bigint) RETURNS interval
AS 'MODULE_PATHNAME', 'custprio_retry_delay'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.retry_delay(interval, int, bigint) IS
'how long after its end a failed refresh is tried again: custprio.retry_interval, doubled with each failure in a row';

CREATE FUNCTION custprio.scheduler_problem() RETURNS text
AS 'MODULE_PATHNAME', 'custprio_scheduler_problem'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.scheduler_problem() IS
'why the scheduler refreshes nothing in this server; NULL when it does its work';

CREATE FUNCTION custprio.library_version() RETURNS text
AS 'MODULE_PATHNAME', 'custprio_library_version'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.library_version() IS
'version of the loaded library; the scheduler serves databases whose extension has the same';

-- When each scorecard is due: at once when new or changed, every so often after the start of the last success, and with
-- growing delay after failures. NULL: never, because it is paused or refreshed by hand. A day counts 24 hours here.
CREATE VIEW custprio.schedule AS
SELECT s.scorecard_id, s.name,
       CASE
         WHEN s.paused OR s.every IS NULL THEN NULL
         WHEN r.status IS NULL THEN s.created_at
         WHEN r.status = 'failed' THEN r.finished_at + custprio.retry_delay(s.every, r.failures, s.scorecard_id)
         WHEN e.version IS DISTINCT FROM s.version THEN r.finished_at
         ELSE r.started_at + pg_catalog.make_interval(secs => extract(epoch FROM s.every)::float8)
       END AS next_due,
       r.status AS last_status,
       r.failures
FROM custprio.scorecard s
LEFT JOIN custprio.epoch e USING (scorecard_id)
LEFT JOIN LATERAL (SELECT l.status, l.started_at, l.finished_at, l.failures
                   FROM custprio.refresh_run l
                   WHERE l.scorecard_id = s.scorecard_id AND l.status IN ('ok', 'failed')
                   ORDER BY l.run_id DESC LIMIT 1) r ON true;
COMMENT ON VIEW custprio.schedule IS 'when the scheduler will refresh each scorecard next; it acts on this very view';

CREATE VIEW custprio.status WITH (security_barrier) AS
SELECT s.name AS scorecard,
       s.schema_name AS schema,
       pg_catalog.pg_get_userbyid(o.owner) AS owner,
       s.paused,
       good.finished_at AS last_success,
       e.as_of,
       CASE WHEN e.as_of IS NULL THEN NULL
         WHEN e.day_chosen OR e.version <> s.version THEN e.as_of
         ELSE (e.as_of + s.rebase_every)::date END AS rebase_due,
       counted.customers,
       CASE WHEN s.capture = 'trigger' THEN
         (SELECT coalesce(sum(greatest(q.keys, 1)), 0)::bigint FROM custprio.change_queue q WHERE q.scorecard_id = s.scorecard_id)
       END AS queue_depth,
       CASE WHEN s.capture = 'trigger' THEN
         (SELECT min(q.queued_at) FROM custprio.change_queue q WHERE q.scorecard_id = s.scorecard_id)
       END AS queued_since,
       CASE WHEN s.capture = 'trigger' THEN
         (SELECT min(c.closed_at) FROM custprio.closed_queue c WHERE c.scorecard_id = s.scorecard_id)
       END AS queue_closed_at,
       CASE WHEN s.capture = 'trigger' THEN nullif(pg_catalog.current_setting('custprio.queue_max_keys', true)::bigint, 0) END AS queue_max_keys,
       CASE WHEN s.capture = 'trigger' THEN nullif(pg_catalog.current_setting('custprio.queue_max_age', true)::interval, '0'::interval) END AS queue_max_age,
       s.tier_history_rows,
       s.tier_history_age,
       pg_catalog.now() - good.finished_at AS lag,
       CASE WHEN why.reason IS NULL THEN schedule.next_due END AS next_due,
       active.started_at AS running_since,
       coalesce(schedule.failures, 0) AS failures,
       bad.sqlstate AS error_code,
       bad.message AS last_error,
       bad.detail AS error_detail,
       bad.hint AS error_hint,
       bad.finished_at AS error_at,
       why.reason IS NULL AS served,
       why.reason,
       NULLIF(coalesce(good.warnings, '{}') || keys.warnings, '{}') AS warnings,
       coalesce(s.clv_chosen, s.clv_model) AS clv_model,
       CASE WHEN s.clv_chosen IS NOT NULL THEN
         (SELECT f.choice FROM custprio.clv_fit f
          WHERE f.scorecard_id = s.scorecard_id AND f.run_id = e.run_id AND f.choice IS NOT NULL)
       END AS clv_choice
FROM custprio.scorecard s
JOIN custprio.scorecard_owner o USING (scorecard_id)
JOIN custprio.schedule USING (scorecard_id)
LEFT JOIN custprio.epoch e USING (scorecard_id)
LEFT JOIN LATERAL (SELECT r.customers + coalesce((SELECT sum(l.inserted - l.deleted) FROM custprio.refresh_run l
                     WHERE l.scorecard_id = s.scorecard_id AND l.status = 'ok' AND l.run_id > r.run_id), 0)::bigint AS customers
                   FROM custprio.refresh_run r
                   WHERE r.scorecard_id = s.scorecard_id AND r.status = 'ok' AND r.customers IS NOT NULL
                   ORDER BY r.run_id DESC LIMIT 1) counted ON true
LEFT JOIN LATERAL (SELECT r.finished_at, r.warnings FROM custprio.refresh_run r
                   WHERE r.scorecard_id = s.scorecard_id AND r.status = 'ok'
                   ORDER BY r.run_id DESC LIMIT 1) good ON true
LEFT JOIN LATERAL (SELECT r.* FROM custprio.refresh_run r
                   WHERE r.scorecard_id = s.scorecard_id AND r.status = 'failed' AND schedule.last_status = 'failed'
                   ORDER BY r.run_id DESC LIMIT 1) bad ON true
LEFT JOIN LATERAL (SELECT r.started_at FROM custprio.refresh_run r
                   WHERE r.scorecard_id = s.scorecard_id AND r.status = 'running'
                     AND r.started_at >= pg_catalog.pg_postmaster_start_time()
                     AND EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(r.pid))
                   ORDER BY r.run_id DESC LIMIT 1) active ON true
CROSS JOIN LATERAL (SELECT coalesce(
    custprio.scheduler_problem(),
    CASE
      WHEN NOT EXISTS (SELECT FROM custprio.identity i
                       WHERE i.system_identifier || '/' || i.database_oid = custprio.database_identity())
        THEN 'this database is a copy or was restored: call custprio.resume_all() to have it served'
      WHEN (SELECT d.datistemplate OR NOT d.datallowconn FROM pg_catalog.pg_database d
            WHERE d.datname = pg_catalog.current_database())
        THEN 'this database is a template or allows no connections'
      WHEN (SELECT x.extversion FROM pg_catalog.pg_extension x WHERE x.extname = 'custprio')
           <> custprio.library_version()
        THEN 'the library and the extension have different versions: restart the server after ALTER EXTENSION custprio UPDATE'
      WHEN s.paused THEN 'paused'
      WHEN s.every IS NULL THEN 'refreshed by hand only'
    END) AS reason) why
CROSS JOIN LATERAL (SELECT ARRAY(
    SELECT pg_catalog.format('foreign key %I of %s is deferrable: refreshes check it at once', c.conname, c.conrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_constraint c
    WHERE c.contype = 'f' AND c.confrelid = o.priority_table AND c.condeferrable ORDER BY c.oid) AS warnings) keys
WHERE pg_catalog.pg_has_role('pg_monitor', 'USAGE') OR pg_catalog.pg_has_role(o.owner, 'USAGE');
COMMENT ON VIEW custprio.status IS
'how each scorecard is doing; for members of its owner and of pg_monitor';
COMMENT ON COLUMN custprio.status.last_success IS 'when the last successful refresh finished';
COMMENT ON COLUMN custprio.status.as_of IS 'the day whose scores are published';
COMMENT ON COLUMN custprio.status.rebase_due IS 'local day from which on a refresh takes new thresholds, a new fit and its own day; the as-of day itself when the next refresh will';
COMMENT ON COLUMN custprio.status.customers IS 'rows published by the last successful refresh';
COMMENT ON COLUMN custprio.status.queue_depth IS 'customers whose changes wait for the next refresh, counted once per statement that changed them, in one that changed many perhaps more often; NULL without capture';
COMMENT ON COLUMN custprio.status.queued_since IS 'since when the oldest of these changes waits';
COMMENT ON COLUMN custprio.status.queue_closed_at IS 'when the queue passed custprio.queue_max_keys or custprio.queue_max_age, so that the next refresh is a rebuild; NULL when it did not';
COMMENT ON COLUMN custprio.status.queue_max_keys IS 'how many changes may wait; NULL: any number, or not captured';
COMMENT ON COLUMN custprio.status.queue_max_age IS 'how long the oldest may wait; NULL: for ever, or not captured';
COMMENT ON COLUMN custprio.status.tier_history_rows IS 'how many rows of the tier history stay when it is trimmed; NULL: all';
COMMENT ON COLUMN custprio.status.tier_history_age IS 'for how long the tier history tells every customer''s tier; NULL: from the beginning';
COMMENT ON COLUMN custprio.status.lag IS 'time since the last success';
COMMENT ON COLUMN custprio.status.next_due IS 'when the scheduler refreshes next; NULL when it does not, see reason';
COMMENT ON COLUMN custprio.status.running_since IS 'start of the refresh that runs now';
COMMENT ON COLUMN custprio.status.failures IS 'how many refreshes have failed in a row';
COMMENT ON COLUMN custprio.status.error_code IS 'SQLSTATE of the last refresh if it failed';
COMMENT ON COLUMN custprio.status.last_error IS 'message of the last refresh if it failed';
COMMENT ON COLUMN custprio.status.served IS 'whether the scheduler refreshes this scorecard';
COMMENT ON COLUMN custprio.status.reason IS 'why it does not';
COMMENT ON COLUMN custprio.status.warnings IS 'what the last successful refresh warned of, and constraints that hinder refreshes';
COMMENT ON COLUMN custprio.status.clv_model IS 'model that lifetime values follow; with clv_model auto the chosen one, auto before the first choice';
COMMENT ON COLUMN custprio.status.clv_choice IS 'with clv_model auto, the figures by which it was chosen';
GRANT SELECT ON custprio.status TO PUBLIC;
