-- How values are spread over the customers of a scorecard.

CREATE FUNCTION custprio.describe(name text)
  RETURNS TABLE (metric text, customers bigint, mean float8, standard_deviation float8, skewness float8, minimum float8,
    p10 float8, p25 float8, median float8, p75 float8, p90 float8, maximum float8, zero_share float8, gini float8,
    top_20_share float8)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text;
  as_of date;
  zone text;
  added text;
BEGIN
  SELECT format('%I.%I', s.schema_name, s.name || '_priority'), custprio.as_of(s.name), s.time_zone,
         (SELECT string_agg(format(', (%s, %L, p.%I::float8)', 6 + m.position, m.metric, m.metric), '')
          FROM custprio.metric m WHERE m.scorecard_id = s.scorecard_id AND m.origin <> 'built-in')
    INTO priority, as_of, zone, added
    FROM custprio.scorecard s WHERE s.name = describe.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  -- Gini: 2 sum(i v) / (n sum v) - (n + 1) / n over ascending values; it means nothing where values are negative.
  -- The best fifth by value: of a customer at its edge the part that fits counts.
  RETURN QUERY EXECUTE format($query$
    WITH value AS (
      SELECT u.nth, u.metric, u.v FROM %1$s p, LATERAL (VALUES
          (1, 'recency', ($1 - (p.last_purchase AT TIME ZONE $2)::date)::float8), (2, 'frequency', p.frequency::float8),
          (3, 'monetary', p.monetary::float8), (4, 'average_order_value', p.average_order_value::float8),
          (5, 'clv', p.clv::float8), (6, 'priority', p.priority::float8)%2$s) u(nth, metric, v)
      WHERE p.tier IS NOT NULL AND u.v IS NOT NULL),
    ranked AS (
      SELECT *, row_number() OVER (PARTITION BY nth ORDER BY v) AS i, count(*) OVER (PARTITION BY nth) AS n,
        avg(v) OVER (PARTITION BY nth) AS average FROM value)
    SELECT r.metric, count(*), avg(v), stddev_samp(v),
      sqrt(count(*)::float8) * sum((v - average) ^ 3) / nullif(sum((v - average) ^ 2) ^ 1.5, 0),
      min(v), percentile_cont(0.1) WITHIN GROUP (ORDER BY v), percentile_cont(0.25) WITHIN GROUP (ORDER BY v),
      percentile_cont(0.5) WITHIN GROUP (ORDER BY v), percentile_cont(0.75) WITHIN GROUP (ORDER BY v),
      percentile_cont(0.9) WITHIN GROUP (ORDER BY v), max(v), avg((v = 0)::int::float8),
      CASE WHEN min(v) >= 0 THEN 2 * sum(i * v) / nullif(count(*) * sum(v), 0) - (count(*) + 1) / count(*)::float8 END,
      CASE WHEN min(v) >= 0 THEN sum(v * greatest(0, least(1, n * 0.2 - (n - i)))::float8) / nullif(sum(v), 0) END
    FROM ranked r GROUP BY r.nth, r.metric ORDER BY r.nth
  $query$, priority, added) USING as_of, zone;
END
$function$;
COMMENT ON FUNCTION custprio.describe(text) IS
  'how each metric is spread over the buyers of a scorecard: mean, deviation, skewness, quantiles, Gini coefficient and the share of the best fifth; from what is published';
