-- Confidence intervals of fitted parameters and of predictions, by the delta method; see src/clv/interval.c.

CREATE TYPE custprio.estimate AS (
  estimate float8,
  lower    float8,
  upper    float8
);
COMMENT ON TYPE custprio.estimate IS 'an estimate with the bounds of its confidence interval';

-- BG/NBD
CREATE FUNCTION custprio.parameter_intervals(params custprio.bgnbd, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.bgnbd, float8) IS 'BG/NBD: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.p_alive_interval(params custprio.bgnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.bgnbd, float8, float8, float8, float8, float8) IS 'BG/NBD: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.bgnbd, x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.bgnbd, float8, float8, float8, float8, float8) IS 'BG/NBD: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.bgnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.bgnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'BG/NBD: value of the customer with its confidence interval';

-- MBG/NBD
CREATE FUNCTION custprio.parameter_intervals(params custprio.mbgnbd, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.mbgnbd, float8) IS 'MBG/NBD: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.p_alive_interval(params custprio.mbgnbd, x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.mbgnbd, float8, float8, float8, float8, float8) IS 'MBG/NBD: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.mbgnbd, x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.mbgnbd, float8, float8, float8, float8, float8) IS 'MBG/NBD: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.mbgnbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.mbgnbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'MBG/NBD: value of the customer with its confidence interval';

-- Pareto/NBD
CREATE FUNCTION custprio.parameter_intervals(params custprio.pareto_nbd, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.pareto_nbd, float8) IS 'Pareto/NBD: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.p_alive_interval(params custprio.pareto_nbd, x float8, t_x float8, t float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.pareto_nbd, float8, float8, float8, float8, float8) IS 'Pareto/NBD: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.pareto_nbd, x float8, t_x float8, t float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.pareto_nbd, float8, float8, float8, float8, float8) IS 'Pareto/NBD: expected purchases with their confidence interval';
CREATE FUNCTION custprio.clv_interval(params custprio.pareto_nbd, spend custprio.gamma_gamma, x float8, t_x float8, t float8, m float8, horizon float8, discount float8, time_unit text, margin float8 DEFAULT 1, growth float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_interval(custprio.pareto_nbd, custprio.gamma_gamma, float8, float8, float8, float8, float8, float8, text, float8, float8, float8) IS 'Pareto/NBD: value of the customer with its confidence interval';

-- BG/BB
CREATE FUNCTION custprio.parameter_intervals(params custprio.bgbb, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.bgbb, float8) IS 'BG/BB: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.p_alive_interval(params custprio.bgbb, x float8, t_x float8, n float8, later float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive_interval(custprio.bgbb, float8, float8, float8, float8, float8) IS 'BG/BB: probability of being active with its confidence interval';
CREATE FUNCTION custprio.expected_purchases_interval(params custprio.bgbb, x float8, t_x float8, n float8, horizon float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases_interval(custprio.bgbb, float8, float8, float8, float8, float8) IS 'BG/BB: expected purchases with their confidence interval';

-- Gamma-Gamma
CREATE FUNCTION custprio.parameter_intervals(params custprio.gamma_gamma, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.gamma_gamma, float8) IS 'Gamma-Gamma: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.expected_value_interval(params custprio.gamma_gamma, x float8, m float8, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_value_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_value_interval(custprio.gamma_gamma, float8, float8, float8) IS 'Gamma-Gamma: expected value of a purchase with its confidence interval';
