-- Models with time-invariant covariates (Fader and Hardie 2007): what is known of a customer beside the purchases shifts
-- parameters; see src/clv/covariates.c. Covariates of the purchase process and of dropout are two arrays; an empty one is
-- for a process without covariates. The parameters r, alpha ... are those of a customer whose covariates are all 0.

-- transition function
CREATE FUNCTION custprio.fit_covariates_add(internal, x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[]) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_covariates_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_covariates_add(internal, float8, float8, float8, float8[], float8[]) IS 'transition function of the fit aggregates with covariates';
CREATE FUNCTION custprio.fit_covariates_add(internal, x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_covariates_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_covariates_add(internal, float8, float8, float8, float8[], float8[], float8) IS 'transition function of the fit aggregates with covariates';
CREATE FUNCTION custprio.fit_covariates_add(internal, x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8, l2 float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_covariates_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_covariates_add(internal, float8, float8, float8, float8[], float8[], float8, float8) IS 'transition function of the fit aggregates with covariates';
CREATE FUNCTION custprio.fit_covariates_add(internal, x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8, l2 float8, time_unit text) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_covariates_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_covariates_add(internal, float8, float8, float8, float8[], float8[], float8, float8, text) IS 'transition function of the fit aggregates with covariates';

-- BG/NBD with covariates
CREATE TYPE custprio.bgnbd_covariates AS (
  r                      float8,
  alpha                  float8,
  a                      float8,
  b                      float8,
  purchase_coefficients  float8[],
  dropout_a_coefficients float8[],
  dropout_b_coefficients float8[],
  log_likelihood         float8,
  n                      float8,
  distinct_rows          bigint,
  iterations             int,
  gradient_norm          float8,
  converged              boolean,
  status                 text,
  standard_errors        float8[],
  covariance             float8[],
  time_unit              text
);
COMMENT ON TYPE custprio.bgnbd_covariates IS 'parameters of the BG/NBD model with covariates, with the status of the fit that they come from; standard_errors and covariance are of the parameters, then of the coefficients';

CREATE FUNCTION custprio.bgnbd_covariates(r float8, alpha float8, a float8, b float8, purchase_coefficients float8[], dropout_a_coefficients float8[], dropout_b_coefficients float8[]) RETURNS custprio.bgnbd_covariates
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, a, b, purchase_coefficients, dropout_a_coefficients, dropout_b_coefficients, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.bgnbd_covariates;
COMMENT ON FUNCTION custprio.bgnbd_covariates(float8, float8, float8, float8, float8[], float8[], float8[]) IS 'BG/NBD parameters and coefficients from elsewhere, without a fit';

CREATE FUNCTION custprio.log_likelihood(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.bgnbd_covariates, float8[], float8[], float8, float8, float8) IS 'BG/NBD with covariates: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.bgnbd_covariates, float8[], float8[], float8, float8, float8, float8) IS 'BG/NBD with covariates: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgnbd_covariates, float8[], float8[], float8, float8, float8, float8) IS 'BG/NBD with covariates: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgnbd_covariates, float8[], float8[], float8) IS 'BG/NBD with covariates: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgnbd_covariates, float8[], float8[], int, float8) IS 'BG/NBD with covariates: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgnbd_covariates, float8[], float8[], int, float8, float8, float8, float8) IS 'BG/NBD with covariates: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.bgnbd_covariates, float8[], float8[], float8, float8, float8, float8, float8) IS 'BG/NBD with covariates: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.bgnbd_covariates, float8[], float8[], custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'BG/NBD with covariates: value of the customer over the horizon, at a discount per year; time_unit is that of t and horizon';

CREATE FUNCTION custprio.parameter_intervals(params custprio.bgnbd_covariates, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.bgnbd_covariates, float8) IS 'BG/NBD with covariates: confidence intervals of the fitted parameters and coefficients';
CREATE FUNCTION custprio.p_alive_interval(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.bgnbd_covariates, float8[], float8[], float8, float8, float8, float8, float8) IS 'BG/NBD with covariates: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.bgnbd_covariates, float8[], float8[], float8, float8, float8, float8, float8) IS 'BG/NBD with covariates: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.bgnbd_covariates, purchase_covariates float8[], dropout_covariates float8[], spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.bgnbd_covariates, float8[], float8[], custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'BG/NBD with covariates: value of the customer with its confidence interval';

CREATE FUNCTION custprio.fit_bgnbd_covariates_final(internal) RETURNS custprio.bgnbd_covariates
  AS 'MODULE_PATHNAME', 'custprio_fit_bgnbd_covariates' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgnbd_covariates_final(internal) IS 'final function of fit_bgnbd_covariates';
