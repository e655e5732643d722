-- BG/CNBD-k and MBG/CNBD-k: with k = 1 the plain models to the last bit; else against the definition, integrated over lambda
-- and p in plain SQL; and what must hold for any parameters.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;

SELECT plan(25);

-- k = 1
SELECT setseed(0.27);
CREATE TEMP TABLE plain AS
  SELECT i, exp(random() * 6 - 3) AS r, exp(random() * 6 - 3) AS alpha, exp(random() * 6 - 3) AS a, exp(random() * 6 - 3) AS b,
    x, CASE WHEN x > 0 THEN t * least(random() * 1.2, 1) ELSE 0 END AS t_x, t, exp(random() * 6 - 3) AS h
  FROM (SELECT i, CASE WHEN random() < .3 THEN 0 ELSE floor(exp(random() * 5)) END AS x, exp(random() * 6 - 3) AS t
        FROM generate_series(1, 400) i OFFSET 0) q;
CREATE TEMP TABLE small AS SELECT *, CASE WHEN x > 0 THEN x * ln(greatest(t_x, 1e-300) / x) ELSE 0 END AS l FROM plain;
SELECT is_empty($$
  SELECT * FROM small, LATERAL (SELECT bgnbd(r, alpha, a, b) AS m, bgcnbd(r, alpha, a, b, 1) AS e, mbgnbd(r, alpha, a, b) AS mm, mbgcnbd(r, alpha, a, b, 1) AS me) p
  WHERE ROW(p_alive(m, x, t_x, t), p_alive(m, x, t_x, t, h), expected_purchases(m, x, t_x, t, h), expected_purchases(m, h), purchase_probability(m, 3, h), purchase_probability(m, 2, x, t_x, t, h), log_likelihood(m, x, t_x, t),
            p_alive(mm, x, t_x, t), p_alive(mm, x, t_x, t, h), expected_purchases(mm, x, t_x, t, h), expected_purchases(mm, h), purchase_probability(mm, 3, h), purchase_probability(mm, 2, x, t_x, t, h), log_likelihood(mm, x, t_x, t))
    IS DISTINCT FROM ROW(p_alive(e, x, t_x, t), p_alive(e, x, t_x, t, h), expected_purchases(e, x, t_x, t, h), expected_purchases(e, h), purchase_probability(e, 3, h), purchase_probability(e, 2, x, t_x, t, h), log_likelihood(e, x, t_x, t, l),
            p_alive(me, x, t_x, t), p_alive(me, x, t_x, t, h), expected_purchases(me, x, t_x, t, h), expected_purchases(me, h), purchase_probability(me, 3, h), purchase_probability(me, 2, x, t_x, t, h), log_likelihood(me, x, t_x, t, l)) $$,
  'k = 1 predicts the same as the plain models, to the last bit');
SELECT is_empty($$ SELECT * FROM small, LATERAL (SELECT dert(bgcnbd(r, alpha, a, b, 1), x, t_x, t, .01, h) / dert(bgnbd(r, alpha, a, b), x, t_x, t, .01, h) - 1 AS e) d
                   WHERE i <= 40 AND NOT abs(e) < 1e-12 $$, 'and the same discounted');

-- The definition: sums over the phase j and the events N to come, integrals over lambda and p by the trapezoidal rule in
-- logarithm and logit, which converges faster than any power of the step.
CREATE FUNCTION pg_temp.defined(r float8, alpha float8, a float8, b float8, k int, modified bool, x int, t_x float8, t float8, h float8,
                                OUT ll float8, OUT alive float8, OUT later float8, OUT expected float8, OUT pmf float8[]) LANGUAGE plpgsql AS $$
DECLARE
  s int := x + modified::int;
  events int := 100;
  l_norm float8; p_norm float8; dead float8; living float8;
  one float8[] := '{}'; -- integrals over p of (1-p)^(s + J), J = 0, 1 ...
  made float8[] := '{}'; -- and of (1-p)^s (1 - (1-p)^J) / p
  gone float8[] := '{}'; -- and of p (1-p)^(s + J - 1)
