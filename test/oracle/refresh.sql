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

-- Discrete quantiles as percentile_disc finds them, a break at the largest value moved to the next smaller one. The
-- fraction is lowered by a hair, so that a double just above i/bins does not skip a value when i * n / bins is whole.
CREATE FUNCTION oracle.quantiles(metric_values numeric[], bins int) RETURNS numeric[] LANGUAGE sql AS $$
  SELECT array_agg(CASE WHEN b = top THEN coalesce(below, top) ELSE b END ORDER BY o)
  FROM (SELECT percentile_disc(ARRAY(SELECT (i - 1e-9) / bins FROM generate_series(1, bins - 1) i)::float8[]) WITHIN GROUP (ORDER BY v) AS raw,
          max(v) AS top, max(v) FILTER (WHERE v < (SELECT max(x) FROM unnest(metric_values) x)) AS below
        FROM unnest(metric_values) v) q, unnest(raw) WITH ORDINALITY AS u (b, o)
$$;

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
  TRUNCATE oracle.source_row, oracle.breaks, oracle.priority;
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
    SELECT scorecard_id, sum(weight) FILTER (WHERE has_clv OR metric <> 'clv') AS total, coalesce(sum(weight) FILTER (WHERE has_clv AND metric = 'clv'), 0) AS v, sum(weight) FILTER (WHERE metric = 'recency') AS r,
      sum(weight) FILTER (WHERE metric = 'frequency') AS f, sum(weight) FILTER (WHERE metric = 'monetary') AS m
    FROM custprio.metric WHERE scorecard_id = c.scorecard_id GROUP BY 1),
  buyer AS (
    SELECT p.customer_id, r.score * 100 + f.score * 10 + m.score AS rfm,
      100 * (w.r * (pr.score - 1) + w.f * (pf.score - 1) + w.m * (pm.score - 1) + w.v * (coalesce(pv.score, 1) - 1)) / (999 * w.total) AS priority, p.monetary
    FROM person p CROSS JOIN weights w
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
    FROM %s p FULL JOIN oracle.priority o ON o.customer_id = p.customer_id::text,
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
