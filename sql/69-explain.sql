-- Answers for people: why a customer stands where it does, and how customers moved.

-- What explanations start from: the thresholds that the published rows follow, if they are those of the declaration.
CREATE FUNCTION custprio.explained_epoch(name text, OUT scorecard_id bigint, OUT run_id bigint, OUT as_of date,
    OUT state_is_of_day boolean, OUT key_type text, OUT priority text, OUT purchases text, OUT history text)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  version int;
  published_version int;
BEGIN
  SELECT s.scorecard_id, e.run_id, e.as_of, e.state_as_of = e.as_of, format('%I.%I', s.schema_name, s.name || '_priority'),
         format('%I.%I', s.schema_name, s.name || '_purchases'), format('%I.%I', s.schema_name, s.name || '_tier_history'),
         s.version, e.version
    INTO scorecard_id, run_id, as_of, state_is_of_day, priority, purchases, history, version, published_version
    FROM custprio.scorecard s LEFT JOIN custprio.epoch e USING (scorecard_id)
    WHERE s.name = explained_epoch.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  IF run_id IS NULL THEN
    RAISE EXCEPTION 'there are no thresholds of scorecard "%" to explain with', name
      USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Refresh it first. Only members of its owner''s role and of pg_monitor see thresholds.';
  END IF;
  IF published_version <> version THEN
    RAISE EXCEPTION 'the declaration of scorecard "%" has changed since it was refreshed', name
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Refresh it first.';
  END IF;
  SELECT format_type(a.atttypid, a.atttypmod) INTO key_type FROM pg_attribute a
    WHERE a.attrelid = priority::regclass AND a.attname = 'customer_id';
END
$function$;
COMMENT ON FUNCTION custprio.explained_epoch(text) IS
  'the epoch that published rows are explained with, and where they are; an error when there is none for the present declaration';

CREATE FUNCTION custprio.contributions(name text, customer text DEFAULT NULL)
  RETURNS TABLE (customer_id text, metric text, value text, percentile numeric, weight numeric, contribution numeric)
  LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET datestyle = 'ISO, YMD'
AS $function$
DECLARE
  card record;
  zone text;
  metrics text;
  steps text;
  breaks text;
  columns text;
