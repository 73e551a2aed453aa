# The goals that need more than PostgreSQL's own makefiles; see the Makefile.
# check, demo and bench are scripts, which install what they need first.

SHELL = /bin/bash

.PHONY: check demo bench simulator unit unit-programs layers fuzz fuzz-programs

check:
	@bash test/scripts/check

demo:
	@bash test/demo/demo

bench:
	@bash test/bench/bench

simulator:
	@$(MAKE) -C test/simulator

layers:
	@bash test/layers

# ---------- unit tests ----------
#
# Each test/unit/X_test.c is a program that prints TAP.  All are built twice:
# build/unit, and with the sanitizers, build/unit-sanitized.

PKG_CONFIG ?= pkg-config
LIBRARIES = libwebsockets libuv json-c libb2 libssl libcrypto

# The -Wno-... are PostgreSQL's own.
UNIT_CFLAGS := -std=gnu11 -g -Wall -Wextra -Werror \
	-Wno-format-truncation -Wno-stringop-truncation -MMD -MP -Isrc -Itest/unit -Itest/fuzz \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
UNIT_LIBS := $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2>/dev/null) -lpthread
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer

# The rooms that need no server, and what several tests share.
UNIT_COMMON := $(wildcard src/codec/*.c src/provider/*.c src/provider/*/*.c src/wire/*.c) \
	$(filter-out %_test.c,$(wildcard test/unit/*.c))
UNIT_TESTS := $(patsubst test/unit/%.c,%,$(wildcard test/unit/*_test.c))
UNIT_PROGRAMS := $(addprefix build/unit/,$(UNIT_TESTS)) \
	$(addprefix build/unit-sanitized/,$(UNIT_TESTS))

unit: $(UNIT_PROGRAMS) simulator
	@bash test/scripts/run-unit $(UNIT_PROGRAMS) \
		$(patsubst %,"perl %",$(wildcard test/unit/*_test.pl))

# For make check, which runs them one by one.
unit-programs: $(UNIT_PROGRAMS)
	@printf '%s\n' $(UNIT_PROGRAMS)

build/unit/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) -O1 -c -o $@ $<

build/unit-sanitized/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) -O1 $(SANITIZE) -c -o $@ $<

build/unit/common.a: $(UNIT_COMMON:%.c=build/unit/%.o)
	@rm -f $@ && $(AR) rcs $@ $^

build/unit-sanitized/common.a: $(UNIT_COMMON:%.c=build/unit-sanitized/%.o)
	@rm -f $@ && $(AR) rcs $@ $^

build/unit/%_test: build/unit/test/unit/%_test.o build/unit/common.a
	@$(CC) -o $@ $^ $(UNIT_LIBS)

build/unit-sanitized/%_test: build/unit-sanitized/test/unit/%_test.o build/unit-sanitized/common.a
	@$(CC) $(SANITIZE) -o $@ $^ $(UNIT_LIBS)

# ---------- fuzzing ----------
#
# Each test/fuzz/X_fuzz.c mutates the samples, with the sanitizers on, in the
# same way for the same seed.  What they share are the other files there.

FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 1
FUZZ_COMMON := $(filter-out %_fuzz.c,$(wildcard test/fuzz/*.c))
FUZZ_PROGRAMS := $(patsubst test/fuzz/%.c,build/unit-sanitized/%,$(wildcard test/fuzz/*_fuzz.c))

fuzz: $(FUZZ_PROGRAMS)
	@bash test/scripts/run-fuzz $(FUZZ_SEED) $(FUZZ_SECONDS) $(FUZZ_PROGRAMS)

fuzz-programs: $(FUZZ_PROGRAMS)

build/unit-sanitized/%_fuzz: build/unit-sanitized/test/fuzz/%_fuzz.o $(FUZZ_COMMON:%.c=build/unit-sanitized/%.o) \
		build/unit-sanitized/common.a
	@$(CC) $(SANITIZE) -o $@ $^ $(UNIT_LIBS)

.SECONDARY:

-include $(shell find build/unit build/unit-sanitized -name '*.d' 2>/dev/null)
