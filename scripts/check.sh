#!/bin/bash
# check.sh: builds custprio and runs every test there is; the last line counts them.
#
# All happens in a copy of the checkout and in a copy of PostgreSQL under /tmp: neither the checkout, nor the installed
# PostgreSQL, nor any running server is touched. What is missing is installed first.
#
# Environment: PG_CONFIG chooses the PostgreSQL; CUSTPRIO_DATA the folder of real data (default ../shared/data beside
# the checkout; tests that need it are skipped without it); CHECK_KEEP=1 keeps the working folder; CHECK_ONLY names
# the parts to run, out of "compilers regress isolation pgtap tap sanitizer" and, not run by default, "versions".

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

warnings='-Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers'
parts=${CHECK_ONLY:-compilers regress isolation pgtap tap sanitizer}
wanted() { [[ " $parts " == *" $1 "* ]]; }

total_passed=0 total_failed=0 total_skipped=0

# count NAME STATUS PASSED FAILED SKIPPED: a runner that broke without naming a failed test counts as one failure.
count() {
	local failed=$4
	[ "$2" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	total_passed=$((total_passed + $3))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + $5))
	printf ' %d passed, %d failed, %d skipped (%d s)\n' "$3" "$failed" "$5" "$elapsed"
}

# count_tap NAME STATUS LOG: verbose TAP of any number of files. Tests that a plan promised and nobody ran are failures.
count_tap() {
	# shellcheck disable=SC2046
	count "$1" "$2" $(awk '
		/^1\.\.0/ { skipped++; next }
		/^1\.\.[0-9]+/ { planned += substr($1, 4); next }
		/^ok [0-9]/ { seen++; if (tolower($0) ~ /# *skip/) skipped++; else passed++; next }
		/^not ok [0-9]/ { seen++; if (tolower($0) ~ /# *todo/) skipped++; else failed++; next }
		END { if (planned > seen) failed += planned - seen; print passed + 0, failed + 0, skipped + 0 }' "$3")
	[ "$2" -eq 0 ] || awk '
		/^not ok/ { show = 1 }
		/^ok / { show = 0 }
		/^[^ ]+\.(sql|pl) \.\./ { show = 0; file = $0 }
		/^(error running SQL: .)?psql:.*ERROR|^# pgbench: error|^Bail|Dubious|Wstat|Failed test|[Bb]ad plan|Parse errors|^# Looks like/ { print; next }
		show { if (file != "") print file; file = ""; print }' "$3" | head -n 120 >&2
	sed -nE 's/^(ok [0-9]+|1\.\.0).*# *[Ss][Kk][Ii][Pp][^ ]* */  /p' "$3" | sort | uniq -c | sed 's/^ *\([0-9]*\)  */  skipped \1: /'
}

# count_regress NAME STATUS LOG DIFFS: pg_regress and the isolation tester, in the words of 15 or the TAP of later ones.
count_regress() {
	# shellcheck disable=SC2046
	count "$1" "$2" $(awk '
		/^(test|     ).* \.\.\. ok( |$)/ || /^ok [0-9]/ { passed++ }
		/^(test|     ).* \.\.\. (FAILED|failed)/ || /^not ok [0-9]/ { failed++ }
		END { print passed + 0, failed + 0, 0 }' "$3")
	[ "$2" -eq 0 ] || { [ -s "$4" ] && cat "$4" || cat "$3"; } | tail -n 150 >&2
}

finish() {
	say
	printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
	[ "$total_failed" -eq 0 ] || exit 1
	exit 0
}

clean_up() {
	local status=$? dir
	for dir in "$work" "$work/san"; do
		[ ! -d "$dir/data" ] || stop_cluster "$dir" immediate
	done
	if [ "${CHECK_KEEP:-}" = 1 ] || { [ "$total_failed" -gt 0 ] && [ "${CI:-}" != true ]; }; then
		say "The logs stay in $work" >&2
	else
		rm -rf "$work"
	fi
	exit "$status"
}

build() { # build FOLDER LABEL MAKE-ARGUMENTS...: compiles the sources of $src in a folder of their own
	local dir=$1 label=$2 status=0
	shift 2
	copy_sources "$dir"
	printf '%-28s' "$label"
	watch_job "$dir/build.log" make -C "$dir" --no-print-directory -j2 with_llvm=no PG_CONFIG="$copy_config" "$@" || status=$?
	if [ "$status" -eq 0 ]; then
		count "$label" 0 1 0 0
	else
		count "$label" 1 0 1 0
		grep -E 'error:|warning:|\*\*\*' "$dir/build.log" | head -n 40 >&2 || tail -n 20 "$dir/build.log" >&2
	fi
	return "$status"
}
copy_sources() { mkdir -p "$1" && cp -a "$src/." "$1/"; }

own_role() { # a foreign table that points back to its own server connects by the name of the server's user
	[ "$server_user" = postgres ] ||
		as_server "$bindir/psql" -X -q -h "$1" -p 5432 -U postgres -d postgres -c "CREATE ROLE \"$server_user\" SUPERUSER LOGIN"
}

say "custprio: every test"
CI=${CI:-}
find_compiler
find_postgres
choose_server_user
tools=()
wanted compilers && ! compgen -c | grep -qE '^clang(-[0-9]+)?$' && tools+=(clang)
wanted pgtap && [ ! -f "$("$PG_CONFIG" --sharedir)/extension/pgtap.control" ] && tools+=("postgresql-$pg_major-pgtap")
wanted pgtap && ! command -v pg_prove >/dev/null && tools+=(libtap-parser-sourcehandler-pgtap-perl)
wanted tap && ! perl -MIPC::Run -e 1 2>/dev/null && tools+=(libipc-run-perl)
wanted tap && ! perl -MTest::More -e 1 2>/dev/null && tools+=(perl)
[ "${#tools[@]}" -eq 0 ] || install_packages "${tools[@]}"
say "PostgreSQL $pg_major: $PG_CONFIG; servers run as $server_user"

work=$(mktemp -d "$TMPDIR/custprio-check.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT TERM
copy_postgres "$work/pg"
bindir=$("$copy_config" --bindir)
pgxs_dir=$(dirname "$(dirname "$("$copy_config" --pgxs)")")	# …/lib/pgxs/src
src=$work/src
copy_tree "$src"
data=${CUSTPRIO_DATA:-$root/../shared/data}
if [ -d "$data" ]; then
	mkdir -p "$work/shared/data"
	cp "$data"/* "$work/shared/data/"
	export CUSTPRIO_DATA=$work/shared/data
else
	say "No folder ${data} of real data: the tests that need it are skipped."
fi

# The build that is tested is the one with the strictest warnings.
build "$work/custprio" "gcc, warnings are errors" COPT="$warnings" || finish
if wanted compilers; then
	clang=$(compgen -c | grep -E '^clang(-[0-9]+)?$' | sort -Vr | tail -n 1)
	# The server's flags are gcc's: clang need not know them all.
	build "$work/clang" "clang, warnings are errors" CC="$clang" \
		COPT="$warnings -Wno-unknown-warning-option -Wno-cast-function-type-strict -Wno-ignored-attributes -Wno-ignored-optimization-argument -Wno-unused-command-line-argument" || true
fi
if wanted versions; then
	# shellcheck source=scripts/versions.sh
	. "$root/scripts/versions.sh"
fi
make -C "$work/custprio" --no-print-directory with_llvm=no PG_CONFIG="$copy_config" install >"$work/install.log" 2>&1 ||
	{ cat "$work/install.log" >&2; exit 1; }
[ "$(id -u)" -ne 0 ] || chown -R "$server_user" "$work"
chmod 700 "$work"

cd "$work/custprio"
# The scheduler is loaded but idle here, so that no worker comes between a test's steps; the TAP tests run their own.
settings=("shared_preload_libraries = 'custprio'" "custprio.enabled = off" "max_prepared_transactions = 10"
	"max_connections = 50" "log_min_messages = warning")
new_cluster "$work" "${settings[@]}"
start_cluster "$work"
own_role "$work"
export PGHOST=$work PGPORT=5432 PGUSER=postgres

limited() { # a hanging test must not hang the whole run
	as_server timeout -k 10 "${CHECK_TIMEOUT:-600}" "$@"
}
has_tests() { compgen -G "$1" >/dev/null; }
installcheck() { # installcheck DIRECTORY CONFIG VARIABLES...
	local dir=$1 config=$2
	shift 2
	limited make -C "$dir" --no-print-directory PG_CONFIG="$config" TAP_TESTS= "$@" installcheck
}
if wanted regress && has_tests 'test/sql/*.sql'; then
	printf '%-28s' "regression (pg_regress)"
	status=0
	watch_job "$work/regress.log" installcheck "$work/custprio" "$copy_config" ISOLATION= || status=$?
	count_regress regress "$status" "$work/regress.log" regression.diffs
fi
if wanted isolation && has_tests 'test/isolation/specs/*.spec'; then
	printf '%-28s' "isolation"
	status=0
	watch_job "$work/isolation.log" installcheck "$work/custprio" "$copy_config" REGRESS= || status=$?
	count_regress isolation "$status" "$work/isolation.log" "$(find . -name regression.diffs -path '*iso*' | head -n 1)"
fi
if wanted pgtap && has_tests 'test/pgtap/*.sql'; then
	printf '%-28s' "properties (pgTAP)"
	status=0
	as_server "$bindir/createdb" custprio_pgtap
	as_server "$bindir/psql" -X -q -d custprio_pgtap -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION custprio'
	watch_job "$work/pgtap.log" limited pg_prove -b "$bindir/psql" -d custprio_pgtap --verbose test/pgtap/*.sql || status=$?
	count_tap pgtap "$status" "$work/pgtap.log"
	if [ -d "$data" ]; then
		# who has no data must pass, too: as one test, since the files count what they skip
		printf '%-28s' "those of data without it"
		status=0
		mapfile -t files < <(grep -l 'CUSTPRIO_DATA' test/pgtap/*.sql)
		watch_job "$work/nodata.log" limited env CUSTPRIO_DATA="$work/no-data" pg_prove -b "$bindir/psql" -d custprio_pgtap "${files[@]}" || status=$?
		count nodata "$status" $((status == 0)) 0 0
		[ "$status" -eq 0 ] || grep -vE 'NOTICE|^$' "$work/nodata.log" | tail -n 40 >&2
	fi
fi
stop_cluster "$work"
if wanted tap && has_tests 'test/t/*.pl'; then
	printf '%-28s' "servers and workers (TAP)"
	status=0
	mkdir -p tmp_check && [ "$(id -u)" -ne 0 ] || chown "$server_user" tmp_check
	# In a subshell because these tests choose their own servers.
	(unset PGHOST PGPORT PGUSER && watch_job "$work/tap.log" limited env PATH="$bindir:$PATH" TESTDIR="$PWD" \
		PG_REGRESS="$pgxs_dir/test/regress/pg_regress" PG_CONFIG="$copy_config" TESTDATADIR="$PWD/tmp_check" \
		TESTLOGDIR="$PWD/tmp_check/log" prove -v -I "$pgxs_dir/test/perl" -I test/t test/t/*.pl && echo "$elapsed" >"$work/elapsed") || status=$?
	elapsed=$(cat "$work/elapsed" 2>/dev/null || echo "$elapsed")
	count_tap tap "$status" "$work/tap.log"
fi
if wanted sanitizer && has_tests 'test/sql/*.sql'; then
	# shellcheck source=scripts/sanitizer.sh
	. "$root/scripts/sanitizer.sh"
fi
finish
