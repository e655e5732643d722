-- Proof of what is published.

CREATE FUNCTION custprio.verify(name text)
  RETURNS TABLE (customer_id text, column_name text, published text, recomputed text)
  AS 'MODULE_PATHNAME', 'custprio_verify' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.verify(text) IS
  'recompute everything from the source under the thresholds, fit and day of the published rows and list every difference; writes nothing';

CREATE FUNCTION custprio.score_as_of(name text, day date)
  RETURNS TABLE (customer_id text, tier custprio.customer_tier, priority numeric, rfm custprio.rfm_score, segment text,
    abc custprio.customer_tier, frequency bigint, monetary numeric, average_order_value numeric,
    first_purchase timestamptz, last_purchase timestamptz, p_alive numeric, expected_purchases numeric, clv numeric, stage text,
    relationship text, metrics jsonb)
  AS 'MODULE_PATHNAME', 'custprio_score_as_of' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.score_as_of(text, date) IS
  'what a rebuild as of a day publishes, from the source as it is now, added metrics as an object; writes nothing';
