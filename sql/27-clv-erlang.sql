-- Erlang-k purchase timing: BG/CNBD-k and MBG/CNBD-k (Platzer and Reutterer 2016; Reutterer, Platzer and Schroeder 2021).
-- log_intervals is the sum of the logarithms of the times between purchases, in the unit of t_x; it serves to choose k.

CREATE FUNCTION custprio.fit_cnbd_add(internal, x float8, t_x float8, t float8, log_intervals float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_cnbd_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_cnbd_add(internal, float8, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_cnbd_add(internal, x float8, t_x float8, t float8, log_intervals float8, k int) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_cnbd_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_cnbd_add(internal, float8, float8, float8, float8, int) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_cnbd_add(internal, x float8, t_x float8, t float8, log_intervals float8, k int, weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_cnbd_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_cnbd_add(internal, float8, float8, float8, float8, int, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_cnbd_add(internal, x float8, t_x float8, t float8, log_intervals float8, k int, weight float8, l2 float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_cnbd_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_cnbd_add(internal, float8, float8, float8, float8, int, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_cnbd_add(internal, x float8, t_x float8, t float8, log_intervals float8, k int, weight float8, l2 float8, time_unit text) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_cnbd_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_cnbd_add(internal, float8, float8, float8, float8, int, float8, float8, text) IS 'transition function of the fit aggregates';

-- BG/CNBD-k
CREATE TYPE custprio.bgcnbd AS (
  r               float8,
  alpha           float8,
  a               float8,
  b               float8,
  k               int,
  log_likelihood  float8,
  n               float8,
  distinct_rows   bigint,
  iterations      int,
  gradient_norm   float8,
  converged       boolean,
  status          text,
  standard_errors float8[],
  covariance      float8[],
  time_unit       text
);
COMMENT ON TYPE custprio.bgcnbd IS 'parameters of the BG/CNBD-k model, with the status of the fit that they come from';

CREATE FUNCTION custprio.bgcnbd(r float8, alpha float8, a float8, b float8, k int) RETURNS custprio.bgcnbd
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, a, b, k, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.bgcnbd;
COMMENT ON FUNCTION custprio.bgcnbd(float8, float8, float8, float8, int) IS 'BG/CNBD-k parameters from elsewhere, without a fit';

CREATE FUNCTION custprio.log_likelihood(params custprio.bgcnbd, x float8, t_x float8, t float8, log_intervals float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_cnbd_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.bgcnbd, float8, float8, float8, float8) IS 'BG/CNBD-k: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.bgcnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.bgcnbd, float8, float8, float8, float8) IS 'BG/CNBD-k: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgcnbd, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgcnbd, float8, float8, float8, float8) IS 'BG/CNBD-k: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgcnbd, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgcnbd, float8) IS 'BG/CNBD-k: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgcnbd, n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgcnbd, int, float8) IS 'BG/CNBD-k: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgcnbd, n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgcnbd, int, float8, float8, float8, float8) IS 'BG/CNBD-k: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.bgcnbd, x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.bgcnbd, float8, float8, float8, float8, float8) IS 'BG/CNBD-k: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.bgcnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.bgcnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'BG/CNBD-k: value of the customer over the horizon, at a discount per year, in a market whose value grows by growth per year; time_unit is that of t and horizon';

-- fit
CREATE FUNCTION custprio.fit_bgcnbd_final(internal) RETURNS custprio.bgcnbd
  AS 'MODULE_PATHNAME', 'custprio_fit_bgcnbd' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgcnbd_final(internal) IS 'final function of fit_bgcnbd';
CREATE AGGREGATE custprio.fit_bgcnbd(x float8, t_x float8, t float8, log_intervals float8) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_bgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgcnbd(float8, float8, float8, float8) IS 'maximum-likelihood parameters of BG/CNBD-k, and its k of greatest likelihood';
CREATE AGGREGATE custprio.fit_bgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_bgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgcnbd(float8, float8, float8, float8, int) IS 'maximum-likelihood parameters of BG/CNBD-k, with a given k, or the k of greatest likelihood where k is NULL';
CREATE AGGREGATE custprio.fit_bgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int, weight float8) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_bgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgcnbd(float8, float8, float8, float8, int, float8) IS 'maximum-likelihood parameters of BG/CNBD-k, from weighted rows';
CREATE AGGREGATE custprio.fit_bgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int, weight float8, l2 float8) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_bgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgcnbd(float8, float8, float8, float8, int, float8, float8) IS 'maximum-likelihood parameters of BG/CNBD-k, from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_bgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int, weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_bgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgcnbd(float8, float8, float8, float8, int, float8, float8, text) IS 'maximum-likelihood parameters of BG/CNBD-k, from weighted rows with an l2 penalty, in a unit of time by name';
-- intervals
CREATE FUNCTION custprio.parameter_intervals(params custprio.bgcnbd, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.bgcnbd, float8) IS 'BG/CNBD-k: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.p_alive_interval(params custprio.bgcnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.bgcnbd, float8, float8, float8, float8, float8) IS 'BG/CNBD-k: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.bgcnbd, x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.bgcnbd, float8, float8, float8, float8, float8) IS 'BG/CNBD-k: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.bgcnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.bgcnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'BG/CNBD-k: value of the customer with its confidence interval';

