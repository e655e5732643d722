-- Customers by the definitions of the models, in SQL: independent of the extension's own simulation.

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
