/* SPDX-License-Identifier: MIT */
/*
 * From a guest's address to its L1 entry, through the tables under a root.
 * They are reached by frame number, as the processor reaches them, never
 * through mappings of their own. Every table under a validated root is
 * validated, and stays so while the mm lock is held.
 */
#include "mm/entry.h"

static struct frame *below(const struct frame *table, unsigned int idx)
{
	const uint64_t *entries = frame_ptr(table);
	uint64_t e = shared_load64(&entries[idx]);

	return e & PTE_P ? frame_lookup(pte_mfn(e)) : NULL;
}

bool mm_walk(struct mm_locked m, struct frame *root, uint64_t va,
	     struct mm_place *out)
{
	struct frame *f = root;

	(void)m;
	if (!va_is_guest(va))
		return false;
	for (unsigned int level = 4; f && level > 1; level--)
		f = below(f, pte_index(va, level));
	if (!f)
		return false;
	out->table = f;
	out->idx = pte_index(va, 1);
	return true;
}
