-- Do fits of simulated customers find the parameters they were simulated with? psql variables: customers, cohorts, cohort_size.
\set ON_ERROR_STOP on
\set QUIET on
SET search_path = public, custprio;
SET client_min_messages = error;

-- gamma variates by Marsaglia and Tsang (2000)
CREATE FUNCTION gamma_variate(shape float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  boost float8 := CASE WHEN shape < 1 THEN power(1 - random(), 1 / shape) ELSE 1 END;
  d float8 := shape + CASE WHEN shape < 1 THEN 1 ELSE 0 END - 1.0 / 3;
  x float8;
  v float8;
BEGIN
  LOOP
    x := sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random());
    v := (1 + x / sqrt(9 * d)) ^ 3;
    IF v > 0 AND ln(1 - random()) < x * x / 2 + d - d * v + d * ln(v) THEN
      RETURN d * v * boost;
    END IF;
  END LOOP;
END $$;

-- Histories in continuous time over 27 to 39 weeks.
CREATE FUNCTION simulate(customers int, model text, p float8[]) RETURNS TABLE (x int, t_x float8, t float8) LANGUAGE plpgsql AS $$
DECLARE
  rate float8;
  leaving float8;
  gone float8;
  clock float8;
BEGIN
  FOR i IN 1 .. customers LOOP
    rate := gamma_variate(p[1]) / p[2];
    leaving := gamma_variate(p[3]);
    x := 0; t_x := 0; t := 27 + 12 * random(); clock := 0; gone := 'Infinity';
    IF model = 'pareto_nbd' THEN
      gone := -ln(1 - random()) / (leaving / p[4]);
      leaving := 0;
    ELSE
      leaving := leaving / (leaving + gamma_variate(p[4]));
    END IF;
    IF model <> 'mbgnbd' OR random() >= leaving THEN
      LOOP
        clock := clock - ln(1 - random()) / rate;
        EXIT WHEN clock > least(t, gone);
        x := x + 1;
        t_x := clock;
        EXIT WHEN random() < leaving;
      END LOOP;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

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
CREATE TABLE cohort AS SELECT model, i, fitted(:cohort_size + 0 * i, model, p) AS f FROM truth, generate_series(1, :cohorts) i;

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
