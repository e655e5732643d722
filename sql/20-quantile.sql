-- Quantile breaks and scores.

CREATE FUNCTION custprio.quantile_breaks_transition(internal, anyelement, int) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_quantile_breaks_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.quantile_breaks_transition(internal, anyelement, int) IS 'internal to quantile_breaks';

CREATE FUNCTION custprio.quantile_breaks_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_quantile_breaks_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.quantile_breaks_combine(internal, internal) IS 'internal to quantile_breaks';

CREATE FUNCTION custprio.quantile_breaks_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_quantile_breaks_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.quantile_breaks_serialize(internal) IS 'internal to quantile_breaks';

CREATE FUNCTION custprio.quantile_breaks_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_quantile_breaks_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.quantile_breaks_deserialize(bytea, internal) IS 'internal to quantile_breaks';

CREATE FUNCTION custprio.quantile_breaks_final(internal, anyelement, int) RETURNS anyarray
  AS 'MODULE_PATHNAME', 'custprio_quantile_breaks_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.quantile_breaks_final(internal, anyelement, int) IS 'internal to quantile_breaks';

CREATE AGGREGATE custprio.quantile_breaks(value anyelement, bins int) (
  SFUNC = custprio.quantile_breaks_transition,
  STYPE = internal,
  FINALFUNC = custprio.quantile_breaks_final,
  FINALFUNC_EXTRA,
  COMBINEFUNC = custprio.quantile_breaks_combine,
  SERIALFUNC = custprio.quantile_breaks_serialize,
  DESERIALFUNC = custprio.quantile_breaks_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE custprio.quantile_breaks(anyelement, int) IS
'the bins - 1 breaks that cut the values into quantiles: break i is the smallest value with at least i/bins of all values at or below it; a break equal to the largest value becomes the next smaller distinct one. NULL values are ignored, no value gives NULL, NaN is an error, infinity counts as a value; bins is 1 to 1000 and the same for the whole group';

CREATE FUNCTION custprio.score_by(value anyelement, breaks anyarray) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_score_by' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.score_by(anyelement, anyarray) IS
'1 + the number of breaks strictly below the value, so equal values get equal scores; breaks are ascending, without NULL; an empty array scores 1; NULL gives NULL, NaN is an error';

CREATE FUNCTION custprio.quantile_score(value anyelement, bins int) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_quantile_score' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.quantile_score(anyelement, int) IS
'window function: the score 1 to bins of the row''s value among all rows of the partition, as quantile_breaks and score_by give it; the window''s ORDER BY and frame play no part. Equal values get equal scores, the largest scores bins unless all are equal, then all score 1. NULL gives NULL, NaN is an error';
