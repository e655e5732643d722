# sanitizer.sh: the regression tests and one refresh by the worker, with AddressSanitizer and UBSan watching our C code.
#
# Part of check.sh, which sources it: same copy of PostgreSQL, a cluster of its own. The server itself is not
# instrumented, so blocks from palloc are guarded only as a whole allocator block; but every access to the stack, to
# globals and outside the heap, and every arithmetic operation and alignment in our own code is checked. The first
# finding ends the backend and leaves a report.
# shellcheck shell=bash

san=$work/san
mkdir -p "$san"
sanitizers=-fsanitize=address,undefined

# Preloading the sanitizer leaves glibc's gettext lock in disorder on Debian 12 and the server waits for it forever.
# Messages in English need no gettext.
cat >"$san/plain_messages.c" <<'TEXT'
char *bindtextdomain(const char *d, const char *n) { (void) d; return (char *) n; }
char *bind_textdomain_codeset(const char *d, const char *n) { (void) d; return (char *) n; }
char *textdomain(const char *d) { return (char *) d; }
char *gettext(const char *m) { return (char *) m; }
char *dgettext(const char *d, const char *m) { (void) d; return (char *) m; }
char *dcgettext(const char *d, const char *m, int c) { (void) d; (void) c; return (char *) m; }
char *ngettext(const char *a, const char *b, unsigned long n) { return (char *) (n == 1 ? a : b); }
char *dngettext(const char *d, const char *a, const char *b, unsigned long n) { (void) d; return ngettext(a, b, n); }
char *dcngettext(const char *d, const char *a, const char *b, unsigned long n, int c)
{ (void) d; (void) c; return ngettext(a, b, n); }
TEXT
gcc -shared -fPIC -fno-builtin -o "$san/plain_messages.so" "$san/plain_messages.c"

san_start() {
	limited env LD_PRELOAD="$(gcc -print-file-name=libasan.so) $san/plain_messages.so" \
		ASAN_OPTIONS="detect_leaks=0:exitcode=99:log_path=$san/report" \
		UBSAN_OPTIONS="print_stacktrace=1:log_path=$san/report" \
		"$bindir/pg_ctl" -D "$san/data" -l "$san/server.log" -w -t 60 start
}

# A database with the demo's CRM, and a run that the scheduler started on its own.
san_worker() {
	local psql=("$bindir/psql" -X -q -At -d custprio_worker -v ON_ERROR_STOP=1) i
	as_server "$bindir/createdb" custprio_worker &&
		as_server "${psql[@]}" -c 'CREATE EXTENSION custprio' &&
		as_server "${psql[@]}" -f "$san/custprio/demo/crm.sql" -f "$san/custprio/demo/scorecard.sql" &&
		as_server "${psql[@]}" -c "ALTER SYSTEM SET custprio.enabled = on" -c "SELECT pg_reload_conf()" || return 1
	for ((i = 0; i < 120; i++)); do
		[ "$(as_server "${psql[@]}" -c "SELECT count(*) > 0 FROM custprio.refresh_run WHERE started_by = 'worker' AND status = 'ok'")" != t ] ||
			return 0
		sleep 0.5
	done
	return 1
}

if build "$san/custprio" "sanitizer build" COPT="$warnings -Wno-error -O1 -fno-omit-frame-pointer $sanitizers -fno-sanitize-recover=all" &&
	make -C "$san/custprio" --no-print-directory with_llvm=no PG_CONFIG="$copy_config" COPT="$sanitizers" install >"$san/install.log" 2>&1; then
	[ "$(id -u)" -ne 0 ] || chown -R "$server_user" "$san"
	new_cluster "$san" "${settings[@]}" "jit = off"
	printf '%-28s' "regression, sanitized"
	status=0
	export PGHOST=$san
	if san_start >"$san/start.log" 2>&1 </dev/null; then
		own_role "$san"
		watch_job "$san/regress.log" installcheck "$san/custprio" "$copy_config" ISOLATION= || status=$?
		count_regress regress "$status" "$san/regress.log" "$san/custprio/regression.diffs"
		printf '%-28s' "worker, sanitized"
		status=0
		watch_job "$san/worker.log" san_worker || status=$?
		if [ "$status" -eq 0 ]; then
			count worker 0 1 0 0
		else
			count worker 1 0 1 0
			tail -n 20 "$san/worker.log" "$san/server.log" >&2
		fi
		stop_cluster "$san"
	else
		elapsed=0
		count start 1 0 1 0
		tail -n 20 "$san/start.log" "$san/server.log" >&2
	fi
	if compgen -G "$san/report*" >/dev/null || grep -q 'runtime error: ' "$san/server.log"; then
		printf '%-28s' "sanitizer findings"
		elapsed=0
		count findings 1 0 1 0
		{ grep -h -A 12 'runtime error: ' "$san/server.log"; cat "$san"/report*; } 2>/dev/null | head -n 80 >&2
	fi
fi
