-- BG/BB: customers who can buy once in each of n periods, such as years (Fader, Hardie and Shang 2010).
-- x counts the periods bought in, t_x is the last of them. Nothing here has a unit of time.

CREATE TYPE custprio.bgbb AS (
  alpha           float8,
  beta            float8,
  gamma           float8,
  delta           float8,
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
COMMENT ON TYPE custprio.bgbb IS 'parameters of the BG/BB model, with the status of the fit that they come from';

CREATE FUNCTION custprio.bgbb(alpha float8, beta float8, gamma float8, delta float8) RETURNS custprio.bgbb
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(alpha, beta, gamma, delta, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.bgbb;
COMMENT ON FUNCTION custprio.bgbb(float8, float8, float8, float8) IS 'BG/BB parameters from elsewhere, without a fit';

CREATE FUNCTION custprio.log_likelihood(params custprio.bgbb, x float8, t_x float8, n float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.bgbb, float8, float8, float8) IS 'BG/BB: log-likelihood of one history';
CREATE FUNCTION custprio.p_alive(params custprio.bgbb, x float8, t_x float8, n float8, later float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.p_alive(custprio.bgbb, float8, float8, float8, float8) IS 'BG/BB: probability that the customer is still active at opportunity n + later';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgbb, x float8, t_x float8, n float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgbb, float8, float8, float8, float8) IS 'BG/BB: purchases expected of the customer in the next horizon opportunities';
CREATE FUNCTION custprio.expected_purchases(params custprio.bgbb, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_purchases(custprio.bgbb, float8) IS 'BG/BB: purchases expected of a new customer in so many opportunities';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgbb, purchases int, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgbb, int, float8) IS 'BG/BB: probability that a new customer makes so many purchases in the horizon';
CREATE FUNCTION custprio.purchase_probability(params custprio.bgbb, purchases int, x float8, t_x float8, n float8, horizon float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_conditional_pmf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_probability(custprio.bgbb, int, float8, float8, float8, float8) IS 'BG/BB: probability that the customer makes so many purchases in the next horizon opportunities';
CREATE FUNCTION custprio.dert(params custprio.bgbb, x float8, t_x float8, n float8, delta float8, horizon float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_clv_dert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.dert(custprio.bgbb, float8, float8, float8, float8, float8) IS 'BG/BB: discounted expected residual transactions at the continuous rate delta per opportunity';
CREATE FUNCTION custprio.fit_bgbb_add(internal, x float8, t_x float8, n float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_bgbb_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgbb_add(internal, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_bgbb_add(internal, x float8, t_x float8, n float8, weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_bgbb_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgbb_add(internal, float8, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_bgbb_add(internal, x float8, t_x float8, n float8, weight float8, l2 float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_bgbb_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgbb_add(internal, float8, float8, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_bgbb_final(internal) RETURNS custprio.bgbb
  AS 'MODULE_PATHNAME', 'custprio_fit_bgbb' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgbb_final(internal) IS 'final function of fit_bgbb';
CREATE AGGREGATE custprio.fit_bgbb(x float8, t_x float8, n float8) (
  SFUNC = custprio.fit_bgbb_add, STYPE = internal, FINALFUNC = custprio.fit_bgbb_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgbb(float8, float8, float8) IS 'maximum-likelihood parameters of BG/BB';
CREATE AGGREGATE custprio.fit_bgbb(x float8, t_x float8, n float8, weight float8) (
  SFUNC = custprio.fit_bgbb_add, STYPE = internal, FINALFUNC = custprio.fit_bgbb_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgbb(float8, float8, float8, float8) IS 'maximum-likelihood parameters of BG/BB from weighted rows';
CREATE AGGREGATE custprio.fit_bgbb(x float8, t_x float8, n float8, weight float8, l2 float8) (
  SFUNC = custprio.fit_bgbb_add, STYPE = internal, FINALFUNC = custprio.fit_bgbb_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgbb(float8, float8, float8, float8, float8) IS 'maximum-likelihood parameters of BG/BB from weighted rows with an l2 penalty';
