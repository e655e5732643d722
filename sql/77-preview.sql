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
  functions CONSTANT jsonb := '{"weights": "set_weights", "tiers": "set_tiers", "tier_policy": "set_tier_policy", "lifecycle": "set_lifecycle"}';
  unknown text;
  change record;
  matrix jsonb;
BEGIN
  IF jsonb_typeof(changes) <> 'object' THEN
    RAISE EXCEPTION 'argument "changes" must be an object' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Pass for example ''{"weights": {"monetary": 2}, "tiers": {"shares": [0.1, 0.3]}}''.';
  END IF;
  -- what there is to change and, but for weights, which are an argument themselves, what these functions take
  SELECT string_agg(c.key, ', ') INTO unknown FROM jsonb_each(changes) c
    WHERE NOT functions ? c.key OR jsonb_typeof(c.value) <> 'object';
  IF unknown IS NULL THEN
    SELECT string_agg(a.key, ', ') INTO unknown FROM jsonb_each(changes - 'weights') c, jsonb_object_keys(c.value) a(key)
      WHERE a.key IN ('name', 'reason', 'labels') OR NOT EXISTS (
        SELECT FROM pg_proc p WHERE p.pronamespace = 'custprio'::regnamespace AND p.proname = functions ->> c.key AND a.key = ANY (p.proargnames));
  END IF;
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'argument "changes" has what cannot be previewed: %', unknown USING ERRCODE = 'invalid_parameter_value',
      HINT = 'It may have "weights", as set_weights takes them, and "tiers", "tier_policy" and "lifecycle" with the arguments of set_tiers, set_tier_policy and set_lifecycle.';
  END IF;

  -- The changes are made, as by their owner, and undone: what lies between sees them like any refresh after them would.
  BEGIN
    IF changes ? 'weights' THEN
      PERFORM custprio.set_weights(name, changes -> 'weights', 'preview');
    END IF;
    FOR change IN
      SELECT p.proname AS function, coalesce(string_agg(format('%I => %s, ', a.name, CASE
          WHEN jsonb_typeof(c.value -> a.name) = 'array'
            THEN format('ARRAY(SELECT jsonb_array_elements_text(%L))::%s', c.value -> a.name, format_type(a.type, NULL))
          ELSE format('%L::%s', c.value ->> a.name, format_type(a.type, NULL)) END), '') FILTER (WHERE a.name IS NOT NULL), '') AS arguments
      FROM jsonb_each(changes - 'weights') c
        JOIN pg_proc p ON p.pronamespace = 'custprio'::regnamespace AND p.proname = functions ->> c.key
        LEFT JOIN unnest(p.proargnames, p.proargtypes::oid[]) a(name, type) ON c.value ? a.name
      GROUP BY p.proname ORDER BY p.proname DESC  -- tiers before the policy over them
    LOOP
      EXECUTE format('SELECT custprio.%I(name => %L, %sreason => %L)', change.function, name, change.arguments, 'preview');
    END LOOP;
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
  'how many customers would move from which tier to which if weights, tiers, their policy or the lifecycle were changed and the scorecard refreshed: {"weights": {"monetary": 2}, "tiers": {"shares": [0.1, 0.3]}}; nothing stays changed';
