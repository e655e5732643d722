-- Whether tiers mean what they say: later spend by tier, drift of the metrics, concentration of value.

CREATE FUNCTION custprio.later_purchases(name text, from_day date, to_day date)
  RETURNS TABLE (customer_id text, from_tier custprio.customer_tier, to_tier custprio.customer_tier, priority numeric, purchases bigint,
    value numeric)
  LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  card custprio.scorecard;
BEGIN
  SELECT * INTO card FROM custprio.scorecard s WHERE s.name = later_purchases.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  IF from_day >= to_day THEN
    RAISE EXCEPTION 'argument "from_day" must be before "to_day"' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('%s is not before %s.', from_day, to_day);
  END IF;
  IF card.history IS NOT NULL THEN
    RAISE EXCEPTION 'scorecard "%" has a history, under which later spend cannot be told', name
      USING ERRCODE = 'feature_not_supported', DETAIL = 'Purchases leave the window in the meantime.',
        HINT = 'Use a scorecard of the same source without history.';
  END IF;
  IF (SELECT max(r.starts_on) FILTER (WHERE r.applies_from <= from_day) IS DISTINCT FROM max(r.starts_on) FILTER (WHERE r.applies_from <= to_day)
      FROM custprio.regime r WHERE r.scorecard_id = card.scorecard_id) THEN
    RAISE EXCEPTION 'between these days another regime of scorecard "%" began to apply', name
      USING ERRCODE = 'feature_not_supported', DETAIL = 'Purchases before it are left out from then on.',
        HINT = 'Choose two days under one regime: SELECT * FROM custprio.regime lists them.';
  END IF;
  RETURN QUERY
    SELECT a.customer_id, a.tier, b.tier, a.priority, coalesce(b.frequency - a.frequency, 0), coalesce(b.monetary - a.monetary, 0)
    FROM custprio.score_as_of(later_purchases.name, from_day) a
      LEFT JOIN custprio.score_as_of(later_purchases.name, to_day) b USING (customer_id)
    WHERE a.tier IS NOT NULL;
END
$function$;
COMMENT ON FUNCTION custprio.later_purchases(text, date, date) IS
  'tier and priority of every buyer as of a day, the tier as of another one, and the purchases and net value between; computed from the source, without overrides';

CREATE FUNCTION custprio.tier_validity(name text, from_day date, to_day date)
  RETURNS TABLE (tier custprio.customer_tier, customers bigint, bought_share float8, mean_purchases float8,
    mean_value float8, value_deviation float8, value_share float8, as_ordered boolean, stayed_share float8,
    explained_share float8)
  LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  -- eta squared: the squares between tiers over all squares
  WITH later AS (
    SELECT l.from_tier AS tier, l.purchases::float8 AS n, l.value::float8 AS v, l.to_tier IS NOT DISTINCT FROM l.from_tier AS stayed
    FROM custprio.later_purchases(tier_validity.name, tier_validity.from_day, tier_validity.to_day) l),
  tiers AS (
    SELECT l.tier, count(*) AS customers, avg((n > 0)::int)::float8 AS bought, avg(n) AS n, avg(v) AS v, stddev_samp(v) AS deviation,
      sum(v) AS total, avg(l.stayed::int)::float8 AS stayed
    FROM later l GROUP BY l.tier),
  whole AS (SELECT avg(v) AS v, sum(v) AS total, var_pop(v) * count(*) AS squares FROM later)
  SELECT t.tier, t.customers, t.bought, t.n, t.v, t.deviation, t.total / nullif(w.total, 0),
    t.v <= lag(t.v, 1, t.v) OVER (ORDER BY t.tier), t.stayed,
    sum(t.customers * (t.v - w.v) ^ 2) OVER () / nullif(w.squares, 0)
  FROM tiers t, whole w ORDER BY t.tier;
END;
COMMENT ON FUNCTION custprio.tier_validity(text, date, date) IS
  'what the customers of each tier as of a day did until another one: share who bought, purchases, net value per customer and its share of all, whether a worse tier spent less, who stayed in the tier, and the share of the value''s variance that tiers explain; computed from the source, without overrides';

