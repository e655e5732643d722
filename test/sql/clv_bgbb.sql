-- BG/BB: what is refused. Values are tested in test/pgtap/clv_bgbb.sql.
SET search_path = custprio, public;
SET extra_float_digits = -3;
SELECT p_alive(bgbb(1, 1, 1, 1), 0, 0, 1), expected_purchases(bgbb(1, 1, 1, 1), 3), purchase_probability(bgbb(1, 1, 1, 1), 4, 3);
SELECT p_alive(NULL::bgbb, 1, 2, 3), p_alive(bgbb(1, 1, 1, 1), NULL, 2, 3);
SELECT p_alive(bgbb(1, 0, 1, 1), 0, 0, 6);
SELECT p_alive(bgbb(1, 1, 1, 1), 0, 0, 6.5);
SELECT p_alive(bgbb(1, 1, 1, 1), 0, 0, 10001);
SELECT p_alive(bgbb(1, 1, 1, 1), 0, 0, 'NaN');
SELECT p_alive(bgbb(1, 1, 1, 1), 3, 2, 6);
SELECT p_alive(bgbb(1, 1, 1, 1), 2, 2.5, 6);
SELECT p_alive(bgbb(1, 1, 1, 1), 2, 2, 6, 0.5);
SELECT expected_purchases(bgbb(1, 1, 1, 1), 2.5);
SELECT purchase_probability(bgbb(1, 1, 1, 1), -1, 3);
SELECT dert(bgbb(1, 1, 1, 1), 2, 2, 4, 0.1, 2.5);
SELECT dert(bgbb(1, 1, 1, 1), 2, 2, 4, 0);
SELECT dert(bgbb(1, 1, 1, 1), 2, 2, 4, -1);
SELECT fit_bgbb(1, 1.5, 6);
SELECT fit_bgbb(1, 2, 6, -1);
SELECT (fit_bgbb(0, 0, 6)).status FROM generate_series(1, 9);
SELECT (fit_bgbb(1, 6, 6)).status FROM generate_series(1, 9);
-- a scorecard's times are continuous
CREATE TABLE bgbb_order (buyer int, at date, amount numeric);
SELECT create_scorecard('bgbb_refused', 'bgbb_order', 'buyer', 'at', 'amount', clv_model => 'bgbb', every => NULL);
DROP TABLE bgbb_order;
