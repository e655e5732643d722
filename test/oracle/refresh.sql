-- What a refresh must publish, in plain SQL: the definitions again, slowly and by other means. Only the declaration is
-- taken from custprio, and none of its functions.
--   SELECT oracle.compute('crm', date '2024-05-01');
-- fills oracle.source_row (every row of the source and what becomes of it) and oracle.priority (as published);
-- oracle.difference('crm') then lists rows that are missing or wrong, on either side.
CREATE SCHEMA oracle;

CREATE TABLE oracle.source_row (customer_id text, purchased_at timestamptz, amount numeric, day date, kind text);
CREATE TABLE oracle.breaks (metric text, bins int, breaks numeric[]);
CREATE TABLE oracle.priority (
  customer_id text PRIMARY KEY, tier text, priority numeric, rfm text, segment text, abc text, frequency bigint,
  monetary numeric, average_order_value numeric, clv numeric, first_purchase timestamptz, last_purchase timestamptz, stage text,
  last_day date, listed boolean);

-- Added metrics: values as published, and scaled to 0 .. 999000; NULL where missing.
CREATE TABLE oracle.added (customer_id text, metric text, value numeric, steps numeric, PRIMARY KEY (metric, customer_id));

-- Discrete quantiles as percentile_disc finds them, a break at the largest value moved to the next smaller one. The
-- fraction is lowered by a hair, so that a double just above i/bins does not skip a value when i * n / bins is whole.
CREATE FUNCTION oracle.quantiles(metric_values numeric[], bins int) RETURNS numeric[] LANGUAGE sql AS $$
  SELECT array_agg(CASE WHEN b = top THEN coalesce(below, top) ELSE b END ORDER BY o)
  FROM (SELECT percentile_disc(ARRAY(SELECT (i - 1e-9) / bins FROM generate_series(1, bins - 1) i)::float8[]) WITHIN GROUP (ORDER BY v) AS raw,
          max(v) AS top, max(v) FILTER (WHERE v < (SELECT max(x) FROM unnest(metric_values) x)) AS below
        FROM unnest(metric_values) v) q, unnest(raw) WITH ORDINALITY AS u (b, o)
$$;

-- A value between two ends, by the definition of each scale; v is known.
CREATE FUNCTION oracle.scaled(v numeric, m custprio.metric, v_min numeric, v_max numeric, v_mean numeric, v_deviation numeric, breaks numeric[])
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE m.direction WHEN 'lower' THEN 999000 - steps ELSE steps END FROM (SELECT round(999000 * CASE m.scale
    -- breaks strictly below v: all less those that are not
    WHEN 'percentile' THEN (999 - width_bucket(-v, breaks)) / 999.0
    WHEN 'quantile' THEN (m.parameters[1] - 1 - width_bucket(-v, breaks)) / (m.parameters[1] - 1)
    WHEN 'minmax' THEN CASE WHEN v <= ends[1] THEN 0 WHEN v >= ends[2] THEN 1 ELSE (v - ends[1]) / (ends[2] - ends[1]) END
    WHEN 'log' THEN CASE WHEN v <= ends[1] THEN 0 WHEN v >= ends[2] THEN 1 ELSE ln(1 + v - ends[1]) / ln(1 + ends[2] - ends[1]) END
    WHEN 'z' THEN CASE WHEN v_deviation = 0 THEN CASE WHEN v > v_mean THEN 1 WHEN v < v_mean THEN 0 ELSE 0.5 END
      ELSE greatest(0, least(1, ((v - v_mean) / v_deviation / coalesce(m.parameters[1], 3) + 1) / 2)) END
    WHEN 'breaks' THEN (SELECT count(*) FILTER (WHERE v >= b) / count(*)::numeric FROM unnest(m.parameters) b)
    WHEN 'target' THEN CASE WHEN v = m.parameters[1] THEN 1
      ELSE greatest(0, 1 - abs(v - m.parameters[1]) / coalesce(m.parameters[2], greatest(abs(v_min - m.parameters[1]), abs(v_max - m.parameters[1])))) END
    END) AS steps FROM (SELECT CASE WHEN m.parameters = '{}' THEN ARRAY[v_min, v_max] ELSE m.parameters END AS ends) e) s
