-- The end of what is known about a customer.

CREATE FUNCTION custprio.forget(name text, customer text) RETURNS TABLE (kind text, deleted bigint)
  AS 'MODULE_PATHNAME', 'custprio_forget' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.forget(text, text) IS
  'delete every row that a scorecard keeps about a customer; totals stay, and a customer who is still in the source comes back';
