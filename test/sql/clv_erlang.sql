-- BG/CNBD-k and MBG/CNBD-k: behaviour and errors. Values are tested in test/pgtap/clv_erlang.sql.
SET search_path = custprio, public;
SET extra_float_digits = -3;
SELECT mbgcnbd(0.6, 2, 0.9, 1.6, 3);
SELECT p_alive(mbgcnbd(0.6, 2, 0.9, 1.6, 3), 4, 8, 10), expected_purchases(bgcnbd(0.6, 2, 0.9, 1.6, 3), 4, 8, 10, 52), expected_purchases(mbgcnbd(0.6, 2, 0.9, 1.6, 3), 0);
SELECT p_alive(NULL::mbgcnbd, 1, 2, 3), p_alive(mbgcnbd(1, 1, 1, 1, 2), 1, NULL, 3);
-- log_intervals from a summary, in days and in weeks
SELECT round(repeat_log_intervals(s)::numeric, 10) AS days, round((repeat_log_intervals(s) - repeat_log_intervals(s, 7) - 2 * ln(7))::numeric, 10) AS zero, round(ln(3 * 11)::numeric, 10) AS the_same
FROM (SELECT summarize(d, 10) AS s FROM unnest('{2024-01-01,2024-01-04,2024-01-15,2024-01-04}'::date[]) d) q;
SELECT repeat_log_intervals(summarize(date '2024-01-01', 5)) AS one_day, repeat_log_intervals(summarize(date '2024-01-01', -5)) AS only_a_return;
SELECT repeat_log_intervals(summarize(date '2024-01-01', 5), 0);
-- a fit carries its k and unit of time
CREATE TEMP TABLE regular AS
  SELECT x, CASE WHEN x > 0 THEN x * (1 + n % 3) / 2.0 + n / 500.0 ELSE 0 END AS t_x, 40 + n % 10 AS t, CASE WHEN x > 0 THEN x * ln(((1 + n % 3) / 2.0 + n / 500.0 / x)::float8) - (x - 1) / 5.0 END AS l
  FROM (SELECT n, n % 9 AS x FROM generate_series(1, 400) n) q;
SELECT (f).k, (f).status, (f).time_unit, (f).n, array_length((f).standard_errors, 1) FROM (SELECT fit_mbgcnbd(x, t_x, t, l, 4, 1, 0.001, 'week') AS f FROM regular) q;
SELECT clv(f, gamma_gamma(6, 3, 15), 1, 1, 3, 10, 52, 0.1, 'day') FROM (SELECT fit_mbgcnbd(x, t_x, t, l, 4, 1, 0.001, 'week') AS f FROM regular) q;
SELECT (fit_bgcnbd(x, t_x, t, l, NULL, 1, 0.001)).k > 1 AS chosen FROM regular;

-- errors
SELECT p_alive(mbgcnbd(1, 1, 1, 1, 0), 1, 1, 3);
SELECT p_alive(mbgcnbd(1, 1, 1, 1, 21), 1, 1, 3);
SELECT p_alive(mbgcnbd(1, 1, 0, 1, 2), 1, 1, 3);
SELECT p_alive(ROW(1, 1, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::mbgcnbd, 1, 2, 3);
SELECT log_likelihood(mbgcnbd(1, 1, 1, 1, 2), 2, 4, 9, 1.5);
SELECT log_likelihood(mbgcnbd(1, 1, 1, 1, 2), 1, 4, 9, 1);
SELECT log_likelihood(mbgcnbd(1, 1, 1, 1, 2), 2, 4, 9, '-Infinity');
SELECT fit_mbgcnbd(2, 4, 9, 1, 0);
SELECT fit_mbgcnbd(2, 4, 9, 1, 1 + g) FROM generate_series(1, 2) g;
SELECT fit_mbgcnbd(2, 4, 9, 1, 2, 1, 0, 'fortnight');
SELECT fit_mbgnbd(2, 4, 9, 1, 0, u) FROM unnest('{day,week}'::text[]) u;
SELECT (fit_mbgcnbd(0, 0, 9, NULL)).status FROM generate_series(1, 9);
SELECT (fit_mbgcnbd(1, 2, 9, NULL)).status FROM generate_series(1, 9);
-- a scorecard has no k
CREATE TABLE cnbd_order (buyer int, at date, amount numeric);
SELECT create_scorecard('cnbd_refused', 'cnbd_order', 'buyer', 'at', 'amount', clv_model => 'mbgcnbd', every => NULL);
DROP TABLE cnbd_order;
