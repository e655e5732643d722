#!/bin/bash
# incremental.sh: an incremental refresh against what one would write by hand. What capture costs those who write: capture.sh.
#
#   make bench-incremental CUSTOMERS=1000000 ORDERS=20000000 ROUNDS=3
#
# In every round a thousandth of the customers buys; then, in turns, the refresh, plain SQL that aggregates the same
# customers again by LATERAL through the index and updates their rows, and REFRESH MATERIALIZED VIEW CONCURRENTLY. The
# cost should follow the change, not the size: as many customers of a table with a tenth of them, and a tenth as many.

title="custprio bench of incremental refreshes"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"

change() { # change TABLE ROUND OF EACH: one more order for each EACHth of OF customers; other customers in every round
	sql -c "INSERT INTO $1 SELECT (SELECT max(order_id) FROM $1) + customer_id, customer_id,
		'$as_of 12:00+00', 42.42, 'paid' FROM generate_series($2 % $4 + 1, $3, $4) customer_id"
}
changed() { # changed TABLE ROUND OF EACH: the same customers, for the refresh by hand
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS $1" -c "CREATE TABLE $1 AS
		SELECT generate_series($2 % $4 + 1, $3, $4)::bigint AS customer_id" -c "ANALYZE $1"
}
scorecard() { # scorecard NAME TABLE: declared and refreshed once
	sql -o /dev/null -c "SELECT custprio.create_scorecard('$1', '$2', 'customer_id', 'ordered_at', 'amount', every => NULL, time_zone => 'UTC', capture => 'trigger')" \
		-c "$(refresh "$1" rebuild)"
}

step "Index" "$work/index.log" sql -c "CREATE INDEX ON orders (customer_id) INCLUDE (ordered_at, amount)" -c "VACUUM (ANALYZE) orders"
step "Making the materialised view" "$work/mv.log" sql -v name=priority_mv -v more= -f baseline_matview.sql
copy_by_hand() { # copy_by_hand SOURCE COPY
	sql -c "CREATE TABLE $2 AS SELECT customer_id, count(*) AS frequency, sum(amount) AS monetary, min(ordered_at) AS first_purchase,
		max(ordered_at) AS last_purchase FROM $1 GROUP BY 1" -c "ALTER TABLE $2 ADD PRIMARY KEY (customer_id)" -c "VACUUM ANALYZE $2"
}
step "Making the table by hand" "$work/hand.log" copy_by_hand orders by_hand
step "First refresh" "$work/first.log" scorecard bench orders
tenth=$((customers / 10))
step "A tenth of the customers" "$work/tenth.log" sql -c "CREATE TABLE tenth AS SELECT * FROM orders WHERE customer_id <= $tenth" \
	-c "CREATE INDEX ON tenth (customer_id) INCLUDE (ordered_at, amount)" -c "VACUUM (ANALYZE) tenth"
step "Its first refresh" "$work/tenth.log" scorecard tenth tenth
copy_by_hand tenth tenth_by_hand
# whoever is measured finds everything in memory, as on a server that has run for a while
prewarm() { sql -o /dev/null -c "VACUUM ANALYZE" -c "SELECT pg_prewarm(oid) FROM pg_class WHERE relkind IN ('r', 'i', 'm') AND relnamespace = 'public'::regnamespace"; }
step "Reading everything into memory" "$work/prewarm.log" prewarm

by_hand() { # by_hand SOURCE COPY CHANGED
	echo "UPDATE $2 b SET frequency = n.frequency, monetary = n.monetary, first_purchase = n.first_purchase,
		last_purchase = n.last_purchase FROM $3 c, LATERAL (SELECT count(*) AS frequency, sum(amount) AS monetary,
		min(ordered_at) AS first_purchase, max(ordered_at) AS last_purchase FROM $1 o WHERE o.customer_id = c.customer_id) n
		WHERE b.customer_id = c.customer_id"
}
for ((round = 1; round <= rounds; round++)); do
	printf 'Round %d of %d ' "$round" "$rounds"
	change orders "$round" "$customers" 1000
	changed changed "$round" "$customers" 1000
	if ((round % 2)); then
		measure "incremental, 0.1 % changed" "$(refresh bench auto)"
		measure "by hand: LATERAL and UPDATE" "$(by_hand orders by_hand changed)"
	else
		measure "by hand: LATERAL and UPDATE" "$(by_hand orders by_hand changed)"
		measure "incremental, 0.1 % changed" "$(refresh bench auto)"
	fi
	measure "incremental, nothing changed" "$(refresh bench auto)" "$(refresh bench auto)"
	measure "incremental, nothing changed, in a new session" "$(refresh bench auto)"
	change orders "$((round + rounds))" "$customers" 10000
	measure "incremental, 0.01 % changed" "$(refresh bench auto)"
	change tenth "$round" "$tenth" 100
	changed tenth_changed "$round" "$tenth" 100
	measure "by hand, as many as 0.1 % of a tenth of the customers" "$(by_hand tenth tenth_by_hand tenth_changed)"
	measure "incremental, as many as 0.1 % of a tenth of the customers" "$(refresh tenth auto)"
	measure "b: CONCURRENTLY, 0.1 % changed" "REFRESH MATERIALIZED VIEW CONCURRENTLY priority_mv"
	measure "rescore, with a new fit" "$(refresh bench rescore)"
	[ -z "$(sql -At -c "SELECT * FROM custprio.verify('bench') LIMIT 1")" ] || die "verify() found a difference"
	prewarm
	say
done

sql -P pager=off -c "SELECT step, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 4) AS seconds,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY wal)::numeric / 1e6, 2) AS wal_mb, count(*) AS rounds FROM measured GROUP BY step ORDER BY min(ctid)"
sql -At -F ' ' -P pager=off <<'SQL'
WITH m AS (SELECT step, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS s FROM measured GROUP BY step)
SELECT 'incremental / by hand:', round((SELECT s FROM m WHERE step = 'incremental, 0.1 % changed')::numeric / (SELECT s FROM m WHERE step ~ '^by hand: ')::numeric, 2)
UNION ALL SELECT 'CONCURRENTLY / incremental:', round((SELECT s FROM m WHERE step ~ 'CONCURRENTLY')::numeric / (SELECT s FROM m WHERE step = 'incremental, 0.1 % changed')::numeric, 0)
UNION ALL SELECT 'incremental / the same number of customers changed in a tenth of the table:', round((SELECT s FROM m WHERE step = 'incremental, 0.1 % changed')::numeric / (SELECT s FROM m WHERE step ~ '^incremental.*of a tenth')::numeric, 2)
UNION ALL SELECT 'by hand / the same number of customers changed in a tenth of the table:', round((SELECT s FROM m WHERE step ~ '^by hand: ')::numeric / (SELECT s FROM m WHERE step ~ '^by hand,')::numeric, 2);
SQL
