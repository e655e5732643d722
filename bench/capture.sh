#!/bin/bash
# capture.sh: what writers pay for captured changes.
#
#   make bench-capture ROUNDS=9 SCALE=1
#
# The same writes on three tables that differ in their triggers: none, C statement triggers that do nothing but have the
# same transition tables, and those of a scorecard. Writes are single-row inserts with asynchronous commit, statements
# that insert or update 100 rows, and COPY of 100,000 rows, on plain tables and on ones of four partitions, without an
# index that would make the writes dearer and capture look cheaper. Rounds take the three in turns. What counts is the
# processor time of server process and client together: on a quiet machine, with one client, that is the time it takes,
# and on a busy one it is what can still be compared. Elapsed time stands beside it. COPY is read from a file of the
# server, one table after the other in one session, and its server process is looked at before and after each: a machine
# that is now faster and now slower is so for all three. It is taken twice: with work_mem at its default, where PostgreSQL
# keeps the transition tables of so many rows in temporary files, and with so much that they stay in memory.
CUSTOMERS=${CUSTOMERS:-100000} ORDERS=${ORDERS:-200000} ROUNDS=${ROUNDS:-9}

title="custprio bench of change capture"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"
scale=${SCALE:-1}
[[ "$scale" =~ ^[1-9][0-9]*$ ]] || die "SCALE is a whole number"

step "Building the trigger that does nothing" "$work/noop.log" make -C noop --no-print-directory with_llvm=no PG_CONFIG="$copy_config" install
sql -c "ALTER SYSTEM SET work_mem = '4MB'" -c "SELECT pg_reload_conf()" -o /dev/null \
	-c "CREATE FUNCTION noop() RETURNS trigger AS 'noop' LANGUAGE C" \
	-c "COPY (SELECT order_id, customer_id, ordered_at, amount, status FROM orders ORDER BY hashint8(order_id) LIMIT 100000) TO '$work/data/orders.copy'" \
	-c "DROP TABLE orders"

sql -c "CREATE TABLE cost (kind text, write text, variant text, round int, wall numeric, cpu numeric)"
variants=(none noop capture)
columns="order_id bigint NOT NULL, customer_id bigint NOT NULL, ordered_at timestamptz NOT NULL, amount numeric(12,2) NOT NULL, status text NOT NULL"
noop_triggers() { # noop_triggers TABLE
	echo "CREATE TRIGGER i AFTER INSERT ON $1 REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION noop();
		CREATE TRIGGER u AFTER UPDATE ON $1 REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION noop();
		CREATE TRIGGER d AFTER DELETE ON $1 REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION noop();
		CREATE TRIGGER t AFTER TRUNCATE ON $1 FOR EACH STATEMENT EXECUTE FUNCTION noop();"
}
for kind in plain parted; do
	for variant in "${variants[@]}"; do
		table=${kind}_$variant
		if [ "$kind" = plain ]; then
			sql -c "CREATE TABLE $table ($columns)"
		else
			sql -c "CREATE TABLE $table ($columns) PARTITION BY HASH (order_id)"
			for part in 0 1 2 3; do
				sql -c "CREATE TABLE ${table}_$part PARTITION OF $table FOR VALUES WITH (MODULUS 4, REMAINDER $part)"
				[ "$variant" != noop ] || sql -c "$(noop_triggers "${table}_$part")"
			done
		fi
		[ "$variant" != noop ] || sql -c "$(noop_triggers "$table")"
		[ "$variant" != capture ] || sql -o /dev/null -c "SET client_min_messages = warning" -c "SELECT custprio.create_scorecard('$table', '$table', 'customer_id', 'ordered_at', 'amount', every => NULL, capture => 'trigger')"
		echo "\\set c random(1, $customers)
			INSERT INTO $table VALUES (:c, :c, '2025-06-01', 42.42, 'paid');" >"$work/single_$table.sql"
		echo "\\set c random(1, $customers)
			INSERT INTO $table SELECT i, (:c * 7919 + i * 104729) % $customers + 1, '2025-06-01', 42.42, 'paid' FROM generate_series(1, 100) i;" >"$work/batch_$table.sql"
		echo "\\set b random(0, 999)
			UPDATE $table SET amount = amount + 1 WHERE order_id BETWEEN :b * 100 + 1 AND :b * 100 + 100;" >"$work/update_$table.sql"
	done
