#!/bin/bash
# demo.sh [start|stop]: a small CRM in a throwaway PostgreSQL with custprio preloaded, ranked by the worker.
#
# Starting again replaces the demo that this user started before. Nothing else is touched: no existing cluster, no port.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

demo=$TMPDIR/custprio-demo-$(id -u)
wait_limit=${DEMO_WAIT:-120}	# seconds until we give up on the worker

# A folder in /tmp can be laid there by anybody: only one that is ours, with our mark, may be stopped and removed.
remove_demo() {
	[ -e "$demo" ] || [ -L "$demo" ] || return 0
	local owner
	owner=$(stat -c %U "$demo")
	if [ -L "$demo" ] || [ ! -d "$demo" ] || [ "$owner" != "$server_user" ] || [ ! -f "$demo/custprio-demo" ]; then
		die "$demo exists and is not a demo of ours (owner $owner)" "Move it away, then try again."
	fi
	bindir=$(cat "$demo/custprio-demo")
	if [ -x "$bindir/pg_ctl" ]; then
		stop_cluster "$demo"
		! as_server "$bindir/pg_ctl" -D "$demo/data" status >/dev/null 2>&1 ||
			die "the demo server in $demo does not stop; its log is $demo/server.log"
	fi
	rm -rf "$demo"
}

sql() { as_server "$bindir/psql" -X -q -h "$demo" -p 5432 -U crm -d demo -v ON_ERROR_STOP=1 "$@"; }

start_demo() {
	say "custprio demo"
	find_compiler
	find_postgres
	choose_server_user
	remove_demo
	bindir=$("$PG_CONFIG" --bindir)
	say "PostgreSQL $pg_major: $PG_CONFIG"


	build=$(mktemp -d "$TMPDIR/custprio-build.XXXXXX")
	trap 'rm -rf "$build"' EXIT
	copy_tree "$build"
	step "Building custprio" "$build/build.log" make -C "$build" --no-print-directory -j2 with_llvm=no
	if [ -w "$("$PG_CONFIG" --pkglibdir)" ]; then
		step "Installing it" "$build/install.log" make -C "$build" --no-print-directory with_llvm=no install
	else
		need_root "Installing custprio"
		step "Installing it" "$build/install.log" as_root make -C "$build" --no-print-directory with_llvm=no PG_CONFIG="$PG_CONFIG" install
	fi

	(umask 077 && as_server mkdir "$demo")
	echo "$bindir" | as_server tee "$demo/custprio-demo" >/dev/null
	say "Making a throwaway cluster in $demo"
	new_cluster "$demo" "shared_preload_libraries = 'custprio'"
	start_cluster "$demo"
	as_server "$bindir/psql" -X -q -h "$demo" -p 5432 -U postgres -d postgres -v ON_ERROR_STOP=1 \
		-c "CREATE ROLE crm LOGIN" -c "CREATE DATABASE demo OWNER crm"
	as_server "$bindir/psql" -X -q -h "$demo" -p 5432 -U postgres -d demo -v ON_ERROR_STOP=1 -c "CREATE EXTENSION custprio"

	say "Filling a CRM: 2,000 customers and their orders of three years"
	sql <"$root/demo/crm.sql"
	say "Creating the scorecard:"
	sed 's/^/    /' "$root/demo/scorecard.sql"
	sql -o /dev/null <"$root/demo/scorecard.sql"
	wait_for_worker
	sql <"$root/demo/look.sql"
	cat <<TEXT

The demo keeps running. To connect:

    $bindir/psql -h $demo -p 5432 -U crm demo

and to go on, for example, let a customer in tier D buy and see what the worker makes of it ten seconds later:

    INSERT INTO orders (customer_id, ordered_at, amount, status)
    SELECT customer_id, now(), 950, 'paid'
    FROM generate_series(1, 12), (SELECT min(customer_id) AS customer_id FROM crm_tiers WHERE tier = 'D') lucky;

    SELECT * FROM crm_tier_history WHERE previous_tier IS NOT NULL;
    SELECT * FROM custprio.status \\gx

To stop and remove it: make demo-stop
TEXT
}

# The proof of the pudding: a run that a worker started and that ended well.
wait_for_worker() {
	local start=$SECONDS ticks=0 state
	printf 'Waiting for the background worker '
	until [ "$(sql -At -c "SELECT count(*) > 0 FROM custprio.refresh_run WHERE started_by = 'worker' AND status = 'ok'")" = t ]; do
		if [ $((SECONDS - start)) -ge "$wait_limit" ]; then
			printf ' failed\n'
			sql -x -c "SELECT * FROM custprio.status" >&2 || true
			tail -n 20 "$demo/server.log" >&2
			die "no refresh by the worker within $wait_limit s" "The server's log is $demo/server.log; README, Troubleshooting, says what to look for."
		fi
		sleep 0.5
		ticks=$((ticks + 1))
		[ $((ticks % 4)) -ne 0 ] || printf '.'
	done
	printf ' refreshed after %d s\n\n' $((SECONDS - start))
}

case ${1:-start} in
	start) start_demo ;;
	stop)
		choose_server_user
		if [ -e "$demo" ]; then
			remove_demo
			say "The demo is stopped and removed."
		else
			say "No demo is running."
		fi
		;;
	*) die "usage: demo.sh [start|stop]" ;;
esac