BEGIN
  IF name IS NULL THEN
    RETURN;
  END IF;
  SELECT * INTO card FROM custprio.explained_epoch(name);
  SELECT s.time_zone INTO zone FROM custprio.scorecard s WHERE s.scorecard_id = card.scorecard_id;

  -- A column per metric of the breaks of all buyers (pooled) and of the customer's segment (own), where that has any. From
  -- them, a column per metric of the scaled value in steps of 1 / 999000; NULL: missing. They are computed before they
  -- become rows, so that what score_by() and scale_metric() make of breaks serves many customers.
  SELECT string_agg(format('(%s, %L, %s, %L::numeric, c.s%1$s)', m.nth, m.metric, m.value, m.weight), ', ' ORDER BY m.nth),
         string_agg(format('%s AS s%s', m.step, m.nth), ', ' ORDER BY m.nth),
         string_agg(CASE WHEN m.origin <> 'built-in' THEN format(', p.%I AS m%s', m.metric, m.nth) ELSE '' END, '' ORDER BY m.nth),
         string_agg(format('max(%s) FILTER (WHERE t.metric = %L AND t.kind = %L) AS b%s', m.numbers, m.metric, m.kind, m.nth),
                    ', ' ORDER BY m.nth)
    INTO metrics, steps, columns, breaks
    FROM (
      SELECT k.nth, k.metric, k.weight, k.kind, k.origin,
             CASE k.metric WHEN 'recency' THEN 't.breaks::date[]' ELSE 't.breaks::numeric[]' END AS numbers,
             CASE k.metric WHEN 'recency' THEN 'c.last_day::text' WHEN 'frequency' THEN 'c.frequency::text'
               WHEN 'monetary' THEN 'c.monetary::text' WHEN 'clv' THEN 'c.clv::text'
               ELSE format('c.m%s::text', k.nth) END AS value,
             CASE k.metric
               WHEN 'recency' THEN format('1000 * (custprio.score_by(c.last_day, coalesce(own.b%1$s, pooled.b%1$s)) - 1)', k.nth)
               WHEN 'frequency' THEN format('1000 * (custprio.score_by(c.frequency::numeric, coalesce(own.b%1$s, pooled.b%1$s)) - 1)', k.nth)
               WHEN 'monetary' THEN format('1000 * (custprio.score_by(c.revenue, coalesce(own.b%1$s, pooled.b%1$s)) - 1)', k.nth)
               WHEN 'clv' THEN format('1000 * (custprio.score_by(c.clv, coalesce(own.b%1$s, pooled.b%1$s)) - 1)', k.nth)
               ELSE format('custprio.scale_metric(c.m%1$s, %2$L, %3$L, %4$L::numeric[], coalesce(own.b%1$s, pooled.b%1$s), %5$s)',
                           k.nth, k.scale, k.direction, k.parameters, k.decimals) END AS step
      FROM (SELECT n.*, row_number() OVER (ORDER BY n.position, array_position('{recency,frequency,monetary,clv}', n.metric)) AS nth,
                   CASE n.origin WHEN 'built-in' THEN 'percentile' ELSE n.scale END AS kind
            FROM custprio.metric n WHERE n.scorecard_id = card.scorecard_id) k
      WHERE k.origin <> 'built-in' OR EXISTS (
        SELECT FROM custprio.threshold t WHERE t.scorecard_id = card.scorecard_id AND t.run_id = card.run_id
          AND t.metric = k.metric AND t.kind = 'percentile')) m;

  -- Contributions are differences of rounded partial sums: so they add up to the priority, and each is within 0.0001 of
  -- its exact value. Weights have 9 decimals, so all this is on whole numbers. Thresholds hold for revenue in all its
  -- digits, which only the state has.
  RETURN QUERY EXECUTE format($query$
    WITH breaks AS MATERIALIZED (
      SELECT t.segment, %1$s FROM custprio.threshold t WHERE t.scorecard_id = $1 AND t.run_id = $2 GROUP BY t.segment),
    customer AS (
      SELECT p.customer_id, (p.last_purchase AT TIME ZONE $4)::date AS last_day, p.frequency, p.monetary, p.clv,
             CASE WHEN $5 THEN custprio.revenue(s.summary) ELSE p.monetary END AS revenue, s.segment %2$s
      FROM %3$s p LEFT JOIN %4$s s USING (customer_id)
      WHERE p.tier IS NOT NULL %5$s),
    scaled AS MATERIALIZED (
      SELECT c.*, %6$s FROM customer c LEFT JOIN breaks own ON own.segment = c.segment JOIN breaks pooled ON pooled.segment IS NULL),
    step AS (
      SELECT c.customer_id, m.* FROM scaled c, LATERAL (VALUES %7$s) m(nth, metric, value, weight, step)),
    summed AS (
      SELECT s.*, sum(s.weight * coalesce(s.step, 0)) OVER (PARTITION BY s.customer_id ORDER BY s.nth) * 1000000000 AS part,
             sum(s.weight) FILTER (WHERE s.step IS NOT NULL) OVER (PARTITION BY s.customer_id) * 1000000000 AS total
      FROM step s),
    rounded AS (
      SELECT s.*, div(2000000 * s.part + 999000 * s.total, nullif(2 * 999000 * s.total, 0)) AS units FROM summed s)
    SELECT r.customer_id::text, r.metric, r.value, round(100 * r.step / 999000.0, 2), r.weight,
           CASE WHEN r.step IS NOT NULL
             THEN round((r.units - coalesce(lag(r.units) OVER (PARTITION BY r.customer_id ORDER BY r.nth), 0)) / 10000, 4) END
    FROM rounded r ORDER BY r.customer_id, r.nth
  $query$, breaks, columns, card.priority, card.purchases,
    CASE WHEN customer IS NOT NULL THEN format('AND p.customer_id = CAST($3 AS %s)', card.key_type)
      -- one segment after the other
      WHEN EXISTS (SELECT FROM custprio.threshold t WHERE t.scorecard_id = card.scorecard_id AND t.run_id = card.run_id
                     AND t.segment IS NOT NULL) THEN 'ORDER BY s.segment' ELSE '' END,
    steps, metrics)
    USING card.scorecard_id, card.run_id, customer, zone, card.state_is_of_day;
