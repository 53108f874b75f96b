/* SPDX-License-Identifier: MIT */
/*
 * From a guest's address to its L1 entry, through the tables under a root.
 * They are reached by frame number, as the processor reaches them, never
 * through mappings of their own. Every table under a validated root is
 * validated, and stays so while the mm lock is held.
 */
#include "mm/entry.h"

/* From a table to the one that its entry for va refers to, if it is present. */
static inline bool below(uint64_t **table, uint64_t va, unsigned int level)
{
	uint64_t e = shared_load64(*table + pte_index(va, level));

	if (unlikely(!(e & PTE_P)))
		return false;
	/* Its frame was looked up when it was entered. */
	*table = arch_frame_ptr(mfn(pte_mfn(e).v));
	return true;
}

bool mm_walk(struct mm_locked m, struct frame *root, uint64_t va,
	     struct mm_place *out)
{
	uint64_t *table;

	if (unlikely(!mm_va_is_guest(m.d, va)) || unlikely(!root))
		return false;
	table = frame_ptr(root);
	if (likely(m.d->width == WIDTH_64) && !below(&table, va, 4))
		return false;
	if (!below(&table, va, 3) || !below(&table, va, 2))
		return false;
	out->table = frame_of(arch_frame_of_ptr(table));
	out->entry = table + pte_index(va, 1);
	return true;
}
