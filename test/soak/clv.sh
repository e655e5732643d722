#!/bin/bash
# clv.sh: fits of simulated customers find the parameters again, and 95 % intervals cover them in 93 to 97 of 100 cases.
#
#   make soak-clv CUSTOMERS=1000000 COHORTS=400 COHORT_SIZE=60000
#
# Takes some minutes. Fails if a verdict does; with few cohorts some will by chance. Cohorts are large because the intervals
# are right for large samples only: with 15,000 customers those of b cover in 92.5 of 100 cases, whatever their scale, since
# an estimate that is too small comes with a standard error that is too small.

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

customers=${CUSTOMERS:-1000000}
cohorts=${COHORTS:-400}
cohort_size=${COHORT_SIZE:-60000}
[[ "$customers$cohorts$cohort_size" =~ ^[0-9]+$ ]] || die "CUSTOMERS, COHORTS and COHORT_SIZE are whole numbers"

clean_up() {
	local status=$?
	stop_cluster "$work" immediate
	rm -rf "$work"
	exit "$status"
}

say "custprio soak of CLV fits: $customers customers, $cohorts cohorts of $cohort_size"
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
cd "$work/src/test/soak"
new_cluster "$work" "autovacuum = off" "fsync = off"
start_cluster "$work"
sql() { as_server "$bindir/psql" -X -q -h "$work" -p 5432 -U postgres -d postgres -v ON_ERROR_STOP=1 "$@"; }
sql -c "CREATE EXTENSION custprio"
sql -v "customers=$customers" -v "cohorts=$cohorts" -v "cohort_size=$cohort_size" -f clv.sql
