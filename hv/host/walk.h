/* SPDX-License-Identifier: MIT */
/* Page walks: between walk.c, tlb.c and fiber.c. */
#ifndef LODGE_HOST_WALK_H
#define LODGE_HOST_WALK_H

#include "host/host.h"
#include "pte.h"

/* Bits of an address that an entry of that level resolves. */
static inline unsigned int walk_shift(unsigned int level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static inline unsigned int walk_index(uint64_t va, unsigned int level)
{
	return va >> walk_shift(level) & 511;
}

/* The first address of the range that an entry of that level translates. */
static inline uint64_t walk_base(uint64_t va, unsigned int level)
{
	return va & ~((1UL << walk_shift(level)) - 1);
}

/* An entry in memory; the walker stops the test when there is no memory. */
uint64_t *host_walk_entry(uint64_t table, unsigned int index);
/*
 * Continues the walk that has arrived at *e (a root, or a cached entry) by
 * one level, for va. False: not present. Sets the accessed bit; when write
 * is asked at level 1, the dirty bit as well.
 */
[[nodiscard]] bool host_walk_step(struct host_tlb_entry *e, uint64_t va,
				  bool write);
/* Where a CPU's walks start. */
struct host_tlb_entry host_walk_root(unsigned int cpu);
/* Sets accessed and dirty bits on a random path that some CPU can reach. */
void host_walk_set_bits(void);

#endif