BEGIN
  SELECT sum(exp(greatest(r * u - alpha * exp(u), -700))) INTO l_norm FROM generate_series(-350, 40) i, LATERAL (SELECT i * 0.1 AS u) v;
  SELECT sum(p ^ a * q ^ b), sum(p ^ (a + 1) * q ^ (b + s - 1)) FILTER (WHERE s > 0)
    INTO p_norm, dead FROM generate_series(-210, 150) i, LATERAL (SELECT 1 / (1 + exp(-i * 0.2)) AS p, 1 / (1 + exp(i * 0.2)) AS q) v;
  SELECT array_agg(g.one ORDER BY j), array_agg(g.made ORDER BY j), array_agg(g.gone ORDER BY j) INTO one, made, gone FROM
    (SELECT j, sum(p ^ a * q ^ (b + s) * qj) / p_norm AS one, sum(p ^ (a - 1) * q ^ (b + s) * (1 - qj)) / p_norm AS made, sum(p ^ (a + 1) * q ^ (b + s - 1) * qj) / p_norm AS gone
     FROM generate_series(-210, 150) i, LATERAL (SELECT 1 / (1 + exp(-i * 0.2)) AS p, 1 / (1 + exp(i * 0.2)) AS q) v, generate_series(0, (events + k) / k) j, LATERAL (SELECT exp(greatest(j * ln(q), -300)) AS qj) x GROUP BY j) g;
  CREATE TEMP TABLE weight ON COMMIT DROP AS -- of phase j with n events to come
    SELECT j, n, sum(exp(greatest((r + k * x + j + n) * u - (alpha + t + h) * exp(u) + nh, -600)) * dj) / l_norm AS w
    FROM generate_series(-350, 40) i, LATERAL (SELECT i * 0.1 AS u) v, (SELECT j, (t - t_x) ^ j / factorial(j)::float8 AS dj FROM generate_series(0, k - 1) j OFFSET 0) js,
      (SELECT n, n * ln(h) - ln(factorial(n)::float8) AS nh FROM generate_series(0, events) n OFFSET 0) ns GROUP BY j, n;
  SELECT sum(exp(greatest((r + k * x) * u - (alpha + t_x) * exp(u), -700))) / l_norm * dead / p_norm INTO dead
    FROM generate_series(-350, 40) i, LATERAL (SELECT i * 0.1 AS u) v;
  dead := coalesce(dead, 0);
  SELECT sum(w) * one[1] INTO living FROM weight;
  ll := ln(living + dead);
  alive := living / (living + dead);
  SELECT sum(w * one[(j + n) / k + 1]) / (living + dead), sum(w * made[(j + n) / k + 1]) / (living + dead) INTO later, expected FROM weight;
  SELECT array_agg(y ORDER BY m) INTO pmf FROM
    (SELECT m, sum(w * CASE WHEN (j + n) / k = m THEN one[m + 1] ELSE 0 END + w * CASE WHEN m > 0 AND (j + n) / k >= m THEN gone[m + 1] ELSE 0 END) / (living + dead)
       + CASE WHEN m = 0 THEN dead / (living + dead) ELSE 0 END AS y
     FROM weight, generate_series(0, 3) m GROUP BY m) g;
  DROP TABLE weight;
END $$;
CREATE TEMP TABLE asked (i int, modified bool, k int, x int, t_x float8, t float8, h float8);
INSERT INTO asked VALUES (2, true, 2, 0, 0, 9, 5), (3, false, 2, 0, 0, 9, 5), (4, true, 2, 3, 7, 9, 5), (5, false, 3, 3, 7, 9, 5),
  (6, true, 3, 1, 3, 9, 5), (7, true, 5, 4, 8, 9, 6), (8, false, 4, 2, 9, 9, 3), (9, true, 8, 3, 6, 8.5, 4);
