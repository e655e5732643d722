-- A scorecard against what might take its place, by what customers did later.

CREATE FUNCTION custprio.challenge(name text, challenger jsonb, from_day date, to_day date, outcome text DEFAULT 'bought',
  margin float8 DEFAULT 0, promote boolean DEFAULT false)
  RETURNS TABLE (contender text, customers bigint, left_out bigint, events bigint, auc float8, lower_bound float8, upper_bound float8,
    rank_correlation float8, top_20_share float8, difference float8, difference_lower float8, difference_upper float8, p_value float8,
    verdict text)
  LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
  kind text;
  relation regclass;
  score text;
  unknown text;
  keys text[];
  scores float8[];
  compared custprio.auc_comparison;
  measured record;
BEGIN
  SELECT k INTO kind FROM jsonb_object_keys(CASE jsonb_typeof(challenger) WHEN 'object' THEN challenger ELSE '{}' END) k
    WHERE k IN ('weights', 'column', 'scorecard', 'relation');
  SELECT string_agg(k, ', ' ORDER BY k) INTO unknown FROM jsonb_object_keys(CASE jsonb_typeof(challenger) WHEN 'object' THEN challenger ELSE '{}' END) k
    WHERE k <> kind AND NOT (kind = 'relation' AND k IN ('customer', 'score'));
  IF kind IS NULL OR unknown IS NOT NULL OR (kind = 'relation' AND NOT challenger ?& '{customer,score}') THEN
    RAISE EXCEPTION 'argument "challenger" must say in one way what challenges' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('It is %s.', challenger),
      HINT = 'Pass {"weights": {"monetary": 2}}, {"column": "clv"}, {"scorecard": "other"}, or {"relation": "public.scores", "customer": "id", "score": "p"}.';
  END IF;
  IF outcome NOT IN ('bought', 'best_fifth') THEN
    RAISE EXCEPTION 'argument "outcome" must be "bought" or "best_fifth"' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('It is "%s".', outcome);
  END IF;
  IF NOT (margin >= 0 AND margin < 1) THEN
    RAISE EXCEPTION 'argument "margin" must be at least 0 and below 1' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('It is %s.', margin);
  END IF;
  IF promote AND kind <> 'weights' THEN
    RAISE EXCEPTION 'only weights can be promoted' USING ERRCODE = 'feature_not_supported',
      HINT = 'Add the score as a metric with add_metric, and challenge with weights.';
  END IF;

  -- the challenger's scores as of the first day, which outlive what is undone
  CASE kind
    WHEN 'weights' THEN
      BEGIN
        PERFORM custprio.set_weights(challenge.name, challenger -> 'weights', 'challenge');
        SELECT array_agg(s.customer_id), array_agg(s.priority::float8) INTO keys, scores
          FROM custprio.score_as_of(challenge.name, from_day) s WHERE s.tier IS NOT NULL;
        RAISE EXCEPTION USING ERRCODE = 'CP000', MESSAGE = 'undo what was tried';
      EXCEPTION WHEN SQLSTATE 'CP000' THEN
        NULL;
      END;
    WHEN 'scorecard' THEN
      SELECT array_agg(s.customer_id), array_agg(s.priority::float8) INTO keys, scores
        FROM custprio.score_as_of(challenger ->> 'scorecard', from_day) s WHERE s.tier IS NOT NULL;
    WHEN 'column' THEN
      score := challenger ->> 'column';
      IF score <> ALL ('{recency,frequency,monetary,average_order_value,p_alive,expected_purchases,clv}') AND NOT EXISTS (
          SELECT FROM custprio.metric m JOIN custprio.scorecard s USING (scorecard_id)
          WHERE s.name = challenge.name AND m.metric = score AND m.origin <> 'built-in') THEN
        RAISE EXCEPTION 'scorecard "%" has no score "%"', name, score USING ERRCODE = 'undefined_column',
          HINT = 'It is recency, frequency, monetary, average_order_value, p_alive, expected_purchases, clv, or an added metric.';
      END IF;
      -- of metrics of which less is better, less scores higher
      SELECT array_agg(s.customer_id), array_agg(v.score * v.sign) INTO keys, scores
      FROM custprio.score_as_of(challenge.name, from_day) s,
        LATERAL (SELECT CASE score WHEN 'recency' THEN extract(epoch FROM s.last_purchase)::float8 WHEN 'frequency' THEN s.frequency
            WHEN 'monetary' THEN s.monetary WHEN 'average_order_value' THEN s.average_order_value WHEN 'p_alive' THEN s.p_alive
            WHEN 'expected_purchases' THEN s.expected_purchases WHEN 'clv' THEN s.clv ELSE (s.metrics ->> score)::float8 END AS score,
          CASE WHEN EXISTS (SELECT FROM custprio.metric m JOIN custprio.scorecard c USING (scorecard_id) WHERE c.name = challenge.name
            AND m.metric = score AND m.direction = 'lower') THEN -1 ELSE 1 END AS sign) v
      WHERE s.tier IS NOT NULL;
    WHEN 'relation' THEN
      relation := (challenger ->> 'relation')::regclass;
      SELECT c INTO unknown FROM unnest(ARRAY[challenger ->> 'customer', challenger ->> 'score']) c
        WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION '% has no column "%"', relation, unknown USING ERRCODE = 'undefined_column';
      END IF;
      EXECUTE format('SELECT array_agg(r.%1$I::text), array_agg(r.%2$I::float8) FROM %3$s r', challenger ->> 'customer',
                     challenger ->> 'score', relation) INTO keys, scores;
      SELECT k INTO unknown FROM unnest(keys) k GROUP BY k HAVING count(*) > 1 ORDER BY k LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION '% has more than one score of customer "%"', relation, unknown USING ERRCODE = 'cardinality_violation';
      END IF;
  END CASE;

  -- Of customers at the edge of the best fifth the part that fits counts, as they share their score.
  WITH later AS (
    SELECT l.customer_id, l.priority::float8 AS champion, l.purchases > 0 AS bought, l.value::float8 AS value
    FROM custprio.later_purchases(challenge.name, from_day, to_day) l),
  joined AS (
    SELECT j.champion, j.score, j.value,
      CASE outcome WHEN 'bought' THEN j.bought ELSE j.value > 0 AND custprio.quantile_score(j.value, 5) OVER () = 5 END AS event
    FROM (SELECT l.*, c.score FROM later l JOIN unnest(keys, scores) c(customer_id, score) USING (customer_id) WHERE c.score IS NOT NULL) j),
  ranked AS (
    SELECT s.nth, s.score, j.value, rank() OVER (PARTITION BY s.nth ORDER BY s.score) + (count(*) OVER (PARTITION BY s.nth, s.score) - 1) / 2.0 AS score_rank,
      rank() OVER (PARTITION BY s.nth ORDER BY j.value) + (count(*) OVER (PARTITION BY s.nth, j.value) - 1) / 2.0 AS value_rank,
      0.2 * count(*) OVER (PARTITION BY s.nth) AS room, rank() OVER (PARTITION BY s.nth ORDER BY s.score DESC) - 1 AS before,
      count(*) OVER (PARTITION BY s.nth, s.score) AS equals
    FROM joined j, LATERAL (VALUES (1, j.champion), (2, j.score)) s(nth, score)),
  measures AS (
    SELECT r.nth, corr(r.score_rank, r.value_rank) AS rank_correlation,
      sum(r.value * greatest(0, least(1, (r.room - r.before) / r.equals))::float8) / nullif(sum(r.value), 0) AS top_20_share
    FROM ranked r GROUP BY r.nth)
  SELECT (SELECT custprio.compare_auc(j.event, j.champion, j.score) FROM joined j) AS auc, (SELECT count(*) FROM later) AS customers,
    a.rank_correlation AS correlation_1, b.rank_correlation AS correlation_2, a.top_20_share AS share_1, b.top_20_share AS share_2
  INTO measured FROM (SELECT) one LEFT JOIN measures a ON a.nth = 1 LEFT JOIN measures b ON b.nth = 2;
  compared := measured.auc;

  contender := 'champion'; customers := compared.n; left_out := measured.customers - compared.n; events := compared.events;
  auc := compared.champion_auc; lower_bound := compared.champion_lower; upper_bound := compared.champion_upper;
  rank_correlation := measured.correlation_1; top_20_share := measured.share_1;
  RETURN NEXT;
  contender := 'challenger'; auc := compared.challenger_auc; lower_bound := compared.challenger_lower; upper_bound := compared.challenger_upper;
  rank_correlation := measured.correlation_2; top_20_share := measured.share_2;
  difference := compared.difference; difference_lower := compared.lower_bound; difference_upper := compared.upper_bound;
  p_value := compared.p_value;
  verdict := CASE WHEN compared.lower_bound > margin THEN 'promote' ELSE 'keep' END;
  IF promote AND verdict = 'promote' THEN
    PERFORM custprio.set_weights(name, challenger -> 'weights', format('won a challenge from %s to %s: area under the ROC curve %s against %s (%s)',
      to_char(from_day, 'YYYY-MM-DD'), to_char(to_day, 'YYYY-MM-DD'), round(compared.challenger_auc::numeric, 4), round(compared.champion_auc::numeric, 4), outcome));
    verdict := 'promoted';
  END IF;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION custprio.challenge(text, jsonb, date, date, text, float8, boolean) IS
  'the priority of a scorecard as of a day against a challenger, other weights, a published number, another scorecard or scores in a relation, by what customers did until another day: how well each tells who bought (or is among the best fifth by value), the rank correlation with later value and the share of it that the best fifth had. The verdict is promote only if the 95 % interval of the difference lies above margin; with promote, other weights are then set';
