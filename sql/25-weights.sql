-- Weights of criteria.

CREATE FUNCTION custprio.ahp_weights(comparisons float8[], force boolean DEFAULT false,
  OUT weights float8[], OUT lambda_max float8, OUT consistency_index float8, OUT consistency_ratio float8)
  AS 'MODULE_PATHNAME', 'custprio_ahp_weights' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.ahp_weights(float8[], boolean) IS
  'weights of criteria from a matrix of comparisons in pairs (analytic hierarchy process, Saaty): the principal eigenvector, and how consistent the comparisons are; a consistency ratio above 0.1 is an error unless forced';

CREATE FUNCTION custprio.entropy_weights("values" float8[]) RETURNS float8[]
  AS 'MODULE_PATHNAME', 'custprio_entropy_weights' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.entropy_weights(float8[]) IS
  'weights of criteria (columns) from how unevenly their values are spread over the rows (Shannon entropy); equal values weigh nothing';
