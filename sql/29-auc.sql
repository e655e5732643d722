-- Which of two scores tells better who will do something.

CREATE TYPE custprio.auc_comparison AS (
  champion_auc     float8,
  champion_lower   float8,
  champion_upper   float8,
  challenger_auc   float8,
  challenger_lower float8,
  challenger_upper float8,
  difference       float8,
  lower_bound      float8,
  upper_bound      float8,
  z                float8,
  p_value          float8,
  events           bigint,
  n                bigint
);
COMMENT ON TYPE custprio.auc_comparison IS 'result of compare_auc: the area under the ROC curve of each score, their difference (challenger less champion) and the 95 % intervals; NULL without rows of both outcomes, bounds NULL with fewer than two of either; z and p_value NULL where the difference cannot vary; n rows, of which events had the outcome';

CREATE FUNCTION custprio.compare_auc_add(internal, outcome boolean, champion float8, challenger float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_compare_auc_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.compare_auc_add(internal, boolean, float8, float8) IS 'transition function of compare_auc';
CREATE FUNCTION custprio.compare_auc_final(internal) RETURNS custprio.auc_comparison
  AS 'MODULE_PATHNAME', 'custprio_compare_auc_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.compare_auc_final(internal) IS 'final function of compare_auc';
CREATE AGGREGATE custprio.compare_auc(outcome boolean, champion float8, challenger float8) (
  SFUNC = custprio.compare_auc_add, STYPE = internal, FINALFUNC = custprio.compare_auc_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.compare_auc(boolean, float8, float8) IS
'which of two scores of the same rows tells better who has the outcome: for each the area under the ROC curve, the chance that a row with the outcome scores higher than one without (equal scores count half), and the difference with its interval and test by DeLong, DeLong and Clarke-Pearson (1988), for independent rows; a row with a NULL is left out, NaN is an error';
