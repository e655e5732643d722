-- Partial states of aggregates that fit something to rows of numbers.

CREATE FUNCTION custprio.sample_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_sample_combine' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.sample_combine(internal, internal) IS 'parallel part of the aggregates that fit to rows of numbers';
CREATE FUNCTION custprio.sample_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_sample_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.sample_serialize(internal) IS 'parallel part of the aggregates that fit to rows of numbers';
CREATE FUNCTION custprio.sample_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_sample_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.sample_deserialize(bytea, internal) IS 'parallel part of the aggregates that fit to rows of numbers';
