#!/bin/bash
# bench.sh: custprio against what one would do without it, on the same generated data, in one run.
#
#   make bench CUSTOMERS=500000 ORDERS=10000000 ROUNDS=3
#
# One throwaway server, tuned once, the same for all. Every round runs every contestant, in an order that turns with
# the round, each in a session of its own and on a warm cache; figures are medians of the rounds. fsync is off, which
# helps those who write most: the baselines.

title="custprio bench"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"

change() { # one more order, on the as-of day, for a hundredth of the customers; other customers in every round
	sql -c "INSERT INTO orders SELECT (SELECT max(order_id) FROM orders) + customer_id, customer_id,
		'$as_of 12:00+00', 42.42, 'paid' FROM generate_series($1 % 100 + 1, $customers, 100) customer_id"
}

# sampled_memory: peak of the private memory of a rebuild's backend and of its parallel workers together.
sampled_memory() {
	local leader peak=0 sum pid postmaster
	postmaster=$(head -n 1 "$work/data/postmaster.pid")
	sql -At -c "SELECT pg_backend_pid()" -c "$(refresh bench rebuild)" >"$work/sampled" 2>&1 &
	leader=$!
	while kill -0 "$leader" 2>/dev/null; do
		sum=0
		for pid in $(cat "/proc/$postmaster/task/$postmaster/children"); do
			grep -qaE 'postgres bench|parallel worker' "/proc/$pid/cmdline" 2>/dev/null || continue
			sum=$((sum + $(awk '/^RssAnon/ { kb = $2 } END { print kb + 0 }' "/proc/$pid/status" 2>/dev/null || echo 0)))
		done
		[ "$sum" -le "$peak" ] || peak=$sum
		sleep 0.02
	done
	wait "$leader" || { cat "$work/sampled" >&2; die "the rebuild failed"; }
	say "  $((peak / 1024)) MB at its peak"
}

step "Making the materialised view" "$work/mv.log" sql -v name=priority_mv -v more= -f baseline_matview.sql
step "Making one with rank and share" "$work/mv.log" sql -v name=ranked_mv -f baseline_matview.sql \
	-v more=', rank() OVER best AS rank, round((before + greatest(monetary, 0)) / total, 6) AS cumulative_share'
sql -o /dev/null -c "SELECT custprio.create_scorecard('bench', 'orders', 'customer_id', 'ordered_at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none')"
step "First refresh" "$work/first.log" sql -c "$(refresh bench rebuild)"
# the same with what owners add: a tier policy and a lifecycle, then metrics over the summaries and over the rows too
for card in policy rich; do
	sql -o /dev/null -c "SELECT custprio.create_scorecard('$card', 'orders', 'customer_id', 'ordered_at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none')" \
		-c "SELECT custprio.set_tier_policy('$card', minimum_stay => 30, grace => 14, leave_margin => 1)" -c "SELECT custprio.set_lifecycle('$card')"
done
sql -o /dev/null -c "SELECT custprio.add_metric('rich', 'order_value', weight => 0.5)" \
	-c "SELECT custprio.add_metric('rich', 'largest', 'max(amount)', weight => 0.5, relation => 'orders')"
step "Two more scorecards" "$work/first.log" sql -c "$(refresh policy rebuild)" -c "$(refresh rich rebuild)"
sql -c "VACUUM ANALYZE"
group_by=$(cat baseline_group_by.sql)

say
say "Plan of the plain GROUP BY; all of its aggregates are computed:"
sql -At -c "EXPLAIN (ANALYZE, VERBOSE, BUFFERS OFF, TIMING OFF) $group_by" | tee "$work/plan"
for aggregate in 'count(\*)' 'min(ordered_at)' 'max(ordered_at)' 'sum(amount)'; do
	grep -q "Output:.*$aggregate" <(sed 's/orders\.//g' "$work/plan") || die "the baseline's plan does not compute $aggregate"
