-- Do fits of simulated customers find the parameters they were simulated with? psql variables: customers, cohorts, cohort_size.
\set ON_ERROR_STOP on
\set QUIET on
SET search_path = public, custprio;
SET client_min_messages = error;

\ir simulate.sql

CREATE FUNCTION fitted(customers int, model text, p float8[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  found jsonb;
BEGIN
  EXECUTE format('SELECT to_jsonb(custprio.%I(x, t_x, t)) FROM simulate($1, $2, $3)', 'fit_' || model) INTO found USING customers, model, p;
  RETURN found;
END $$;

CREATE TABLE truth (model text, names text[], p float8[]);
INSERT INTO truth VALUES ('bgnbd', '{r,alpha,a,b}', '{0.25,4.5,0.8,2.4}'), ('mbgnbd', '{r,alpha,a,b}', '{0.5,6,0.9,1.6}'),
  ('pareto_nbd', '{r,alpha,s,beta}', '{0.55,10.6,0.6,11.7}');
SELECT setseed(0.11) \g /dev/null
CREATE TABLE large AS SELECT model, fitted(:customers, model, p) AS f FROM truth;
-- many cohorts by the extension's own simulation
CREATE FUNCTION fitted_cohorts(cohorts int, customers int, model text, p float8[]) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT to_jsonb(f) FROM bootstrap(%I($2[1], $2[2], $2[3], $2[4]), (SELECT array_agg(27 + 12 * (i - 0.5) / $3) FROM generate_series(1, $3) i), NULL, $1, 11) f', model)
    USING cohorts, p, customers;
END $$;
CREATE TABLE cohort AS SELECT model, f FROM truth, fitted_cohorts(:cohorts, :cohort_size, model, p) f;

-- errors in standard errors of the logarithm
CREATE VIEW error AS SELECT large, model, names[k] AS name, ln((f ->> names[k])::float8 / p[k]) / ((f -> 'standard_errors' ->> k - 1)::float8 / (f ->> names[k])::float8) AS z
  FROM (SELECT true AS large, model, f FROM large UNION ALL SELECT false, model, f FROM cohort) q JOIN truth USING (model), generate_series(1, 4) k;
CREATE VIEW verdict AS
  SELECT 'recovery' AS test, model, name, round(z::numeric, 2) AS value, coalesce(abs(z) <= 3, false) AS good FROM error WHERE large
  UNION ALL SELECT 'coverage', model, name, round(avg(coalesce(abs(z) <= 1.959964, false)::int), 4), avg(coalesce(abs(z) <= 1.959964, false)::int) BETWEEN 0.93 AND 0.97
  FROM error WHERE NOT large GROUP BY model, name;
SELECT * FROM verdict ORDER BY test DESC, model, name;
SELECT count(*) FILTER (WHERE good) AS passed, count(*) FILTER (WHERE NOT good) AS failed FROM verdict;
DO $$
BEGIN
  IF (SELECT count(*) <> 24 OR NOT bool_and(good) FROM verdict) THEN
    RAISE EXCEPTION 'not every verdict is good';
  END IF;
END $$;
