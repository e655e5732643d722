# versions.sh: compiles against the headers of PostgreSQL 17 and 18, from Debian's packages unpacked in the work folder.
#
# Part of check.sh, which sources it; only on request (CHECK_ONLY="… versions") because it downloads. Without a network
# it counts as skipped. Nothing is installed: apt gets a state of its own.
# shellcheck shell=bash

# Newer headers know strlcpy from newer C libraries; here it comes from PostgreSQL's port library.
mkdir -p "$work/headers"
echo '#include <stddef.h>
extern size_t strlcpy(char *, const char *, size_t);
extern size_t strlcat(char *, const char *, size_t);' >"$work/headers/strings.h"

fetch_headers() { # SUITE MAJOR: into $work/headers/MAJOR
	local dir=$work/headers/$2 options
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $1 main" >"$dir/sources.list"
	options=(-q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$dir/lists"
		-o Dir::Cache="$dir/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Acquire::Retries=0)
	apt-get "${options[@]}" update &&
		(cd "$dir" && apt-get "${options[@]}" download "postgresql-server-dev-$2") &&
		dpkg -x "$dir/postgresql-server-dev-$2"_*.deb "$dir/root"
}

compile_all() { # MAJOR
	local file status=0
	for file in "$src"/src/*.c "$src"/src/clv/*.c "$src"/src/stats/*.c; do
		# shellcheck disable=SC2086
		gcc $warnings -Wdeclaration-after-statement -O1 -fPIC -fsyntax-only -D_GNU_SOURCE -DCUSTPRIO_VERSION='""' -I"$src/src" \
			-I"$work/headers/$1/root/usr/include/postgresql/$1/server" -include "$work/headers/strings.h" "$file" || status=1
	done
	return "$status"
}

for suite_major in trixie:17 sid:18; do
	suite=${suite_major%:*} major=${suite_major#*:}
	printf '%-28s' "compiles with PostgreSQL $major"
	if ! watch_job "$work/headers-$major.log" fetch_headers "$suite" "$major"; then
		count versions 0 0 0 1
		continue
	fi
	status=0
	watch_job "$work/compile-$major.log" compile_all "$major" || status=$?
	count versions "$status" $((status == 0)) $((status != 0)) 0
	[ "$status" -eq 0 ] || grep -E 'error' "$work/compile-$major.log" | head -n 20 >&2
done
