-- Statistical models of customer lifetime value: types of fitted parameters, and what they predict.
-- All times of one call are in one unit, that of the parameters.

CREATE TYPE custprio.bgnbd AS (
  r               float8,
  alpha           float8,
  a               float8,
  b               float8,
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
COMMENT ON TYPE custprio.bgnbd IS 'parameters of the BG/NBD model, with the status of the fit that they come from';

CREATE FUNCTION custprio.bgnbd(r float8, alpha float8, a float8, b float8) RETURNS custprio.bgnbd
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, a, b, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.bgnbd;
COMMENT ON FUNCTION custprio.bgnbd(float8, float8, float8, float8) IS 'BG/NBD parameters from elsewhere, without a fit';

CREATE TYPE custprio.mbgnbd AS (
  r               float8,
  alpha           float8,
  a               float8,
  b               float8,
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
COMMENT ON TYPE custprio.mbgnbd IS 'parameters of the MBG/NBD model, with the status of the fit that they come from';

CREATE FUNCTION custprio.mbgnbd(r float8, alpha float8, a float8, b float8) RETURNS custprio.mbgnbd
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, a, b, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.mbgnbd;
COMMENT ON FUNCTION custprio.mbgnbd(float8, float8, float8, float8) IS 'MBG/NBD parameters from elsewhere, without a fit';

CREATE TYPE custprio.pareto_nbd AS (
  r               float8,
  alpha           float8,
  s               float8,
  beta            float8,
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
COMMENT ON TYPE custprio.pareto_nbd IS 'parameters of the Pareto/NBD model, with the status of the fit that they come from';

CREATE FUNCTION custprio.pareto_nbd(r float8, alpha float8, s float8, beta float8) RETURNS custprio.pareto_nbd
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(r, alpha, s, beta, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.pareto_nbd;
COMMENT ON FUNCTION custprio.pareto_nbd(float8, float8, float8, float8) IS 'Pareto/NBD parameters from elsewhere, without a fit';

CREATE TYPE custprio.gamma_gamma AS (
  p               float8,
  q               float8,
  gamma           float8,
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
COMMENT ON TYPE custprio.gamma_gamma IS 'parameters of the Gamma-Gamma model, with the status of the fit that they come from';

CREATE FUNCTION custprio.gamma_gamma(p float8, q float8, gamma float8) RETURNS custprio.gamma_gamma
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(p, q, gamma, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.gamma_gamma;
COMMENT ON FUNCTION custprio.gamma_gamma(float8, float8, float8) IS 'Gamma-Gamma parameters from elsewhere, without a fit';

-- BG/NBD
CREATE FUNCTION custprio.log_likelihood(params custprio.bgnbd, x float8, t_x float8, t float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.bgnbd, float8, float8, float8) IS 'BG/NBD: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.bgnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.bgnbd, float8, float8, float8, float8) IS 'BG/NBD: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgnbd, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgnbd, float8, float8, float8, float8) IS 'BG/NBD: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgnbd, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgnbd, float8) IS 'BG/NBD: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgnbd, n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgnbd, int, float8) IS 'BG/NBD: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgnbd, n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgnbd, int, float8, float8, float8, float8) IS 'BG/NBD: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.bgnbd, x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.bgnbd, float8, float8, float8, float8, float8) IS 'BG/NBD: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.bgnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.bgnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'BG/NBD: value of the customer over the horizon, at a discount per year, in a market whose value grows by growth per year; time_unit is that of t and horizon';

-- MBG/NBD
CREATE FUNCTION custprio.log_likelihood(params custprio.mbgnbd, x float8, t_x float8, t float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.mbgnbd, float8, float8, float8) IS 'MBG/NBD: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.mbgnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.mbgnbd, float8, float8, float8, float8) IS 'MBG/NBD: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.mbgnbd, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.mbgnbd, float8, float8, float8, float8) IS 'MBG/NBD: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.mbgnbd, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.mbgnbd, float8) IS 'MBG/NBD: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.mbgnbd, n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.mbgnbd, int, float8) IS 'MBG/NBD: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.mbgnbd, n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.mbgnbd, int, float8, float8, float8, float8) IS 'MBG/NBD: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.mbgnbd, x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.mbgnbd, float8, float8, float8, float8, float8) IS 'MBG/NBD: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.mbgnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.mbgnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'MBG/NBD: value of the customer over the horizon, at a discount per year, in a market whose value grows by growth per year; time_unit is that of t and horizon';

-- Pareto/NBD
CREATE FUNCTION custprio.log_likelihood(params custprio.pareto_nbd, x float8, t_x float8, t float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.pareto_nbd, float8, float8, float8) IS 'Pareto/NBD: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.pareto_nbd, x float8, t_x float8, t float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.pareto_nbd, float8, float8, float8, float8) IS 'Pareto/NBD: probability that the customer is still active at t + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.pareto_nbd, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.pareto_nbd, float8, float8, float8, float8) IS 'Pareto/NBD: purchases expected of the customer in (t, t + horizon]';
CREATE FUNCTION custprio.expected_purchases(params custprio.pareto_nbd, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.pareto_nbd, float8) IS 'Pareto/NBD: repeat purchases expected of a new customer in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.pareto_nbd, n int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.pareto_nbd, int, float8) IS 'Pareto/NBD: probability that a new customer makes n repeat purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.pareto_nbd, n int, x float8, t_x float8, t float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.pareto_nbd, int, float8, float8, float8, float8) IS 'Pareto/NBD: probability that the customer makes n purchases in (t, t + horizon]';
CREATE FUNCTION custprio.dert(params custprio.pareto_nbd, x float8, t_x float8, t float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.pareto_nbd, float8, float8, float8, float8, float8) IS 'Pareto/NBD: discounted expected residual transactions at the continuous rate delta per unit of time';
CREATE FUNCTION custprio.clv(params custprio.pareto_nbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.pareto_nbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8) IS 'Pareto/NBD: value of the customer over the horizon, at a discount per year, in a market whose value grows by growth per year; time_unit is that of t and horizon';

-- Gamma-Gamma
CREATE FUNCTION custprio.log_likelihood(params custprio.gamma_gamma, x float8, m float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_gamma_gamma_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.gamma_gamma, float8, float8) IS 'Gamma-Gamma: log-likelihood of x repeat purchases of mean value m';
CREATE FUNCTION custprio.expected_value(params custprio.gamma_gamma, x float8, m float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_value(custprio.gamma_gamma, float8, float8) IS 'Gamma-Gamma: expected value of a purchase of a customer whose x repeat purchases had the mean value m; x = 0: of anybody';
