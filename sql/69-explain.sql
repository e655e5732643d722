-- Answers for people: why a customer stands where it does, and how customers moved.

CREATE FUNCTION custprio.explain(name text, customer text)
  RETURNS TABLE (item text, value text, percentile numeric, weight numeric, contribution numeric, explanation text)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET datestyle = 'ISO, YMD'
AS $function$
DECLARE
  card record;
  row record;
  metric record;
  cut record;
  last_day date;
  ladder record;
  hold record;
  key_type text;
  published jsonb;
  items text[] = '{}';
  texts text[] = '{}';
  reasons text[] = '{}';
  weights numeric[] = '{}';
  steps int[] = '{}';
  step int;
  total numeric = 0;
  part numeric = 0;
  units numeric;
  units_before numeric = 0;
  reached numeric;
BEGIN
  SELECT s.scorecard_id, s.name, s.schema_name, s.time_zone, s.frequency_by, s.version, e.run_id, e.as_of,
         e.version AS published_version, e.state_as_of
    INTO card
    FROM custprio.scorecard s LEFT JOIN custprio.epoch e USING (scorecard_id)
    WHERE s.name = explain.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  IF card.run_id IS NULL THEN
    RAISE EXCEPTION 'there are no thresholds of scorecard "%" to explain with', name
      USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Refresh it first. Only members of its owner''s role and of pg_monitor see thresholds.';
  END IF;
  IF card.published_version <> card.version THEN
    RAISE EXCEPTION 'the declaration of scorecard "%" has changed since it was refreshed', name
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Refresh it first.';
  END IF;

  SELECT format_type(a.atttypid, a.atttypmod) INTO key_type FROM pg_attribute a
    WHERE a.attrelid = format('%I.%I', card.schema_name, card.name || '_priority')::regclass AND a.attname = 'customer_id';
  -- thresholds hold for revenue in all its digits, which only the state has
  EXECUTE format('SELECT p.*, CASE WHEN $2 THEN custprio.revenue(s.summary) ELSE p.monetary END AS revenue'
                 ' FROM %I.%I p LEFT JOIN %I.%I s USING (customer_id) WHERE p.customer_id = CAST($1 AS %s)',
                 card.schema_name, card.name || '_priority', card.schema_name, card.name || '_purchases', key_type)
    INTO row USING customer, card.state_as_of = card.as_of;
  IF row.customer_id IS NULL THEN
    RAISE EXCEPTION 'scorecard "%" has no customer "%"', name, customer USING ERRCODE = 'no_data_found',
      HINT = format('SELECT customer_id FROM %I.%I lists the customers.', card.schema_name, card.name || '_priority');
  END IF;
  IF row.tier IS NULL THEN
    item := 'stage'; value := row.stage;
    explanation := 'without any purchase there is no score and no tier';
    RETURN NEXT;
    RETURN;
  END IF;

  last_day := (row.last_purchase AT TIME ZONE card.time_zone)::date;
  published := to_jsonb(row);
  FOR metric IN
    SELECT m.*, t.breaks FROM custprio.metric m
      LEFT JOIN custprio.threshold t ON t.scorecard_id = m.scorecard_id AND t.run_id = card.run_id AND t.metric = m.metric
        AND t.kind NOT IN ('rfm', 'abc')
    WHERE m.scorecard_id = card.scorecard_id AND (m.origin <> 'built-in' OR t.kind IS NOT NULL)
    ORDER BY m.position, array_position('{recency,frequency,monetary,clv}', m.metric)
  LOOP
    items := items || metric.metric;
    weights := weights || metric.weight;
    CASE metric.metric
      WHEN 'recency' THEN
        texts := texts || last_day::text;
        step := 1000 * (custprio.score_by(last_day, metric.breaks::date[]) - 1);
        reasons := reasons || format('last purchase %s days before %s', card.as_of - last_day, card.as_of);
      WHEN 'frequency' THEN
        texts := texts || row.frequency::text;
        step := 1000 * (custprio.score_by(row.frequency::numeric, metric.breaks::numeric[]) - 1);
        reasons := reasons || CASE card.frequency_by WHEN 'day' THEN 'days with a purchase' ELSE 'purchases' END::text;
      WHEN 'monetary' THEN
        texts := texts || row.monetary::text;
        step := 1000 * (custprio.score_by(row.revenue, metric.breaks::numeric[]) - 1);
        reasons := reasons || 'revenue less returns'::text;
      WHEN 'clv' THEN
        texts := texts || row.clv::text;
        step := 1000 * (custprio.score_by(row.clv, metric.breaks::numeric[]) - 1);
        reasons := reasons || 'expected value of future purchases'::text;
      ELSE
        texts := texts || (published->>metric.metric);
        step := custprio.scale_metric((published->>metric.metric)::numeric, metric.scale, metric.direction,
                                      metric.parameters, metric.breaks::numeric[], metric.decimals);
        reasons := reasons || (format('%s; scale %s, %s is better', metric.expression, metric.scale, metric.direction)
          || CASE WHEN step IS NULL THEN '; missing, so it leaves the mean' ELSE '' END
          || CASE WHEN metric.axis <> 'value' THEN format('; axis %s, no part of the priority', metric.axis) ELSE '' END
          || CASE WHEN metric.allow_protected IS NOT NULL
               THEN format('; reads %s: %s', array_to_string(metric.protected, ', '), metric.allow_protected) ELSE '' END);
    END CASE;
    steps := steps || step;
    total := total + CASE WHEN step IS NULL THEN 0 ELSE metric.weight END;
  END LOOP;

  -- Contributions are differences of rounded partial sums: so they add up to the priority, and each is within 0.0001 of
  -- its exact value. Weights have 9 decimals, so all this is on whole numbers.
  FOR i IN 1 .. cardinality(items) LOOP
    item := items[i]; value := texts[i]; weight := weights[i]; explanation := reasons[i];
    percentile := round(100 * steps[i] / 999000.0, 2);
    contribution := NULL;
    IF steps[i] IS NOT NULL THEN
      part := part + weights[i] * steps[i];
      units := div(2000000 * part * 1000000000 + 999000 * total * 1000000000, 2 * 999000 * total * 1000000000);
      contribution := round((units - units_before) / 10000, 4);
      units_before := units;
    END IF;
    RETURN NEXT;
  END LOOP;

  item := 'priority'; value := row.priority::text; percentile := NULL; weight := total; contribution := row.priority;
  explanation := 'sum of the contributions';
  RETURN NEXT;

  -- where the scored tier begins, and the next better one
  SELECT coalesce(p.method, 'share') AS method, coalesce(p.metric, 'priority') AS metric, r.condition, t.breaks[r.nth]::numeric AS cut,
         r.better, t.breaks[r.nth - 1]::numeric AS better_cut, left_at.breaks[held.nth]::numeric AS left_at,
         entered.breaks[r.nth]::numeric AS entered
    INTO ladder
    FROM (SELECT tier, condition, row_number() OVER (ORDER BY tier) AS nth, lag(tier) OVER (ORDER BY tier) AS better
          FROM custprio.tier_rule WHERE scorecard_id = card.scorecard_id) r
    LEFT JOIN (SELECT tier, row_number() OVER (ORDER BY tier) AS nth
               FROM custprio.tier_rule WHERE scorecard_id = card.scorecard_id) held ON held.tier = row.tier
    LEFT JOIN custprio.tier_policy p ON p.scorecard_id = card.scorecard_id
    LEFT JOIN custprio.threshold t ON t.scorecard_id = card.scorecard_id AND t.run_id = card.run_id AND t.kind = 'tier'
    LEFT JOIN custprio.threshold left_at ON left_at.scorecard_id = card.scorecard_id AND left_at.run_id = card.run_id
      AND left_at.kind = 'tier_leave'
    LEFT JOIN custprio.threshold entered ON entered.scorecard_id = card.scorecard_id AND entered.run_id = card.run_id
      AND entered.kind = 'tier_enter'
    WHERE r.tier = row.scored_tier;
  reached := CASE ladder.metric WHEN 'monetary' THEN row.revenue WHEN 'frequency' THEN row.frequency WHEN 'clv' THEN row.clv
                                ELSE row.priority END;
  item := 'tier'; value := row.tier::text; weight := NULL; contribution := NULL;
  explanation := CASE
      WHEN ladder.method = 'rules' AND ladder.condition IS NULL THEN 'no rule holds'
      WHEN ladder.method = 'rules' THEN format('the first rule that holds: %s', ladder.condition)
      WHEN ladder.cut IS NULL THEN format('%s below all cuts', ladder.metric)
      ELSE format('%s %s reaches %s, where tier %s begins', ladder.metric, reached, ladder.cut, row.scored_tier) END
    || CASE
      WHEN ladder.method = 'rules' THEN ''
      WHEN ladder.better IS NULL THEN '; there is no better tier'
      ELSE format('; tier %s begins at %s, %s more', ladder.better, ladder.better_cut, ladder.better_cut - reached) END;
  IF row.tier <> row.scored_tier THEN
    explanation := format('scored %s: ', row.scored_tier) || explanation;
  END IF;
  RETURN NEXT;

  SELECT o.* INTO hold FROM custprio.overrides o
    WHERE o.scorecard = card.name AND o.in_force AND o.customer = row.customer_id::text;
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

  EXECUTE format('SELECT h.previous_tier, h.tier, h.changed_on, h.reason FROM %I.%I h WHERE h.customer_id = CAST($1 AS %s)'
                 ' ORDER BY h.run_id DESC, h.changed_on DESC LIMIT 1', card.schema_name, card.name || '_tier_history', key_type)
    INTO cut USING customer;
  IF cut.tier IS NOT NULL THEN
    item := 'since'; value := cut.changed_on::text;
    explanation := CASE WHEN cut.previous_tier IS NULL THEN format('first tier: %s', cut.tier)
                        ELSE format('%s before; moved by %s', cut.previous_tier, cut.reason) END;
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
