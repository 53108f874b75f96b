# SPDX-License-Identifier: MIT
# The guest kit and its guests: tests/guest/<name>/*.c -> build/guest/<name>.elf.
# Adding a folder adds a guest. The top Makefile includes this file; it also
# works alone, from the top of the tree: make -f lodger/lodger.mk

.DEFAULT_GOAL ?= guests

LODGER_CC ?= $(CC)
LODGER_OUT := build/lodger
GUEST_OUT := build/guest

# The kit is C90 and builds clean under old and strict flags.
LODGER_FLAGS := -ansi -Wall -Wextra -Werror -Wcast-qual -Wredundant-decls \
	-Wnested-externs -Wstrict-prototypes -Wpointer-arith -Winline \
	-O2 -m64 -mcmodel=kernel -mno-red-zone -mno-sse -mno-mmx -mno-80387 \
	-ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fcf-protection=none -Ilodger/include \
	-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__

LODGER_SOURCES := $(filter-out lodger/name.c,$(wildcard lodger/*.c)) \
	$(wildcard lodger/*.S)
LODGER_OBJECTS := $(patsubst lodger/%,$(LODGER_OUT)/%.o,$(LODGER_SOURCES))
LODGER_HEADERS := $(wildcard lodger/include/*.h)

GUEST_NAMES := $(patsubst tests/guest/%/main.c,%,\
	$(wildcard tests/guest/*/main.c))
GUESTS := $(GUEST_NAMES:%=$(GUEST_OUT)/%.elf)

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

define GUEST_RULES
$(GUEST_OUT)/$(1).elf: $(wildcard tests/guest/$(1)/*.c) lodger/name.c \
		$(LODGER_OBJECTS) lodger/lodger.lds $(LODGER_HEADERS)
	@mkdir -p $$(@D)
	@echo "  GUEST $(1)"
	@$(LODGER_CC) $(LODGER_FLAGS) -DTEST_NAME='"$(1)"' -nostdlib -static \
		-no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments -Wl,-T,lodger/lodger.lds \
		-o $$@ $$(filter %.c %.o,$$^)
endef
$(foreach name,$(GUEST_NAMES),$(eval $(call GUEST_RULES,$(name))))
