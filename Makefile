# custprio: build with PGXS. `make` builds, `make install` installs.
EXTENSION = custprio
# The version number lives in the control file alone.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" custprio.control)

MODULE_big = custprio
OBJS = $(sort $(patsubst %.c,%.o,$(wildcard src/*.c src/clv/*.c src/stats/*.c)))
PG_CPPFLAGS = -I$(srcdir)/src -DCUSTPRIO_VERSION='"$(EXTVERSION)"'
SHLIB_LINK = -lnlopt -lm

SQL_PARTS = $(sort $(wildcard sql/[0-9]*.sql))
DATA_built = custprio--$(EXTVERSION).sql
DATA = $(wildcard sql/custprio--*--*.sql)
EXTRA_CLEAN = custprio--*.sql

REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=custprio
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --outputdir=. --inputdir=test/isolation --load-extension=custprio
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)
else
# Nothing to build with yet: demo and check-all below install it, everything else says what is missing.
all install installcheck clean:
	@echo 'PostgreSQL headers not found by "$(PG_CONFIG)": install postgresql-server-dev-15 or set PG_CONFIG.' >&2; exit 1
endif

custprio--$(EXTVERSION).sql: $(SQL_PARTS) custprio.control
	cat $(SQL_PARTS) > $@

# Every object depends on every header: the tree is small and a stale object is worse than a rebuild.
$(OBJS): $(wildcard src/*.h src/clv/*.h src/stats/*.h)

# Each of these installs what is missing and needs nothing but make and root or sudo; see README.md.
.PHONY: demo demo-stop check-all bench bench-incremental bench-clv bench-capture soak soak-clv
demo:
	@bash scripts/demo.sh start
demo-stop:
	@bash scripts/demo.sh stop
check-all:
	@bash scripts/check.sh
bench:
	@bash bench/bench.sh
bench-incremental:
	@bash bench/incremental.sh
bench-capture:
	@bash bench/capture.sh
bench-clv:
	@bash bench/clv.sh
soak:
	@bash test/soak/capture.sh
soak-clv:
	@bash test/soak/clv.sh
