-- Nested RFM scores: what is refused.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET search_path = public, custprio;
SELECT nested_rfm_score(n, n, n, 10) OVER () FROM generate_series(1, 3) n;
SELECT nested_rfm_score(n, n, n, 0) OVER () FROM generate_series(1, 3) n;
SELECT nested_rfm_score(n, n, n, NULL) OVER () FROM generate_series(1, 3) n;
SELECT nested_rfm_score(n, n, n, n) OVER () FROM generate_series(2, 3) n;
SELECT nested_rfm_score(n, 'NaN', n) OVER () FROM generate_series(1, 3) n;
SELECT nested_rfm_score(n, n, 'NaN') OVER () FROM generate_series(1, 3) n;
SELECT nested_rfm_score(n, n, n) FROM generate_series(1, 3) n;
SELECT nested_rfm_score(point(n, n), n, n) OVER () FROM generate_series(1, 3) n;
SELECT count(nested) FROM (SELECT nested_rfm_score(n, n, n) OVER () AS nested FROM generate_series(1, 0) n) q;
