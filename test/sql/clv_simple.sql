SET search_path = custprio, public;
SET extra_float_digits = 0;

-- Gupta and Lehmann: margin multiple r / (1 + d - r)
SELECT clv_simple(100, 0.8, 0.1);
SELECT r, d, round(clv_simple(1, r, d)::numeric, 2) AS multiple
FROM unnest(ARRAY[0.6, 0.7, 0.8, 0.9]) r, unnest(ARRAY[0.10, 0.12, 0.14, 0.16]) d ORDER BY d, r;

-- a number of periods is the sum it stands for
SELECT n, clv_simple(100, 0.8, 0.1, n), (SELECT round(sum(100 * power(0.8 / 1.1, t)), 9) FROM generate_series(1, n) t) AS summed
FROM unnest(ARRAY[1, 2, 5, 10, 100]) n;
SELECT clv_simple(100, 0.8, 0.1, 100000) = clv_simple(100, 0.8, 0.1) AS converged;
SELECT clv_simple(100, 0.8, 0.1, 0), clv_simple(100, 0, 0.1, 5), clv_simple(100, 0, 0.1), clv_simple(0, 0.8, 0.1), clv_simple(-100, 0.8, 0.1);

-- retention at, next to and above 1 + discount
SELECT clv_simple(10, 1, 0, 12), clv_simple(10, 0.9, -0.1, 12);
SELECT clv_simple(10, 1, 1e-15, 12), clv_simple(10, 1, 1e-9, 12), clv_simple(10, 1, -1e-9, 12);
SELECT clv_simple(10, 1, -0.5, 3);
SELECT clv_simple(10, 1, 1e-9), clv_simple(10, 0.999999999999, 0);
SELECT clv_simple(10, 1e-300, 0.1), clv_simple(10, 1e-20, 0.1, 3);

SELECT clv_simple(NULL, 0.8, 0.1), clv_simple(100, NULL, 0.1), clv_simple(100, 0.8, NULL), clv_simple(100, 0.8, 0.1, NULL);

SELECT clv_simple(100, 1, 0);
SELECT clv_simple(100, 0.9, -0.1);
SELECT clv_simple(100, 0.9, -0.2);
SELECT clv_simple(100, 1.1, 0.2);
SELECT clv_simple(100, -0.1, 0.2);
SELECT clv_simple(100, 'NaN', 0.2);
SELECT clv_simple('NaN', 0.8, 0.2);
SELECT clv_simple('Infinity', 0.8, 0.2);
SELECT clv_simple('-Infinity', 0.8, 0.2, 3);
SELECT clv_simple(100, 0.8, -1);
SELECT clv_simple(100, 0.8, 'NaN');
SELECT clv_simple(100, 0.8, 'Infinity');
SELECT clv_simple(100, 0.8, 0.1, -1);
SELECT clv_simple(1e308, 1, 1e-6);
SELECT clv_simple(-1e308, 1, 0, 1000);
SELECT clv_simple(1, 1, -0.5, 2147483647);
