# SPDX-License-Identifier: MIT
#
# make            build/lodge, the hypervisor
# make run        boot it in QEMU with two Debian kernels, here on this terminal
#                 (RUN="-c EPYC -M q35": options of scripts/qemu)
# make test       all checks and tests, under 40 minutes on two cores
# make test-long  the same with every machine, CPU model and loader
# make bench-quick  instructions of each operation, beside Xen's
# make bench      the same, more of it, and whole systems
# make deb        a Debian package of the hypervisor, in build/
# make fuzz       an hour of all fuzzers (FUZZ_SECONDS=3600)
# make unit       only the tests of the core in a process
# make clean      remove build/
#
# Adding a source file edits nothing here. Each of these commands first
# installs the Debian packages it needs and does not find (scripts/need).

MAKEFLAGS += -r -j$(shell nproc)
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# Say what is made; with V=1, how.
ifndef V
MAKEFLAGS += -s
endif
say = @echo "$(1)  $@"

B = build
CC = gcc
LD = ld
NM = nm
OBJCOPY = objcopy

.PHONY: all run deb installation fuzz test test-long unit unit-programs \
	host-objects hv-objects hv-include host-include fuzz-programs model-programs model-flags \
	guest-tests clean need-build need-run need-test need-dom0 dom0 \
	debian-guests installer
all: $(B)/lodge

# --- what each purpose needs -----------------------------------------------

PKG_BUILD = gcc libc6-dev binutils python3 libxen-dev liblzma-dev \
	libzstd-dev liblz4-dev zlib1g-dev
PKG_RUN = qemu-system-x86
PKG_TEST = grub-common grub-pc-bin grub-efi-amd64-bin ovmf xorriso mtools \
	mmdebstrap e2fsprogs dosfstools fdisk libcmocka-dev libzydis-dev \
	clang clang-format clang-tidy cppcheck cloc

need-build:
	@scripts/need $(PKG_BUILD)
need-run:
	@scripts/need $(PKG_BUILD) $(PKG_RUN)
need-test:
	@scripts/need $(PKG_BUILD) $(PKG_RUN) $(PKG_TEST)

# --- flags -----------------------------------------------------------------

WARN = -Wall -Wextra -Werror -Wpointer-arith -Wstrict-prototypes \
	-Wmissing-prototypes -Wshadow -Wundef -Wvla -Wcast-qual -Wwrite-strings
# Two builds of one tree, wherever it lies, give the same bytes.
SAME = -ffile-prefix-map=$(CURDIR)=.
DEPS = -MMD -MP
# "domain/domain.h" is a room's header, "arch.h" one of hv/include, and
# <arch_inline.h> that of the machine we build for: hv/x86 or hv/host.
INCLUDE = -iquote hv/include -iquote hv
HV_INCLUDE = $(INCLUDE) -iquote hv/x86 -idirafter hv/x86 -I hv/include
HOST_INCLUDE = $(INCLUDE) -iquote tests -I hv/host

HV_CFLAGS = -std=gnu2x -O2 -g -flto -frandom-seed=$@ -ffreestanding -mno-red-zone \
	-mgeneral-regs-only -fpie -mcmodel=small -fvisibility=hidden -include hv/x86/hidden.h -fno-plt \
	-fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-stack-protector -fno-strict-aliasing -fno-common \
	-ffunction-sections -fdata-sections $(WARN) $(SAME) $(DEPS) \
	$(HV_INCLUDE)
HV_ASFLAGS = -D__ASSEMBLY__ -g -Wa,--noexecstack $(SAME) $(DEPS) \
	$(HV_INCLUDE)
HV_LDFLAGS = -T hv/x86/lodge.lds --gc-sections -z noexecstack \
	-z max-page-size=4096 --no-warn-rwx-segments --build-id=none -nostdlib -static -no-pie

# The core in a process: the same sources, another <arch_inline.h>. Files of
# the host and tests can have the system's headers as <...> beside ours.
HOST_CFLAGS = -std=gnu2x -O1 -g -fno-common -fno-strict-aliasing \
	-fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all $(WARN) $(SAME) $(DEPS) \
	$(HOST_INCLUDE)
HOST_LIBS = -lcmocka -llzma -lzstd -llz4 -lz -lpthread

# --- sources ---------------------------------------------------------------

