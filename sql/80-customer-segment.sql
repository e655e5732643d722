-- Segments that a scorecard's owner defines over its customers, and what they are worth.

CREATE TABLE custprio.customer_segment (
  scorecard_id  bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  segment       text NOT NULL CHECK (segment <> ''),
  dimension     text NOT NULL CHECK (dimension IN ('geographic', 'demographic', 'psychographic', 'behavioural')),
  predicate     text NOT NULL,
  description   text,
  market_growth float8 CHECK (market_growth BETWEEN 0 AND 1),
  competition   float8 CHECK (competition BETWEEN 0 AND 1),
  fit           float8 CHECK (fit BETWEEN 0 AND 1),
  PRIMARY KEY (scorecard_id, segment)
);
COMMENT ON TABLE custprio.customer_segment IS 'segments by scorecard: a named condition over a customer''s published row and its row of the customers'' relation; written by add_segment() and drop_segment(), dumped';
COMMENT ON COLUMN custprio.customer_segment.predicate IS 'condition over the columns of the published row (priority) and the relation of customers (customers), every name qualified';
COMMENT ON COLUMN custprio.customer_segment.market_growth IS 'a rating from outside: how much the market of the segment grows, 0 to 1';
COMMENT ON COLUMN custprio.customer_segment.competition IS 'a rating from outside: how fierce the competition is, 0 to 1';
COMMENT ON COLUMN custprio.customer_segment.fit IS 'a rating from outside: how well the segment fits what the company can do, 0 to 1';
GRANT SELECT ON custprio.customer_segment TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.customer_segment', '');

CREATE FUNCTION custprio.add_segment(name text, segment text, dimension text, predicate text, description text DEFAULT NULL,
  market_growth float8 DEFAULT NULL, competition float8 DEFAULT NULL, fit float8 DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_add_segment' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.add_segment(text, text, text, text, text, float8, float8, float8) IS
  'define a segment of a scorecard''s customers by a condition over their published row and their row of the customers'' relation; the ratings, 0 to 1, enter its attractiveness';

CREATE FUNCTION custprio.drop_segment(name text, segment text) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_drop_segment' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.drop_segment(text, text) IS 'remove a segment of a scorecard';

CREATE FUNCTION custprio.segment_members(name text, segment text DEFAULT NULL, customer text DEFAULT NULL)
  RETURNS TABLE (customer_id text, segment text, dimension text)
  AS 'MODULE_PATHNAME', 'custprio_segment_members' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED;
COMMENT ON FUNCTION custprio.segment_members(text, text, text) IS
  'who is in which segment now, of the customers whom the caller can read in the priority table; a customer can be in many, or in none';

-- The priority table of a scorecard, quoted, for the functions below; its as-of day comes from as_of().
CREATE FUNCTION custprio.priority_table(name text) RETURNS text
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  found_table text;
BEGIN
  SELECT format('%I.%I', s.schema_name, s.name || '_priority') INTO found_table
    FROM custprio.scorecard s WHERE s.name = priority_table.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  RETURN found_table;
END
$function$;
COMMENT ON FUNCTION custprio.priority_table(text) IS 'quoted name of the priority table that a scorecard publishes';

CREATE FUNCTION custprio.segment_matrix(name text, dimension1 text, dimension2 text)
  RETURNS TABLE (segment1 text, segment2 text, customers bigint, share_of_customers numeric, revenue numeric, average_priority numeric)
  LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  unknown text;
BEGIN
  SELECT d INTO unknown FROM unnest(ARRAY[dimension1, dimension2]) d
    WHERE d NOT IN ('geographic', 'demographic', 'psychographic', 'behavioural');
  IF FOUND THEN
    RAISE EXCEPTION 'there is no dimension "%"', unknown USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Use geographic, demographic, psychographic or behavioural.';
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH member AS MATERIALIZED (SELECT * FROM custprio.segment_members($1))
    SELECT a.segment, b.segment, count(*), round(count(*)::numeric / (SELECT nullif(count(*), 0) FROM %1$s), 4),
      sum(p.monetary), round(avg(p.priority), 4)
    FROM (SELECT customer_id::text AS customer, monetary, priority FROM %1$s) p
    LEFT JOIN member a ON a.customer_id = p.customer AND a.dimension = $2
    LEFT JOIN member b ON b.customer_id = p.customer AND b.dimension = $3
    GROUP BY a.segment, b.segment ORDER BY a.segment, b.segment
  $query$, priority) USING name, dimension1, dimension2;