done
say

# what a first rebuild cannot do without: the rows of its three tables written by the server alone, and their indexes
writing="CREATE TABLE written_purchases AS TABLE bench_purchases; CREATE TABLE written_priority AS TABLE bench_priority;
CREATE TABLE written_history AS SELECT * FROM bench_tier_history LIMIT (SELECT count(*) FROM bench_priority); ALTER TABLE written_purchases ADD PRIMARY KEY (customer_id);
ALTER TABLE written_priority ADD PRIMARY KEY (customer_id); CREATE INDEX ON written_priority (tier, priority DESC, customer_id);
CREATE INDEX ON written_history (customer_id, changed_at)"

steps=(group_by writing first same rescore policy rich matview concurrently)
for ((round = 1; round <= rounds; round++)); do
	printf 'Round %d of %d ' "$round" "$rounds"
	for ((i = 0; i < ${#steps[@]}; i++)); do
		case ${steps[(i + round) % ${#steps[@]}]} in
			group_by) measure "a: GROUP BY" "$group_by" ;;
			writing)
				measure "c: writing alone" "$writing"
				sql -c "DROP TABLE written_purchases, written_priority, written_history"
				;;
			first)
				sql -o /dev/null -c "SELECT custprio.create_scorecard('new', 'orders', 'customer_id', 'ordered_at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none')"
				measure "rebuild, first" "$(refresh new rebuild)"
				sql -o /dev/null -c "SELECT custprio.drop_scorecard('new')"
				;;
			same) measure "rebuild, nothing changed" "$(refresh bench rebuild)" ;;
			rescore) measure "rescore" "$(refresh bench rescore)" ;;
			policy) measure "rebuild with tier policy and lifecycle" "$(refresh policy rebuild)" ;;
			rich) measure "rebuild with metrics too" "$(refresh rich rebuild)" ;;
			matview) measure "b: REFRESH" "REFRESH MATERIALIZED VIEW priority_mv" ;;
			concurrently)
				measure "b: CONCURRENTLY, nothing changed" "REFRESH MATERIALIZED VIEW CONCURRENTLY priority_mv"
				measure "b2: CONCURRENTLY, nothing changed" "REFRESH MATERIALIZED VIEW CONCURRENTLY ranked_mv"
				;;
		esac
	done
	change "$round"
	# auto: the source is read again and scored under the epoch's thresholds, as the scheduler does all day
	if ((round % 2)); then
		measure "rebuild, 1 % changed" "$(refresh bench auto)"
		measure "b: CONCURRENTLY, 1 % changed" "REFRESH MATERIALIZED VIEW CONCURRENTLY priority_mv"
	else
		measure "b: CONCURRENTLY, 1 % changed" "REFRESH MATERIALIZED VIEW CONCURRENTLY priority_mv"
		measure "rebuild, 1 % changed" "$(refresh bench auto)"
	fi
	measure "b2: CONCURRENTLY, 1 % changed" "REFRESH MATERIALIZED VIEW CONCURRENTLY ranked_mv"
	measure "rebuild, 1 % changed, new thresholds" "$(refresh bench rebuild)"
	sql -o /dev/null -c "$(refresh policy rebuild)" -c "$(refresh rich rebuild)"
	sql -c "VACUUM ANALYZE"
	say
done

say
sql -v as_of="$as_of" -f report.sql
say "Equal results, where the definitions agree:"
sql -x -At -F ': ' -f equal.sql | tee "$work/equal"
grep -q '^different_counts_sums_times: 0$' "$work/equal" && grep -q '^different_abc: 0$' "$work/equal" &&
	grep -q '^every_order_counted: t$' "$work/equal" && grep -q '^revenue_to_the_cent: t$' "$work/equal" ||
	die "custprio and the baselines disagree"
say
say "Memory of a rebuild, leader and parallel workers, without shared buffers (sampled in a run of its own):"
sampled_memory