END
$function$;
COMMENT ON FUNCTION custprio.contributions(text, text) IS
  'what each metric contributes to the priority of every buyer, or of one: its value, percentile (0 to 100), weight and contribution, which add up to the priority; NULL where the value is missing';

CREATE FUNCTION custprio.explain(name text, customer text)
  RETURNS TABLE (item text, value text, percentile numeric, weight numeric, contribution numeric, explanation text)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET datestyle = 'ISO, YMD'
AS $function$
DECLARE
  card record;
  row record;
  state record;
  metric record;
  last_change record;
  ladder record;
  hold record;
  frequency_by text;
  counted text;
  total numeric = 0;
  reached numeric;
BEGIN
  SELECT * INTO card FROM custprio.explained_epoch(name);
  EXECUTE format('SELECT p.* FROM %s p WHERE p.customer_id = CAST($1 AS %s)', card.priority, card.key_type)
    INTO row USING customer;
  IF row.customer_id IS NULL THEN
    RAISE EXCEPTION 'scorecard "%" has no customer "%"', name, customer USING ERRCODE = 'no_data_found',
      HINT = format('SELECT customer_id FROM %s lists the customers.', card.priority);
  END IF;
  IF row.tier IS NULL THEN
    item := 'stage'; value := row.stage;
    explanation := 'without any purchase there is no score and no tier';
    RETURN NEXT;
    RETURN;
  END IF;
  -- thresholds hold for revenue in all its digits, which only the state has
  EXECUTE format('SELECT custprio.revenue(s.summary) AS revenue, s.segment FROM %s s WHERE s.customer_id = CAST($1 AS %s)',
                 card.purchases, card.key_type)
    INTO state USING customer;

  SELECT s.frequency_by INTO frequency_by FROM custprio.scorecard s WHERE s.scorecard_id = card.scorecard_id;
  SELECT format(' since %s (regime %s)', r.starts_on, r.regime) INTO counted FROM custprio.regime r
    WHERE r.scorecard_id = card.scorecard_id AND r.applies_from <= card.as_of ORDER BY r.starts_on DESC, r.regime LIMIT 1;
  FOR metric IN
    SELECT c.metric, c.value, c.percentile, c.weight, c.contribution, m.expression, m.scale, m.direction, m.axis, m.protected,
           m.allow_protected
    FROM custprio.contributions(name, customer) WITH ORDINALITY c
      JOIN custprio.metric m ON m.scorecard_id = card.scorecard_id AND m.metric = c.metric
    ORDER BY c.ordinality
  LOOP
    item := metric.metric; value := metric.value; percentile := metric.percentile; weight := metric.weight;
    contribution := metric.contribution;
    explanation := CASE item
      WHEN 'recency' THEN format('last purchase %s days before %s', card.as_of - value::date, card.as_of)
      WHEN 'frequency' THEN CASE frequency_by WHEN 'day' THEN 'days with a purchase' ELSE 'purchases' END || coalesce(counted, '')
      WHEN 'monetary' THEN 'revenue less returns' || coalesce(counted, '')
      WHEN 'clv' THEN 'expected value of future purchases'
      ELSE format('%s; scale %s, %s is better', metric.expression, metric.scale, metric.direction)
        || CASE WHEN contribution IS NULL THEN '; missing, so it leaves the mean' ELSE '' END
        || CASE WHEN metric.axis <> 'value' THEN format('; axis %s, no part of the priority', metric.axis) ELSE '' END
        || CASE WHEN metric.allow_protected IS NOT NULL
             THEN format('; reads %s: %s', array_to_string(metric.protected, ', '), metric.allow_protected) ELSE '' END
      END;
    total := total + CASE WHEN contribution IS NULL THEN 0 ELSE weight END;
    RETURN NEXT;
  END LOOP;

  item := 'priority'; value := row.priority::text; percentile := NULL; weight := total; contribution := row.priority;
  explanation := 'sum of the contributions';
  RETURN NEXT;

  -- where the scored tier begins, and the next better one
  WITH cuts AS (
    SELECT DISTINCT ON (t.kind) t.kind, t.breaks, t.segment FROM custprio.threshold t
    WHERE t.scorecard_id = card.scorecard_id AND t.run_id = card.run_id AND t.kind IN ('tier', 'tier_enter', 'tier_leave')
      AND (t.segment IS NULL OR t.segment = state.segment)
    ORDER BY t.kind, t.segment NULLS LAST)
  SELECT coalesce(p.method, 'share') AS method, t.segment, coalesce(p.metric, 'priority') AS metric, r.condition, t.breaks[r.nth]::numeric AS cut,
         r.better, t.breaks[r.nth - 1]::numeric AS better_cut, left_at.breaks[held.nth]::numeric AS left_at,
         entered.breaks[r.nth]::numeric AS entered
    INTO ladder
    FROM (SELECT tier, condition, row_number() OVER (ORDER BY tier) AS nth, lag(tier) OVER (ORDER BY tier) AS better
          FROM custprio.tier_rule WHERE scorecard_id = card.scorecard_id) r
    LEFT JOIN (SELECT tier, row_number() OVER (ORDER BY tier) AS nth
               FROM custprio.tier_rule WHERE scorecard_id = card.scorecard_id) held ON held.tier = row.tier
    LEFT JOIN custprio.tier_policy p ON p.scorecard_id = card.scorecard_id
    LEFT JOIN cuts t ON t.kind = 'tier'
    LEFT JOIN cuts left_at ON left_at.kind = 'tier_leave'
    LEFT JOIN cuts entered ON entered.kind = 'tier_enter'
    WHERE r.tier = row.scored_tier;
  reached := CASE WHEN ladder.metric = 'monetary' AND card.state_is_of_day THEN state.revenue
                  ELSE (to_jsonb(row) ->> ladder.metric)::numeric END;
  item := 'tier'; value := row.tier::text; weight := NULL; contribution := NULL;
  explanation := CASE
      WHEN ladder.method = 'rules' AND ladder.condition IS NULL THEN 'no rule holds'
      WHEN ladder.method = 'rules' THEN format('the first rule that holds: %s', ladder.condition)
      WHEN ladder.cut IS NULL THEN format('%s below all cuts', ladder.metric)
      ELSE format('%s %s reaches %s, where tier %s begins', ladder.metric, reached, ladder.cut, row.scored_tier)
        || coalesce(' in segment ' || ladder.segment, '') END
    || CASE
      WHEN ladder.method = 'rules' THEN ''
      WHEN ladder.better IS NULL THEN '; there is no better tier'
      ELSE format('; tier %s begins at %s, %s more', ladder.better, ladder.better_cut, ladder.better_cut - reached) END;
  IF row.tier <> row.scored_tier THEN
    explanation := format('scored %s: ', row.scored_tier) || explanation;
  END IF;
  RETURN NEXT;

  SELECT o.* INTO hold FROM custprio.overrides o
    WHERE o.scorecard = explain.name AND o.in_force AND o.customer = row.customer_id::text;
  IF row.held_by IS NOT NULL THEN
    item := 'held'; value := row.held_by;
    explanation := CASE row.held_by
        WHEN 'hysteresis' THEN CASE
          WHEN row.tier < row.scored_tier THEN format('tier %s is left below %s', row.tier, ladder.left_at)
          ELSE format('tier %s is entered at %s', row.scored_tier, ladder.entered) END
        WHEN 'minimum_stay' THEN format('changed on %s, and stays', row.tier_since)
        WHEN 'protection' THEN format('upgraded on %s, and protected', row.tier_since)
        WHEN 'grace' THEN format('scored below since %s, in grace', row.below_since)
        WHEN 'step' THEN format('went down on %s, and the next step waits', row.tier_since)
        WHEN 'calendar' THEN format('scored below since %s, and downgrades wait for their day', row.below_since)
        WHEN 'override' THEN coalesce(
          format('%s%s by %s: %s', hold.kind, ' ' || hold.tier::text, hold.set_by, hold.reason), 'by an override') END
      || CASE WHEN row.held_until IS NOT NULL THEN format(' until %s', row.held_until)
              WHEN row.held_by = 'override' THEN ' without end' ELSE '' END;
    RETURN NEXT;
  ELSIF hold.kind IS NOT NULL THEN
    item := 'override'; value := hold.kind;
    explanation := format('%s by %s: %s; it makes no difference now', hold.kind || coalesce(' ' || hold.tier::text, ''), hold.set_by, hold.reason);
    RETURN NEXT;
  END IF;

  EXECUTE format('SELECT h.previous_tier, h.tier, h.changed_on, h.reason FROM %s h WHERE h.customer_id = CAST($1 AS %s)'
                 ' ORDER BY h.run_id DESC, h.changed_on DESC LIMIT 1', card.history, card.key_type)
    INTO last_change USING customer;
  IF last_change.tier IS NOT NULL THEN
    item := 'since'; value := last_change.changed_on::text;
    explanation := CASE WHEN last_change.previous_tier IS NULL THEN format('first tier: %s', last_change.tier)
                        ELSE format('%s before; moved by %s', last_change.previous_tier, last_change.reason) END;
    RETURN NEXT;
  END IF;
