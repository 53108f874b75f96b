/* SPDX-License-Identifier: MIT */
/*
 * Entries that refer to frames which another domain has lent: grant/ asks for
 * them, and knows whose the frame is and for how long; here it is an entry
 * like any other, with references of its own. What a lent frame's entry has
 * it keeps until it is cleared, by whatever way: so a guest that removes one
 * itself has only made the loan impossible to end by that place.
 *
 * A loan ends by the place of its entry, which the borrower names. It must
 * map the very frame, writable if and only if the loan is: else a loan for
 * writing could be ended by the place of one for reading, and its own entry
 * would stay.
 */
#include "mm/entry.h"

/* The L1 entry at a machine address, or that maps a virtual one. */
static bool place_find(struct mm_locked m, struct vcpu *v, struct mm_at at,
		       struct mm_place *out)
{
	struct frame *f;
	bool l1;

	if (!at.machine)
		return mm_walk(m, root_guest(v), at.addr, out);
	f = frame_lookup(guest_mfn(at.addr >> PAGE_SHIFT));
	if ((at.addr & 7) || !f || !frame_get(f, m.d))
		return false;
	/* One in use stays so, and a frame of its own, while we have the lock.
	 */
	l1 = frame_has_type(f, FRAME_L1);
	frame_put(f);
	*out = (struct mm_place){ f, (uint64_t *)frame_ptr(f) +
					     (at.addr & ~PAGE_MASK) / 8 };
	return l1;
}

int mm_foreign_set(struct vcpu *v, struct mm_at at, uint64_t value,
		   struct domain *owner)
{
	struct mm_locked m = mm_lock(v->domain);
	struct mm_place place;
	int rc = mm_settle(m);

	if (!rc && !place_find(m, v, at, &place))
		rc = -EINVAL;
	if (!rc)
		rc = data_replace(m, place.table, place.entry, value,
				  frame_usual(owner->id), owner, false, NULL);
	mm_unlock(m);
	return rc;
}

/* Both places are sure; nothing here fails. */
static void entry_clear(struct mm_locked m, const struct mm_place *place,
			const struct mm_place *from)
{
	uint64_t old = shared_load64(place->entry), new = 0;
	bool stored;

	if (from) {
		new = shared_load64(from->entry);
		stored = entry_store(m, from->table, from->entry, &new, 0,
				     false, false);
		BUG_ON(!stored);
	}
	stored = entry_store(m, place->table, place->entry, &old, new, false,
			     false);
	BUG_ON(!stored);
	data_put(old);
}

int mm_foreign_clear(struct vcpu *v, struct mm_at at, const struct frame *f,
		     bool writable, uint64_t instead)
{
	const uint64_t mask = PTE_ADDR | PTE_P | PTE_RW;
	uint64_t want =
		frame_mfn(f).v << PAGE_SHIFT | PTE_P | (writable ? PTE_RW : 0);
	struct mm_locked m = mm_lock(v->domain);
	struct mm_place place, from;
	int rc = mm_settle(m);

	if (!rc && (!place_find(m, v, at, &place) ||
		    (shared_load64(place.entry) & mask) != want))
		rc = -EINVAL;
	if (!rc && instead &&
	    (!mm_walk(m, root_guest(v), instead, &from) ||
	     from.entry == place.entry))
		rc = -EINVAL;
	if (!rc)
		entry_clear(m, &place, instead ? &from : NULL);
	mm_unlock(m);
	return rc;
}