CREATE TEMP TABLE answered AS
  SELECT a.*, d.*,
    CASE WHEN modified THEN log_likelihood(m, x, t_x, t, l) ELSE log_likelihood(b, x, t_x, t, l) END - (k - 1) * l + x * ln(factorial(k - 1)::float8) AS our_ll,
    CASE WHEN modified THEN p_alive(m, x, t_x, t) ELSE p_alive(b, x, t_x, t) END AS our_alive,
    CASE WHEN modified THEN p_alive(m, x, t_x, t, h) ELSE p_alive(b, x, t_x, t, h) END AS our_later,
    CASE WHEN modified THEN expected_purchases(m, x, t_x, t, h) ELSE expected_purchases(b, x, t_x, t, h) END AS our_expected,
    (SELECT array_agg(CASE WHEN modified THEN purchase_probability(m, n, x, t_x, t, h) ELSE purchase_probability(b, n, x, t_x, t, h) END ORDER BY n) FROM generate_series(0, 3) n) AS our_pmf
  FROM asked a, LATERAL (SELECT mbgcnbd(.8, 2, .9, 1.6, k) AS m, bgcnbd(.8, 2, .9, 1.6, k) AS b, CASE WHEN x > 0 THEN x * ln(t_x / x) ELSE 0 END AS l) p,
    LATERAL pg_temp.defined(.8, 2, .9, 1.6, k, modified, x, t_x, t, h) d;
SELECT is_empty(format($$ SELECT i, %1$s, our_%1$s FROM answered WHERE NOT abs(our_%1$s - %1$s) <= 1e-8 * abs(%1$s) $$, q), q || ' is that of the definition')
FROM unnest('{ll,alive,later,expected}'::text[]) q;
SELECT is_empty($$ SELECT i, n, d, o FROM answered, unnest(pmf, our_pmf) WITH ORDINALITY u(d, o, n) WHERE NOT abs(o - d) <= 1e-8 * d $$, 'pmf is that of the definition');
SELECT is_empty($$ SELECT * FROM asked, LATERAL (SELECT purchase_probability(mbgcnbd(.8, 2, .9, 1.6, k), n, h) AS p, purchase_probability(mbgcnbd(.8, 2, .9, 1.6, k), n, 0, 0, 0, h) AS q, expected_purchases(mbgcnbd(.8, 2, .9, 1.6, k), h) AS e, expected_purchases(mbgcnbd(.8, 2, .9, 1.6, k), 0, 0, 0, h) AS f FROM generate_series(0, 3) n) v
                   WHERE p <> q OR e <> f $$, 'a new customer has an empty history');

-- regular customers: over k = 1 a gap since the last purchase says more
SELECT cmp_ok(p_alive(mbgcnbd(.8, 2, .9, 1.6, 4), 5, 5, 9), '<', p_alive(mbgcnbd(.8, 2, .9, 1.6, 1), 5, 5, 9), 'the more regular, the more a gap tells');

-- fuzz
SELECT setseed(0.5);
CREATE TEMP TABLE fuzz AS
  SELECT i, i % 2 = 0 AS modified, (1 + floor(random() * 20))::int AS k, exp(random() * 10 - 5) AS r, exp(random() * 12 - 5) AS alpha, exp(random() * 9 - 5) AS a, exp(random() * 9 - 5) AS b,
    x, CASE WHEN x > 0 THEN t * least(random() * 1.2, 1) ELSE 0 END AS t_x, t, exp(random() * 10 - 4) AS h
  FROM (SELECT i, CASE WHEN random() < .3 THEN 0 ELSE floor(exp(random() * 6)) END AS x, exp(random() * 10 - 4) AS t FROM generate_series(1, 150) i OFFSET 0) q;
