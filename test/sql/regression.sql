-- What fit_linear, fit_logit and predict refuse, and what they say where there is no answer.
\set VERBOSITY default
SET search_path = custprio, public;
SET extra_float_digits = -3;
CREATE TEMP TABLE r (n int, x float8, y float8, b boolean);
INSERT INTO r VALUES (1, 1, 1, false), (2, 2, 3, true), (3, 2, 4, false), (4, 5, 6, true), (5, 4, 7, false), (6, 7, 7, true);
SELECT (fit_linear(y, ARRAY[x])).* FROM r;
SELECT (fit_linear(y, ARRAY[x], n)).* FROM r;
SELECT (fit_logit(b, ARRAY[x])).* FROM r;
SELECT (fit_logit(b::int, ARRAY[x])).auc FROM r;
SELECT (fit_linear(y, ARRAY[x])).coefficients FROM r GROUP BY n % 1;
SELECT n, (fit_linear(y, ARRAY[x]) OVER (ORDER BY n ROWS 3 PRECEDING)).r_squared FROM r ORDER BY n;
-- rows with NULL, or of weight 0, are left out
SELECT (fit_linear(y, ARRAY[x], w)).n FROM r, LATERAL (SELECT CASE n WHEN 1 THEN 0 ELSE 1 END AS w) v;
SELECT (fit_linear(CASE n WHEN 1 THEN NULL ELSE y END, ARRAY[CASE n WHEN 2 THEN NULL ELSE x END], CASE n WHEN 3 THEN NULL ELSE 1 END)).n FROM r;
SELECT (fit_logit(CASE n WHEN 1 THEN NULL ELSE b END, ARRAY[x])).n FROM r;
SELECT fit_linear(y, NULL) IS NULL, fit_logit(b, NULL) IS NULL FROM r;
SELECT fit_linear(y, ARRAY[x]) IS NULL, fit_logit(b, ARRAY[x]) IS NULL FROM r WHERE false;
-- no answer
SELECT (fit_linear(y, ARRAY[x])).* FROM r WHERE n <= 2;
SELECT (fit_linear(5, ARRAY[x])).status FROM r;
SELECT (fit_linear(y, ARRAY[x, 3])).status FROM r;
SELECT (fit_linear(y, ARRAY[x, 2 * x + 1])).status FROM r;
SELECT (fit_linear(0.1 * x + 0.7, ARRAY[x])).* FROM r;
SELECT (fit_logit(b, ARRAY[x])).* FROM r WHERE n <= 2;
SELECT (fit_logit(b, ARRAY[x])).status FROM r WHERE b;
SELECT (fit_logit(b, ARRAY[3])).status FROM r;
SELECT (fit_logit(x > 3, ARRAY[x])).status FROM r;
SELECT (fit_logit(b, ARRAY[x, CASE WHEN n = 4 THEN 1 ELSE 0 END])).status FROM r;
SELECT n % 2, (fit_linear(y, ARRAY[x])).status FROM r WHERE n > 2 OR n = 1 GROUP BY 1 ORDER BY 1;
-- refused
SELECT fit_linear('NaN', ARRAY[x]) FROM r;
SELECT fit_linear('Infinity', ARRAY[x]) FROM r;
SELECT fit_linear(y, ARRAY[x, 'NaN']) FROM r;
SELECT fit_linear(y, '{}') FROM r;
SELECT fit_linear(y, ARRAY[ARRAY[x]]) FROM r;
SELECT fit_linear(y, CASE WHEN n < 3 THEN ARRAY[x] ELSE ARRAY[x, x] END) FROM r;
SELECT fit_linear(y, ARRAY[x], -1) FROM r;
SELECT fit_linear(y, ARRAY[x], 'NaN') FROM r;
SELECT fit_linear(y, ARRAY[x * 1e300]) FROM r;
SELECT fit_logit(y, ARRAY[x]) FROM r;
SELECT fit_logit('NaN'::float8, ARRAY[x]) FROM r;
-- predict
SELECT predict(fit_linear(y, ARRAY[x]), '{10}'), predict(fit_logit(b, ARRAY[x]), '{10}') FROM r;
SELECT predict(fit_linear(y, ARRAY[x]), '{NULL}'), predict(fit_logit(b, ARRAY[x]), NULL), predict(NULL::linear_model, '{1}') FROM r;
SELECT predict(fit_logit(b, ARRAY[x]), '{1e300}'), predict(fit_logit(b, ARRAY[x]), '{-1e300}') FROM r;
SELECT predict(fit_linear(y, ARRAY[x]), '{1,2}') FROM r;
SELECT predict(fit_linear(y, ARRAY[x]), '{Infinity}') FROM r;
SELECT predict(fit_logit(x > 3, ARRAY[x]), '{1}') FROM r;
SELECT predict(ROW('{1,2}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::linear_model, '{10}');
SELECT predict(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::linear_model, '{10}');
SELECT predict(ROW('{1,NULL}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::linear_model, '{10}');