END
$function$;
COMMENT ON FUNCTION custprio.explain(text, text) IS
  'why a customer has its tier: each metric''s value, percentile, weight and contribution to the priority, the cut it reaches and the next one, what holds it and until when, and what moved it last';

CREATE FUNCTION custprio.migration(name text, from_day date, to_day date)
  RETURNS TABLE (from_tier custprio.customer_tier, to_tier custprio.customer_tier, customers bigint)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  history text;
BEGIN
  SELECT format('%I.%I', s.schema_name, s.name || '_tier_history') INTO history
    FROM custprio.scorecard s WHERE s.name = migration.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  IF from_day > to_day THEN
    RAISE EXCEPTION 'argument "from_day" must not be after "to_day"' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('%s is after %s.', from_day, to_day);
  END IF;
  RETURN QUERY EXECUTE format(
    'WITH before AS (SELECT DISTINCT ON (customer_id) customer_id, tier FROM %1$s WHERE changed_on <= $1'
    '                ORDER BY customer_id, changed_on DESC, run_id DESC),'
    '     after AS (SELECT DISTINCT ON (customer_id) customer_id, tier FROM %1$s WHERE changed_on <= $2'
    '               ORDER BY customer_id, changed_on DESC, run_id DESC)'
    ' SELECT before.tier, after.tier, count(*) FROM after LEFT JOIN before USING (customer_id)'
    ' WHERE before.tier IS NOT NULL OR after.tier IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2', history)
    USING from_day, to_day;
END
$function$;
COMMENT ON FUNCTION custprio.migration(text, date, date) IS
  'how many customers moved from which tier to which between the ends of two days, from the tier history; NULL for no tier';
