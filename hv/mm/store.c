/* SPDX-License-Identifier: MIT */
/*
 * The one function that writes an entry of a validated page table. Log-dirty,
 * shadow tables hook here and nowhere else; companions of an L4 follow right
 * after (table_replace()).
 */
#include "mm/entry.h"
#include "mm/shadow.h"

/*
 * Replaces *old by new_value in one step, so that an accessed or dirty bit
 * that the processor sets meanwhile is not lost: false, and *old what was
 * found, when it did.
 */
bool pt_store(struct mm_locked m, struct frame *table, uint64_t *entry,
	      uint64_t *old, uint64_t new_value)
{
	if (unlikely(!shared_cmpxchg64(entry, old, new_value)))
		return false;
	if (unlikely(m.d->mm.shadowed))
		shadow_entry_changed(m, table,
				     (unsigned int)((uint64_t)entry / 8) &
					     (TABLE_ENTRIES - 1));
	return true;
}
