/* SPDX-License-Identifier: MIT */
/* What one entry of a table stands for: inside mm/ only. */
#ifndef LODGE_MM_ENTRY_H
#define LODGE_MM_ENTRY_H

#include "mm/mm.h"
#include "pte.h"

/*
 * Checks an entry for place idx of a table of type t of domain m.d and takes
 * the references it needs; *pte becomes what is to be stored. The frames of
 * an L1 entry belong to owner. Not present: nothing is taken.
 */
[[nodiscard]] int entry_get(struct mm_locked m, enum frame_type t,
			    unsigned int idx, uint64_t *pte,
			    struct domain *owner);
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
/* Takes f's pin away, as mm_drop_table(). False: it has none. */
[[nodiscard]] bool mm_drop_pin(struct mm_locked m, struct frame *f);
/*
 * Goes on with the orphan first: every operation's beginning, before it looks
 * at any table, which may lose its last use here. -ERESTART.
 */
[[nodiscard]] int mm_settle_orphan(struct mm_locked m);
[[nodiscard]] static inline int mm_settle(struct mm_locked m)
{
	return unlikely(m.d->mm.orphan) ? mm_settle_orphan(m) : 0;
}

/* What the domain's entries of a level may be (entry.c). */
struct pte_rule entry_rule(const struct domain *d, unsigned int level);
/* Whether a non-present entry that is not empty may be: 0 or -EINVAL. */
[[nodiscard]] int entry_absent_check(unsigned int level, uint64_t pte);

/* data_get() of what is not owner's memory: a device's, of a domain that may
 * use it. What is to be stored; 0: refused. */
[[nodiscard]] uint64_t device_get(struct domain *d, const struct domain *owner,
				  uint64_t pte);

/*
 * entry_get() of an L1's of d, whose frame owner owns; rule and usual
 * (frame_usual()) are the same for a whole batch.
 */
[[nodiscard]] static inline __attribute__((always_inline)) int
data_get(const struct pte_rule *rule, uint64_t usual, struct domain *d,
	 const struct domain *owner, uint64_t *pte)
{
	uint64_t e = *pte;
	struct frame *f;

	if (!(e & PTE_P))
		return unlikely(e & (PTE_ADDR | PTE_PSE))
			       ? entry_absent_check(1, e)
			       : 0;
	if (unlikely(e & rule->forbidden))
		return -EINVAL;
	f = frame_lookup(pte_mfn(e));
	if (unlikely(!f) ||
	    unlikely(!frame_get_data(f, usual, owner, e & PTE_RW)))
		return (*pte = device_get(d, owner, e)) ? 0 : -EINVAL;
	*pte = (e & ~rule->clear) | rule->set;
	return 0;
}

/* And entry_put(): what stands in a validated L1 was checked. */
static inline __attribute__((always_inline)) void data_put(uint64_t pte)
{
	if (pte & PTE_P)
		frame_put_data(frame_of(mfn(pte_mfn(pte).v)), pte & PTE_RW);
}

/* Stores pte over *old, which becomes what was there, hardware's accessed and
 * dirty bits with it. exact: only over *old; false when it is not there. */
[[nodiscard]] static inline bool
entry_store(struct mm_locked m, struct frame *table, uint64_t *entry,
	    uint64_t *old, uint64_t pte, bool keep_ad, bool exact)
{
	uint64_t seen = *old, ad = keep_ad ? PTE_A | PTE_D : 0;

	while (!pt_store(m, table, entry, &seen, (pte & ~ad) | (seen & ad))) {
		if (exact)
			return false;
		*old = seen;
	}
	return true;
}

/* entry_replace() where both entries map the same frame. */
[[nodiscard]] int entry_change_rights(struct mm_locked m, struct frame *table,
				      uint64_t *entry, uint64_t old,
				      uint64_t value,
				      const struct domain *owner, bool keep_ad,
				      bool exact);

/*
 * mm_entry_update() for an L1, which table is known to be: flat, because
 * mapping and unmapping consist of it.
 */
[[nodiscard]] static inline __attribute__((always_inline)) int
data_replace(struct mm_locked m, struct frame *table, uint64_t *entry,
	     uint64_t value, uint64_t usual, const struct domain *owner,
	     bool keep_ad, const uint64_t *expected)
{
	uint64_t old = shared_load64(entry);
	int rc;

	if (expected && old != *expected)
		return -EAGAIN;
	if (!((old ^ value) & PTE_ADDR) && (old & value & PTE_P))
		return entry_change_rights(m, table, entry, old, value, owner,
					   keep_ad, expected != NULL);
	rc = data_get(&m.d->mm.rule[0], usual, m.d, owner, &value);
	if (unlikely(rc))
		return rc;
	if (!entry_store(m, table, entry, &old, value,
			 keep_ad && (value & PTE_P), expected != NULL)) {
		data_put(value);
		return -EAGAIN;
	}
	/* The last translation's reference goes after the entry has gone. */
	data_put(old);
	return 0;
}

/*
 * Companions of a root (companion.c), nothing where the domain's are not
 * separated. begin: its validation ends; -ENOMEM. end: its validated life
 * does. store: an entry of a root that has them changed.
 */
[[nodiscard]] int companion_begin(struct mm_locked m, struct frame *root);
void companion_end(struct mm_locked m, struct frame *root);
/* What is kept for the next root goes; the domain's end. */
void companion_spare_free(struct domain *d);
void companion_store(struct frame *root, const uint64_t *entry, uint64_t value);

/*
 * Where the m2p is to be seen: strictly, in every root but those set for user
 * mode; else in no root but those set for a kernel (VMASST_TYPE_m2p_strict).
 */
static inline bool m2p_is_strict(const struct domain *d)
{
	return d->mm.vm_assist >> VMASST_TYPE_m2p_strict & 1;
}
/* Shows it in a root and its companions, or does not. */
void root_m2p_show(struct mm_locked m, struct frame *root, bool shown);

static inline unsigned int level_of(enum frame_type t)
{
	return (unsigned int)(t & ~FRAME_32) - FRAME_L1 + 1;
}

/* Entries of a 32-bit guest's root: one for each GiB. */
#define L3_ROOT_ENTRIES 4

/* The type of the table that entry idx of a table of type t refers to. */
static inline enum frame_type type_below(enum frame_type t, unsigned int idx)
{
	if (unlikely(t == FRAME_L3_ROOT) && idx == L3_ROOT_ENTRIES - 1)
		return FRAME_L2_HV;
	return (enum frame_type)((t & ~FRAME_32) - 1);
}

static inline bool is_table(enum frame_type t)
{
	return level_of(t) - 1 < 4;
}

bool table_special_slot(enum frame_type t, unsigned int idx);
/* A slot of ours, not of the guest's, in a table of that type. */
static inline bool table_slot_is_ours(enum frame_type t, unsigned int idx)
{
	return t >= FRAME_L4 && table_special_slot(t, idx);
}
/* Gives our slots their contents, as the table is validated, and takes them
 * away again. */
void table_fill_ours(enum frame_type t, uint64_t *table);
void table_empty_ours(enum frame_type t, uint64_t *table);

#endif
