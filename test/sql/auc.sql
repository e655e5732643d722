-- Areas under ROC curves: small cases by hand. Values are tested in test/pgtap/challenge.sql.
\set VERBOSITY default
SET search_path = custprio, public;
SET extra_float_digits = 0;
-- of the pairs of a row with the outcome and one without, 3 of 4 are in order by the champion; the challenger ties one
SELECT (compare_auc(y, a, b)).champion_auc, (compare_auc(y, a, b)).challenger_auc, (compare_auc(y, a, b)).difference, (compare_auc(y, a, b)).events, (compare_auc(y, a, b)).n
FROM (VALUES (true, 4, 4), (true, 2, 2), (false, 3, 2), (false, 1, 1), (NULL, 1, 1), (true, NULL, 1), (false, 1, NULL)) v(y, a, b);
SELECT round(champion_auc::numeric, 9) AS champion, round(champion_lower::numeric, 9) AS from_, round(difference::numeric, 9) AS difference, round(lower_bound::numeric, 9) AS from_, round(z::numeric, 9) AS z, round(p_value::numeric, 9) AS p
FROM (SELECT (compare_auc(n % 3 = 0, n, -n)).* FROM generate_series(1, 30) n) q;
SELECT (compare_auc(n > 2, 'Infinity', n)).champion_auc, (compare_auc(n > 2, '-Infinity', n)).challenger_auc FROM generate_series(1, 4) n;
SELECT (compare_auc(true, 1, 1)).n, (compare_auc(true, 1, 1)).champion_auc;
SELECT compare_auc(true, 'NaN', 1);
SELECT g, (compare_auc(y, a, b)).n FROM (VALUES (1, true, 1, 2), (1, false, 0, 0), (2, NULL, 1, 1)) v(g, y, a, b) GROUP BY g ORDER BY g;