CREATE AGGREGATE custprio.fit_bgnbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[]) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd_covariates(float8, float8, float8, float8[], float8[]) IS 'maximum-likelihood parameters of BG/NBD with covariates';
CREATE AGGREGATE custprio.fit_bgnbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd_covariates(float8, float8, float8, float8[], float8[], float8) IS 'maximum-likelihood parameters of BG/NBD with covariates from weighted rows';
CREATE AGGREGATE custprio.fit_bgnbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8, l2 float8) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd_covariates(float8, float8, float8, float8[], float8[], float8, float8) IS 'maximum-likelihood parameters of BG/NBD with covariates from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_bgnbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd_covariates(float8, float8, float8, float8[], float8[], float8, float8, text) IS 'maximum-likelihood parameters of BG/NBD with covariates from weighted rows with an l2 penalty, in a unit of time by name';

-- Pareto/NBD with covariates
CREATE TYPE custprio.pareto_nbd_covariates AS (
  r                     float8,
  alpha                 float8,
  s                     float8,
  beta                  float8,
  purchase_coefficients float8[],
  dropout_coefficients  float8[],
  log_likelihood        float8,
  n                     float8,
  distinct_rows         bigint,
  iterations            int,
  gradient_norm         float8,
  converged             boolean,
  status                text,
  standard_errors       float8[],
  covariance            float8[],
  time_unit             text
);
COMMENT ON TYPE custprio.pareto_nbd_covariates IS 'parameters of the Pareto/NBD model with covariates, with the status of the fit that they come from; standard_errors and covariance are of the parameters, then of the coefficients';

CREATE FUNCTION custprio.pareto_nbd_covariates(r float8, alpha float8, s float8, beta float8, purchase_coefficients float8[], dropout_coefficients float8[]) RETURNS custprio.pareto_nbd_covariates
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, s, beta, purchase_coefficients, dropout_coefficients, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.pareto_nbd_covariates;
COMMENT ON FUNCTION custprio.pareto_nbd_covariates(float8, float8, float8, float8, float8[], float8[]) IS 'Pareto/NBD parameters and coefficients from elsewhere, without a fit';

CREATE FUNCTION custprio.log_likelihood(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.pareto_nbd_covariates, float8[], float8[], float8, float8, float8) IS 'Pareto/NBD with covariates: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.pareto_nbd_covariates, float8[], float8[], float8, float8, float8, float8) IS 'Pareto/NBD with covariates: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.pareto_nbd_covariates, float8[], float8[], float8, float8, float8, float8) IS 'Pareto/NBD with covariates: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.pareto_nbd_covariates, float8[], float8[], float8) IS 'Pareto/NBD with covariates: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.pareto_nbd_covariates, float8[], float8[], int, float8) IS 'Pareto/NBD with covariates: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.pareto_nbd_covariates, float8[], float8[], int, float8, float8, float8, float8) IS 'Pareto/NBD with covariates: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.pareto_nbd_covariates, float8[], float8[], float8, float8, float8, float8, float8) IS 'Pareto/NBD with covariates: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.pareto_nbd_covariates, float8[], float8[], custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'Pareto/NBD with covariates: value of the customer over the horizon, at a discount per year; time_unit is that of t and horizon';

CREATE FUNCTION custprio.parameter_intervals(params custprio.pareto_nbd_covariates, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.pareto_nbd_covariates, float8) IS 'Pareto/NBD with covariates: confidence intervals of the fitted parameters and coefficients';
CREATE FUNCTION custprio.p_alive_interval(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.pareto_nbd_covariates, float8[], float8[], float8, float8, float8, float8, float8) IS 'Pareto/NBD with covariates: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.pareto_nbd_covariates, float8[], float8[], float8, float8, float8, float8, float8) IS 'Pareto/NBD with covariates: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.pareto_nbd_covariates, purchase_covariates float8[], dropout_covariates float8[], spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.pareto_nbd_covariates, float8[], float8[], custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'Pareto/NBD with covariates: value of the customer with its confidence interval';

CREATE FUNCTION custprio.fit_pareto_nbd_covariates_final(internal) RETURNS custprio.pareto_nbd_covariates
  AS 'MODULE_PATHNAME', 'custprio_fit_pareto_nbd_covariates' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_pareto_nbd_covariates_final(internal) IS 'final function of fit_pareto_nbd_covariates';
CREATE AGGREGATE custprio.fit_pareto_nbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[]) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd_covariates(float8, float8, float8, float8[], float8[]) IS 'maximum-likelihood parameters of Pareto/NBD with covariates';
CREATE AGGREGATE custprio.fit_pareto_nbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd_covariates(float8, float8, float8, float8[], float8[], float8) IS 'maximum-likelihood parameters of Pareto/NBD with covariates from weighted rows';
CREATE AGGREGATE custprio.fit_pareto_nbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8, l2 float8) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd_covariates(float8, float8, float8, float8[], float8[], float8, float8) IS 'maximum-likelihood parameters of Pareto/NBD with covariates from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_pareto_nbd_covariates(x float8, t_x float8, t float8, purchase_covariates float8[], dropout_covariates float8[], weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_covariates_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_covariates_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd_covariates(float8, float8, float8, float8[], float8[], float8, float8, text) IS 'maximum-likelihood parameters of Pareto/NBD with covariates from weighted rows with an l2 penalty, in a unit of time by name';
