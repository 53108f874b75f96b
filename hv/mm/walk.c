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

	(void)m;
	if (unlikely(!va_is_guest(va)) || unlikely(!root))
		return false;
	table = frame_ptr(root);
	if (!below(&table, va, 4) || !below(&table, va, 3) ||
	    !below(&table, va, 2))
		return false;
	out->table = frame_of(arch_frame_of_ptr(table));
	out->entry = table + pte_index(va, 1);
	return true;
}
