-- Linear and logistic regression. Coefficients have the intercept first, then the elements of x in their order.

CREATE TYPE custprio.linear_model AS (
  coefficients        float8[],
  standard_errors     float8[],
  t_values            float8[],
  p_values            float8[],
  r_squared           float8,
  adjusted_r_squared  float8,
  residual_deviation  float8,
  f_statistic         float8,
  f_p_value           float8,
  degrees_of_freedom  bigint,
  n                   bigint,
  converged           boolean,
  status              text
);
COMMENT ON TYPE custprio.linear_model IS 'result of fit_linear: coefficients with the intercept first, their standard errors, t and two-sided p values; what the fit explains; n, the rows used; status says why there are no coefficients, or "ok", or "perfect fit" (then tests are NULL)';

CREATE TYPE custprio.logit_model AS (
  coefficients    float8[],
  standard_errors float8[],
  z_values        float8[],
  p_values        float8[],
  log_likelihood  float8,
  deviance        float8,
  null_deviance   float8,
  aic             float8,
  auc             float8,
  n               bigint,
  events          bigint,
  iterations      int,
  converged       boolean,
  status          text
);
COMMENT ON TYPE custprio.logit_model IS 'result of fit_logit: coefficients with the intercept first, their standard errors, z and two-sided p values (Wald); the area under the ROC curve of the rows fitted to; n, the rows used, and how many of them are 1; status says why there are no coefficients, or "ok"';

CREATE FUNCTION custprio.fit_linear_add(internal, y float8, x float8[]) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_linear_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_linear_add(internal, float8, float8[]) IS 'transition function of fit_linear';
CREATE FUNCTION custprio.fit_linear_add(internal, y float8, x float8[], weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_linear_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_linear_add(internal, float8, float8[], float8) IS 'transition function of fit_linear';
CREATE FUNCTION custprio.fit_logit_add(internal, y float8, x float8[]) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_logit_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_logit_add(internal, float8, float8[]) IS 'transition function of fit_logit';
CREATE FUNCTION custprio.fit_logit_add(internal, y float8, x float8[], weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_logit_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_logit_add(internal, float8, float8[], float8) IS 'transition function of fit_logit';
CREATE FUNCTION custprio.fit_logit_add(internal, y boolean, x float8[]) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_logit_boolean_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_logit_add(internal, boolean, float8[]) IS 'transition function of fit_logit';
CREATE FUNCTION custprio.fit_logit_add(internal, y boolean, x float8[], weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_logit_boolean_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_logit_add(internal, boolean, float8[], float8) IS 'transition function of fit_logit';
CREATE FUNCTION custprio.fit_linear_final(internal) RETURNS custprio.linear_model
  AS 'MODULE_PATHNAME', 'custprio_fit_linear_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_linear_final(internal) IS 'final function of fit_linear';
CREATE FUNCTION custprio.fit_logit_final(internal) RETURNS custprio.logit_model
  AS 'MODULE_PATHNAME', 'custprio_fit_logit_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_logit_final(internal) IS 'final function of fit_logit';

CREATE AGGREGATE custprio.fit_linear(y float8, x float8[]) (
  SFUNC = custprio.fit_linear_add, STYPE = internal, FINALFUNC = custprio.fit_linear_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_linear(float8, float8[]) IS 'linear regression of y on the elements of x and an intercept, by least squares; a row with a NULL is left out. Too few rows, a constant y or collinear predictors give no coefficients but a status and a warning';
CREATE AGGREGATE custprio.fit_linear(y float8, x float8[], weight float8) (
  SFUNC = custprio.fit_linear_add, STYPE = internal, FINALFUNC = custprio.fit_linear_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_linear(float8, float8[], float8) IS 'weighted linear regression: a weight is the inverse of a row''s variance, in any unit; rows of weight 0 are left out';
CREATE AGGREGATE custprio.fit_logit(y boolean, x float8[]) (
  SFUNC = custprio.fit_logit_add, STYPE = internal, FINALFUNC = custprio.fit_logit_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_logit(boolean, float8[]) IS 'logistic regression of y on the elements of x and an intercept, by maximum likelihood; a row with a NULL is left out. Too few rows, a constant y, collinear predictors, or predictors that separate the outcomes give no coefficients but a status and a warning';
CREATE AGGREGATE custprio.fit_logit(y boolean, x float8[], weight float8) (
  SFUNC = custprio.fit_logit_add, STYPE = internal, FINALFUNC = custprio.fit_logit_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_logit(boolean, float8[], float8) IS 'weighted logistic regression: a weight is a number of equal rows; rows of weight 0 are left out';
CREATE AGGREGATE custprio.fit_logit(y float8, x float8[]) (
  SFUNC = custprio.fit_logit_add, STYPE = internal, FINALFUNC = custprio.fit_logit_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_logit(float8, float8[]) IS 'logistic regression of y, 0 or 1, on the elements of x and an intercept; see fit_logit(boolean, float8[])';
CREATE AGGREGATE custprio.fit_logit(y float8, x float8[], weight float8) (
  SFUNC = custprio.fit_logit_add, STYPE = internal, FINALFUNC = custprio.fit_logit_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_logit(float8, float8[], float8) IS 'weighted logistic regression of y, 0 or 1; see fit_logit(boolean, float8[], float8)';

CREATE FUNCTION custprio.predict(model custprio.linear_model, x float8[]) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_predict_linear' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.predict(custprio.linear_model, float8[]) IS 'the value of y that a linear regression expects at x; NULL if an element of x is; a model without coefficients is an error';
CREATE FUNCTION custprio.predict(model custprio.logit_model, x float8[]) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_predict_logit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.predict(custprio.logit_model, float8[]) IS 'the probability of 1 (or true) that a logistic regression gives at x; NULL if an element of x is; a model without coefficients is an error';
