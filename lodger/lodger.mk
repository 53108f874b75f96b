# SPDX-License-Identifier: MIT
# The guest kit and its guests: tests/guest/<name>/*.c -> build/guest/<name>.elf.
# Adding a folder adds a guest. One whose name ends in -32 is a 32-bit guest; one
# that says "Built in both widths." is a 64-bit guest and gives <name>-32 besides.
# The top Makefile includes this file; it also works alone, from the top of the
# tree: make -f lodger/lodger.mk

.DEFAULT_GOAL ?= guests

LODGER_CC ?= $(CC)
LODGER_OUT := build/lodger
GUEST_OUT := build/guest

# The kit is C90 and builds clean under old and strict flags.
LODGER_FLAGS := -ansi -Wall -Wextra -Werror -Wcast-qual -Wredundant-decls \
	-Wnested-externs -Wstrict-prototypes -Wpointer-arith -Winline \
	-O2 -mno-sse -mno-mmx -mno-80387 \
	-ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fcf-protection=none -Ilodger/include \
	-D__XEN_TOOLS__ \
	-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__
LODGER_FLAGS32 := $(LODGER_FLAGS) -m32 -march=i686
LODGER_FLAGS += -m64 -mcmodel=kernel -mno-red-zone

# x32.c and x32.S take the place of x.c and x.S in the 32-bit kit.
LODGER_ALL := $(filter-out lodger/name.c,$(wildcard lodger/*.c)) \
	$(wildcard lodger/*.S)
LODGER_NARROW := $(filter %32.c %32.S,$(LODGER_ALL))
LODGER_WIDE := $(filter-out $(LODGER_NARROW),$(LODGER_ALL))
LODGER_REPLACED := $(patsubst %32.c,%.c,$(LODGER_NARROW:%32.S=%.S))
LODGER_OBJECTS := $(LODGER_WIDE:lodger/%=$(LODGER_OUT)/%.o)
LODGER_OBJECTS32 := $(patsubst lodger/%,$(LODGER_OUT)/32/%.o,\
	$(filter-out $(LODGER_REPLACED),$(LODGER_ALL)))
LODGER_HEADERS := $(wildcard lodger/include/*.h)

GUEST_DIRS := $(patsubst tests/guest/%/main.c,%,\
	$(wildcard tests/guest/*/main.c))
GUEST_NAMES := $(filter-out %-32,$(GUEST_DIRS))
GUEST_NAMES32 := $(filter %-32,$(GUEST_DIRS))
GUEST_BOTH := $(patsubst tests/guest/%/main.c,%,\
	$(shell grep -l 'Built in both widths\.' tests/guest/*/main.c))
GUESTS := $(patsubst %,$(GUEST_OUT)/%.elf,$(GUEST_NAMES) $(GUEST_NAMES32) \
	$(GUEST_BOTH:%=%-32))

.PHONY: guests
guests: $(GUESTS)

$(LODGER_OUT)/%.c.o: lodger/%.c $(LODGER_HEADERS) lodger/lodger.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(LODGER_CC) $(LODGER_FLAGS) -c -o $@ $<

# -P: a constant from a system header must stay on its line.
$(LODGER_OUT)/%.S.o: lodger/%.S $(LODGER_HEADERS) lodger/lodger.mk
	@mkdir -p $(@D)
	@echo "  AS    $<"
	@$(LODGER_CC) $(LODGER_FLAGS) -P -c -o $@ $<

$(LODGER_OUT)/32/%.c.o: lodger/%.c $(LODGER_HEADERS) lodger/lodger.mk
	@mkdir -p $(@D)
	@echo "  CC32  $<"
	@$(LODGER_CC) $(LODGER_FLAGS32) -c -o $@ $<

$(LODGER_OUT)/32/%.S.o: lodger/%.S $(LODGER_HEADERS) lodger/lodger.mk
	@mkdir -p $(@D)
	@echo "  AS32  $<"
	@$(LODGER_CC) $(LODGER_FLAGS32) -P -c -o $@ $<

# $(call GUEST_RULES,name,folder,flags,objects,linker script)
define GUEST_RULES
$(GUEST_OUT)/$(1).elf: $(wildcard tests/guest/$(2)/*.c) lodger/name.c \
		$(4) $(5) lodger/sections.lds $(LODGER_HEADERS)
	@mkdir -p $$(@D)
	@echo "  GUEST $(1)"
	@$(LODGER_CC) $(3) -DTEST_NAME='"$(1)"' -nostdlib -static \
		-no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments -Wl,-T,$(5) \
		-o $$@ $$(filter %.c %.o,$$^)
endef
$(foreach name,$(GUEST_NAMES),$(eval $(call GUEST_RULES,$(name),$(name),\
	$(LODGER_FLAGS),$(LODGER_OBJECTS),lodger/lodger.lds)))
$(foreach name,$(GUEST_NAMES32),$(eval $(call GUEST_RULES,$(name),$(name),\
	$(LODGER_FLAGS32),$(LODGER_OBJECTS32),lodger/lodger32.lds)))
$(foreach name,$(GUEST_BOTH),$(eval $(call GUEST_RULES,$(name)-32,$(name),\
	$(LODGER_FLAGS32),$(LODGER_OBJECTS32),lodger/lodger32.lds)))