core_c := $(sort $(filter-out hv/x86/% hv/host/%,$(wildcard hv/*/*.c)))
x86_src := $(sort $(wildcard hv/x86/*.c hv/x86/*.S))
host_c := $(sort $(wildcard hv/host/*.c))
model_c := $(sort $(wildcard tests/model/*.c))
search_c := $(sort $(wildcard tests/model/search/*.c))
unit_c := $(sort $(wildcard tests/unit/*_test.c))

hv_obj := $(patsubst %,$(B)/%.o,$(core_c) $(x86_src))
hv_asm_obj := $(filter %.S.o,$(hv_obj))
host_obj := $(patsubst %,$(B)/host/%.o,$(core_c) $(host_c) $(model_c))
model_obj := $(patsubst %,$(B)/model/%.o,$(core_c) $(host_c) $(model_c))
unit_model_obj := $(patsubst %,$(B)/model/%.o,\
	$(foreach room,mm frame grant call,$(wildcard tests/unit/$(room)_*.c)))
search_obj := $(patsubst %,$(B)/model/%.o,$(search_c))
fuzz_obj := $(patsubst %,$(B)/fuzz/core/%.o,$(core_c) $(host_c) $(model_c))
fuzz_bin := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,\
	$(sort $(wildcard tests/fuzz/*.c)))
unit_bin := $(patsubst tests/unit/%.c,$(B)/unit/%,$(unit_c))

# --- the hypervisor --------------------------------------------------------

# The distribution's unpackers for the boot stage (they want no libc).
libdir = /usr/lib/x86_64-linux-gnu
archives = $(addprefix $(libdir)/,liblzma.a libzstd.a liblz4.a libz.a)

$(B)/hv/%.c.o: hv/%.c Makefile | need-build
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(HV_CFLAGS) -c -o $@ $<

$(B)/hv/%.S.o: hv/%.S Makefile | need-build
	@mkdir -p $(@D)
	$(call say,AS)
	$(CC) $(HV_ASFLAGS) -c -o $@ $<

# The dump of a crash names functions, from a table inside the image: link
# once without it, make it from that image, and link again. The code must
# not have moved; the table made from the final image is the proof.
define link
$(LD) $(HV_LDFLAGS) -o $@ $(filter %.o,$^) --start-group $(archives) --end-group
endef

# All rooms are optimised as one: small functions of lower rooms are inlined
# into higher ones, which the hot paths live from.
$(B)/hv.o: $(filter %.c.o,$(hv_obj)) Makefile
	$(call say,LTO)
	$(CC) $(HV_CFLAGS) -flto=2 -nostdlib -r -flinker-output=nolto-rel -o $@ \
		$(filter %.o,$^)

$(B)/symbols0.S: scripts/symbols | need-build
	@mkdir -p $(@D)
	scripts/symbols </dev/null >$@

$(B)/lodge.pass1: $(B)/hv.o $(hv_asm_obj) $(B)/symbols0.S.o hv/x86/lodge.lds Makefile
	$(call say,LD)
	$(link)

$(B)/symbols1.S: $(B)/lodge.pass1 scripts/symbols
	$(NM) -n $< | scripts/symbols >$@

$(B)/lodge.pass2: $(B)/hv.o $(hv_asm_obj) $(B)/symbols1.S.o hv/x86/lodge.lds Makefile
	$(call say,LD)
	$(link)

$(B)/symbols2.S: $(B)/lodge.pass2 scripts/symbols
	$(NM) -n $< | scripts/symbols >$@

$(B)/lodge.debug: $(B)/hv.o $(hv_asm_obj) $(B)/symbols2.S.o hv/x86/lodge.lds Makefile
	$(call say,LD)
	$(link)
	@$(NM) -n $@ | scripts/symbols | cmp - $(B)/symbols2.S || { \
		echo "the symbol table moved what it names" >&2; exit 1; }

$(B)/symbols%.S.o: $(B)/symbols%.S
	$(call say,AS)
	$(CC) -Wa,--noexecstack -c -o $@ $<

# lodge.debug is for gdb; what boots carries no symbols but its own table.
$(B)/lodge: $(B)/lodge.debug
	$(call say,STRIP)
	$(OBJCOPY) --strip-all $< $@

# --- the core in a process and its tests -----------------------------------

$(B)/host/%.c.o: %.c Makefile | need-test
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(HOST_CFLAGS) -c -o $@ $<

# libc owns the names memcpy, snprintf...: in a process ours carry a prefix.
# (None of its names that we have has a '_' in it.)
define prefix
$(NM) -g --defined-only $@ | awk '$$2 == "T" && $$3 !~ /_/ { print $$3, "lodge_" $$3 }' \
	>$@.names
$(OBJCOPY) --redefine-syms=$@.names $@
endef

$(B)/host/hv/lib/%.c.o: hv/lib/%.c Makefile | need-test
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(HOST_CFLAGS) -fno-builtin -c -o $@ $<
	$(prefix)

# A test that needs another library names it in a file beside it: x_test.libs.
$(B)/unit/%: tests/unit/%.c $(host_obj) Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(HOST_CFLAGS) -MF $@.d -o $@ $< $(host_obj) \
		$(HOST_LIBS) $(shell cat $(<:.c=.libs) 2>/dev/null)

unit-programs: $(unit_bin)

# For the checks.
host-objects: $(host_obj)
hv-objects: $(hv_obj)
hv-include:
	@echo $(HV_INCLUDE)
host-include:
	@echo $(HOST_INCLUDE)

unit: | need-test
	@tests/run unit

# The model: the core once more, fast, for those who try millions of states.
# What the rooms that own memory keep in statics lies in sections of its own:
# a search goes back to it (hv/host/snapshot.c).
MODEL_CFLAGS = $(filter-out -O1 -fsanitize% -fno-sanitize%,$(HOST_CFLAGS)) \
	-O2 -fno-pie
SNAPSHOT_ROOMS = frame mm grant
snapshot_obj = $(filter $(addsuffix /%,$(addprefix $(B)/model/hv/,\
	$(SNAPSHOT_ROOMS))),$(model_obj)) \
	$(addprefix $(B)/model/hv/host/,arena.c.o vcpu.c.o)

$(B)/model/%.c.o: %.c Makefile | need-test
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(MODEL_CFLAGS) -c -o $@ $<
	$(if $(filter $@,$(snapshot_obj)),$(OBJCOPY) \
		--rename-section .data=snapshot_data \
		--rename-section .bss=snapshot_bss $@)

$(B)/model/hv/lib/%.c.o: hv/lib/%.c Makefile | need-test
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(MODEL_CFLAGS) -fno-builtin -c -o $@ $<
	$(prefix)

$(B)/model/search: $(model_obj) $(search_obj)
	$(call say,LD)
	$(CC) -no-pie -o $@ $^ $(HOST_LIBS)

# For tests/mutate: all of it but one object, and the tests to link it with.
$(B)/model/model.a: $(model_obj)
	$(call say,AR)
	rm -f $@
	ar rcs $@ $^

model-flags:
	@echo $(filter-out -MMD -MP,$(MODEL_CFLAGS))

model-programs: $(B)/model/search $(B)/model/model.a $(unit_model_obj)

# The fuzzers: the core once more, by clang, with libFuzzer's counters.
FUZZ_CFLAGS = $(filter-out -Werror,$(HOST_CFLAGS)) -Wno-unknown-attributes

$(B)/fuzz/core/%.c.o: %.c Makefile | need-test
	@mkdir -p $(@D)
	$(call say,CC)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(B)/fuzz/core/hv/lib/%.c.o: hv/lib/%.c Makefile | need-test
	@mkdir -p $(@D)
	$(call say,CC)
	clang $(FUZZ_CFLAGS) -fno-builtin -c -o $@ $<
	$(prefix)

$(B)/fuzz/%: tests/fuzz/%.c $(fuzz_obj) Makefile
	$(call say,CC)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -MF $@.d -o $@ \
		$< $(fuzz_obj) $(filter-out -lcmocka,$(HOST_LIBS))

fuzz-programs: $(fuzz_bin)

# An hour of all fuzzers, each on its share of it, two at a time. What they
# find new is kept in build/fuzz/corpus.
FUZZ_SECONDS = 3600
fuzz: fuzz-programs
	@tests/run --fuzz $(FUZZ_SECONDS)

# --- guests ----------------------------------------------------------------

# The guest kit and the guests made with it bring their own rules, and the
# list GUESTS of what the tests boot.
-include lodger/lodger.mk

guest-tests: $(GUESTS)

# Guests that misbehave: the names in crash.S, and those that need the kit.
bad := $(shell sed -n 's/.*defined BAD_//p' tests/boot/hostile/crash.S)
hostile := $(patsubst %,$(B)/guests/bad-%.elf,$(bad) flood)

bad_ld = -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments \
	-Wl,-T,lodger/lodger.lds

$(B)/guests/bad-%.elf: tests/boot/hostile/crash.S lodger/lodger.lds \
		Makefile | need-build
	@mkdir -p $(@D)
	$(call say,AS)
	$(CC) -D__ASSEMBLY__ -DBAD_$* \
		-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ $(bad_ld) -o $@ $<

$(B)/guests/bad-flood.elf: tests/boot/hostile/flood.c lodger/name.c \
		lodger/lodger.lds $(LODGER_OBJECTS) | need-build
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) $(LODGER_FLAGS) -DTEST_NAME='"flood"' $(bad_ld) -o $@ \
		$(filter %.c %.o,$^)

guest-tests: $(hostile)

debian = $(B)/guests/vmlinuz-amd64 $(B)/guests/vmlinuz-cloud

$(B)/guests/vmlinuz-amd64:
	@scripts/guests linux-image-amd64 $@
$(B)/guests/vmlinuz-cloud:
	@scripts/guests linux-image-cloud-amd64 $@
$(B)/guests/di/linux:
	@scripts/guests installer $(@D)
$(B)/guests/busybox:
	@scripts/guests busybox $@
$(B)/guests/xen:
	@scripts/guests xen $@
$(B)/guests/gnumach:
	@scripts/guests gnumach $@
$(B)/guests/grub-i386-xen.bin:
	@scripts/guests grub-i386 $@

$(B)/guests/selftest: tests/boot/selftest.c | need-build
	@mkdir -p $(@D)
	$(call say,CC)
	$(CC) -std=gnu2x -O2 -Wall -Wextra -Werror -static -pthread \
		-Wl,--build-id=none $(SAME) -o $@ $< -lm

initrd_parts := $(sort $(wildcard tests/boot/initrd/*))
$(B)/guests/initrd.img: scripts/initrd $(B)/guests/busybox \
		$(B)/guests/selftest $(initrd_parts)
	$(call say,GEN)
	scripts/initrd $@ $(B)/guests/busybox $(B)/guests/selftest \
		$(initrd_parts)

# Domain 0 of tests/boot: packages once, from them the ramdisk.
dom0_lists := $(addprefix tests/boot/dom0/,packages modules prune)
dom0_parts := $(wildcard tests/boot/dom0/guest/*) \
	$(addprefix tests/boot/dom0/,init profile)

need-dom0:
	@scripts/need mmdebstrap cpio kmod
$(B)/dom0/root.tar: $(dom0_lists) scripts/dom0 | need-dom0
	@mkdir -p $(@D)
	@scripts/dom0 root $@
$(B)/dom0/vmlinuz: $(B)/dom0/root.tar
	@scripts/dom0 kernel $@ $<
$(B)/dom0/ramdisk: $(B)/dom0/root.tar $(B)/guests/initrd.img $(dom0_parts)
	$(call say,GEN)
	scripts/dom0 ramdisk $@ $< $(B)/guests/initrd.img

dom0: $(B)/dom0/vmlinuz $(B)/dom0/ramdisk

debian-guests: $(debian) $(B)/guests/initrd.img
installer: $(B)/guests/di/linux

# Debian on a disk, with our package installed on it.
$(B)/installation/disk.img: $(B)/lodge.deb $(B)/guests/initrd.img \
		$(wildcard tests/boot/installation/*) | need-test
	@mkdir -p $(@D)
	$(call say,GEN)
	tests/boot/installation/make $(B)/lodge.deb $(B)/guests/initrd.img $@
installation: $(B)/installation/disk.img

-include bench/bench.mk

# --- the commands ----------------------------------------------------------

$(B)/lodge.deb: $(B)/lodge scripts/deb LICENSE | need-build
	$(call say,DEB)
	scripts/deb $< $@
deb: $(B)/lodge.deb

run: $(B)/lodge debian-guests | need-run
	@scripts/run $(RUN)

test: | need-test
	@tests/run all

test-long: | need-test
	@tests/run --long all

clean:
	rm -rf $(B)

-include $(hv_obj:.o=.d) $(host_obj:.o=.d) $(fuzz_obj:.o=.d) \
	$(model_obj:.o=.d) $(search_obj:.o=.d) \
	$(unit_model_obj:.o=.d) \
	$(addsuffix .d,$(unit_bin) $(fuzz_bin))
