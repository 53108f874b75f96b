/* SPDX-License-Identifier: MIT */
/*
 * One page-table entry: the laws of DESIGN.md section 3 in code. entry_get()
 * is the only place that decides whether an entry may exist, for every way
 * in which a guest can make one: validation of a whole table, mmu_update,
 * update_va_mapping, an emulated write.
 *
 * What a hostile guest tries, and what stops it:
 *   - a superpage (its frames would be unchecked): PSE is refused above L1;
 *   - address bits beyond the processor's: refused, they fault as reserved;
 *   - a writable entry for a table, a descriptor page, a frame of ours or of
 *     another domain: needs a use as WRITABLE, or a reference, that is not
 *     to be had;
 *   - a table entry that refers to a table of another level, or of another
 *     domain: needs a use as that level, of the domain's own frames;
 *   - a table that refers to itself (linear tables): while it is being
 *     validated it has a use of its own level only, and a use as the level
 *     below is refused: so there are no cycles (docs/abi.md: policy);
 *   - cacheability that conflicts with ours: an unprivileged guest's memory
 *     is write-back, whatever it asks for (the bits are cleared);
 *   - the global bit, which would keep its translations past our flushes:
 *     cleared. The user bit is set at every level: the guest's kernel runs
 *     in ring 3 too. A guest reads back what we changed.
 *   - a non-present entry that names memory on a processor that follows it
 *     speculatively (L1TF): refused there.
 */
#include "mm/entry.h"

/* Bits that no guest's entry may have, beside reserved address bits. */
static uint64_t forbidden(unsigned int level)
{
	return level > 1 ? arch_pte_reserved | PTE_PSE : arch_pte_reserved;
}

/* The narrowest addresses of caches there: bits above may be ignored. */
#define LEAKING_FRAMES (~0UL >> (64 - (44 - PAGE_SHIFT)))

static int nonpresent_check(unsigned int level, uint64_t pte)
{
	uint64_t m = pte_mfn(pte).v & LEAKING_FRAMES;

	if (likely(!(pte & (PTE_ADDR | PTE_PSE))) || !arch_leaks_nonpresent())
		return 0;
	/* As a superpage it would name all memory around its frame. */
	if (level > 1 && (pte & PTE_PSE))
		return -EINVAL;
	return m != 0 && m < frame_limit ? -EINVAL : 0;
}

static int data_get(uint64_t *pte, struct domain *owner)
{
	struct frame *f = frame_lookup(pte_mfn(*pte));
	int rc;

	if (!f || !frame_get(f, owner))
		return -EINVAL;
	if (*pte & PTE_RW) {
		rc = frame_get_type(f, FRAME_WRITABLE);
		if (rc) {
			frame_put(f);
			return -EINVAL;
		}
	}
	*pte = (*pte | PTE_US) & ~(PTE_G | PTE_CACHE);
	return 0;
}

static int subtable_get(struct mm_locked m, unsigned int level, uint64_t *pte)
{
	struct frame *f = frame_lookup(pte_mfn(*pte));
	int rc = f ? mm_get_table(m, f, table_type(level - 1)) : -EINVAL;

	if (!rc)
		*pte = (*pte | PTE_US) & ~(PTE_G | PTE_PWT | PTE_PCD);
	return rc;
}

int entry_get(struct mm_locked m, unsigned int level, uint64_t *pte,
	      struct domain *owner)
{
	if (!(*pte & PTE_P))
		return nonpresent_check(level, *pte);
	if (*pte & forbidden(level))
		return -EINVAL;
	return level == 1 ? data_get(pte, owner) : subtable_get(m, level, pte);
}

int entry_put(struct mm_locked m, unsigned int level, uint64_t pte)
{
	struct frame *f;

	if (!(pte & PTE_P))
		return 0;
	f = frame_lookup(pte_mfn(pte));
	if (level > 1)
		return mm_put_table(m, f);
	if (pte & PTE_RW)
		frame_put_writable(f);
	else
		frame_put(f);
	return 0;
}

/*
 * True when going from one present L1 entry to another needs no reference:
 * same frame, same right to write, nothing forbidden.
 */
static bool only_flags_change(unsigned int level, uint64_t old, uint64_t new)
{
	return (old & new &PTE_P) && !(new &forbidden(level)) &&
	       !((old ^ new) & (PTE_ADDR | PTE_RW)) && level == 1;
}

/* Stores new over old, hardware's A and D bits permitting. */
static bool store(struct frame *f, unsigned int idx, uint64_t *old,
		  uint64_t pte, bool keep_ad, bool exact)
{
	uint64_t seen = *old, ad = PTE_A | PTE_D;

	for (;;) {
		uint64_t value = keep_ad ? (pte & ~ad) | (seen & ad) : pte;

		*old = seen;
		if (pt_store(f, idx, &seen, value))
			return true;
		if (exact)
			return false;
	}
}

int mm_entry_update(struct mm_locked m, struct frame *f, unsigned int idx,
		    uint64_t value, struct domain *foreign, bool keep_ad,
		    const uint64_t *expected)
{
	unsigned int level = level_of(frame_type_of(f));
	uint64_t *table = frame_ptr(f);
	uint64_t old = shared_load64(&table[idx]);
	bool flags_only;
	int rc = 0;

	if (pte_slot_is_ours(level, idx))
		return -EPERM;
	if (expected && old != *expected)
		return -EAGAIN;
	flags_only = only_flags_change(level, old, value);
	if (flags_only)
		value = (value | PTE_US) & ~(PTE_G | PTE_CACHE);
	else
		rc = entry_get(m, level, &value, foreign);
	if (rc)
		return rc;
	if (!store(f, idx, &old, value, keep_ad && (value & PTE_P),
		   expected != NULL)) {
		if (!flags_only)
			mm_drop_entry(m, level, value);
		return -EAGAIN;
	}
	if (!flags_only)
		mm_drop_entry(m, level, old);
	return 0;
}

/* Gives an entry's references back; what is interrupted is settled later. */
void mm_drop_entry(struct mm_locked m, unsigned int level, uint64_t pte)
{
	if (entry_put(m, level, pte) == -ERESTART)
		mm_orphan(m, frame_lookup(pte_mfn(pte)));
}
