-- What changed, for systems that keep a copy of the tiers.

-- Run numbers order the history and are what tokens are made of: a restored dump must go on counting, not begin anew.
GRANT SELECT ON SEQUENCE custprio.refresh_run_run_id_seq TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.refresh_run_run_id_seq', '');

CREATE FUNCTION custprio.changes_since(name text, token text DEFAULT NULL)
  RETURNS TABLE (customer_id text, change text, previous_tier custprio.customer_tier, tier custprio.customer_tier,
    priority numeric, segment text, changed_on date, reason text, next_token text)
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  card record;
  since bigint := 0;
BEGIN
  IF name IS NULL THEN
    RAISE EXCEPTION 'argument "name" must not be NULL' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  SELECT s.scorecard_id, s.trimmed_run, format('%I.%I', s.schema_name, s.name || '_priority') AS priority,
         format('%I.%I', s.schema_name, s.name || '_tier_history') AS history INTO card
    FROM custprio.scorecard s WHERE s.name = changes_since.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  IF token IS NOT NULL THEN
    IF token !~ '^[0-9]{1,18}\.[0-9]{1,18}$' OR split_part(token, '.', 1)::bigint <> card.scorecard_id THEN
      RAISE EXCEPTION 'argument "token" is not one of scorecard "%"', name USING ERRCODE = 'invalid_parameter_value',
        DETAIL = format('It is "%s".', token),
        HINT = 'Pass a next_token that changes_since returned for this scorecard, or NULL for all customers.';
    END IF;
    since := split_part(token, '.', 2);
    IF since < card.trimmed_run THEN
      RAISE EXCEPTION 'the tier history of scorecard "%" does not reach back to the token any more', name
        USING ERRCODE = 'object_not_in_prerequisite_state',
          DETAIL = format('The token is of run %s, and rows up to run %s have gone by tier_history_age or tier_history_rows.',
                          since, card.trimmed_run),
          HINT = 'Call changes_since without a token, replace the copy by its rows, and go on from their next_token.';
    END IF;
  END IF;
  -- Refreshes of a scorecard take turns, so that of two of them the later one has the higher number and commits later.
  -- Where a customer stood at the token is what the first change since then says.
  RETURN QUERY EXECUTE format($query$
    WITH latest AS (SELECT greatest($1, max(h.run_id)) AS run_id FROM %1$s h),
    change AS (
      SELECT h.customer_id,
        (array_agg(h.previous_tier ORDER BY h.run_id))[1] AS before,
        (array_agg(h.tier ORDER BY h.run_id DESC))[1] AS after,
        (array_agg(h.changed_on ORDER BY h.run_id DESC))[1] AS changed_on,
        (array_agg(h.reason ORDER BY h.run_id DESC))[1] AS reason
      FROM %1$s h WHERE h.run_id > $1 AND $3 IS NOT NULL GROUP BY h.customer_id
      UNION ALL
      SELECT p.customer_id, NULL, p.tier, p.tier_since, NULL FROM %2$s p WHERE $3 IS NULL AND p.tier IS NOT NULL)
    SELECT c.customer_id::text,
      CASE WHEN c.before IS NULL THEN 'enter' WHEN c.after IS NULL THEN 'exit' ELSE 'change' END,
      c.before, c.after, p.priority, p.segment, c.changed_on, c.reason, $2 || '.' || coalesce(l.run_id, 0)
    FROM change c CROSS JOIN latest l LEFT JOIN %2$s p USING (customer_id)
    WHERE c.before IS DISTINCT FROM c.after$query$, card.history, card.priority)
    USING since, card.scorecard_id::text, token;
END
$function$;
COMMENT ON FUNCTION custprio.changes_since(text, text) IS
  'whose tier is another one than at a token: enter, exit or change; without a token all customers with a tier; next_token, the same in every row, is for the next call';
