#!/bin/bash
# clv.sh: CPU seconds of CLV fits and predictions in one backend, beside the limits that we set ourselves.
#
#   make bench-clv CUSTOMERS=1000000 ROUNDS=3
#
# Customers are simulated (BG/NBD, spend by Gamma-Gamma) with times in whole days. CDNOW's published sample is read from
# CUSTPRIO_DATA, by default ../shared/data beside the project, and left out where that is missing.

title="custprio bench of CLV models"
no_orders=yes
CUSTOMERS=${CUSTOMERS:-1000000}
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"

# cpu STEP LIMIT STATEMENT: the median CPU seconds (user and system) of a statement in a warm backend
cpu() {
	local step=$1 limit=$2 statement=$3
	printf '.'
	{
		echo "SET client_min_messages = log; SET max_parallel_workers_per_gather = 0; SET jit = off; SET search_path = custprio, public;"
		echo "$statement;"
		echo "SET log_executor_stats = on;"
		for ((round = 0; round < rounds; round++)); do echo "$statement;"; done
	} | sql -o /dev/null >/dev/null 2>"$work/stats" || { cat "$work/stats" >&2; die "\"$step\" failed"; }
	awk -v step="$step" -v limit="$limit" -v OFS='|' '/ s user, / && !/total/ { sub(/.*!/, ""); print step, limit, $1 + $4 }' "$work/stats" >>"$work/cpu"
}

simulate="SELECT x::float8, round(t_x * 7) / 7 AS t_x, round(t * 7) / 7 AS t FROM simulate($customers, 'bgnbd', '{0.25,4.5,0.8,2.4}')"
step "Simulating" "$work/simulate.log" sql -f ../test/soak/simulate.sql -c "SELECT setseed(0.1)" \
	-c "CREATE TABLE history AS SELECT x, t_x, t, CASE WHEN x > 0 THEN round((gamma_variate(6.25 * x) / x / (gamma_variate(3.74) / 15.44))::numeric, 2)::float8 END AS m
		FROM (SELECT x, CASE WHEN x > 0 THEN t_x ELSE 0 END AS t_x, t FROM ($simulate) q OFFSET 0) q" \
	-c "CREATE TABLE covariate AS SELECT x, t_x, t, (random() * 2)::int AS g, (random() * 4)::int AS u, random() AS c FROM history" \
	-c "VACUUM (FREEZE, ANALYZE) history, covariate" -c "SELECT pg_prewarm('history'), pg_prewarm('covariate')"
: >"$work/cpu"
cpu "BG/NBD, fit" 0.5 "SELECT fit_bgnbd(x, t_x, t) FROM history"
cpu "MBG/NBD, fit" 0.5 "SELECT fit_mbgnbd(x, t_x, t) FROM history"
cpu "Pareto/NBD, fit" 2.5 "SELECT fit_pareto_nbd(x, t_x, t) FROM history"
cpu "BG/NBD, fit with three covariates" 2.5 "SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[g, u], ARRAY[g]) FROM covariate"
cpu "Pareto/NBD, fit with three covariates" 2.5 "SELECT fit_pareto_nbd_covariates(x, t_x, t, ARRAY[g, u], ARRAY[g]) FROM covariate"
cpu "BG/NBD, fit with a covariate of many values" 10 "SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[c], ARRAY[g]) FROM covariate"
cpu "Gamma-Gamma, fit" 0.5 "SELECT fit_gamma_gamma(x, m) FROM history WHERE x > 0 AND m > 0"
cpu "BG/NBD, p_alive and expected_purchases" 0.3 "SELECT sum(p_alive(p, x, t_x, t)), sum(expected_purchases(p, x, t_x, t, 52)) FROM history, bgnbd(0.25, 4.5, 0.8, 2.4) p"
cpu "MBG/NBD, p_alive and expected_purchases" 0.3 "SELECT sum(p_alive(p, x, t_x, t)), sum(expected_purchases(p, x, t_x, t, 52)) FROM history, mbgnbd(0.5, 6, 0.9, 1.6) p"
cpu "Pareto/NBD, p_alive and expected_purchases" 0.3 "SELECT sum(p_alive(p, x, t_x, t)), sum(expected_purchases(p, x, t_x, t, 52)) FROM history, pareto_nbd(0.55, 10.6, 0.6, 11.7) p"
cpu "the same scan and sums without them" NULL "SELECT sum(x + t_x), sum(x + t_x + t) FROM history, bgnbd(0.25, 4.5, 0.8, 2.4) p"
data=${CUSTPRIO_DATA:-$root/../shared/data}
if [ -r "$data/cdnow_sample.csv" ]; then
	sql -c "CREATE TABLE purchase (customer_id int, date date, amount numeric, cds int, master_id int)"
	sql -c "\\copy purchase FROM STDIN (FORMAT csv, HEADER)" <"$data/cdnow_sample.csv"
	sql -c "CREATE TABLE cdnow AS SELECT custprio.repeat_days(s)::float8 AS x, custprio.repeat_recency(s) / 7.0::float8 AS t_x, custprio.tenure(s, '1997-09-30') / 7.0::float8 AS t,
		custprio.repeat_log_intervals(s, 7) AS l, custprio.repeat_value(s)::float8 AS m FROM (SELECT custprio.summarize(date, amount) AS s FROM purchase WHERE date <= '1997-09-30' GROUP BY customer_id) q"
	for model in bgnbd mbgnbd pareto_nbd; do cpu "CDNOW sample, $model, fit" 0.02 "SELECT fit_$model(x, t_x, t) FROM cdnow"; done
	cpu "CDNOW sample, gamma_gamma, fit" 0.02 "SELECT fit_gamma_gamma(x, m) FROM cdnow WHERE m > 0"
	for model in bgcnbd mbgcnbd; do cpu "CDNOW sample, $model, fit with choice of k" 0.02 "SELECT fit_$model(x, t_x, t, l) FROM cdnow"; done
else
	say "SKIPPED: no CDNOW sample in $data"
fi
say
sql -c "CREATE TABLE spent (step text, allowed numeric, seconds numeric)"
sql -c "\\copy spent FROM STDIN (DELIMITER '|', NULL 'NULL')" <"$work/cpu"
sql -P pager=off -P footer=off -c "SELECT step, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 4) AS \"median CPU s\", min(seconds) AS fastest, max(seconds) AS slowest,
	allowed AS \"limit\", CASE WHEN percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) <= allowed THEN 'kept' WHEN allowed IS NOT NULL THEN 'NOT KEPT' END AS verdict FROM spent GROUP BY step, allowed ORDER BY min(ctid)"
sql -At -c "SELECT count(*) || ' customers, ' || count(DISTINCT (x, t_x, t)) || ' different histories' FROM history"