CREATE FUNCTION custprio.drift(name text, from_day date, to_day date)
  RETURNS TABLE (metric text, from_customers bigint, to_customers bigint, from_mean float8, to_mean float8, psi float8,
    verdict text)
  LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  zone text;
BEGIN
  SELECT s.time_zone INTO zone FROM custprio.scorecard s WHERE s.name = drift.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  -- classes are the tenths of the first day
  RETURN QUERY
    WITH scores AS MATERIALIZED (
      SELECT d.later, u.nth, u.metric, u.v FROM (VALUES (false, from_day), (true, to_day)) d(later, day),
        custprio.score_as_of(drift.name, d.day) s,
        LATERAL (VALUES (1, 'recency', (d.day - (s.last_purchase AT TIME ZONE zone)::date)::float8),
          (2, 'frequency', s.frequency::float8), (3, 'monetary', s.monetary::float8),
          (4, 'average_order_value', s.average_order_value::float8), (5, 'p_alive', s.p_alive::float8),
          (6, 'expected_purchases', s.expected_purchases::float8), (7, 'clv', s.clv::float8)) u(nth, metric, v)
      WHERE s.tier IS NOT NULL AND u.v IS NOT NULL),
    breaks AS (SELECT s.nth, custprio.quantile_breaks(s.v, 10) AS at FROM scores s WHERE NOT s.later GROUP BY s.nth),
    classes AS (
      SELECT s.nth, c.class, count(*) FILTER (WHERE NOT s.later)::float8 AS before, count(*) FILTER (WHERE s.later)::float8 AS after
      FROM scores s JOIN breaks b USING (nth), LATERAL (SELECT custprio.score_by(s.v, b.at) AS class) c GROUP BY 1, 2),
    index AS (
      SELECT c.nth, CASE WHEN sum(before) > 0 AND sum(after) > 0 THEN
          custprio.psi(array_agg(before ORDER BY class), array_agg(after ORDER BY class)) END AS psi
      FROM classes c GROUP BY c.nth)
    SELECT s.metric, count(*) FILTER (WHERE NOT s.later), count(*) FILTER (WHERE s.later), avg(s.v) FILTER (WHERE NOT s.later),
      avg(s.v) FILTER (WHERE s.later), i.psi,
      CASE WHEN i.psi < 0.1 THEN 'stable' WHEN i.psi < 0.25 THEN 'moved' WHEN i.psi IS NOT NULL THEN 'shifted' END
    FROM scores s LEFT JOIN index i USING (nth) GROUP BY s.nth, s.metric, i.psi ORDER BY s.nth;
END
$function$;
COMMENT ON FUNCTION custprio.drift(text, date, date) IS
  'how the distribution of each metric over the buyers moved between two days: population stability index over the tenths of the first day, below 0.1 stable, from 0.25 on shifted; computed from the source';

CREATE FUNCTION custprio.whale_curve(name text, by text DEFAULT 'monetary')
  RETURNS TABLE (percent int, customers bigint, cumulative_value numeric, cumulative_share float8)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text;
BEGIN
  SELECT format('%I.%I', s.schema_name, s.name || '_priority') INTO priority
    FROM custprio.scorecard s WHERE s.name = whale_curve.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH ranked AS (
      SELECT row_number() OVER (ORDER BY v DESC) AS i, sum(v) OVER (ORDER BY v DESC ROWS UNBOUNDED PRECEDING) AS total
      FROM (SELECT p.%I::numeric AS v FROM %s p WHERE p.tier IS NOT NULL) p WHERE v IS NOT NULL)
    SELECT q.percent, r.i, r.total, (r.total / nullif((SELECT total FROM ranked ORDER BY i DESC LIMIT 1), 0))::float8
    FROM generate_series(1, 100) q(percent), (SELECT count(*) AS n FROM ranked) c
      JOIN ranked r ON true WHERE r.i = ceil(c.n * q.percent / 100.0) ORDER BY q.percent
  $query$, by, priority);
END
$function$;
COMMENT ON FUNCTION custprio.whale_curve(text, text) IS
  'how much the best so many percent of the buyers make up, by a column of the priority table: customers, their sum and its share of the whole, which rises above 1 where others are worth less than nothing';
