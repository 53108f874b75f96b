/* SPDX-License-Identifier: MIT */
/* What the machine's own files ask of the hypervisor's page tables. */
#ifndef LODGE_X86_PAGING_H
#define LODGE_X86_PAGING_H

#include <stddef.h>

#include "types.h"

/* A piece of the machine's memory map, frames [start, end). */
struct memory_range {
	uint64_t start, end;
};

#define MEMORY_RANGES 128

/* RAM, sorted, not overlapping; and what of it is in use at boot. */
struct memory_map {
	struct memory_range ram[MEMORY_RANGES];
	unsigned int n;
	struct memory_range used[MEMORY_RANGES];
	unsigned int n_used;
};

/*
 * Builds the hypervisor's address space (docs/memory-map.md) and loads it.
 * Takes its tables from RAM that is not in use and adds them to map->used.
 * The image lies at physical image_phys.
 */
void paging_init(struct memory_map *map, uint64_t image_phys);
/* Loads it on this CPU; the boot tables are not needed any more. */
void paging_activate(void);
/* From now on tables come from the page allocator. */
void paging_early_done(void);
/* Maps a CPU's area: stack block at physical stack, the rest allocated. */
void paging_map_cpu_area(unsigned int cpu, uint64_t stack_phys);
/* The machine-frame number of the hypervisor's own L4. */
mfn_t paging_hv_root(void);
/* Sets an entry of this CPU's descriptor windows, and flushes its page. */
void paging_window_set(uint64_t va, uint64_t pte);
/* Physical address of something in a small mapping of ours. */
uint64_t paging_virt_phys(uint64_t va);
/* Physical address of something in the image. */
uint64_t paging_image_phys(const void *p);

/* Maps device registers uncached, for ever. NULL: no room or no memory. */
volatile void *paging_map_device(maddr_t phys, size_t bytes);
/*
 * Maps bytes that the firmware left in memory or ROM, to be read. Works
 * before the page allocator does. NULL: cannot be mapped.
 */
const void *paging_map_firmware(maddr_t phys, size_t bytes);

#endif
