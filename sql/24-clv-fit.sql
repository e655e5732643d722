-- Fitting: aggregates over calibration statistics. Rows with a NULL are left out.
-- l2 is a penalty on squared unit-free parameters, on the mean log-likelihood.

CREATE FUNCTION custprio.fit_add(internal, x float8, t_x float8, t float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_add(internal, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_add(internal, x float8, t_x float8, t float8, weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_add(internal, float8, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_add(internal, x float8, t_x float8, t float8, weight float8, l2 float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_add(internal, float8, float8, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_add(internal, x float8, t_x float8, t float8, weight float8, l2 float8, time_unit text) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_add(internal, float8, float8, float8, float8, float8, text) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_gamma_gamma_add(internal, x float8, m float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_gamma_gamma_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_gamma_gamma_add(internal, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_gamma_gamma_add(internal, x float8, m float8, weight float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_gamma_gamma_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_gamma_gamma_add(internal, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_gamma_gamma_add(internal, x float8, m float8, weight float8, l2 float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_gamma_gamma_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_gamma_gamma_add(internal, float8, float8, float8, float8) IS 'transition function of the fit aggregates';
CREATE FUNCTION custprio.fit_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_combine' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_combine(internal, internal) IS 'parallel part of the fit aggregates';
CREATE FUNCTION custprio.fit_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_fit_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_serialize(internal) IS 'parallel part of the fit aggregates';
CREATE FUNCTION custprio.fit_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_fit_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_deserialize(bytea, internal) IS 'parallel part of the fit aggregates';

CREATE FUNCTION custprio.fit_bgnbd_final(internal) RETURNS custprio.bgnbd
  AS 'MODULE_PATHNAME', 'custprio_fit_bgnbd' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_bgnbd_final(internal) IS 'final function of fit_bgnbd';
CREATE AGGREGATE custprio.fit_bgnbd(x float8, t_x float8, t float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd(float8, float8, float8) IS 'maximum-likelihood parameters of BG/NBD';
CREATE AGGREGATE custprio.fit_bgnbd(x float8, t_x float8, t float8, weight float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd(float8, float8, float8, float8) IS 'maximum-likelihood parameters of BG/NBD from weighted rows';
CREATE AGGREGATE custprio.fit_bgnbd(x float8, t_x float8, t float8, weight float8, l2 float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd(float8, float8, float8, float8, float8) IS 'maximum-likelihood parameters of BG/NBD from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_bgnbd(x float8, t_x float8, t float8, weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_bgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_bgnbd(float8, float8, float8, float8, float8, text) IS 'maximum-likelihood parameters of BG/NBD from weighted rows with an l2 penalty, in a unit of time by name';

CREATE FUNCTION custprio.fit_mbgnbd_final(internal) RETURNS custprio.mbgnbd
  AS 'MODULE_PATHNAME', 'custprio_fit_mbgnbd' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_mbgnbd_final(internal) IS 'final function of fit_mbgnbd';
CREATE AGGREGATE custprio.fit_mbgnbd(x float8, t_x float8, t float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_mbgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgnbd(float8, float8, float8) IS 'maximum-likelihood parameters of MBG/NBD';
CREATE AGGREGATE custprio.fit_mbgnbd(x float8, t_x float8, t float8, weight float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_mbgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgnbd(float8, float8, float8, float8) IS 'maximum-likelihood parameters of MBG/NBD from weighted rows';
CREATE AGGREGATE custprio.fit_mbgnbd(x float8, t_x float8, t float8, weight float8, l2 float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_mbgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgnbd(float8, float8, float8, float8, float8) IS 'maximum-likelihood parameters of MBG/NBD from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_mbgnbd(x float8, t_x float8, t float8, weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_mbgnbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_mbgnbd(float8, float8, float8, float8, float8, text) IS 'maximum-likelihood parameters of MBG/NBD from weighted rows with an l2 penalty, in a unit of time by name';

CREATE FUNCTION custprio.fit_pareto_nbd_final(internal) RETURNS custprio.pareto_nbd
  AS 'MODULE_PATHNAME', 'custprio_fit_pareto_nbd' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_pareto_nbd_final(internal) IS 'final function of fit_pareto_nbd';
CREATE AGGREGATE custprio.fit_pareto_nbd(x float8, t_x float8, t float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd(float8, float8, float8) IS 'maximum-likelihood parameters of Pareto/NBD';
CREATE AGGREGATE custprio.fit_pareto_nbd(x float8, t_x float8, t float8, weight float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd(float8, float8, float8, float8) IS 'maximum-likelihood parameters of Pareto/NBD from weighted rows';
CREATE AGGREGATE custprio.fit_pareto_nbd(x float8, t_x float8, t float8, weight float8, l2 float8) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd(float8, float8, float8, float8, float8) IS 'maximum-likelihood parameters of Pareto/NBD from weighted rows with an l2 penalty';
CREATE AGGREGATE custprio.fit_pareto_nbd(x float8, t_x float8, t float8, weight float8, l2 float8, time_unit text) (
  SFUNC = custprio.fit_add, STYPE = internal, FINALFUNC = custprio.fit_pareto_nbd_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_pareto_nbd(float8, float8, float8, float8, float8, text) IS 'maximum-likelihood parameters of Pareto/NBD from weighted rows with an l2 penalty, in a unit of time by name';

CREATE FUNCTION custprio.fit_gamma_gamma_final(internal) RETURNS custprio.gamma_gamma
  AS 'MODULE_PATHNAME', 'custprio_fit_gamma_gamma' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_gamma_gamma_final(internal) IS 'final function of fit_gamma_gamma';
CREATE AGGREGATE custprio.fit_gamma_gamma(x float8, m float8) (
  SFUNC = custprio.fit_gamma_gamma_add, STYPE = internal, FINALFUNC = custprio.fit_gamma_gamma_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_gamma_gamma(float8, float8) IS 'maximum-likelihood parameters of Gamma-Gamma';
CREATE AGGREGATE custprio.fit_gamma_gamma(x float8, m float8, weight float8) (
  SFUNC = custprio.fit_gamma_gamma_add, STYPE = internal, FINALFUNC = custprio.fit_gamma_gamma_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_gamma_gamma(float8, float8, float8) IS 'maximum-likelihood parameters of Gamma-Gamma from weighted rows';
CREATE AGGREGATE custprio.fit_gamma_gamma(x float8, m float8, weight float8, l2 float8) (
  SFUNC = custprio.fit_gamma_gamma_add, STYPE = internal, FINALFUNC = custprio.fit_gamma_gamma_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.fit_combine, SERIALFUNC = custprio.fit_serialize, DESERIALFUNC = custprio.fit_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_gamma_gamma(float8, float8, float8, float8) IS 'maximum-likelihood parameters of Gamma-Gamma from weighted rows with an l2 penalty';
