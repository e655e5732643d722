-- Figures of others, such as an industry's, to compare one's own customers with. They are the user's: none comes with custprio.

CREATE TABLE custprio.benchmark (
  scorecard_id bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  metric       text NOT NULL,
  statistic    text NOT NULL CHECK (statistic IN ('mean', 'standard_deviation', 'skewness', 'minimum', 'p10', 'p25', 'median', 'p75',
                                                  'p90', 'maximum', 'zero_share', 'gini', 'top_20_share')),
  source       text NOT NULL CHECK (source <> ''),
  value        float8 NOT NULL,
  valid_on     date,
  set_by       text NOT NULL,
  set_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (scorecard_id, metric, statistic, source)
);
COMMENT ON TABLE custprio.benchmark IS 'by scorecard: figures of others for statistics of its metrics, and who says so; written by set_benchmark(), dumped';
COMMENT ON COLUMN custprio.benchmark.statistic IS 'a column of describe()';
COMMENT ON COLUMN custprio.benchmark.source IS 'where the figure is from';
COMMENT ON COLUMN custprio.benchmark.valid_on IS 'the day it is of; NULL: not known';
GRANT SELECT ON custprio.benchmark TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.benchmark', '');

CREATE FUNCTION custprio.set_benchmark(name text, metric text, statistic text, value float8, source text, valid_on date DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_benchmark' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_benchmark(text, text, text, float8, text, date) IS
  'note a figure of others, such as an industry''s, for a statistic of a metric as describe() has them: value NULL removes it; source says where it is from, and a metric can have figures of several';

CREATE FUNCTION custprio.compare_benchmarks(name text)
  RETURNS TABLE (metric text, statistic text, source text, valid_on date, days_old int, benchmark float8, own float8, difference float8,
    ratio float8, reached_share float8, verdict text)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  day date := custprio.as_of(name);
  card custprio.scorecard;
  lower_better boolean;
  own_value text;
  level boolean;
BEGIN
  SELECT * INTO card FROM custprio.scorecard s WHERE s.name = compare_benchmarks.name;
  FOR metric, statistic, source, valid_on, benchmark, own, lower_better IN
    SELECT b.metric, b.statistic, b.source, b.valid_on, b.value, (to_jsonb(d) ->> b.statistic)::float8,
      b.metric = 'recency' OR coalesce(m.direction = 'lower', false)
    FROM custprio.benchmark b LEFT JOIN custprio.describe(compare_benchmarks.name) d ON d.metric = b.metric
      LEFT JOIN custprio.metric m ON m.scorecard_id = b.scorecard_id AND m.metric = b.metric AND m.origin <> 'built-in'
    WHERE b.scorecard_id = card.scorecard_id
    ORDER BY b.metric, array_position('{mean,median,p10,p25,p75,p90,minimum,maximum}', b.statistic), b.statistic, b.source
  LOOP
    days_old := day - valid_on;
    difference := own - benchmark;
    ratio := CASE WHEN benchmark <> 0 THEN own / benchmark END;
    reached_share := NULL;
    verdict := NULL;
    -- a spread is neither good nor bad, and nobody has one of one's own
    level := statistic NOT IN ('standard_deviation', 'skewness', 'zero_share', 'gini', 'top_20_share');
    IF level AND own IS NOT NULL THEN
      verdict := CASE WHEN own = benchmark THEN 'equal' WHEN (own < benchmark) = lower_better THEN 'better' ELSE 'worse' END;
      own_value := CASE metric WHEN 'recency' THEN '($1 - (p.last_purchase AT TIME ZONE $2)::date)::float8' ELSE format('p.%I::float8', metric) END;
      EXECUTE format('SELECT avg((%1$s %2$s $3)::int)::float8 FROM %3$s p WHERE p.tier IS NOT NULL AND %1$s IS NOT NULL',
                     own_value, CASE WHEN lower_better THEN '<=' ELSE '>=' END, priority)
        INTO reached_share USING day, card.time_zone, benchmark;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION custprio.compare_benchmarks(text) IS
  'a scorecard''s own figures, from describe(), beside those that set_benchmark() noted: how much they differ, the share of buyers who are at least as good, and whether the own figure is better, by the metric''s direction (of recency and metrics with direction lower, less is better); spreads have no verdict';