-- MBG/CNBD-k
CREATE TYPE custprio.mbgcnbd AS (
  r               float8,
  alpha           float8,
  a               float8,
  b               float8,
  k               int,
  log_likelihood  float8,
  n               float8,
  distinct_rows   bigint,
  iterations      int,
  gradient_norm   float8,
  converged       boolean,
  status          text,
  standard_errors float8[],
  covariance      float8[],
  time_unit       text
);
COMMENT ON TYPE custprio.mbgcnbd IS 'parameters of the MBG/CNBD-k model, with the status of the fit that they come from';

CREATE FUNCTION custprio.mbgcnbd(r float8, alpha float8, a float8, b float8, k int) RETURNS custprio.mbgcnbd
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, a, b, k, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.mbgcnbd;
COMMENT ON FUNCTION custprio.mbgcnbd(float8, float8, float8, float8, int) IS 'MBG/CNBD-k parameters from elsewhere, without a fit';

CREATE FUNCTION custprio.log_likelihood(params custprio.mbgcnbd, x float8, t_x float8, t float8, log_intervals float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_cnbd_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.mbgcnbd, float8, float8, float8, float8) IS 'MBG/CNBD-k: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.mbgcnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.mbgcnbd, float8, float8, float8, float8) IS 'MBG/CNBD-k: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.mbgcnbd, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.mbgcnbd, float8, float8, float8, float8) IS 'MBG/CNBD-k: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.mbgcnbd, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.mbgcnbd, float8) IS 'MBG/CNBD-k: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.mbgcnbd, n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.mbgcnbd, int, float8) IS 'MBG/CNBD-k: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.mbgcnbd, n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.mbgcnbd, int, float8, float8, float8, float8) IS 'MBG/CNBD-k: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.mbgcnbd, x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.mbgcnbd, float8, float8, float8, float8, float8) IS 'MBG/CNBD-k: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.mbgcnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.mbgcnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'MBG/CNBD-k: value of the customer over the horizon, at a discount per year, in a market whose value grows by growth per year; time_unit is that of t and horizon';

-- fit
CREATE FUNCTION custprio.fit_mbgcnbd_final(internal) RETURNS custprio.mbgcnbd
  AS 'MODULE_PATHNAME', 'custprio_fit_mbgcnbd' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_mbgcnbd_final(internal) IS 'final function of fit_mbgcnbd';
CREATE AGGREGATE custprio.fit_mbgcnbd(x float8, t_x float8, t float8, log_intervals float8) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_mbgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgcnbd(float8, float8, float8, float8) IS 'maximum-likelihood parameters of MBG/CNBD-k, and its k of greatest likelihood';
CREATE AGGREGATE custprio.fit_mbgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_mbgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgcnbd(float8, float8, float8, float8, int) IS 'maximum-likelihood parameters of MBG/CNBD-k, with a given k, or the k of greatest likelihood where k is NULL';
CREATE AGGREGATE custprio.fit_mbgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int, weight float8) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_mbgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgcnbd(float8, float8, float8, float8, int, float8) IS 'maximum-likelihood parameters of MBG/CNBD-k, from weighted rows';
CREATE AGGREGATE custprio.fit_mbgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int, weight float8, l2 float8) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_mbgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgcnbd(float8, float8, float8, float8, int, float8, float8) IS 'maximum-likelihood parameters of MBG/CNBD-k, from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_mbgcnbd(x float8, t_x float8, t float8, log_intervals float8, k int, weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_cnbd_add, STYPE = internal, FINALFUNC = custprio.fit_mbgcnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgcnbd(float8, float8, float8, float8, int, float8, float8, text) IS 'maximum-likelihood parameters of MBG/CNBD-k, from weighted rows with an l2 penalty, in a unit of time by name';
-- intervals
CREATE FUNCTION custprio.parameter_intervals(params custprio.mbgcnbd, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.mbgcnbd, float8) IS 'MBG/CNBD-k: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.p_alive_interval(params custprio.mbgcnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.mbgcnbd, float8, float8, float8, float8, float8) IS 'MBG/CNBD-k: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.mbgcnbd, x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.mbgcnbd, float8, float8, float8, float8, float8) IS 'MBG/CNBD-k: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.mbgcnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.mbgcnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'MBG/CNBD-k: value of the customer with its confidence interval';