$$;

-- The added metrics of everybody in table person; TimeZone is the scorecard's.
CREATE FUNCTION oracle.compute_added(c custprio.scorecard, as_of date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  m custprio.metric;
  relation text; key text; at text; rule text; window_length interval;
BEGIN
  IF NOT EXISTS (SELECT FROM custprio.metric x WHERE x.scorecard_id = c.scorecard_id AND x.origin <> 'built-in') THEN
    RETURN;
  END IF;
  CREATE TEMP TABLE facts ON COMMIT DROP AS
    SELECT p.customer_id, p.frequency, p.purchases, count(DISTINCT r.day) FILTER (WHERE r.kind = 'purchase')::int AS purchase_days,
      p.monetary AS revenue, coalesce(sum(r.amount) FILTER (WHERE r.kind = 'purchase'), 0) AS gross,
      coalesce(-sum(r.amount) FILTER (WHERE r.kind = 'return'), 0) AS returns, count(*) FILTER (WHERE r.kind = 'return') AS return_rows,
      CASE WHEN p.purchases > 0 THEN p.monetary / p.purchases END AS average_order_value, p.first_purchase, p.last_purchase,
      min(r.day) FILTER (WHERE r.kind = 'purchase') AS first_day, p.last_day, compute_added.as_of - p.last_day AS recency,
      compute_added.as_of - min(r.day) FILTER (WHERE r.kind = 'purchase') AS tenure, p.clv, compute_added.as_of AS as_of, '{}'::jsonb AS metrics
    FROM person p LEFT JOIN oracle.source_row r ON r.customer_id = p.customer_id AND r.kind IN ('purchase', 'return')
    GROUP BY p.customer_id, p.frequency, p.purchases, p.monetary, p.first_purchase, p.last_purchase, p.last_day, p.clv;
  ANALYZE person; ANALYZE facts;
  -- first those of relations, then those that may use them
  FOR m IN SELECT * FROM custprio.metric x WHERE x.scorecard_id = c.scorecard_id AND x.origin <> 'built-in'
    ORDER BY x.origin = 'purchases', x.position
  LOOP
    m.expression := regexp_replace(m.expression, 'custprio\.scoring_day\(\)', quote_literal(as_of) || '::date', 'g');
    IF m.origin = 'purchases' THEN
      EXECUTE format('INSERT INTO oracle.added SELECT customer_id, $1, (%s)::numeric FROM facts',
        regexp_replace(m.expression, 'custprio\.metric_value\((''[^'']*'')::text\)', '(metrics->>\1)::numeric', 'g')) USING m.metric;
    ELSE
      relation := CASE m.origin WHEN 'customers' THEN c.customers WHEN 'source' THEN c.source ELSE m.relation END;
      key := CASE m.origin WHEN 'customers' THEN c.customers_key WHEN 'source' THEN c.customer ELSE m.key END;
      at := CASE m.origin WHEN 'source' THEN c.purchased_at ELSE m.occurred_at END;
      rule := CASE m.origin WHEN 'source' THEN c.filter END;
      window_length := coalesce(m.within, CASE m.origin WHEN 'source' THEN c.history END);
      EXECUTE format('INSERT INTO oracle.added SELECT p.customer_id, $1, v FROM person p LEFT JOIN (SELECT (%s)::text AS k, (%s)::numeric AS v FROM %s'
        ' WHERE (%s) AND (%s) AND (%s) %s) r ON r.k = p.customer_id', key, m.expression, relation, coalesce(rule, 'true'), coalesce(m.filter, 'true'),
        CASE WHEN at IS NULL THEN 'true' ELSE format('abs(extract(epoch FROM (%1$s))) < 1e300 AND (%1$s)::date <= $2 AND ($3 IS NULL OR (%1$s)::date > ($2 - $3)::date)', at) END,
        CASE WHEN m.aggregate THEN 'GROUP BY 1' ELSE '' END) USING m.metric, as_of, window_length;
    END IF;
    UPDATE oracle.added a SET value = CASE WHEN a.value IS NULL THEN round(m.if_missing, m.decimals)
      WHEN a.value IN ('NaN', 'Infinity', '-Infinity') OR abs(round(a.value, m.decimals)) > 9223372036854775807 / 10::numeric ^ m.decimals THEN NULL
      ELSE round(a.value, m.decimals) END WHERE a.metric = m.metric;
    UPDATE facts f SET metrics = f.metrics || jsonb_build_object(m.metric, a.value) FROM oracle.added a
      WHERE a.metric = m.metric AND a.customer_id = f.customer_id;
    WITH known AS MATERIALIZED (
      SELECT a.value FROM oracle.added a JOIN person p USING (customer_id) WHERE a.metric = m.metric AND p.purchases > 0 AND a.value IS NOT NULL),
    center AS (SELECT min(value) AS v_min, max(value) AS v_max, round(avg(value), m.decimals) AS mean FROM known),
    spread AS (SELECT round(sqrt(avg((value - mean) ^ 2)), m.decimals) AS deviation FROM known, center),
    cut AS (SELECT CASE WHEN m.scale IN ('percentile', 'quantile') AND count(*) > 0 THEN (
      SELECT array_agg(-b ORDER BY -b) FROM unnest(oracle.quantiles(array_agg(value), CASE m.scale WHEN 'quantile' THEN m.parameters[1]::int ELSE 1000 END)) b) END AS breaks FROM known)
    UPDATE oracle.added a SET steps = oracle.scaled(a.value, m, v_min, v_max, mean, deviation, breaks) FROM center, spread, cut
      WHERE a.metric = m.metric AND a.value IS NOT NULL;
  END LOOP;
  DROP TABLE facts;
END $$;

-- The planner knows nothing of the temporary tables' sizes: nested loops would take minutes, and JIT longer still.
CREATE FUNCTION oracle.compute(card text, as_of date) RETURNS void LANGUAGE plpgsql
  SET DateStyle = 'ISO, YMD' SET enable_nestloop = off SET jit = off AS $$
DECLARE
  c custprio.scorecard;
  saved text := current_setting('TimeZone');
  map_split text;
  has_clv boolean;
BEGIN
  SELECT * INTO STRICT c FROM custprio.scorecard WHERE name = card;
  TRUNCATE oracle.source_row, oracle.breaks, oracle.priority, oracle.added;
  PERFORM set_config('TimeZone', c.time_zone, true);

  -- every row of the source by what becomes of it; days are local days of the scorecard's zone
  EXECUTE format($q$
    INSERT INTO oracle.source_row
    SELECT k, t, a, day, CASE
        WHEN k IS NULL THEN 'null_customer' WHEN t IS NULL THEN 'null_time' WHEN a IS NULL THEN 'null_amount'
        WHEN a = 'NaN' THEN 'nan_amount' WHEN a IN ('Infinity', '-Infinity') THEN 'infinite_amount'
        WHEN NOT isfinite(t) THEN 'infinite_time'
        WHEN day > $1 THEN 'future'
        WHEN day <= ($1 - $2)::date THEN 'before_history'
        WHEN a < 0 THEN 'return' ELSE 'purchase' END
    FROM (SELECT k, t, a, CASE WHEN isfinite(t) THEN t::date END AS day
          FROM (SELECT (%s)::text AS k, (%s)::timestamptz AS t, (%s)::numeric AS a FROM %s WHERE %s) s) s
    $q$, c.customer, c.purchased_at, c.amount, c.source, coalesce(c.filter, 'true'))
  USING as_of, c.history;

  -- one row per customer that has a counted row, or is in the relation of customers
  CREATE TEMP TABLE person ON COMMIT DROP AS
    SELECT customer_id, count(*) FILTER (WHERE kind = 'purchase') AS purchases,
      CASE c.frequency_by WHEN 'day' THEN count(DISTINCT day) FILTER (WHERE kind = 'purchase') ELSE count(*) FILTER (WHERE kind = 'purchase') END AS frequency,
      sum(amount) AS monetary,
      min(purchased_at) FILTER (WHERE kind = 'purchase') AS first_purchase,
      max(purchased_at) FILTER (WHERE kind = 'purchase') AS last_purchase,
      max(day) FILTER (WHERE kind = 'purchase') AS last_day, NULL::boolean AS listed
    FROM oracle.source_row WHERE kind IN ('purchase', 'return') GROUP BY 1;
  IF c.customers IS NOT NULL THEN
    EXECUTE format('CREATE TEMP TABLE member ON COMMIT DROP AS SELECT DISTINCT (%1$s)::text AS customer_id FROM %2$s WHERE (%1$s) IS NOT NULL', c.customers_key, c.customers);
    UPDATE person SET listed = customer_id IN (SELECT customer_id FROM member);
    INSERT INTO person (customer_id, purchases, frequency, monetary, listed)
      SELECT customer_id, 0, 0, 0, true FROM member WHERE customer_id NOT IN (SELECT customer_id FROM person);
    DROP TABLE member;
  END IF;

  -- lifetime values are taken as published: test/pgtap/scorecard_clv.sql computes them
  EXECUTE format('CREATE TEMP TABLE lifetime ON COMMIT DROP AS SELECT customer_id::text, clv FROM %s WHERE clv IS NOT NULL', (SELECT priority_oid::regclass FROM custprio.scorecard WHERE name = card));
  SELECT count(*) > 0 INTO has_clv FROM lifetime;
  ALTER TABLE person ADD COLUMN clv numeric;
  UPDATE person p SET clv = l.clv FROM lifetime l WHERE l.customer_id = p.customer_id;
  DROP TABLE lifetime;

  PERFORM oracle.compute_added(c, as_of);

  -- breaks, over customers with a purchase
  CREATE TEMP TABLE metric_value ON COMMIT DROP AS
    SELECT 'recency' AS metric, (last_day - date '2000-01-01')::numeric AS v FROM person WHERE purchases > 0
    UNION ALL SELECT 'frequency', frequency FROM person WHERE purchases > 0
    UNION ALL SELECT 'monetary', monetary FROM person WHERE purchases > 0
    UNION ALL SELECT 'clv', clv FROM person WHERE purchases > 0 AND has_clv;
  INSERT INTO oracle.breaks
    SELECT metric, bins, oracle.quantiles(array_agg(v), bins) FROM metric_value, (VALUES (c.bins), (1000)) AS b (bins) GROUP BY metric, bins;

  -- score = 1 + breaks strictly below the value; by the mean where the segment map says so
  SELECT DISTINCT split INTO map_split FROM custprio.segment_map WHERE map = c.segment_map;
  CREATE TEMP TABLE score ON COMMIT DROP AS
    SELECT metric, bins, v, 1 + CASE WHEN map_split = 'mean' AND bins <> 1000
        THEN (v > (SELECT avg(x.v) FROM metric_value x WHERE x.metric = all_points.metric))::int
        ELSE below END AS score
    FROM (SELECT metric, bins, v, bool_or(is_value) AS is_value,
            sum(sum(is_break)) OVER (PARTITION BY metric, bins ORDER BY v) - sum(is_break) AS below
          FROM (SELECT metric, bins, v, 0 AS is_break, true AS is_value FROM metric_value JOIN oracle.breaks USING (metric)
                UNION ALL SELECT metric, bins, unnest(breaks), 1, false FROM oracle.breaks) points
          GROUP BY metric, bins, v) all_points
    WHERE is_value;
  CREATE TEMP TABLE segment ON COMMIT DROP AS
    SELECT segment, unnest(codes)::text AS code FROM custprio.segment_map WHERE map = c.segment_map;
  ANALYZE person; ANALYZE score;

  INSERT INTO oracle.priority
  WITH weights AS (
    SELECT scorecard_id, sum(weight) FILTER (WHERE origin = 'built-in' AND (has_clv OR metric <> 'clv')) AS total, coalesce(sum(weight) FILTER (WHERE has_clv AND metric = 'clv'), 0) AS v, sum(weight) FILTER (WHERE metric = 'recency') AS r,
      sum(weight) FILTER (WHERE metric = 'frequency') AS f, sum(weight) FILTER (WHERE metric = 'monetary') AS m
    FROM custprio.metric WHERE scorecard_id = c.scorecard_id GROUP BY 1),
  added AS (
    SELECT a.customer_id, sum(m.weight * a.steps) / 1000 AS part, sum(m.weight) AS weight FROM oracle.added a JOIN custprio.metric m USING (metric)
    WHERE m.scorecard_id = c.scorecard_id AND a.steps IS NOT NULL GROUP BY 1),
  buyer AS (
    SELECT p.customer_id, r.score * 100 + f.score * 10 + m.score AS rfm,
      round(100 * (w.r * (pr.score - 1) + w.f * (pf.score - 1) + w.m * (pm.score - 1) + w.v * (coalesce(pv.score, 1) - 1) + coalesce(ad.part, 0))
        / (999 * (w.total + coalesce(ad.weight, 0))), 4) AS priority, p.monetary
    FROM person p CROSS JOIN weights w LEFT JOIN added ad USING (customer_id)
      JOIN score r ON r.metric = 'recency' AND r.bins = c.bins AND r.v = last_day - date '2000-01-01'
      JOIN score f ON f.metric = 'frequency' AND f.bins = c.bins AND f.v = frequency
      JOIN score m ON m.metric = 'monetary' AND m.bins = c.bins AND m.v = monetary
      JOIN score pr ON pr.metric = 'recency' AND pr.bins = 1000 AND pr.v = last_day - date '2000-01-01'
      JOIN score pf ON pf.metric = 'frequency' AND pf.bins = 1000 AND pf.v = frequency
      JOIN score pm ON pm.metric = 'monetary' AND pm.bins = 1000 AND pm.v = monetary
      LEFT JOIN score pv ON pv.metric = 'clv' AND pv.bins = 1000 AND pv.v = clv
    WHERE p.purchases > 0),
  -- share of customers with strictly higher priority; equals share the better tier
  placed AS (
    SELECT customer_id, (rank() OVER (ORDER BY priority DESC) - 1) / (count(*) OVER ())::numeric AS above FROM buyer),
  tiered AS (
    SELECT customer_id, (SELECT min(t.tier::text) FROM custprio.tier_rule t
                         WHERE t.scorecard_id = c.scorecard_id AND (t.share > above OR t.share IS NULL)) AS tier
    FROM placed),
  -- sum of the values before each group of equals; only positive values count
  worth AS (
    SELECT monetary, sum(greatest(sum(monetary), 0)) OVER (ORDER BY monetary DESC) - greatest(sum(monetary), 0) AS before
    FROM buyer GROUP BY monetary),
  class AS (
    SELECT monetary, chr(65 + CASE WHEN monetary <= 0 THEN cardinality(c.abc_cuts)
        ELSE (SELECT count(*) FROM unnest(c.abc_cuts) k WHERE before >= k * (SELECT sum(monetary) FROM buyer WHERE monetary > 0))::int END) AS abc
    FROM worth)
  SELECT p.customer_id, t.tier, round(b.priority, 4), b.rfm::text,
    (SELECT segment FROM segment s WHERE s.code = b.rfm::text),
    k.abc, p.frequency, round(p.monetary, c.amount_scale),
    CASE WHEN p.purchases > 0 THEN round(p.monetary / p.purchases, c.amount_scale) END, p.clv,
    p.first_purchase, p.last_purchase,
    CASE WHEN p.purchases > 0 THEN NULL WHEN EXISTS (SELECT FROM oracle.source_row r WHERE r.customer_id = p.customer_id AND r.kind = 'return') THEN 'returns_only' ELSE 'prospect' END,
    p.last_day, p.listed
  FROM person p LEFT JOIN buyer b USING (customer_id) LEFT JOIN tiered t USING (customer_id) LEFT JOIN class k ON k.monetary = b.monetary;

  DROP TABLE person, metric_value, score, segment;
  PERFORM set_config('TimeZone', saved, true);
END $$;

-- Published rows that differ from the oracle's: one line per customer and column, numerics also by their scale.
CREATE FUNCTION oracle.difference(card text) RETURNS TABLE (customer_id text, column_name text, published text, expected text)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT coalesce(p.customer_id::text, o.customer_id), x.col, x.published, x.expected
    FROM %1$s p FULL JOIN oracle.priority o ON o.customer_id = p.customer_id::text,
      LATERAL (VALUES
        ('customer_id', p.customer_id::text, o.customer_id),
        ('tier', p.tier::text, o.tier),
        ('priority', p.priority::text, o.priority::text),
        ('rfm', p.rfm::text, o.rfm),
        ('segment', p.segment, o.segment),
        ('abc', p.abc::text, o.abc),
        ('frequency', p.frequency::text, o.frequency::text),
        ('monetary', p.monetary::text, o.monetary::text),
        ('average_order_value', p.average_order_value::text, o.average_order_value::text),
        ('first_purchase', p.first_purchase::text, o.first_purchase::text),
        ('last_purchase', p.last_purchase::text, o.last_purchase::text),
        ('clv', p.clv::text, o.clv::text),
        ('stage', p.stage, o.stage)) AS x (col, published, expected)
    WHERE x.published IS DISTINCT FROM x.expected
    UNION ALL
    SELECT o.customer_id, o.metric, to_jsonb(p)->>o.metric, o.value::text FROM oracle.added o LEFT JOIN %1$s p ON p.customer_id::text = o.customer_id
    WHERE to_jsonb(p)->>o.metric IS DISTINCT FROM o.value::text
    $q$, (SELECT priority_oid::regclass FROM custprio.scorecard WHERE name = card));