CREATE TEMP TABLE fuzzed AS
  SELECT f.*, v.* FROM fuzz f, LATERAL (SELECT mbgcnbd(r, alpha, a, b, k) AS m, bgcnbd(r, alpha, a, b, k) AS g, CASE WHEN x > 0 THEN x * ln(t_x / x) ELSE 0 END AS l) p,
    LATERAL (SELECT log_likelihood(m, x, t_x, t, l) AS ll, p_alive(m, x, t_x, t) AS alive, p_alive(m, x, t_x, t, h) AS later, p_alive(m, x, t_x, 2 * t, 0) AS older,
               expected_purchases(m, x, t_x, t, h) AS e, expected_purchases(m, x, t_x, t, 2 * h) AS longer, purchase_probability(m, 2, x, t_x, t, h) AS p WHERE modified
             UNION ALL SELECT log_likelihood(g, x, t_x, t, l), p_alive(g, x, t_x, t), p_alive(g, x, t_x, t, h), p_alive(g, x, t_x, 2 * t, 0),
               expected_purchases(g, x, t_x, t, h), expected_purchases(g, x, t_x, t, 2 * h), purchase_probability(g, 2, x, t_x, t, h) WHERE NOT modified) v;
SELECT is((SELECT count(*) FROM fuzzed WHERE num_nulls(ll, alive, later, e, p) = 0 AND 'NaN' NOT IN (ll, alive, later, e, p) AND 'Infinity' NOT IN (ll, e)), 150::bigint, 'every likelihood and prediction is a number');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE alive NOT BETWEEN 0 AND 1 OR later > alive * (1 + 1e-11) OR later < 0 OR p NOT BETWEEN 0 AND 1 $$, 'probabilities are between 0 and 1, and P(alive) falls');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE older > alive * (1 + 1e-11) $$, 'a longer absence lowers P(alive)');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE e < 0 OR longer < e * (1 - 1e-11) $$, 'a longer horizon has more purchases');

-- the sum ends where the integral over purchases begins: no step there, and a limit that is known
SELECT ok(f[2] > f[1] AND f[2] / f[1] - 1 < 1e-7, format('expected purchases over very long horizons, k = %s, a = %s', k, a))
FROM (SELECT k, a, array_agg(expected_purchases(mbgcnbd(.7, 1, a, 1.6, k), h) ORDER BY h) AS f
      FROM (VALUES (2, .6), (3, 1), (5, 1.7)) v(k, a), unnest('{981.8181,981.8182}'::float8[]) h GROUP BY k, a) q;
-- with a > 1 a customer makes b / (a + b) (a + b) / (a - 1) = b / (a - 1) purchases in all
SELECT cmp_ok(abs(expected_purchases(mbgcnbd(3, 1, 2.5, 1.6, 3), 1e7) / (1.6 / 1.5) - 1), '<', 1e-9::float8, 'for ever');

-- discounted: against Riemann's sum
SELECT is_empty($$ SELECT k, d, riemann FROM unnest('{2,4}'::int[]) k, LATERAL (SELECT dert(mbgcnbd(.8, 2, .9, 1.6, k), 3, 7, 9, .1, 20) AS d) v,
    LATERAL (SELECT sum((e - before) * exp(-.1 * (u - .01))) AS riemann FROM (SELECT u, e, lag(e, 1, 0::float8) OVER (ORDER BY u) AS before
      FROM (SELECT i * .02 AS u, expected_purchases(mbgcnbd(.8, 2, .9, 1.6, k), 3, 7, 9, i * .02) AS e FROM generate_series(1, 1000) i) g) w) s
  WHERE NOT abs(d / riemann - 1) < 1e-5 $$, 'discounted purchases');
SELECT cmp_ok(abs(clv(mbgcnbd(.8, 2, .9, 1.6, 3), gamma_gamma(6, 3, 15), 3, 7, 9, 20, 52, .1, 'week') / (expected_value(gamma_gamma(6, 3, 15), 3, 20) * dert(mbgcnbd(.8, 2, .9, 1.6, 3), 3, 7, 9, ln(1.1) * 7 / 365.25, 52)) - 1),
  '<', 1e-12::float8, 'clv is value times discounted purchases');

