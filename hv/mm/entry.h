/* SPDX-License-Identifier: MIT */
/* What one entry of a table stands for: inside mm/ only. */
#ifndef LODGE_MM_ENTRY_H
#define LODGE_MM_ENTRY_H

#include "mm/mm.h"
#include "pte.h"

/*
 * Checks an entry for a table of that level (1-4) of domain m.d and takes
 * the references it needs; *pte becomes what is to be stored. The frames of
 * an L1 entry belong to owner. Not present: nothing is taken.
 */
[[nodiscard]] int entry_get(struct mm_locked m, unsigned int level,
			    uint64_t *pte, struct domain *owner);
/* Gives them back. -ERESTART: the table below was interrupted and is partial;
 * this entry's reference is gone all the same. */
[[nodiscard]] int entry_put(struct mm_locked m, unsigned int level,
			    uint64_t pte);

/*
 * Give back a table, or an entry's references, without waiting: what is
 * interrupted becomes the domain's orphan, which mm_settle() goes on with.
 * The domain has none before: one drop for each mm_settle().
 */
void mm_drop_table(struct mm_locked m, struct frame *f);
void mm_drop_entry(struct mm_locked m, unsigned int level, uint64_t pte);
void mm_orphan(struct mm_locked m, struct frame *f);
/*
 * Goes on with the orphan first: every operation's beginning, before it looks
 * at any table, which may lose its last use here. -ERESTART.
 */
[[nodiscard]] int mm_settle(struct mm_locked m);

static inline unsigned int level_of(enum frame_type t)
{
	return (unsigned int)t - FRAME_L1 + 1;
}

static inline enum frame_type table_type(unsigned int level)
{
	return (enum frame_type)(FRAME_L1 + level - 1);
}

static inline bool is_table(enum frame_type t)
{
	return t >= FRAME_L1 && t <= FRAME_L4;
}

#endif
