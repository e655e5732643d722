-- What would be published if.

CREATE FUNCTION custprio.preview_refresh(name text)
  RETURNS TABLE (customer_id text, column_name text, published text, recomputed text)
  AS 'MODULE_PATHNAME', 'custprio_preview_refresh' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.preview_refresh(text) IS
  'every published value that a rescore or rebuild as of today would change; writes nothing';

CREATE FUNCTION custprio.preview(name text, changes jsonb)
  RETURNS TABLE (from_tier custprio.customer_tier, to_tier custprio.customer_tier, customers bigint)
  LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  unknown text;
  tiers jsonb := changes -> 'tiers';
  matrix jsonb;
BEGIN
  IF jsonb_typeof(changes) <> 'object' THEN
    RAISE EXCEPTION 'argument "changes" must be an object' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Pass for example ''{"weights": {"monetary": 2}, "tiers": {"shares": [0.1, 0.3]}}''.';
  END IF;
  SELECT string_agg(k, ', ') INTO unknown FROM jsonb_object_keys(changes) k WHERE k NOT IN ('weights', 'tiers');
  IF unknown IS NULL AND tiers IS NOT NULL AND jsonb_typeof(tiers) = 'object' THEN
    SELECT string_agg(k, ', ') INTO unknown FROM jsonb_object_keys(tiers) k
      WHERE k NOT IN ('shares', 'tiers', 'priorities', 'cumulative', 'metric', 'capacities', 'rules');
  ELSIF tiers IS NOT NULL AND jsonb_typeof(tiers) <> 'object' THEN
    unknown := 'tiers';
  END IF;
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'argument "changes" has what cannot be previewed: %', unknown USING ERRCODE = 'invalid_parameter_value',
      HINT = 'It may have "weights", as set_weights takes them, and "tiers" with the arguments of set_tiers.';
  END IF;

  -- The changes are made, as by their owner, and undone: what lies between sees them like any refresh after them would.
  BEGIN
    IF changes ? 'weights' THEN
      PERFORM custprio.set_weights(name, changes -> 'weights', 'preview');
    END IF;
    IF tiers IS NOT NULL THEN
      PERFORM custprio.set_tiers(name,
        shares => CASE WHEN tiers ? 'shares' THEN ARRAY(SELECT x::numeric FROM jsonb_array_elements_text(tiers -> 'shares') x) END,
        tiers => CASE WHEN tiers ? 'tiers' THEN ARRAY(SELECT x::custprio.customer_tier FROM jsonb_array_elements_text(tiers -> 'tiers') x) END,
        priorities => CASE WHEN tiers ? 'priorities' THEN ARRAY(SELECT x::numeric FROM jsonb_array_elements_text(tiers -> 'priorities') x) END,
        cumulative => CASE WHEN tiers ? 'cumulative' THEN ARRAY(SELECT x::numeric FROM jsonb_array_elements_text(tiers -> 'cumulative') x) END,
        metric => tiers ->> 'metric',
        capacities => CASE WHEN tiers ? 'capacities' THEN ARRAY(SELECT x::bigint FROM jsonb_array_elements_text(tiers -> 'capacities') x) END,
        rules => CASE WHEN tiers ? 'rules' THEN ARRAY(SELECT x FROM jsonb_array_elements_text(tiers -> 'rules') x) END,
        reason => 'preview');
    END IF;
    EXECUTE format($query$
      WITH d AS MATERIALIZED (SELECT * FROM custprio.preview_refresh(%1$L)
                              WHERE column_name = 'tier' OR column_name = 'customer_id'),
      come AS MATERIALIZED (SELECT customer_id FROM d WHERE column_name = 'customer_id' AND published IS NULL),
      now AS (
        SELECT p.tier::text AS before, CASE WHEN d.column_name = 'tier' THEN d.recomputed
                                            WHEN d.column_name = 'customer_id' THEN NULL ELSE p.tier::text END AS after
        FROM %2$s p LEFT JOIN d ON d.customer_id = p.customer_id::text
        UNION ALL
        SELECT NULL, s.tier::text
        FROM custprio.score_as_of(%1$L, (SELECT (now() AT TIME ZONE s.time_zone)::date FROM custprio.scorecard s WHERE s.name = %1$L)) s
        JOIN come USING (customer_id) WHERE EXISTS (SELECT FROM come))
      SELECT jsonb_agg(jsonb_build_array(before, after, n)) FROM (
        SELECT before, after, count(*) AS n FROM now WHERE before IS NOT NULL OR after IS NOT NULL GROUP BY 1, 2) m$query$,
      name, custprio.priority_table(name)) INTO matrix;
    RAISE EXCEPTION USING ERRCODE = 'CP000', MESSAGE = 'undo what was previewed';
  EXCEPTION WHEN SQLSTATE 'CP000' THEN
    NULL;
  END;
  RETURN QUERY
    SELECT (m ->> 0)::custprio.customer_tier, (m ->> 1)::custprio.customer_tier, (m ->> 2)::bigint
    FROM jsonb_array_elements(matrix) m ORDER BY 1, 2;
END
$function$;
COMMENT ON FUNCTION custprio.preview(text, jsonb) IS
  'how many customers would move from which tier to which if weights or tiers were changed and the scorecard refreshed: {"weights": {"monetary": 2}, "tiers": {"shares": [0.1, 0.3]}}; nothing stays changed';
