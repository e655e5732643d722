-- Parametric bootstrap: cohorts simulated by a fitted model and fitted again; see src/clv/bootstrap.c.
-- t is how long each customer was watched, customers how many were watched that long (NULL: one each).

CREATE FUNCTION custprio.bootstrap(params custprio.bgnbd, t float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.bgnbd
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.bgnbd, float8[], float8[], int, bigint) IS 'BG/NBD: fits of cohorts simulated with these parameters, of customers watched for times t; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.mbgnbd, t float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.mbgnbd
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.mbgnbd, float8[], float8[], int, bigint) IS 'MBG/NBD: fits of cohorts simulated with these parameters, of customers watched for times t; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.bgcnbd, t float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.bgcnbd
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.bgcnbd, float8[], float8[], int, bigint) IS 'BG/CNBD-k: fits of cohorts simulated with these parameters, of customers watched for times t; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.mbgcnbd, t float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.mbgcnbd
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.mbgcnbd, float8[], float8[], int, bigint) IS 'MBG/CNBD-k: fits of cohorts simulated with these parameters, of customers watched for times t; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.pareto_nbd, t float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.pareto_nbd
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.pareto_nbd, float8[], float8[], int, bigint) IS 'Pareto/NBD: fits of cohorts simulated with these parameters, of customers watched for times t; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.bgbb, n float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.bgbb
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.bgbb, float8[], float8[], int, bigint) IS 'BG/BB: fits of cohorts simulated with these parameters, of customers with n opportunities; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.sbg, periods float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.sbg
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.sbg, float8[], float8[], int, bigint) IS 'shifted-beta-geometric: fits of cohorts simulated with these parameters, of customers for whom so many renewals came due; some may not have converged';

CREATE FUNCTION custprio.bootstrap(params custprio.gamma_gamma, x float8[], customers float8[] DEFAULT NULL, replicates int DEFAULT 200, seed bigint DEFAULT 0) RETURNS SETOF custprio.gamma_gamma
  AS 'MODULE_PATHNAME', 'custprio_clv_bootstrap' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 200 COST 1000000;
COMMENT ON FUNCTION custprio.bootstrap(custprio.gamma_gamma, float8[], float8[], int, bigint) IS 'Gamma-Gamma: fits of cohorts simulated with these parameters, of customers with x repeat purchases; some may not have converged';