-- Recovery: 20,000 customers whose times between purchases are Erlang-3. Gamma variates by Marsaglia and Tsang (2000).
CREATE FUNCTION pg_temp.gamma_variate(shape float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE d float8; c float8; x float8; v float8; boost float8 := 1;
BEGIN
  IF shape < 1 THEN boost := power(1 - random(), 1 / shape); shape := shape + 1; END IF;
  d := shape - 1.0 / 3; c := 1 / sqrt(9 * d);
  LOOP
    LOOP x := sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()); v := 1 + c * x; EXIT WHEN v > 0; END LOOP;
    v := v * v * v;
    EXIT WHEN ln(1 - random()) < 0.5 * x * x + d - d * v + d * ln(v);
  END LOOP;
  RETURN d * v * boost;
END $$;
CREATE FUNCTION pg_temp.cohort(n int) RETURNS TABLE (x int, t_x float8, t float8, l float8) LANGUAGE plpgsql AS $$
DECLARE rate float8; drop_out float8; g float8; gap float8;
BEGIN
  FOR i IN 1..n LOOP
    rate := pg_temp.gamma_variate(0.6) / 2; t := 27 + 25 * random();
    g := pg_temp.gamma_variate(0.9); drop_out := g / (g + pg_temp.gamma_variate(1.6));
    x := 0; t_x := 0; l := 0;
    WHILE random() >= drop_out LOOP
      gap := -ln((1 - random()) * (1 - random()) * (1 - random())) / rate;
      EXIT WHEN t_x + gap > t;
      x := x + 1; t_x := t_x + gap; l := l + ln(gap);
    END LOOP;
    RETURN NEXT;
  END LOOP;
END $$;
SELECT setseed(0.4);
CREATE TEMP TABLE cohort AS SELECT * FROM pg_temp.cohort(20000);
CREATE TEMP TABLE fit AS SELECT fit_mbgcnbd(x, t_x, t, l) AS f, fit_mbgnbd(x, t_x, t) AS plain, fit_mbgcnbd(x, t_x * 7, t * 7, l + x * ln(7), 3, 1, 0, 'day') AS days FROM cohort;
SELECT is((SELECT (f).k FROM fit), 3, 'the k that made the data has the greatest likelihood');
SELECT is_empty($$ SELECT * FROM fit, unnest('{0.6,2,0.9,1.6}'::float8[], ARRAY[(f).r, (f).alpha, (f).a, (f).b], (f).standard_errors) u(truth, estimate, error)
                   WHERE NOT abs(truth - estimate) < 3.5 * error OR NOT (f).converged $$, 'and the parameters are found again');
SELECT ok((f).log_likelihood > (plain).log_likelihood + 100 AND abs((days).alpha / 7 / (f).alpha - 1) < 1e-9 AND abs((days).r / (f).r - 1) < 1e-9 AND (days).time_unit = 'day', 'in another unit of time the same') FROM fit;
SELECT ok(abs((SELECT sum(log_likelihood(f, x, t_x, t, l)) FROM cohort, fit) / (SELECT (f).log_likelihood FROM fit) - 1) < 1e-10, 'the likelihood of all is the product of each');

SELECT is(expected_purchases_interval(e, 3, 12, 33, 52), expected_purchases_interval(p, 3, 12, 33, 52), 'intervals of k = 1 are those of the plain model')
FROM (SELECT fit_mbgcnbd(x, t_x, t, l, 1) AS e, fit_mbgnbd(x, t_x, t) AS p FROM cohort) q;
SELECT ok(i.lower < i.estimate AND i.estimate < i.upper AND i.estimate = p_alive(f, 3, 12, 33) AND (SELECT count(*) = 4 AND bool_and(lower < estimate AND estimate < upper) FROM parameter_intervals(f)), 'and with k = 3 there are intervals too') FROM fit, p_alive_interval(f, 3, 12, 33) i;
SELECT * FROM finish();
ROLLBACK;
