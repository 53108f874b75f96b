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

/* Of the entry that takes the frame from that domain; which place. */
static bool entry_commit(struct grant_locked l, uint32_t ref, uint16_t by)
{
	const struct domain_grant *g = &l.d->grant;
	uint32_t want = GTF_accept_transfer | (uint32_t)by << 16;

	if (ref >= grant_entries(g) || grant_active(g, ref)->users)
		return false;
	return shared_cmpxchg32(grant_header(g, ref), &want,
				want | GTF_transfer_committed);
}

static void entry_complete(struct grant_locked l, uint32_t ref, struct frame *f)
{
	const struct domain_grant *g = &l.d->grant;
	uint32_t *header = grant_header(g, ref);
	uint64_t m = frame_mfn(f).v, place;

	if (g->version == 1) {
		uint32_t *frame = &((struct grant_entry_v1 *)header)->frame;

		place = shared_load32(frame);
		shared_store32(frame, (uint32_t)m);
	} else {
		uint64_t *frame =
			&((union grant_entry_v2 *)header)->full_page.frame;

		place = shared_load64(frame);
		shared_store64(frame, m);
	}
	frame_hand_to(l.d, f, place);
	shared_or32(header, GTF_transfer_completed);
}

/* The frame is nobody's. */
static int receive(struct domain *d, uint32_t ref, uint16_t by, struct frame *f)
{
	struct grant_locked l;
	bool ok;

	if (!frame_charge(d, 1))
		return GNTST_general_error;
	l = grant_lock(d);
	ok = entry_commit(l, ref, by);
	if (ok)
		entry_complete(l, ref, f);
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

static void words_swap(uint64_t *a, uint64_t *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t word = shared_load64(&a[i]);

		shared_store64(&a[i], shared_load64(&b[i]));
		shared_store64(&b[i], word);
	}
}

int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
	const struct domain_grant *g = &d->grant;
	struct grant_locked l = grant_lock(d);
	uint32_t n = grant_entries(g);
	int rc = GNTST_okay;

	if (a >= n || b >= n)
		rc = GNTST_bad_gntref;
	else if (grant_active(g, a)->users || grant_active(g, b)->users)
		rc = GNTST_eagain;
	else if (a != b)
		words_swap((uint64_t *)grant_header(g, a),
			   (uint64_t *)grant_header(g, b), g->version);
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
	const struct domain_grant *g = &d->grant;
	uint32_t n = g->active ? grant_entries(g) : 0;

	for (uint32_t ref = 0; ref < n; ref++) {
		const struct grant_active *a = grant_active(g, ref);

		if (a->writers && a->mfn)
			dirty_note(d, frame_of(mfn(a->mfn)));
	}
	grant_unlock(l);
}

/* So many lines of one call: the rest can be had when these are over. */
#define DUMP_MAX 64

void grant_dump(struct domain *d)
{
	struct grant_locked l = grant_lock(d);
	const struct domain_grant *g = &d->grant;
	uint32_t lines = 0;

	log_info("domain %u: grants of version %u, %u of %u frames, %u uses",
		 d->id, g->version, g->nr_frames, g->max.frames, g->active);
	for (uint32_t ref = 0; ref < grant_entries(g) && lines < DUMP_MAX;
	     ref++) {
		const struct grant_active *a = grant_active(g, ref);

		if (!a->users)
			continue;
		log_info("  entry %u: frame %#x, %u uses of domain %u, %u "
			 "to write",
			 ref, a->mfn, a->users, a->domain, a->writers);
		lines++;
	}
	grant_unlock(l);
}
