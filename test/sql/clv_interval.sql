-- Confidence intervals: what is refused. Values are tested in test/pgtap/clv_intervals.sql.
SET search_path = custprio, public;
SELECT parameter_intervals(bgnbd(1, 1, 1, 1));
SELECT p_alive_interval(bgnbd(1, 1, 1, 1), 1, 2, 3);
SELECT expected_value_interval(gamma_gamma(6, 4, 15), 1, 2);
SELECT p_alive_interval(bgnbd(1, 1, 1, 1), 1, 4, 3);
SELECT expected_purchases_interval(bgbb(1, 1, 1, 1), 1, 2, 3, 0.5);
SELECT p_alive_interval(bgnbd(1, 1, 1, 1), 1, 2, 3, level => 1);
SELECT parameter_intervals(bgnbd(1, 1, 1, 1), 'NaN');
SELECT clv_interval(bgnbd(1, 1, 1, 1), gamma_gamma(6, 4, 15), 1, 2, 3, 10, 52, 0.1, 'fortnight');
SELECT p_alive_interval(NULL::bgnbd, 1, 2, 3);
