/* SPDX-License-Identifier: MIT */
/* What the boot loader told, in one form for Multiboot 1 and 2. */
#ifndef LODGE_X86_MULTIBOOT_H
#define LODGE_X86_MULTIBOOT_H

#include "types.h"
#include "x86/paging.h"

#define MULTIBOOT_MODULES 64

struct boot_info {
	const char *cmdline;
	unsigned int nmodules;
	struct {
		uint64_t start, end; /* physical */
		const char *string;
	} modules[MULTIBOOT_MODULES];
	struct memory_map memory; /* RAM only, sorted; nothing used */
	const uint8_t *rsdp;	  /* a copy, if the loader gave one */
	size_t rsdp_bytes;
	bool efi;	/* booted by UEFI firmware: no VGA text */
	bool truncated; /* something did not fit, and was left out */
};

/*
 * Reads what the loader left at physical address info. Everything is copied:
 * the loader's memory may be reused after. -EINVAL: unknown magic.
 */
[[nodiscard]] int multiboot_read(uint32_t magic, uint32_t info,
				 struct boot_info *out);

#endif
