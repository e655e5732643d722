#!/bin/bash
# capture.sh: no captured change is lost, whatever dies in the middle of it.
#
#   make soak WRITERS=16 SECONDS_LONG=60
#
# Writers change two captured tables at random, with aborts, savepoints, key changes and truncates, while refreshes run.
# Every few seconds a backend or the whole server is killed with SIGKILL. After each recovery, and at the end, the
# writers rest, a refresh takes in what the queue holds, and verify() compares what is published with the source. Most of
# these refreshes are incremental, so that a change without its key in the queue would show. Fails if one does.

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

writers=${WRITERS:-16}
seconds=${SECONDS_LONG:-60}
[[ "$writers$seconds" =~ ^[0-9]+$ ]] || die "WRITERS and SECONDS_LONG are whole numbers"

clean_up() {
	local status=$?
	[ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null || true
	stop_cluster "$work" immediate
	rm -rf "$work"
	exit "$status"
}

say "custprio soak of change capture: $writers writers, $seconds seconds"
find_compiler
find_postgres
choose_server_user
work=$(mktemp -d "$TMPDIR/custprio-soak.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT TERM
copy_postgres "$work/pg"
bindir=$("$copy_config" --bindir)
copy_tree "$work/src"
step "Building" "$work/build.log" make -C "$work/src" --no-print-directory -j2 with_llvm=no PG_CONFIG="$copy_config" install
[ "$(id -u)" -ne 0 ] || chown -R "$server_user" "$work"
chmod 700 "$work"
cd "$work/src/test/work"
new_cluster "$work" "fsync = off" "max_connections = 60" "restart_after_crash = on" "deadlock_timeout = 100ms" \
	"autovacuum_naptime = 1s" "log_min_messages = fatal" "max_wal_size = 4GB"
start_cluster "$work"
sql() { as_server "$bindir/psql" -X -q -At -h "$work" -p 5432 -U postgres -d postgres -v ON_ERROR_STOP=1 "$@"; }
sql -f shop.sql >/dev/null
sql >/dev/null <<'SQL'
SET client_min_messages = warning;
SELECT custprio.create_scorecard(name, name::regclass, 'customer', 'at', 'amount', filter => 'NOT cancelled', every => NULL, time_zone => 'UTC',
  clv_model => 'none', capture => 'trigger') FROM unnest('{plain,parted}'::text[]) name;
SELECT custprio.refresh(name, as_of => '2025-12-31') FROM custprio.scorecard;
SQL

wait_for_server() {
	for ((i = 0; i < 600; i++)); do
		sql -c 'SELECT 1' >/dev/null 2>&1 && return
		sleep 0.1
	done
	die "the server did not come back"
}
write_for() { # write_for TABLE CLIENTS SECONDS SEED; its sessions may be killed
	as_server "$bindir/pgbench" -n -h "$work" -p 5432 -U postgres -c "$2" -j 2 -T "$3" --max-tries=20 --random-seed="$4" \
		-D "shop='$1'" -f work.pgbench postgres >>"$work/writers.log" 2>&1 || true
}
refresh_for() { # refresh_for SECONDS
	local until=$((SECONDS + $1))
	while [ "$SECONDS" -lt "$until" ]; do
		sql -c "SELECT mode FROM custprio.refresh('plain', as_of => '2025-12-31')" -c "SELECT mode FROM custprio.refresh('parted', as_of => '2025-12-31')" \
			>>"$work/refreshes.log" 2>/dev/null || sleep 0.2
	done
}
kill_backend() {
	local pid
	pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1" 2>/dev/null) || return 0
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
	killed_backends=$((killed_backends + 1))
}
kill_server() {
	local postmaster pids
	postmaster=$(head -n 1 "$work/data/postmaster.pid")
	pids=$(pgrep -P "$postmaster" | tr '\n' ' ')
	# shellcheck disable=SC2086
	kill -9 "$postmaster" $pids 2>/dev/null || true
	while kill -0 "$postmaster" 2>/dev/null; do sleep 0.05; done
	rm -f "$work/data/postmaster.pid"
	start_cluster "$work"
	killed_servers=$((killed_servers + 1))
}

killed_backends=0 killed_servers=0 checks=0 incremental=0 lost=0 transactions=0
end=$((SECONDS + seconds))
round=0
while [ "$SECONDS" -lt "$end" ]; do
	round=$((round + 1))
	write_for plain $((writers / 2)) 4 $((round * 2)) &
	write_for parted $((writers - writers / 2)) 4 $((round * 2 + 1)) &
	refresh_for 4 &
	sleep "1.$((RANDOM % 10))"
	case $((round % 3)) in
		0) kill_server ;;
		1) kill_backend; sleep 0.5; wait_for_server; kill_backend ;;
		2) ;;	# nothing dies: sessions end by themselves
	esac
	wait
	wait_for_server
	for card in plain parted; do
		mode=$(sql -c "SELECT mode || ' ' || queued FROM custprio.refresh('$card', as_of => '2025-12-31')")
		differences=$(sql -c "SELECT count(*) FROM custprio.verify('$card')")
		checks=$((checks + 1))
		[[ "$mode" != incremental* ]] || incremental=$((incremental + 1))
		[ "$differences" = 0 ] || { lost=$((lost + 1)); say "round $round, $card: $differences differences after $mode"; }
	done
	printf '.'
done
say
transactions=$(awk '/number of transactions actually processed/ { n += $6 + 0 } END { print n + 0 }' "$work/writers.log")
say "$killed_backends backends and $killed_servers servers killed; at least $transactions transactions of 3 changes; $(wc -l <"$work/refreshes.log") refreshes in between"
say "$checks checks, $incremental of them after an incremental refresh, $lost with differences"
say "queue afterwards: $(sql -c "SELECT count(*) FROM custprio.change_queue") rows"
[ "$lost" -eq 0 ] && [ "$incremental" -gt 0 ] || die "captured changes were lost, or nothing was tested"
