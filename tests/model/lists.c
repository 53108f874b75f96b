/* SPDX-License-Identifier: MIT */
/*
 * Each frame is in exactly one place: on its owner's list, shared by the
 * hypervisor, the hypervisor's own, or inside one free block. Blocks are
 * aligned, do not overlap, and no two free buddies stand side by side.
 */
#include "parts.h"

static void domain_list(struct expected *e, const struct domain *d)
{
	uint32_t prev = FRAME_NIL, at = d->frames.first;
	uint64_t n = 0;

	while (at != FRAME_NIL) {
		const struct frame *f;

		if (at >= frame_limit || n > frame_limit) {
			oracle_fault("list of dom%u is broken at %#x", d->id,
				     at);
			return;
		}
		f = frame_of(mfn(at));
		if (f->prev != prev)
			oracle_fault("frame %#x: prev %#x expected, %#x found",
				     at, prev, f->prev);
		if (f->owner != d->id || !oracle_allocated(f) ||
		    (f->refs.v & FRAME_SHARED))
			oracle_fault("frame %#x, refs %#lx of dom%u, is on the "
				     "list of dom%u",
				     at, f->refs.v, f->owner, d->id);
		e[at].listed = true;
		prev = at;
		at = f->next;
		n++;
	}
	if (n != d->frames.tot_pages)
		oracle_fault("dom%u: %lu pages on the list, tot_pages %lu",
			     d->id, n, d->frames.tot_pages);
	if (n > d->frames.max_pages)
		oracle_fault("dom%u: %lu pages, max_pages %lu", d->id, n,
			     d->frames.max_pages);
	if (d->frames.lock.held.v)
		oracle_fault("dom%u: its page list is locked", d->id);
	if (d->mm.lock.held.v)
		oracle_fault("dom%u: its page tables are locked", d->id);
}

static bool free_head(uint64_t m, unsigned int order)
{
	const struct frame *f;

	if (m >= frame_limit)
		return false;
	f = frame_of(mfn(m));
	return (f->refs.v & FRAME_FREE) && f->progress == order;
}

static void free_links(uint64_t m, const struct frame *f, unsigned int heads[])
{
	if (f->prev == FRAME_NIL)
		heads[f->progress]++;
	else if (!free_head(f->prev, f->progress) ||
		 frame_of(mfn(f->prev))->next != m)
		oracle_fault("free block %#lx: prev %#x is not its "
			     "neighbour",
			     m, f->prev);
	if (f->next != FRAME_NIL && (!free_head(f->next, f->progress) ||
				     frame_of(mfn(f->next))->prev != m))
		oracle_fault("free block %#lx: next %#x is not its "
			     "neighbour",
			     m, f->next);
}

static uint64_t free_block(struct expected *e, uint64_t m, unsigned int heads[])
{
	const struct frame *f = frame_of(mfn(m));
	unsigned int order = f->progress;
	uint64_t size = 1UL << order;

	if ((f->refs.v & ~FRAME_CLEAN) != FRAME_FREE ||
	    order > FRAME_MAX_ORDER || (m & (size - 1)) ||
	    m + size > frame_limit) {
		oracle_fault("free block %#lx: refs %#lx, order %u", m,
			     f->refs.v, order);
		return 0;
	}
	if (order < FRAME_MAX_ORDER && free_head(m ^ size, order))
		oracle_fault("free blocks %#lx and %#lx of order %u are not "
			     "one",
			     m, m ^ size, order);
	free_links(m, f, heads);
	for (uint64_t i = m; i < m + size; i++) {
		if (e[i].free ||
		    (i != m && (frame_of(mfn(i))->refs.v & ~FRAME_CLEAN)))
			oracle_fault("frame %#lx lies in the free block %#lx, "
				     "refs %#lx",
				     i, m, frame_of(mfn(i))->refs.v);
		e[i].free = true;
	}
	return size;
}

static void free_blocks(struct expected *e)
{
	unsigned int heads[FRAME_MAX_ORDER + 1] = { 0 };
	uint64_t pages = 0;

	for (uint64_t m = HOST_RESERVED_FRAMES; m < frame_limit; m++)
		if (frame_of(mfn(m))->refs.v & FRAME_FREE)
			pages += free_block(e, m, heads);
	for (unsigned int i = 0; i <= FRAME_MAX_ORDER; i++)
		if (heads[i] > 1)
			oracle_fault("%u lists of free blocks of order %u",
				     heads[i], i);
	if (pages != frame_free_pages())
		oracle_fault("%lu free pages counted, %lu said", pages,
			     frame_free_pages());
}

static void in_one_place(const struct expected *e, uint64_t m)
{
	const struct frame *f = frame_of(mfn(m));
	bool allocated = oracle_allocated(f);
	bool listed = allocated && f->owner != DOMID_XEN &&
		      !(f->refs.v & FRAME_SHARED);

	if (e->listed != listed)
		oracle_fault("frame %#lx of dom%u, refs %#lx: %s its owner's "
			     "list",
			     m, f->owner, f->refs.v, listed ? "not on" : "on");
	if (e->free == allocated)
		oracle_fault("frame %#lx, refs %#lx: %s a free block", m,
			     f->refs.v, allocated ? "in" : "lost, not in");
}

/* What is claimed is there. */
static void claims(void)
{
	uint64_t sum = 0;

	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		sum += d->frames.claimed;
	if (sum > frame_free_pages())
		oracle_fault("%lu pages are claimed, %lu free", sum,
			     frame_free_pages());
}

void oracle_lists(struct expected *e)
{
	claims();
	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		domain_list(e, d);
	free_blocks(e);
	for (uint64_t m = HOST_RESERVED_FRAMES; m < frame_limit; m++)
		in_one_place(&e[m], m);
}