END $$;

-- Counts in the latest run's row that differ from the oracle's.
CREATE FUNCTION oracle.run_difference(card text) RETURNS TABLE (column_name text, published bigint, expected bigint) LANGUAGE sql AS $$
  SELECT x.* FROM (
      SELECT r.* FROM custprio.refresh_run r JOIN custprio.scorecard c USING (scorecard_id) WHERE c.name = card ORDER BY run_id DESC LIMIT 1) r,
    (SELECT count(*) AS n, count(*) FILTER (WHERE kind = 'purchase') AS purchases, count(*) FILTER (WHERE kind = 'return') AS returns,
       count(*) FILTER (WHERE kind = 'null_customer') AS null_customer, count(*) FILTER (WHERE kind = 'null_time') AS null_time,
       count(*) FILTER (WHERE kind = 'null_amount') AS null_amount, count(*) FILTER (WHERE kind = 'nan_amount') AS nan_amount,
       count(*) FILTER (WHERE kind = 'infinite_amount') AS infinite_amount, count(*) FILTER (WHERE kind = 'infinite_time') AS infinite_time,
       count(*) FILTER (WHERE kind = 'future') AS future, count(*) FILTER (WHERE kind = 'before_history') AS before_history
     FROM oracle.source_row) s,
    (SELECT count(*) AS customers, count(tier) AS buyers, count(*) FILTER (WHERE tier IS NOT NULL AND NOT listed) AS orphans FROM oracle.priority) p,
    LATERAL (VALUES
      ('rows_read', r.rows_read, s.n), ('purchases', r.purchases, s.purchases), ('returns', r.returns, s.returns),
      ('null_customer', r.null_customer, s.null_customer), ('null_time', r.null_time, s.null_time), ('null_amount', r.null_amount, s.null_amount),
      ('nan_amount', r.nan_amount, s.nan_amount), ('infinite_amount', r.infinite_amount, s.infinite_amount), ('infinite_time', r.infinite_time, s.infinite_time),
      ('future_rows', r.future_rows, s.future), ('filtered_by_history', r.filtered_by_history, s.before_history),
      ('customers', r.customers, p.customers), ('buyers', r.buyers, p.buyers), ('orphans', r.orphans, p.orphans)) AS x (col, published, expected)
  WHERE x.published IS DISTINCT FROM x.expected
$$;
