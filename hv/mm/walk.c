#include "mm/entry.h"

bool mm_walk(struct mm_locked m, struct frame *root, uint64_t va,
	     struct mm_place *out)
{
	uint64_t *table;
	mfn_t at;

	(void)m;
	if (unlikely(!va_is_guest(va)) || unlikely(!root))
		return false;
	table = frame_ptr(root);
	for (unsigned int level = 4; level > 1; level--) {
		uint64_t e = shared_load64(&table[pte_index(va, level)]);

		if (!(e & PTE_P))
			return false;
		at = mfn(pte_mfn(e).v); /* checked when it was entered */
		table = arch_frame_ptr(at);
	}
	out->table = frame_of(at);
	out->entry = &table[pte_index(va, 1)];
	return true;
}
