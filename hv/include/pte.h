/* SPDX-License-Identifier: MIT */
/* Bits of a 64-bit page-table entry, which are interface for PV guests. */
#ifndef LODGE_PTE_H
#define LODGE_PTE_H

#include "arch.h"

#define PTE_P	(1UL << 0)
#define PTE_RW	(1UL << 1)
#define PTE_US	(1UL << 2)
#define PTE_PWT (1UL << 3)
#define PTE_PCD (1UL << 4)
#define PTE_A	(1UL << 5)
#define PTE_D	(1UL << 6)
#define PTE_PSE (1UL << 7) /* in an L2 or L3 */
#define PTE_PAT (1UL << 7) /* in an L1 */
#define PTE_G	(1UL << 8)
#define PTE_NX	(1UL << 63)

#define PTE_CACHE (PTE_PWT | PTE_PCD | PTE_PAT)
#define PTE_ADDR  0x000ffffffffff000UL

#define TABLE_ENTRIES 512

static inline guest_mfn_t pte_mfn(uint64_t pte)
{
	return guest_mfn((pte & PTE_ADDR) >> PAGE_SHIFT);
}

static inline unsigned int pte_index(uint64_t va, unsigned int level)
{
	return (unsigned int)(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

/* Canonical, and not in the hypervisor's range, of a 64-bit guest. */
static inline bool va_is_guest(uint64_t va)
{
	return va < 0x0000800000000000UL || va >= ABI_HV_END;
}

#endif