END
$function$;
COMMENT ON FUNCTION custprio.segment_matrix(text, text, text) IS
  'cross-tabulation of the segments of two dimensions: customers, their share of all, revenue and mean priority; NULL stands for no segment, and a customer of several segments counts in each of their cells';

CREATE FUNCTION custprio.segment_attractiveness(name text, weights jsonb DEFAULT
  '{"size": 1, "value": 1, "growth": 1, "market_growth": 1, "competition": 1, "fit": 1}')
  RETURNS TABLE ("position" bigint, segment text, dimension text, attractiveness numeric, customers bigint, revenue numeric,
    growth numeric, market_growth float8, competition float8, fit float8)
  LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  bad record;
BEGIN
  IF jsonb_typeof(weights) <> 'object' THEN
    RAISE EXCEPTION 'argument "weights" must be an object of criteria and numbers' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Pass for example {"size": 1, "fit": 2}.';
  END IF;
  SELECT * INTO bad FROM jsonb_each(weights) w
    WHERE w.key NOT IN ('size', 'value', 'growth', 'market_growth', 'competition', 'fit')
      OR CASE WHEN jsonb_typeof(w.value) = 'number' THEN w.value::numeric < 0 ELSE true END;
  IF FOUND THEN
    RAISE EXCEPTION 'argument "weights": "%" cannot weigh %', bad.key, bad.value USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Criteria are size, value, growth, market_growth, competition and fit, and weights are numbers from 0 on.';
  END IF;
  IF NOT EXISTS (SELECT FROM jsonb_each(weights) w WHERE w.value::numeric > 0) THEN
    RAISE EXCEPTION 'argument "weights": some criterion must weigh more than nothing' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- size, value and growth are scaled from the least (0) to the most (1) of all segments; where all are equal they tell
  -- nothing apart and are left out, as is what is not known
  RETURN QUERY EXECUTE format($query$
    WITH measured AS (
      SELECT s.segment, s.dimension, s.market_growth, s.competition, s.fit, count(p.customer) AS customers,
        coalesce(sum(p.monetary), 0) AS revenue,
        count(*) FILTER (WHERE p.first_purchase IS NOT NULL AND custprio.recency_days($1, p.first_purchase) < 365)::numeric
          / nullif(count(*) FILTER (WHERE custprio.recency_days($1, p.first_purchase) >= 365), 0) AS growth
      FROM custprio.customer_segment s JOIN custprio.scorecard c USING (scorecard_id)
      LEFT JOIN custprio.segment_members($1) m ON m.segment = s.segment
      LEFT JOIN (SELECT customer_id::text AS customer, monetary, first_purchase FROM %s) p ON p.customer = m.customer_id
      WHERE c.name = $1 GROUP BY s.scorecard_id, s.segment, s.dimension, s.market_growth, s.competition, s.fit),
    criterion AS (
      SELECT m.segment, c.criterion, ($2 ->> c.criterion)::numeric AS weight,
        CASE WHEN c.rating THEN c.v ELSE (c.v - min(c.v) OVER every) / nullif(max(c.v) OVER every - min(c.v) OVER every, 0) END AS v
      FROM measured m, LATERAL (VALUES ('size', m.customers::numeric, false), ('value', m.revenue, false), ('growth', m.growth, false),
        ('market_growth', m.market_growth::numeric, true), ('competition', 1 - m.competition::numeric, true),
        ('fit', m.fit::numeric, true)) c(criterion, v, rating)
      WINDOW every AS (PARTITION BY c.criterion)),
    rated AS (
      SELECT c.segment, round(sum(c.weight * c.v) / nullif(sum(c.weight), 0), 4) AS attractiveness
      FROM criterion c WHERE c.v IS NOT NULL AND c.weight > 0 GROUP BY c.segment)
    SELECT rank() OVER (ORDER BY r.attractiveness DESC NULLS LAST), m.segment, m.dimension, r.attractiveness, m.customers,
      m.revenue, round(m.growth, 4), m.market_growth, m.competition, m.fit
    FROM measured m LEFT JOIN rated r USING (segment) ORDER BY 1, m.segment
  $query$, priority) USING name, weights;
END
$function$;
COMMENT ON FUNCTION custprio.segment_attractiveness(text, jsonb) IS
  'segments ordered by how attractive a target they are, 0 to 1: the weighted mean of measured size, value and growth (customers won in the last year per earlier one), and of the ratings given for market growth, competition (less is better) and fit';
