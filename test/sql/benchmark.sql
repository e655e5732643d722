-- Benchmarks: what is refused, and whose rights count.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public, custprio;
CREATE TABLE bench_sale (who int, day date, amount int);
INSERT INTO bench_sale VALUES (1, '2025-01-01', 10), (2, '2025-01-05', 30);
SELECT create_scorecard($$o'b "1"$$, 'bench_sale', 'who', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none');
\set card '$$o''b "1"$$'
SELECT * FROM compare_benchmarks(:card);
SELECT set_benchmark(:card, 'monetary', 'mean', 16, $$the "panel" of '25$$, '2024-12-31');
SELECT set_benchmark(:card, 'clv', 'mean', 16, 'plan');
SELECT set_benchmark(:card, 'recency', 'maximum', 7, 'plan');
SELECT mode FROM refresh(:card, as_of => '2025-01-11');
SELECT * FROM compare_benchmarks(:card);
-- refused
SELECT set_benchmark(NULL, 'monetary', 'mean', 1, 'plan');
SELECT set_benchmark('nowhere', 'monetary', 'mean', 1, 'plan');
SELECT set_benchmark(:card, NULL, 'mean', 1, 'plan');
SELECT set_benchmark(:card, 'money', 'mean', 1, 'plan');
SELECT set_benchmark(:card, 'monetary', 'average', 1, 'plan');
SELECT set_benchmark(:card, 'monetary', 'mean', 'NaN', 'plan');
SELECT set_benchmark(:card, 'monetary', 'mean', '-Infinity', 'plan');
SELECT set_benchmark(:card, 'monetary', 'mean', 1, NULL);
SELECT set_benchmark(:card, 'monetary', 'mean', 1, '');
SELECT set_benchmark(:card, 'monetary', 'mean', 1, 'plan', 'infinity');
SELECT set_benchmark(:card, 'monetary', 'mean', NULL, 'plan');
SELECT * FROM compare_benchmarks('nowhere');
SELECT metric, statistic, source, value, valid_on FROM benchmark ORDER BY 1;
-- others
CREATE ROLE regress_benchmark_reader;
SET ROLE regress_benchmark_reader;
SELECT custprio.set_benchmark(:card, 'monetary', 'mean', 1, 'plan');
SELECT * FROM custprio.compare_benchmarks(:card);
DELETE FROM custprio.benchmark;
RESET ROLE;
SELECT drop_scorecard(:card);
DROP TABLE bench_sale;
DROP ROLE regress_benchmark_reader;
