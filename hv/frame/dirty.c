/* SPDX-License-Identifier: MIT */
/*
 * The log of written pages: one bit for each page of a guest, by its place in
 * the guest (pfn, from the m2p), set when the page is written while the log
 * is on. Whoever copies a running guest elsewhere takes the bits, copies
 * those pages, and takes them again.
 *
 *     log -> leaf[0] [ 32768 bits ]      pages 0 ... 32767
 *            leaf[1]  none yet           32768 ...
 *            ...
 *
 * Who marks: the shadow tables, when the guest gets a page writable
 * (mm/shadow.c); pt_store() for tables; guest_write() for what we write
 * ourselves. A writer without the mm lock marks after it has written: a bit
 * that is taken before the mark was taken without the write, and comes again.
 *
 * A guest chooses its pfns. Beyond the log's end it names no page that anyone
 * would copy, and nothing is noted. It may spread them so that each leaf is
 * needed: DIRTY_LEAVES pages of ours at the worst, for the domain's life. If
 * there is no memory for a leaf the log is lost: whoever asks is told, and
 * begins anew.
 */
#include "domain/domain.h"
#include "frame/frame.h"
#include "lib/string.h"

struct dirty_log {
	atomic32_t lost;
	atomic32_t leaf[DIRTY_LEAVES]; /* its mfn, 0: none */
};

static uint64_t *leaf_at(struct dirty_log *log, unsigned int i)
{
	uint32_t m = atomic32_load(&log->leaf[i]);

	return m ? arch_frame_ptr(mfn(m)) : NULL;
}

/* Two writers may want the same new leaf: one of them is first. */
static uint64_t *leaf_make(struct dirty_log *log, unsigned int i)
{
	struct frame *f = frame_alloc_hv(0);
	uint32_t none = 0;

	if (!f) {
		atomic32_store(&log->lost, 1);
		return NULL;
	}
	if (!atomic32_cmpxchg(&log->leaf[i], &none, (uint32_t)frame_mfn(f).v))
		frame_free_hv(f, 0);
	return leaf_at(log, i);
}

void dirty_note(struct domain *d, const struct frame *f)
{
	uint64_t pfn = shared_load64(&arch_m2p[frame_mfn(f).v]), *leaf;

	if (f->owner != d->id || pfn >= DIRTY_PFNS)
		return;
	leaf = leaf_at(d->frames.log, (unsigned int)(pfn / DIRTY_LEAF_BITS));
	if (!leaf)
		leaf = leaf_make(d->frames.log,
				 (unsigned int)(pfn / DIRTY_LEAF_BITS));
	if (leaf)
		(void)shared_set_bit(leaf, pfn % DIRTY_LEAF_BITS);
}

bool dirty_noted(const struct domain *d, const struct frame *f)
{
	uint64_t pfn = shared_load64(&arch_m2p[frame_mfn(f).v]), *leaf;

	if (f->owner != d->id || pfn >= DIRTY_PFNS ||
	    atomic32_load(&d->frames.log->lost))
		return true;
	leaf = leaf_at(d->frames.log, (unsigned int)(pfn / DIRTY_LEAF_BITS));
	return leaf &&
	       (shared_load64(&leaf[pfn % DIRTY_LEAF_BITS / 64]) >> (pfn % 64) &
		1);
}

int dirty_start(struct domain *d)
{
	if (!d->frames.log)
		d->frames.log = frame_alloc_bytes(sizeof(struct dirty_log));
	if (!d->frames.log)
		return -ENOMEM;
	for (unsigned int i = 0; i < DIRTY_LEAVES; i++) {
		uint64_t *leaf = leaf_at(d->frames.log, i);

		if (leaf)
			memset(leaf, 0, PAGE_SIZE);
	}
	atomic32_store(&d->frames.log->lost, 0);
	shared_store32(&d->frames.logging, 1);
	return 0;
}

void dirty_stop(struct domain *d)
{
	shared_store32(&d->frames.logging, 0);
}

int dirty_take(struct domain *d, unsigned int i, uint64_t *out, bool clear)
{
	uint64_t *leaf = leaf_at(d->frames.log, i);

	if (atomic32_load(&d->frames.log->lost))
		return -ENOMEM;
	memset(out, 0, DIRTY_LEAF_BITS / 8);
	for (unsigned int w = 0; leaf && w < DIRTY_LEAF_BITS / 64; w++) {
		out[w] = clear ? shared_xchg64(&leaf[w], 0)
			       : shared_load64(&leaf[w]);
	}
	return 0;
}

void dirty_put_back(struct domain *d, unsigned int i, const uint64_t *bits)
{
	uint64_t *leaf = leaf_at(d->frames.log, i);

	for (unsigned int bit = 0; leaf && bit < DIRTY_LEAF_BITS; bit++)
		if (bits[bit / 64] >> (bit % 64) & 1)
			(void)shared_set_bit(leaf, bit);
}

void dirty_exit(struct domain *d)
{
	if (!d->frames.log)
		return;
	for (unsigned int i = 0; i < DIRTY_LEAVES; i++)
		if (leaf_at(d->frames.log, i))
			frame_free_bytes(leaf_at(d->frames.log, i), PAGE_SIZE);
	frame_free_bytes(d->frames.log, sizeof(struct dirty_log));
	d->frames.log = NULL;
}
