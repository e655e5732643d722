# common.sh: what the demo, the tests and the bench share. Sourced by bash, never run.
#
# Finds PostgreSQL, installs what is missing on Debian, and runs servers that belong to nobody else: each has a data
# directory of its own, a private Unix socket, and an unprivileged user (PostgreSQL refuses to run as root).

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -n "${TMPDIR:-}" ] && [ "${#TMPDIR}" -lt 40 ] || TMPDIR=/tmp	# a socket's path holds 107 bytes at most
export TMPDIR
cd "$TMPDIR"	# the server's user may not be allowed to read the checkout

# A setting meant for another server must not lead us there.
for name in $(compgen -e | grep '^PG' || true); do
	[ "$name" = PG_CONFIG ] || unset "$name"
done
unset MAKELEVEL

say() { printf '%s\n' "$*"; }
die() {
	printf 'error: %s\n' "$1" >&2
	shift
	for line in "$@"; do printf '       %s\n' "$line" >&2; done
	exit 1
}

# step LABEL LOG COMMAND...: run quietly, with a dot every two seconds; on failure show the end of the log.
step() {
	local label=$1 log=$2 status=0
	shift 2
	printf '%s ' "$label"
	watch_job "$log" "$@" || status=$?
	if [ "$status" -ne 0 ]; then
		printf ' failed\n'
		tail -n 40 "$log" >&2
		die "\"$label\" failed with status $status; the whole log is $log"
	fi
	printf ' done (%d s)\n' "$elapsed"
}

