# chainstream: blockchain notification streams as tables.
#
#   make            build the extension (PGXS)
#   make install    install it beside the PostgreSQL of pg_config
#   make installcheck   run the regression tests against a running server
#   make check      install what is missing, build, run every test
#   make demo       show it at work, against the bundled simulator
#   make bench      measure it beside its peers
#
# The goals that need more than a compiler are scripts; they do not need
# PostgreSQL to be installed before they start, so PGXS is left out for them.

SCRIPT_GOALS = check demo bench simulator unit layers fuzz

ifeq ($(filter $(SCRIPT_GOALS),$(MAKECMDGOALS)),)

EXTENSION = chainstream
MODULE_big = chainstream
DATA = chainstream--1.0.sql
OBJS = $(sort $(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c src/*/*/*.c)))

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --inputdir=. --load-extension=chainstream
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=chainstream

EXTRA_CLEAN = build $(OBJS:.o=.d)

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config
LIBRARIES = libwebsockets libuv json-c libb2 libssl libcrypto

# -isystem: our warnings are for our code, not for PostgreSQL's headers.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server) \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES))
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-declaration-after-statement -MMD -MP $(if $(WERROR),-Werror)
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -lpthread

# Bitcode for the JIT is of no use to background workers and needs clang.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
-include $(OBJS:.o=.d)

else

include test/goals.mk

endif
