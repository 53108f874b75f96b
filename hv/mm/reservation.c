/* SPDX-License-Identifier: MIT */
/*
 * Frames that a domain gives back (balloon down). The owner's reference goes
 * at once, the frame itself when nothing maps it any more. Frames it gets are
 * in frame/alloc.c; the loops over extents in call/memory.c. And the map of
 * its memory that its builder made for it.
 */
#include "mm/mm.h"

/* A reference to a frame that the domain may give back. */
static bool hold(struct domain *d, struct frame *f)
{
	uint64_t refs;

	if (!f || !frame_get(f, d))
		return false;
	refs = atomic64_load(&f->refs);
	/* Shared with the hypervisor: not the guest's to give. */
	if (!(refs & FRAME_SHARED) && (refs & FRAME_OWNED))
		return true;
	frame_put(f);
	return false;
}

int mm_decrease(struct domain *d, guest_mfn_t start, unsigned int order)
{
	uint64_t n = 1UL << order, held = 0;

	while (held < n && hold(d, frame_lookup(guest_mfn(start.v + held))))
		held++;
	for (uint64_t i = 0; i < held; i++) {
		struct frame *f = frame_lookup(guest_mfn(start.v + i));

		/* Another vcpu of it may have been first: so be it. */
		if (held == n)
			(void)!frame_disown(f);
		frame_put(f);
	}
	return held == n ? 0 : -EINVAL;
}

void mm_memory_map_set(struct domain *d, struct memory_range_info *ranges,
		       unsigned int n)
{
	struct mm_locked m = mm_lock(d);
	struct memory_range_info *old = d->mm.ranges;
	size_t bytes = d->mm.nr_ranges * sizeof(*ranges);
	bool refused = n && domain_is_dying(d);

	d->mm.ranges = refused ? NULL : ranges;
	d->mm.nr_ranges = refused ? 0 : n;
	mm_unlock(m);
	frame_free_bytes(old, bytes);
	if (refused)
		frame_free_bytes(ranges, n * sizeof(*ranges));
}
