-- The shifted-beta-geometric model: behaviour and errors. Values are tested in test/pgtap/clv_contract.sql.
SET search_path = custprio, public;
SET extra_float_digits = -3;
SELECT sbg(0.668, 3.806), survival(sbg(0.668, 3.806), 0), survival(sbg(0.668, 3.806), 12), retention_rate(sbg(0.668, 3.806), 1), derl(sbg(0.668, 3.806), 0, 0.1), clv(sbg(0.668, 3.806), 0, 100, 0.1, 0);
SELECT survival(NULL::sbg, 1), survival(sbg(1, 1), NULL), derl(sbg(1, 1), 0, NULL);
SELECT (fit_sbg(r, l, w)).n FROM (VALUES (0, true, 10), (1, true, 5), (2, false, 20), (NULL, true, 7), (3, NULL, 7), (4, true, 0), (4, true, NULL)) v(r, l, w);
-- what cannot be fitted
SELECT (fit_sbg(r, l, w)).status FROM (VALUES (1, false, 10), (2, false, 20)) v(r, l, w);
SELECT (fit_sbg(r, l, w)).status FROM (VALUES (0, true, 10), (0, false, 20)) v(r, l, w);
SELECT (fit_sbg(r, l, w)).status FROM (VALUES (1, true, 10), (1, false, 20)) v(r, l, w);
SELECT (fit_sbg(3, true)).status FROM generate_series(1, 1);
SELECT (fit_sbg(3, true)).status FROM generate_series(1, 0);
SELECT (fit_sbg(NULL, true)).status FROM generate_series(1, 3);
-- errors
SELECT survival(sbg(0, 1), 1);
SELECT survival(sbg(1, 1), -1);
SELECT survival(sbg(1, 1), 1.5);
SELECT survival(sbg(1, 1), 10001);
SELECT survival(sbg(1, 1), 1, 'NaN');
SELECT retention_rate(sbg(1, 1), 0);
SELECT derl(sbg(1, 1), 0, 0);
SELECT derl(sbg(1, 1), 0, -0.1);
SELECT derl(sbg(1, 1), 0, 'NaN');
SELECT derl(sbg(1, 1), 0, 0.1, -1);
SELECT derl(sbg(1, 1), 0, 0.1, '-Infinity');
SELECT clv(sbg(1, 1), 0, 'Infinity', 0.1);
SELECT log_likelihood(sbg(1, 1), -1, true);
SELECT fit_sbg(1.5, true);
SELECT fit_sbg(-1, true);
SELECT fit_sbg(1, true, -1);
SELECT survival_interval(sbg(1, 1), 3);
SELECT survival(fit_sbg(1, false), 3) FROM generate_series(1, 3);
