# SPDX-License-Identifier: MIT
# The benchmark: its guest, its Linux program, and the commands.
#
# make bench-quick   each operation on Lodge and on Xen, under two minutes
# make bench         every column, whole-system figures, and the chart

BENCH_GUEST := build/bench/guest.elf
BENCH_SOURCES := $(wildcard bench/guest/*.c bench/guest/*.S)

$(BENCH_GUEST): $(BENCH_SOURCES) bench/guest/bench.h lodger/name.c \
		$(LODGER_OBJECTS) lodger/lodger.lds $(LODGER_HEADERS) \
		bench/bench.mk | need-build
	@mkdir -p $(@D)
	$(call say,GUEST)
	$(LODGER_CC) $(LODGER_FLAGS) -std=gnu90 -P -DTEST_NAME='"bench"' -nostdlib \
		-static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments -Wl,-T,lodger/lodger.lds -o $@ \
		$(BENCH_SOURCES) lodger/name.c $(LODGER_OBJECTS)

.PHONY: bench-guest
bench-guest: $(BENCH_GUEST)

PKG_BENCH := gnuplot-nox

.PHONY: bench bench-quick need-bench
need-bench:
	@scripts/need $(PKG_BUILD) $(PKG_RUN) $(PKG_BENCH)

bench-quick: $(B)/lodge $(BENCH_GUEST) $(B)/guest/delay.elf $(B)/guests/xen \
		| need-run
	@bench/run --quick

# bench/trace NAME: where the instructions of one operation go (plugin.so).
# bench/run: how a machine gets to its first guest (reach.so).
build/bench/%.so: bench/%.c bench/bench.mk | need-build
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) -std=gnu2x -O2 -fPIC -shared $(WARN) -o $@ $<

bench-guest: build/bench/plugin.so

# The program that runs in Debian's Linux, in the ramdisk of the tests.
build/bench/linux: bench/linux.c bench/bench.mk | need-build
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) -std=gnu2x -O2 -Wall -Wextra -Werror -static \
		-Wl,--build-id=none $(SAME) -o $@ $<

build/bench/initrd.img: scripts/initrd $(B)/guests/busybox \
		$(B)/guests/selftest $(initrd_parts) build/bench/linux
	$(call say,GEN)
	scripts/initrd $@ $(B)/guests/busybox $(B)/guests/selftest \
		$(initrd_parts) build/bench/linux

bench: $(B)/lodge $(BENCH_GUEST) $(B)/guest/delay.elf $(B)/guests/xen build/bench/reach.so \
		build/bench/initrd.img $(B)/guests/vmlinuz-amd64 | need-bench
	@bench/run
	@gnuplot bench/chart.gp
