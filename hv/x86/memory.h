/* SPDX-License-Identifier: MIT */
/* From the machine's memory map to the page allocator. */
#ifndef LODGE_X86_MEMORY_H
#define LODGE_X86_MEMORY_H

#include "x86/multiboot.h"

/* Notes in boot->memory what the allocator must not be given; sets
 * frame_limit. */
void memory_in_use(struct boot_info *boot, uint64_t image_phys);
/* To the log: how much there is. */
void memory_report(const struct boot_info *boot);
/* Gives the allocator everything that is not in use. */
void memory_give(const struct memory_map *m);
/* And then the modules that nobody needs any more; a frame that a loader had
 * two modules share is lost. */
void memory_give_modules(const struct boot_info *boot);

#endif
