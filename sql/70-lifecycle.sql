-- How customers move between stages, and whom to win back.

CREATE FUNCTION custprio.stage_flow(name text, from_day date, to_day date)
  RETURNS TABLE (from_stage text, to_stage text, customers bigint)
  LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
  BEGIN ATOMIC
    SELECT a.stage, b.stage, count(*)
    FROM custprio.score_as_of(name, from_day) a FULL JOIN custprio.score_as_of(name, to_day) b USING (customer_id)
    GROUP BY a.stage, b.stage ORDER BY a.stage NULLS FIRST, b.stage NULLS LAST;
  END;
COMMENT ON FUNCTION custprio.stage_flow(text, date, date) IS
  'how many customers were in which stage on one day and on another, both computed from the source as it is now; NULL for not there';

CREATE FUNCTION custprio.win_back(name text, most int DEFAULT 100)
  RETURNS TABLE (customer_id text, tier custprio.customer_tier, stage text, days_since int, value numeric, chance numeric,
    expected numeric, monetary numeric)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text;
BEGIN
  SELECT format('%I.%I', s.schema_name, s.name || '_priority') INTO priority
    FROM custprio.scorecard s WHERE s.name = win_back.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  IF most < 1 THEN
    RAISE EXCEPTION 'argument "most" must be at least 1' USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is %s.', most);
  END IF;
  IF NOT EXISTS (SELECT FROM custprio.lifecycle JOIN custprio.scorecard s USING (scorecard_id) WHERE s.name = win_back.name) THEN
    RAISE EXCEPTION 'scorecard "%" has no lifecycle', name USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Declare one with custprio.set_lifecycle and refresh.';
  END IF;
  -- clv is the value times P(alive) already
  RETURN QUERY EXECUTE format(
    'SELECT p.customer_id::text, p.tier, p.stage, custprio.recency_days($1, p.last_purchase), round(p.clv / nullif(p.p_alive, 0), 2),'
    ' p.p_alive, p.clv, p.monetary FROM %s p WHERE p.stage IN (''dormant'', ''lost'')'
    ' ORDER BY p.clv DESC NULLS LAST, p.monetary DESC, p.customer_id LIMIT $2', priority) USING name, most;
END
$function$;
COMMENT ON FUNCTION custprio.win_back(text, int) IS
  'dormant and lost customers, those first whose value times chance of return is greatest: value is what is expected of one who still buys, chance P(alive); by revenue without a fit';