done
chmod 644 "$work"/*.sql

postmaster=$(head -n 1 "$work/data/postmaster.pid")
tick=$(getconf CLK_TCK)

server_cpu() { # seconds of the server's processes that have ended
	while pgrep -P "$postmaster" -f 'postgres bench' >/dev/null; do sleep 0.02; done
	awk -v tick="$tick" '{ sub(/.*\) /, ""); print ($14 + $15) / tick }' "/proc/$postmaster/stat"
}

# write KIND WRITE VARIANT TIMES: one client
write() {
	local before
	before=$(server_cpu)
	TIMEFORMAT='%R %U %S'
	{ time as_server env PGOPTIONS='-c synchronous_commit=off' "$bindir/pgbench" -h "$work" -p 5432 -U postgres -n -M prepared \
		-t "$4" -c 1 -f "$work/$2_$1_$3.sql" bench >"$work/pgbench.log" 2>&1; } 2>"$work/time" || { cat "$work/pgbench.log" >&2; die "pgbench failed"; }
	sql -c "INSERT INTO cost SELECT '$1', '$2', '$3', $round, 1e6 * wall / $4, 1e6 * (client + $(server_cpu) - $before) / $4
		FROM (SELECT $(awk '{ print $1 " AS wall, " $2 + $3 " AS client" }' "$work/time")) t"
	printf '.'
}
# copy KIND WRITE WORK_MEM TIMES: all variants in one session, in an order that turns
copy() {
	local i variant at
	at="\\! echo \$(date +%s%N) \$(cut -d' ' -f1 /proc/\$backend/schedstat)"
	{
		echo "SET synchronous_commit = off; SET work_mem = '$3'; SELECT pg_backend_pid() AS backend \\gset"
		echo "\\setenv backend :backend"
		for ((i = 0; i < $4; i++)); do
			for variant in "${order[@]:i % 3}" "${order[@]:0:i % 3}"; do
				printf '%s\n' "$at" "COPY $1_$variant FROM '$work/data/orders.copy';" "$at" "\\echo $variant"
			done
		done
	} | sql -At >"$work/copies" || die "COPY failed"
	awk -v kind="$1" -v write="$2" -v round="$round" -v OFS='\t' 'NF == 2 { if (++n % 2) { wall = $1; cpu = $2 } else { wall = $1 - wall; cpu = $2 - cpu } }
		NF == 1 { print kind, write, $1, round, wall / 1e3, cpu / 1e3 }' "$work/copies" | sql -c "\\copy cost FROM STDIN"
	printf '.'
}
empty() { # tables as they were, and no queue that a former round left
	local kind variant
	for kind in plain parted; do
		for variant in "${variants[@]}"; do
			sql -c "TRUNCATE ${kind}_$variant"
		done
	done
	sql -c "TRUNCATE custprio.change_queue" -c CHECKPOINT
}

for ((round = 1; round <= rounds; round++)); do
	printf 'Round %d of %d ' "$round" "$rounds"
	order=("${variants[@]:round % 3}" "${variants[@]:0:round % 3}")
	for kind in plain parted; do
		empty
		for variant in "${order[@]}"; do write "$kind" single "$variant" $((20000 * scale)); done
		for variant in "${order[@]}"; do write "$kind" batch "$variant" $((3000 * scale)); done
		empty
		for turn in 0 1; do
			copy "$kind" copy 4MB $((6 * scale))
			empty
			copy "$kind" 'copy in memory' 64MB $((6 * scale))
			empty
		done
		for variant in "${variants[@]}"; do
			sql -c "INSERT INTO ${kind}_$variant SELECT i, (i * 7919) % $customers + 1, '2025-06-01', 42.42, 'paid' FROM generate_series(1, 100000) i" \
				-c "CREATE INDEX ${kind}_${variant}_idx ON ${kind}_$variant (order_id)" -c "VACUUM (ANALYZE) ${kind}_$variant"
		done
		for variant in "${order[@]}"; do write "$kind" update "$variant" $((2000 * scale)); done
		for variant in "${variants[@]}"; do sql -c "DROP INDEX ${kind}_${variant}_idx"; done
	done
	say
done

say "Medians of $rounds rounds: microseconds of processor time per statement, ratios to no trigger, and ratios of elapsed time."
say "Limits: a single row 1.12 times no trigger; more rows 0.10 above the trigger that does nothing."
sql -P pager=off <<'SQL'
WITH m AS (
  SELECT kind, write, variant, percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu)::numeric AS cpu,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY wall)::numeric AS wall, min(ctid) AS first
  FROM cost GROUP BY 1, 2, 3
), r AS (
  SELECT n.kind, n.write, n.first, n.cpu AS none, o.cpu AS noop, c.cpu AS capture, o.wall / n.wall AS noop_wall, c.wall / n.wall AS capture_wall
  FROM m n JOIN m o USING (kind, write) JOIN m c USING (kind, write)
  WHERE n.variant = 'none' AND o.variant = 'noop' AND c.variant = 'capture'
)
SELECT kind, write, round(none, 1) AS none, round(noop, 1) AS noop, round(capture, 1) AS capture,
       round(noop / none, 3) AS "noop / none", round(capture / none, 3) AS "capture / none", round((capture - noop) / none, 3) AS "above noop",
       CASE WHEN write = 'single' THEN 'ratio <= 1.12' ELSE 'above noop <= 0.10' END AS "limit",
       CASE WHEN write = 'single' THEN capture / none <= 1.12 ELSE (capture - noop) / none <= 0.10 END AS held,
       round(noop_wall, 2) AS "elapsed: noop", round(capture_wall, 2) AS "capture"
FROM r ORDER BY first;
SQL
