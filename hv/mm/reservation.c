/* SPDX-License-Identifier: MIT */
/*
 * Frames that a domain gives back (balloon down). The owner's reference goes
 * at once, the frame itself when nothing maps it any more. Frames it gets are
 * in frame/alloc.c; the loops over extents in call/memory.c.
 */
#include "mm/mm.h"

static int release_one(struct domain *d, struct frame *f)
{
	int rc = 0;

	if (!f || !frame_get(f, d))
		return -EINVAL;
	/* Shared with the hypervisor: not the guest's to give. */
	if ((atomic64_load(&f->refs) & FRAME_SHARED) || !frame_disown(f))
		rc = -EINVAL;
	frame_put(f);
	return rc;
}

int mm_decrease(struct domain *d, guest_mfn_t start, unsigned int order)
{
	for (uint64_t i = 0; i < 1UL << order; i++) {
		int rc = release_one(d, frame_lookup(guest_mfn(start.v + i)));

		if (rc)
			return rc;
	}
	return 0;
}
