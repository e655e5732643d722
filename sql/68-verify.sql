-- Proof of what is published.

CREATE FUNCTION custprio.verify(name text)
  RETURNS TABLE (customer_id text, column_name text, published text, recomputed text)
  AS 'MODULE_PATHNAME', 'custprio_verify' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.verify(text) IS
  'recompute everything from the source under the thresholds, fit and day of the published rows and list every difference; writes nothing';
