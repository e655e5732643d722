\echo Use "CREATE EXTENSION custprio" to load this file. \quit

-- A schema that somebody else made beforehand would let its owner replace what we put into it.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace
             WHERE nspname OPERATOR(pg_catalog.=) 'custprio'
               AND NOT pg_catalog.pg_has_role(nspowner, 'USAGE')) THEN
    RAISE EXCEPTION 'schema "custprio" exists already and belongs to another role'
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Drop or rename that schema, then create the extension again.';
  END IF;
END $$;

COMMENT ON SCHEMA custprio IS 'customer prioritisation: types, functions, catalogs and monitoring views';
GRANT USAGE ON SCHEMA custprio TO PUBLIC;
