-- What a dump carries can be restored by several processes in any order: then rows of a scorecard may come before the
-- scorecard. So the tables that are dumped have no foreign key to it; a trigger takes their rows along instead.

DO $$
DECLARE
  reference record;
BEGIN
  FOR reference IN
    SELECT c.conrelid::pg_catalog.regclass AS relation, c.conname
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_extension e ON e.extname = 'custprio' AND c.conrelid = ANY (e.extconfig)
    WHERE c.contype = 'f' AND c.confrelid = 'custprio.scorecard'::pg_catalog.regclass
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', reference.relation, reference.conname);
  END LOOP;
END $$;

CREATE FUNCTION custprio.drop_declarations() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  declarations text;
BEGIN
  FOR declarations IN
    SELECT a.attrelid::regclass::text FROM pg_extension e JOIN pg_attribute a ON a.attrelid = ANY (e.extconfig)
    WHERE e.extname = 'custprio' AND a.attname = 'scorecard_id' AND a.attrelid <> TG_RELID
  LOOP
    EXECUTE format('DELETE FROM %s WHERE scorecard_id = $1', declarations) USING OLD.scorecard_id;
  END LOOP;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION custprio.drop_declarations() IS 'trigger function of custprio.scorecard: whatever is declared of a scorecard goes with it';

CREATE TRIGGER drop_declarations AFTER DELETE ON custprio.scorecard
  FOR EACH ROW EXECUTE FUNCTION custprio.drop_declarations();
