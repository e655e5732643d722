# server.sh: what benches have in common: a throwaway server, tuned once, with generated orders, and how to measure on it.
# Sourced with title set; with no_orders set there are none.

. "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"

customers=${CUSTOMERS:-100000}
orders=${ORDERS:-2000000}
rounds=${ROUNDS:-3}
as_of=2025-12-31
[[ "$customers$orders$rounds" =~ ^[0-9]+$ ]] || die "CUSTOMERS, ORDERS and ROUNDS are whole numbers"
[ -n "${no_orders:-}" ] || [ "$orders" -ge "$customers" ] || die "ORDERS must be at least CUSTOMERS"

clean_up() {
	local status=$?
	stop_cluster "$work" immediate
	rm -rf "$work"
	exit "$status"
}

# sql DATABASE-OPTIONS: psql that stops at errors, as the bench's superuser.
sql() { as_server "$bindir/psql" -X -q -h "$work" -p 5432 -U postgres -d bench -v ON_ERROR_STOP=1 "$@"; }

# measure STEP STATEMENT [BEFORE]: one session, which runs BEFORE without measuring it; keeps seconds, bytes of WAL and
# the backend's peak memory. Commit is included.
measure() {
	local step=$1 statement=$2 before=${3:-}
	printf '.'
	sql -At >"$work/measured" 2>"$work/error" <<SQL || { cat "$work/error" >&2; die "\"$step\" failed"; }
SET client_min_messages = warning;
\o /dev/null
$before;
\o
SELECT pg_backend_pid() AS pid, pg_current_wal_insert_lsn() AS lsn, clock_timestamp() AS start \gset
\o /dev/null
$statement;
\o
SELECT extract(epoch FROM clock_timestamp() - :'start') AS seconds, pg_current_wal_insert_lsn() - :'lsn' AS wal \gset
\setenv backend :pid
\set peak \`awk '/^VmHWM/ { print \$2 }' /proc/\$backend/status\`
INSERT INTO measured (step, seconds, wal, peak_kb) VALUES ('$step', :seconds, :wal, NULLIF(:'peak', '')::bigint);
SQL
}

refresh() { echo "SELECT custprio.refresh('$1', '$2', '$as_of')"; }
say "$title: $customers customers$([ -n "${no_orders:-}" ] || echo ", $orders orders"), $rounds rounds"
find_compiler
find_postgres
choose_server_user
work=$(mktemp -d "$TMPDIR/custprio-bench.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT TERM
copy_postgres "$work/pg"
bindir=$("$copy_config" --bindir)
copy_tree "$work/src"
step "Building" "$work/build.log" make -C "$work/src" --no-print-directory -j2 with_llvm=no PG_CONFIG="$copy_config" install
[ "$(id -u)" -ne 0 ] || chown -R "$server_user" "$work"
chmod 700 "$work"
cd "$work/src/bench"

ram_mb=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
buffers=$((ram_mb / 4 > 8192 ? 8192 : ram_mb / 4))
new_cluster "$work" "shared_preload_libraries = 'custprio'" "custprio.enabled = off" \
	"shared_buffers = ${buffers}MB" "effective_cache_size = $((ram_mb / 2))MB" "work_mem = 256MB" "maintenance_work_mem = 512MB" \
	"max_wal_size = 16GB" "checkpoint_timeout = 1h" "autovacuum = off" "timezone = 'UTC'" "log_min_messages = warning" \
	"max_parallel_workers_per_gather = 2"
start_cluster "$work"
as_server "$bindir/createdb" -h "$work" -p 5432 -U postgres bench
sql -c "CREATE EXTENSION custprio" -c "CREATE EXTENSION pg_prewarm" \
	-c "CREATE TABLE measured (step text, seconds numeric, wal numeric, peak_kb bigint)"
if [ -z "${no_orders:-}" ]; then
	step "Generating" "$work/generate.log" sql -v "customers=$customers" -v "orders=$orders" -f generate.sql
	step "Vacuum and analyze" "$work/vacuum.log" sql -c "VACUUM (FREEZE, ANALYZE) orders" -c "SELECT pg_prewarm('orders')" -c CHECKPOINT
fi