# watch_job LOG COMMAND...: run with output to LOG and a dot every two seconds; the command's status; sets elapsed.
watch_job() {
	local log=$1 start=$SECONDS ticks=0 pid status=0
	shift
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		ticks=$((ticks + 1))
		[ $((ticks % 10)) -ne 0 ] || printf '.'
	done
	wait "$pid" || status=$?
	elapsed=$((SECONDS - start))
	return "$status"
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# need_root WHAT: make sure that as_root will work, and ask for sudo's password here rather than inside a log.
need_root() {
	[ "$(id -u)" -ne 0 ] || return 0
	command -v sudo >/dev/null ||
		die "$1 needs root, and there is no sudo" "Run this as root, or do it yourself (README, Installation)."
	sudo true || die "$1 needs root, and sudo does not let you"
}

# The user that servers run as, and how to run a command as that user.
choose_server_user() {
	if [ "$(id -u)" -ne 0 ]; then
		server_user=$(id -un)
		return
	fi
	server_user=postgres
	if ! id -u "$server_user" >/dev/null 2>&1; then
		server_user=custprio
		id -u "$server_user" >/dev/null 2>&1 ||
			useradd --system --no-create-home --shell /usr/sbin/nologin "$server_user"
	fi
}
as_server() {
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u "$server_user" -- env HOME="$TMPDIR" "$@"
	else
		"$@"
	fi
}

package_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'; }

# install_packages PACKAGE...: with apt-get, only those that are missing.
install_packages() {
	local missing=() name log=$TMPDIR/custprio-apt-$(id -u)-$$.log
	for name in "$@"; do
		package_installed "$name" || missing+=("$name")
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "missing: ${missing[*]}" "There is no apt-get here. Install these yourself and set PG_CONFIG."
	say "Missing packages: ${missing[*]}"
	need_root "Installing them"
	update_package_lists "$log"
	if [[ " ${missing[*]} " =~ \ postgresql-[0-9]+\  ]]; then
		# A new server package makes and starts a cluster on port 5432. We need none, so we leave none.
		step "  installing postgresql-common" "$log" apt_get install postgresql-common
		as_root mkdir -p /etc/postgresql-common/createcluster.d
		no_main_cluster=/etc/postgresql-common/createcluster.d/custprio-install.conf
		trap 'as_root rm -f "$no_main_cluster"' EXIT
		as_root sh -c 'echo "create_main_cluster = false" >"$1"' sh "$no_main_cluster"
	fi
	step "  installing ${#missing[@]} packages and what they need" "$log" apt_get install "${missing[@]}"
	if [ -n "${no_main_cluster:-}" ]; then
		as_root rm -f "$no_main_cluster"
		trap - EXIT
	fi
	rm -f "$log"
}
lists_updated=
update_package_lists() {
	[ -z "$lists_updated" ] || return 0
	step "  updating the package lists" "$1" apt_get update
	lists_updated=1
}
apt_get() {
	local action=$1
	shift
	[ "$action" = update ] || set -- --no-install-recommends "$@"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$action" "$@"
}

supported_major() { [ "$1" -ge 15 ] && [ "$1" -le 19 ]; }

# find_postgres: sets PG_CONFIG and pg_major; installs server and headers when there are none.
find_postgres() {
	local v candidate debian=/usr/lib/postgresql packages=()
	if [ -z "${PG_CONFIG:-}" ]; then
		for v in 15 16 17 18 19; do	# a complete Debian package
			[ -x $debian/$v/bin/postgres ] && [ -f $debian/$v/lib/pgxs/src/makefiles/pgxs.mk ] || continue
			PG_CONFIG=$debian/$v/bin/pg_config
			break
		done
	fi
	if [ -z "${PG_CONFIG:-}" ] && candidate=$(command -v pg_config) && usable_pg_config "$candidate"; then
		PG_CONFIG=$candidate		# somebody's own build
	fi
	if [ -z "${PG_CONFIG:-}" ]; then
		for v in 15 16 17 18 19; do	# a Debian server without headers, else the major that this Debian has
			[ -x $debian/$v/bin/postgres ] && packages=("postgresql-server-dev-$v") && break
		done
		if [ "${#packages[@]}" -eq 0 ]; then
			command -v apt-get >/dev/null || die "PostgreSQL 15 to 18 with its headers was not found" "Set PG_CONFIG to its pg_config."
			say "No PostgreSQL with its headers was found."
			need_root "Installing it"
			update_package_lists "$TMPDIR/custprio-apt-$(id -u)-$$.log"
			for v in 15 16 17 18 19; do
				[ -z "$(apt-cache madison "postgresql-$v" 2>/dev/null)" ] || break
			done
			packages=("postgresql-$v" "postgresql-server-dev-$v")
		fi
		install_packages "${packages[@]}"
		PG_CONFIG=$debian/$v/bin/pg_config
	fi
	usable_pg_config "$PG_CONFIG" ||
		die "$PG_CONFIG does not lead to a PostgreSQL 15 to 18 with server and headers" \
			"Set PG_CONFIG to the pg_config of such an installation, or unset it to use Debian's packages."
	export PG_CONFIG
	pg_major=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
}
usable_pg_config() {
	local version
	version=$("$1" --version 2>/dev/null) && version=${version#PostgreSQL } && supported_major "${version%%[!0-9]*}" &&
		[ -x "$("$1" --bindir)/postgres" ] && [ -f "$("$1" --pgxs)" ] && [ -f "$("$1" --includedir-server)/postgres.h" ]
}

# find_compiler: gcc, the C library's headers and NLopt's.
find_compiler() {
	local packages=()
	command -v gcc >/dev/null || packages+=(gcc)
	[ -f /usr/include/stdio.h ] || packages+=(libc6-dev)
	[ -f /usr/include/nlopt.h ] || [ -f /usr/local/include/nlopt.h ] || packages+=(libnlopt-dev)
	[ "${#packages[@]}" -eq 0 ] || install_packages "${packages[@]}"
}

# copy_tree TARGET: the checkout's files without anything built, in a folder that the server's user can read.
copy_tree() {
	mkdir -p "$1"
	if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -C "$root" ls-files -z --cached --others --exclude-standard |
			(cd "$root" && while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done) |
			tar -C "$root" --null -T - -cf - | tar -C "$1" -xf -
	else
		tar -C "$root" --exclude=.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' --exclude='custprio--*.sql' \
			--exclude=tmp_check --exclude=output_iso --exclude=results -cf - . | tar -C "$1" -xf -
		cp "$root"/sql/custprio--*--*.sql "$1/sql/" 2>/dev/null || true
	fi
}

# copy_postgres TARGET: the installed PostgreSQL is relocatable, so a copy with the same shape finds its own files.
# Sets copy_config.
copy_postgres() {
	local target=$1 what dir
	mkdir -p "$target"
	for what in bindir pkglibdir sharedir includedir-server pkgincludedir; do
		dir=$("$PG_CONFIG" "--$what")
		mkdir -p "$target$dir"
		cp -a "$dir/." "$target$dir/"
	done
	rm -rf "$target$("$PG_CONFIG" --pkglibdir)/bitcode"
	copy_config=$target$("$PG_CONFIG" --bindir)/pg_config
	[ "$("$copy_config" --pkglibdir)" = "$target$("$PG_CONFIG" --pkglibdir)" ] ||
		die "a copy of this PostgreSQL does not find its own files" "Choose another with PG_CONFIG."
}

# new_cluster DIRECTORY [SETTING...]: initdb into DIRECTORY/data with a private socket in DIRECTORY; each SETTING is a
# line of postgresql.conf. No TCP: nobody but the server's user and root gets in, so no password is needed.
new_cluster() {
	local dir=$1
	shift
	as_server "$bindir/initdb" -D "$dir/data" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
		--no-instructions >"$dir/initdb.log" 2>&1 || { tail -n 20 "$dir/initdb.log" >&2; die "initdb failed"; }
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$dir'"
		echo "unix_socket_permissions = 0700"
		echo "port = 5432"
		echo "fsync = off"
		for setting in "$@"; do echo "$setting"; done
	} | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
}
start_cluster() {
	as_server "$bindir/pg_ctl" -D "$1/data" -l "$1/server.log" -w -t 60 start >"$1/start.log" 2>&1 </dev/null ||
		{ tail -n 20 "$1/start.log" "$1/server.log" >&2; die "the server did not start"; }
}
stop_cluster() {
	[ ! -f "$1/data/postmaster.pid" ] || as_server "$bindir/pg_ctl" -D "$1/data" -m "${2:-fast}" -w -t 60 stop >/dev/null 2>&1 || true
}
