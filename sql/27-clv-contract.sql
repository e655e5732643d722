-- Contracts: the shifted-beta-geometric model (Fader and Hardie 2007). renewals counts those a customer has made; lost tells
-- whether the next one was refused. Periods are those of the contract, discount is per period.

CREATE TYPE custprio.sbg AS (
  alpha           float8,
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
COMMENT ON TYPE custprio.sbg IS 'parameters of the shifted-beta-geometric model, with the status of the fit that they come from';

CREATE FUNCTION custprio.sbg(alpha float8, beta float8) RETURNS custprio.sbg
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(alpha, beta, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::custprio.sbg;
COMMENT ON FUNCTION custprio.sbg(float8, float8) IS 'shifted-beta-geometric parameters from elsewhere, without a fit';

CREATE FUNCTION custprio.log_likelihood(params custprio.sbg, renewals float8, lost boolean) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_sbg_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.log_likelihood(custprio.sbg, float8, boolean) IS 'shifted-beta-geometric: log-likelihood of one customer';
CREATE FUNCTION custprio.survival(params custprio.sbg, periods float8, renewals float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_sbg_survival' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.survival(custprio.sbg, float8, float8) IS 'shifted-beta-geometric: probability that a customer who has renewed so often renews at least periods times more';
CREATE FUNCTION custprio.retention_rate(params custprio.sbg, period float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_sbg_retention_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.retention_rate(custprio.sbg, float8) IS 'shifted-beta-geometric: share of those there at the end of a period, counted from 1, who renew';
CREATE FUNCTION custprio.derl(params custprio.sbg, renewals float8, discount float8, periods float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_sbg_derl' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.derl(custprio.sbg, float8, float8, float8) IS 'shifted-beta-geometric: discounted expected residual lifetime in periods of a customer who is about to renew, the next period in full';
CREATE FUNCTION custprio.clv(params custprio.sbg, renewals float8, margin float8, discount float8, periods float8 DEFAULT 'Infinity') RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_sbg_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv(custprio.sbg, float8, float8, float8, float8) IS 'shifted-beta-geometric: value of a customer who is about to renew, margin times derl';

CREATE FUNCTION custprio.parameter_intervals(params custprio.sbg, level float8 DEFAULT 0.95, OUT parameter text, OUT estimate float8, OUT lower float8, OUT upper float8) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'custprio_clv_parameter_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.parameter_intervals(custprio.sbg, float8) IS 'shifted-beta-geometric: confidence intervals of the fitted parameters';
CREATE FUNCTION custprio.survival_interval(params custprio.sbg, periods float8, renewals float8 DEFAULT 0, level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_sbg_survival_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.survival_interval(custprio.sbg, float8, float8, float8) IS 'shifted-beta-geometric: survival with its confidence interval';
CREATE FUNCTION custprio.derl_interval(params custprio.sbg, renewals float8, discount float8, periods float8 DEFAULT 'Infinity', level float8 DEFAULT 0.95) RETURNS custprio.estimate
  AS 'MODULE_PATHNAME', 'custprio_sbg_derl_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.derl_interval(custprio.sbg, float8, float8, float8, float8) IS 'shifted-beta-geometric: derl with its confidence interval';

CREATE FUNCTION custprio.fit_sbg_add(internal, renewals float8, lost boolean) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_sbg_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_sbg_add(internal, float8, boolean) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_sbg_add(internal, renewals float8, lost boolean, weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_sbg_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_sbg_add(internal, float8, boolean, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_sbg_add(internal, renewals float8, lost boolean, weight float8, l2 float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_sbg_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_sbg_add(internal, float8, boolean, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_sbg_final(internal) RETURNS custprio.sbg
  AS 'MODULE_PATHNAME', 'custprio_fit_sbg' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_sbg_final(internal) IS 'final function of fit_sbg';
CREATE AGGREGATE custprio.fit_sbg(renewals float8, lost boolean) (
  SFUNC = custprio.fit_sbg_add, STYPE = internal, FINALFUNC = custprio.fit_sbg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_sbg(float8, boolean) IS 'maximum-likelihood parameters of the shifted-beta-geometric model';
CREATE AGGREGATE custprio.fit_sbg(renewals float8, lost boolean, weight float8) (
  SFUNC = custprio.fit_sbg_add, STYPE = internal, FINALFUNC = custprio.fit_sbg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_sbg(float8, boolean, float8) IS 'maximum-likelihood parameters of the shifted-beta-geometric model from weighted rows';
CREATE AGGREGATE custprio.fit_sbg(renewals float8, lost boolean, weight float8, l2 float8) (
  SFUNC = custprio.fit_sbg_add, STYPE = internal, FINALFUNC = custprio.fit_sbg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_sbg(float8, boolean, float8, float8) IS 'maximum-likelihood parameters of the shifted-beta-geometric model from weighted rows with an l2 penalty';
