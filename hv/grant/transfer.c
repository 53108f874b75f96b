/* SPDX-License-Identifier: MIT */
/*
 * Frames for good, and what is done to entries themselves.
 *
 * A transfer: the receiver has said in an entry from whom he takes a frame,
 * and at which place of his memory it will stand. The giver's frame must be
 * free of everything else. The interface wants it gone even if nobody gets
 * it, so first it is taken from the giver; then the receiver's limit is
 * charged, his entry committed by exchanging its flags, and the rest cannot
 * fail: a receiver who begins to die meanwhile gets nothing, and the frame is
 * free.
 *
 * Swapping two entries is for a guest that sorts its table: neither may be in
 * use, by what we know.
 */
#include "grant/entry.h"
#include "log/log.h"

/* The frame, nobody's, becomes the domain's that was charged for it. */
static bool entry_commit(struct grant_locked l, uint32_t ref, uint16_t by,
			 struct frame *f)
{
	uint32_t want = GTF_accept_transfer | (uint32_t)by << 16;
	uint64_t place;
	struct grant_entry e;

	if (!grant_entry_find(&l.d->grant, ref, &e) || e.active->users ||
	    !shared_cmpxchg32(e.header, &want, want | GTF_transfer_committed))
		return false;
	place = grant_entry_frame(&e);
	grant_entry_frame_set(&e, frame_mfn(f).v);
	frame_hand_to(l.d, f, place);
	shared_or32(e.header, GTF_transfer_completed);
	return true;
}

static int receive(struct domain *d, uint32_t ref, uint16_t by, struct frame *f)
{
	struct grant_locked l;
	bool ok;

	if (!frame_charge(d, 1))
		return GNTST_general_error;
	l = grant_lock(d);
	ok = entry_commit(l, ref, by, f);
	grant_unlock(l);
	if (!ok)
		frame_uncharge(d, 1);
	return ok ? GNTST_okay : GNTST_general_error;
}

int grant_transfer(struct vcpu *v, const struct gnttab_transfer *op)
{
	struct frame *f = frame_lookup(guest_mfn(op->mfn));
	struct domain *to = domain_find(op->domid);
	int rc = GNTST_bad_domain;

	if (!frame_take_from(v->domain, f))
		return GNTST_bad_page;
	if (to && !domain_is_dying(to))
		rc = receive(to, op->ref, v->domain->id, f);
	if (rc)
		frame_drop_taken(f);
	return rc;
}

/* ---- entries ---- */

int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
	struct grant_locked l = grant_lock(d);
	struct grant_entry x, y;
	int rc = GNTST_okay;

	if (!grant_entry_find(&d->grant, a, &x) ||
	    !grant_entry_find(&d->grant, b, &y))
		rc = GNTST_bad_gntref;
	else if (x.active->users || y.active->users)
		rc = GNTST_eagain;
	/* Entries of version 2 have two words. */
	for (uint32_t i = 0; !rc && i < d->grant.version; i++) {
		uint64_t *p = (uint64_t *)x.header + i;
		uint64_t *q = (uint64_t *)y.header + i;

		shared_store64(q, shared_xchg64(p, shared_load64(q)));
	}
	grant_unlock(l);
	return rc;
}

/*
 * Who has a page mapped may write it at any time, and no fault tells of it:
 * as long as the loan lasts, the page counts as written whenever the log is
 * read; and once more when it ends (entry.c).
 */
void grant_note_dirty(struct domain *d)
{
	struct grant_locked l = grant_lock(d);
	struct grant_entry e;

	for (uint32_t ref = 0;
	     d->grant.active && grant_entry_find(&d->grant, ref, &e); ref++)
		if (e.active->writers && e.active->mfn)
			dirty_note(d, frame_of(mfn(e.active->mfn)));
	grant_unlock(l);
}

/* So many lines of one call: the rest can be had when these are over. */
#define DUMP_MAX 64

void grant_dump(struct domain *d)
{
	struct grant_locked l = grant_lock(d);
	const struct domain_grant *g = &d->grant;
	struct grant_entry e;
	uint32_t lines = 0;

	log_info("domain %u: grants of version %u, %u of %u frames, %u uses",
		 d->id, g->version, g->nr_frames, g->max.frames, g->active);
	for (uint32_t ref = 0; lines < DUMP_MAX && grant_entry_find(g, ref, &e);
	     ref++)
		if (e.active->users && ++lines)
			log_info("  entry %u: frame %#x, %u uses of domain %u, "
				 "%u to write",
				 ref, e.active->mfn, e.active->users,
				 e.active->domain, e.active->writers);
	grant_unlock(l);
}
