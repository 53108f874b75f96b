/* SPDX-License-Identifier: MIT */
/*
 * Frames for others: a domain gives some and gets as many, elsewhere in the
 * machine (contiguous, or below an address: for devices). Its limit does not
 * matter, since it never has more than before; so the new frames are not
 * charged, and what it gives must be free for good at once: a frame that
 * anything still refers to cannot be given.
 *
 *	want	a block of the allocator's, scrubbed, nobody's
 *	give	from (OWNED, count 2: the owner's and ours) to 0 in one step,
 *		and off the owner's list: nobody can count it any more
 *	commit	the new ones onto the list, the old ones to the allocator
 *	undo	the other way round
 *
 * A transfer is the one half with one domain and the other half with another.
 * The frame keeps what is in it: that is what it is for.
 *
 * Where a new extent will stand is kept in its m2p entry, which is nobody's.
 *
 * What a hostile guest tries: the same frame twice (its count is 0 then); to
 * map it meanwhile on another CPU (either our step fails, or its); to die in
 * the middle: nothing is put on the list of a dying domain, whose frames may
 * have been taken apart by now.
 */
#include "domain/domain.h"
#include "frame/alloc.h"

void frame_exchange_begin(struct frame_exchange *x, struct domain *d,
			  unsigned int order)
{
	x->d = d;
	x->order = order;
	x->fresh = x->fresh_last = x->given = FRAME_NIL;
}

/* For whom the allocator has them. A privileged one's are for devices: of
 * what is kept below 4 GiB it gets any, others only what must be there. */
static struct domain *taker(const struct frame_exchange *x)
{
	return x->d->privileged ? NULL : x->d;
}

int frame_exchange_want(struct frame_exchange *x, uint64_t limit, uint64_t pfn)
{
	struct frame *f = frame_block_alloc(x->order, limit, taker(x));
	uint32_t m;
	int rc;

	if (!f)
		return -ENOMEM;
	rc = frame_block_scrub(f, x->order, true);
	if (rc) {
		frame_block_free(f, x->order, taker(x));
		return rc;
	}
	m = (uint32_t)frame_mfn(f).v;
	arch_m2p[m] = pfn;
	f->next = FRAME_NIL;
	if (x->fresh == FRAME_NIL)
		x->fresh = m;
	else
		frame_of(mfn(x->fresh_last))->next = m;
	x->fresh_last = m;
	return 0;
}

bool frame_exchange_give(struct frame_exchange *x, struct frame *f)
{
	uint64_t alone =
		(uint64_t)x->d->id << FRAME_OWNER_SHIFT | FRAME_OWNED | 2;

	if (!f || !frame_get(f, x->d))
		return false;
	if (!atomic64_cmpxchg(&f->refs, &alone, 0)) {
		frame_put(f);
		return false;
	}
	spin_lock(&x->d->frames.lock);
	frame_list_unlink(&x->d->frames.first, f);
	spin_unlock(&x->d->frames.lock);
	f->next = x->given;
	x->given = (uint32_t)frame_mfn(f).v;
	return true;
}

static void given_free(struct frame_exchange *x)
{
	while (x->given != FRAME_NIL) {
		struct frame *f = frame_of(mfn(x->given));

		x->given = f->next;
		flush_stamp(f);
		frame_m2p_set(f, M2P_INVALID);
		frame_block_free(f, 0, NULL);
	}
}

static uint64_t fresh_free(struct frame_exchange *x)
{
	uint64_t n = 0;

	while (x->fresh != FRAME_NIL) {
		struct frame *f = frame_of(mfn(x->fresh));

		x->fresh = f->next;
		for (uint64_t i = 0; i < 1UL << x->order; i++)
			frame_m2p_set(f + i, M2P_INVALID);
		frame_block_free(f, x->order, taker(x));
		n += 1UL << x->order;
	}
	return n;
}

void frame_exchange_undo(struct frame_exchange *x)
{
	struct domain *d = x->d;
	uint32_t m;

	spin_lock(&d->frames.lock);
	while (x->given != FRAME_NIL && !domain_is_dying(d)) {
		struct frame *f = frame_of(mfn(x->given));

		x->given = f->next;
		frame_list_push(&d->frames.first, f);
		frame_hand_over(f, d->id, FRAME_OWNED);
	}
	for (m = x->given; m != FRAME_NIL; m = frame_of(mfn(m))->next)
		d->frames.tot_pages--;
	spin_unlock(&d->frames.lock);
	given_free(x);
	(void)fresh_free(x);
}

/* One extent to its new owner. False: he is dying. */
static bool fresh_give(struct frame_exchange *x)
{
	struct domain *d = x->d;
	struct frame *f = frame_of(mfn(x->fresh));
	uint64_t pfn = arch_m2p[x->fresh];
	uint32_t next = f->next;
	bool ok;

	for (uint64_t i = 0; i < 1UL << x->order; i++) {
		frame_begin(f + i, 0);
		frame_m2p_set(f + i, pfn + i);
	}
	spin_lock(&d->frames.lock);
	ok = !domain_is_dying(d);
	for (uint64_t i = 0; ok && i < 1UL << x->order; i++) {
		frame_list_push(&d->frames.first, f + i);
		frame_hand_over(f + i, d->id, FRAME_OWNED);
		guest_wrote(d, frame_ptr(f + i));
	}
	spin_unlock(&d->frames.lock);
	if (ok)
		x->fresh = next;
	else
		f->next = next;
	return ok;
}

void frame_exchange_commit(struct frame_exchange *x)
{
	while (x->fresh != FRAME_NIL && fresh_give(x))
		;
	given_free(x);
	/* What a dying domain did not get any more. */
	frame_uncharge(x->d, fresh_free(x));
}

/* ---- one frame from a domain to another ---- */

bool frame_take_from(struct domain *d, struct frame *f)
{
	struct frame_exchange x;

	frame_exchange_begin(&x, d, 0);
	if (!frame_exchange_give(&x, f))
		return false;
	frame_uncharge(d, 1);
	flush_stamp(f);
	frame_m2p_set(f, M2P_INVALID);
	return true;
}

void frame_hand_to(struct domain *d, struct frame *f, uint64_t pfn)
{
	struct frame_exchange x;

	frame_exchange_begin(&x, d, 0);
	f->next = FRAME_NIL;
	arch_m2p[frame_mfn(f).v] = pfn;
	x.fresh = (uint32_t)frame_mfn(f).v;
	frame_exchange_commit(&x);
}

void frame_drop_taken(struct frame *f)
{
	frame_block_free(f, 0, NULL);
}
