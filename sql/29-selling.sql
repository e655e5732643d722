-- What to offer whom, and how to find out whether it worked: association and assignment to experiments.

CREATE FUNCTION custprio.lift(joint bigint, antecedent bigint, consequent bigint, total bigint, prior double precision DEFAULT 0)
  RETURNS double precision
  AS 'MODULE_PATHNAME', 'custprio_lift' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.lift(bigint, bigint, bigint, bigint, double precision) IS
  'how much more often B is bought with A than in general: (joint / antecedent) / (consequent / total) over counts of baskets, drawn towards 1 as if prior baskets more with A had been seen at the general rate; NULL where neither was seen';

CREATE FUNCTION custprio.ab_group(experiment text, customer text, shares double precision[] DEFAULT '{0.5,0.5}') RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_ab_group' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.ab_group(text, text, double precision[]) IS
  'the group of an experiment that a customer is in, 1 to the number of shares: always the same for the same experiment and customer, and independent between experiments';
