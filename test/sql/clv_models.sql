-- Functions of fitted CLV parameters: behaviour and errors. Values are tested in test/pgtap/clv_exact.sql.
SET search_path = custprio, public;
SET extra_float_digits = -3;
SELECT bgnbd(0.243, 4.414, 0.793, 2.426);
SELECT p_alive(bgnbd(0.243, 4.414, 0.793, 2.426), 0, 0, 38.86) AS bg_says_one,
  p_alive(mbgnbd(0.525, 6.183, 0.891, 1.614), 0, 0, 38.86),
  p_alive(mbgnbd(0.525, 6.183, 0.891, 1.614), 0, 0, 38.86, later => 52),
  p_alive(pareto_nbd(0.553, 10.578, 0.606, 11.669), 0, 0, 38.86, later => 0);
SELECT expected_purchases(bgnbd(0.243, 4.414, 0.793, 2.426), 2, 30.43, 38.86, 39),
  expected_purchases(bgnbd(0.243, 4.414, 0.793, 2.426), 52), expected_purchases(bgnbd(0.243, 4.414, 0.793, 2.426), 0);
-- CLV over a year of weeks: margin times value times discounted purchases
SELECT clv(m, g, 2, 30.43, 38.86, 22.35, 52, 0.1, 'week') AS value, clv(m, g, 2, 30.43, 38.86, 22.35, 52, 0, 'week') AS undiscounted,
  expected_value(g, 2, 22.35) * expected_purchases(m, 2, 30.43, 38.86, 52) AS the_same,
  clv(m, g, 2, 30.43, 38.86, 22.35, 52, 0.1, 'week', 0.3) / clv(m, g, 2, 30.43, 38.86, 22.35, 52, 0.1, 'week') AS margin,
  expected_value(g, 2, 22.35) * dert(m, 2, 30.43, 38.86, ln(1.1) * 7 / 365.25, 52) AS by_dert,
  clv(m, g, 2, 30.43, 38.86, 22.35, 5200, 0.1, 'week') AS a_century
FROM (SELECT mbgnbd(0.525, 6.183, 0.891, 1.614) AS m, gamma_gamma(6.25, 3.74, 15.44) AS g) q;
SELECT p_alive(NULL::bgnbd, 1, 2, 3), p_alive(bgnbd(1, 1, 1, 1), NULL, 2, 3);
SELECT dert(bgnbd(0.243, 4.414, 0.793, 2.426), 2, 30.43, 38.86, 0, 52) = expected_purchases(bgnbd(0.243, 4.414, 0.793, 2.426), 2, 30.43, 38.86, 52);
-- parameters changing from row to row
SELECT v, round(p_alive(bgnbd(v, 4.4, 0.8, 2.4), 2, 10, 40)::numeric, 6) AS p, round(expected_purchases(bgnbd(v, 4.4, 0.8, 2.4), 2, 10, 40, 52)::numeric, 6) AS e
FROM unnest('{0.2,0.4,0.2,0.4}'::float8[]) v;

-- errors
SELECT p_alive(bgnbd(0, 1, 1, 1), 1, 2, 3);
SELECT p_alive(bgnbd('NaN', 1, 1, 1), 1, 2, 3);
SELECT p_alive(ROW(1, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::bgnbd, 1, 2, 3);
SELECT p_alive(bgnbd(1, 1, 1, 1), 1.5, 2, 3);
SELECT p_alive(bgnbd(1, 1, 1, 1), -1, 2, 3);
SELECT p_alive(bgnbd(1, 1, 1, 1), 1, 4, 3);
SELECT p_alive(bgnbd(1, 1, 1, 1), 0, 1, 3);
SELECT p_alive(bgnbd(1, 1, 1, 1), 1, 1, 'Infinity');
SELECT p_alive(bgnbd(1, 1, 1, 1), 1, 1, 3, -1);
SELECT expected_purchases(bgnbd(1, 1, 1, 1), 1, 1, 3, 'NaN');
SELECT purchase_probability(bgnbd(1, 1, 1, 1), -1, 3);
SELECT dert(bgnbd(1, 1, 1, 1), 1, 1, 3, 0);
SELECT dert(bgnbd(1, 1, 1, 1), 1, 1, 3, 0.1, 'NaN');
SELECT expected_value(gamma_gamma(6, 0.5, 15), 0, 0);
SELECT expected_value(gamma_gamma(6, 3, 15), 1, 0);
SELECT clv(bgnbd(1, 1, 1, 1), gamma_gamma(6, 3, 15), 1, 1, 3, 10, 52, 0.1, 'fortnight');
SELECT clv(bgnbd(1, 1, 1, 1), gamma_gamma(6, 3, 15), 1, 1, 3, 10, 52, -0.1, 'week');
SELECT fit_bgnbd(1, 2, 3, -1);
SELECT fit_bgnbd(1, 2, 3, 1, 'NaN');
SELECT fit_bgnbd(1, 2, 3, 1, g) FROM generate_series(1, 2) g;
SELECT fit_gamma_gamma('NaN', 3);
-- what cannot be fitted: a warning, and nothing that could be used
SELECT (fit_mbgnbd(0, 0, 10 + g)).* FROM generate_series(1, 50) g;
SELECT (fit_gamma_gamma(1 + g % 2, 10)).status FROM generate_series(1, 50) g;
-- rows with NULL are left out, weights of 0 too
SELECT (fit_gamma_gamma(x, m, w)).n FROM (VALUES (1, 2, 1), (2, 5, 2), (NULL, 3, 1), (3, NULL, 1), (1, 7, NULL), (4, 4, 0), (2, 3, 1)) v(x, m, w);
