-- Refreshing by hand.

CREATE FUNCTION custprio.refresh(name text, mode text DEFAULT 'auto', as_of date DEFAULT NULL)
RETURNS custprio.refresh_run
AS 'MODULE_PATHNAME', 'custprio_refresh'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.refresh(text, text, date) IS
'refreshes a scorecard in this transaction and returns the run: mode auto, rescore or rebuild; as_of NULL means today in its time zone';

CREATE PROCEDURE custprio.run_refresh(name text, mode text DEFAULT 'auto', as_of date DEFAULT NULL)
AS 'MODULE_PATHNAME', 'custprio_run_refresh'
LANGUAGE C;
COMMENT ON PROCEDURE custprio.run_refresh(text, text, date) IS
'refreshes a scorecard in transactions of its own, so that its run stays in refresh_run also when it fails';

-- Where a scorecard's rights come from. Like the C code that loads one: the table with the published name, else the
-- recorded one; a table that is not the recorded one must belong to the recorded role.
CREATE FUNCTION custprio.database_identity() RETURNS text
AS 'MODULE_PATHNAME', 'custprio_database_identity_text'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.database_identity() IS
'system identifier and OID of this database; a copy or a restored dump has another';

CREATE VIEW custprio.scorecard_owner AS
SELECT s.scorecard_id,
       coalesce(named.oid, recorded.oid) AS priority_table,
       CASE
         WHEN here.here AND named.oid = s.priority_oid THEN named.relowner
         WHEN named.oid IS NOT NULL THEN (SELECT a.oid FROM pg_catalog.pg_roles a
                                          WHERE a.oid = named.relowner AND a.rolname = s.owner_name)
         WHEN recorded.oid IS NOT NULL THEN recorded.relowner
         ELSE (SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.oid = s.owner_oid AND a.rolname = s.owner_name)
       END AS owner
FROM custprio.scorecard s
CROSS JOIN LATERAL (SELECT s.recorded_in = custprio.database_identity() AS here) here
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.schema_name
LEFT JOIN pg_catalog.pg_class named ON named.relnamespace = n.oid AND named.relname = s.name || '_priority'
LEFT JOIN pg_catalog.pg_class recorded ON recorded.oid = s.priority_oid AND here.here AND named.oid IS NULL;
COMMENT ON VIEW custprio.scorecard_owner IS
'the owner of each scorecard: the owner of its priority table, NULL when that cannot be told';

-- Declarations are readable by all, because pg_dump must work for whoever owns the database. Runs and thresholds tell
-- about data: they are for the owner's members and for pg_monitor.
GRANT SELECT ON custprio.scorecard, custprio.metric, custprio.tier_rule, custprio.identity, custprio.scorecard_owner,
  custprio.refresh_run, custprio.threshold, custprio.clv_fit,
  custprio.epoch TO PUBLIC;
GRANT SELECT ON SEQUENCE custprio.scorecard_id_seq TO PUBLIC;

ALTER TABLE custprio.refresh_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE custprio.threshold ENABLE ROW LEVEL SECURITY;
ALTER TABLE custprio.clv_fit ENABLE ROW LEVEL SECURITY;
ALTER TABLE custprio.epoch ENABLE ROW LEVEL SECURITY;

CREATE POLICY visible ON custprio.refresh_run FOR SELECT USING (
  pg_catalog.pg_has_role('pg_monitor', 'USAGE')
  OR scorecard_id IN (SELECT o.scorecard_id FROM custprio.scorecard_owner o WHERE pg_catalog.pg_has_role(o.owner, 'USAGE')));
COMMENT ON POLICY visible ON custprio.refresh_run IS 'for members of the scorecard''s owner and of pg_monitor';
CREATE POLICY visible ON custprio.threshold FOR SELECT USING (
  pg_catalog.pg_has_role('pg_monitor', 'USAGE')
  OR scorecard_id IN (SELECT o.scorecard_id FROM custprio.scorecard_owner o WHERE pg_catalog.pg_has_role(o.owner, 'USAGE')));
COMMENT ON POLICY visible ON custprio.threshold IS 'for members of the scorecard''s owner and of pg_monitor';
CREATE POLICY visible ON custprio.clv_fit FOR SELECT USING (
  pg_catalog.pg_has_role('pg_monitor', 'USAGE')
  OR scorecard_id IN (SELECT o.scorecard_id FROM custprio.scorecard_owner o WHERE pg_catalog.pg_has_role(o.owner, 'USAGE')));
COMMENT ON POLICY visible ON custprio.clv_fit IS 'for members of the scorecard''s owner and of pg_monitor';
CREATE POLICY visible ON custprio.epoch FOR SELECT USING (
  pg_catalog.pg_has_role('pg_monitor', 'USAGE')
  OR scorecard_id IN (SELECT o.scorecard_id FROM custprio.scorecard_owner o WHERE pg_catalog.pg_has_role(o.owner, 'USAGE')));
COMMENT ON POLICY visible ON custprio.epoch IS 'for members of the scorecard''s owner and of pg_monitor';

-- What a dump carries: the declarations. Runs, thresholds and epochs are measured afresh.
SELECT pg_catalog.pg_extension_config_dump('custprio.scorecard_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('custprio.scorecard', '');
SELECT pg_catalog.pg_extension_config_dump('custprio.metric', '');
SELECT pg_catalog.pg_extension_config_dump('custprio.tier_rule', '');
SELECT pg_catalog.pg_extension_config_dump('custprio.identity', '');
