/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: a buddy system over all free machine memory. A free
 * block of 2^n frames is aligned to its size; its first frame carries
 * FRAME_FREE, the order (progress) and the links of the list of its order.
 * Two free buddies become one block at once, so memory that was split for a
 * guest is whole again when the guest is gone.
 *
 * Frames are scrubbed when they are handed out, never before: boot touches
 * no free memory. A frame that changes hands is also flushed from every TLB
 * that may hold it (flush_stale).
 *
 * A page that a domain owns is on the domain's list, which is what counts
 * against its limit and what the reaper walks; it leaves the list when the
 * last reference goes, which may be long after the domain gave it up.
 */
#include "domain/domain.h"
#include "frame/frame.h"
#include "lib/string.h"

uint64_t frame_limit;

static struct spinlock heap_lock = SPINLOCK_INIT(LOCK_RANK_HEAP);
static uint32_t free_lists[FRAME_MAX_ORDER + 1] = { /* heap_lock */
						    [0 ... FRAME_MAX_ORDER] =
							    FRAME_NIL
};
static uint64_t free_pages; /* heap_lock */

static uint32_t index_of(const struct frame *f)
{
	return (uint32_t)frame_mfn(f).v;
}

static void list_push(uint32_t *head, struct frame *f)
{
	f->prev = FRAME_NIL;
	f->next = *head;
	if (*head != FRAME_NIL)
		frame_of(mfn(*head))->prev = index_of(f);
	*head = index_of(f);
}

static void list_unlink(uint32_t *head, struct frame *f)
{
	if (f->prev == FRAME_NIL)
		*head = f->next;
	else
		frame_of(mfn(f->prev))->next = f->next;
	if (f->next != FRAME_NIL)
		frame_of(mfn(f->next))->prev = f->prev;
}

static bool is_free_block(uint64_t m, unsigned int order)
{
	struct frame *f;

	if (m >= frame_limit)
		return false;
	f = frame_of(mfn(m));
	return (atomic64_load(&f->refs) & FRAME_FREE) && f->progress == order;
}

static void block_insert(uint64_t m, unsigned int order)
{
	struct frame *f = frame_of(mfn(m));

	atomic64_store(&f->refs, FRAME_FREE);
	f->progress = (uint16_t)order;
	list_push(&free_lists[order], f);
}

static void block_take(uint64_t m, unsigned int order)
{
	struct frame *f = frame_of(mfn(m));

	list_unlink(&free_lists[order], f);
	atomic64_store(&f->refs, 0);
}

/* Under heap_lock. */
static void block_free(uint64_t m, unsigned int order)
{
	free_pages += 1UL << order;
	while (order < FRAME_MAX_ORDER) {
		uint64_t buddy = m ^ (1UL << order);

		if (!is_free_block(buddy, order))
			break;
		block_take(buddy, order);
		m &= ~(1UL << order);
		order++;
	}
	block_insert(m, order);
}

static struct frame *block_alloc(unsigned int order)
{
	unsigned int have = order;
	uint64_t m;

	if (unlikely(arch_alloc_may_fail()))
		return NULL;
	spin_lock(&heap_lock);
	while (have <= FRAME_MAX_ORDER && free_lists[have] == FRAME_NIL)
		have++;
	if (have > FRAME_MAX_ORDER) {
		spin_unlock(&heap_lock);
		return NULL;
	}
	m = free_lists[have];
	block_take(m, have);
	while (have > order) {
		have--;
		block_insert(m + (1UL << have), have);
	}
	free_pages -= 1UL << order;
	spin_unlock(&heap_lock);
	return frame_of(mfn(m));
}

void frame_add_range(mfn_t start, mfn_t end)
{
	uint64_t m = start.v;

	spin_lock(&heap_lock);
	while (m < end.v) {
		unsigned int order = FRAME_MAX_ORDER;

		while ((m & ((1UL << order) - 1)) || m + (1UL << order) > end.v)
			order--;
		block_free(m, order);
		m += 1UL << order;
	}
	spin_unlock(&heap_lock);
}

uint64_t frame_free_pages(void)
{
	uint64_t n;

	spin_lock(&heap_lock);
	n = free_pages;
	spin_unlock(&heap_lock);
	return n;
}

/*
 * Makes the frame, nobody's before, fit for an owner. It is his with the
 * store to refs, which comes last: others may count it from then on, and let
 * go of it at once.
 */
static void frame_begin(struct frame *f, uint64_t type)
{
	flush_stale(f);
	arch_m2p[frame_mfn(f).v] = M2P_INVALID;
	f->progress = 0;
	atomic64_store(&f->type, type);
}

/* It is the owner's from here on. */
static void frame_hand_over(struct frame *f, uint16_t owner, uint64_t flags)
{
	atomic64_store(&f->refs,
		       (uint64_t)owner << FRAME_OWNER_SHIFT | flags | 1);
}

static bool page_is_zero(const uint64_t *p)
{
	for (unsigned int i = 0; i < PAGE_SIZE / 8; i += 8)
		if (p[i] | p[i + 1] | p[i + 2] | p[i + 3] | p[i + 4] |
		    p[i + 5] | p[i + 6] | p[i + 7])
			return false;
	return true;
}

/*
 * A page that is clean is only read: where our machine is somebody's virtual
 * one, memory that nobody has written yet is not backed by any, and stays so.
 */
static void scrub(struct frame *f)
{
	void *p = frame_ptr(f);

	if (!page_is_zero(p))
		memset(p, 0, PAGE_SIZE);
}

struct frame *frame_alloc_buffer(unsigned int order)
{
	struct frame *f = block_alloc(order);

	for (uint64_t i = 0; f && i < 1UL << order; i++) {
		frame_begin(f + i, 0);
		frame_hand_over(f + i, DOMID_XEN, 0);
	}
	return f;
}

struct frame *frame_alloc_hv(unsigned int order)
{
	struct frame *f = frame_alloc_buffer(order);

	for (uint64_t i = 0; f && i < 1UL << order; i++)
		scrub(f + i);
	return f;
}

void frame_free_hv(struct frame *f, unsigned int order)
{
	for (uint64_t i = 0; i < 1UL << order; i++)
		frame_put(f + i);
}

void frame_domain_init(struct domain *d, uint64_t max_pages)
{
	spin_init(&d->frames.lock, LOCK_RANK_PAGES);
	d->frames.first = FRAME_NIL;
	d->frames.tot_pages = 0;
	d->frames.max_pages = max_pages;
}

/* Reserves n pages of the domain's limit: counted before they exist. */
static bool charge(struct domain *d, uint64_t n)
{
	bool ok;

	spin_lock(&d->frames.lock);
	ok = d->frames.tot_pages + n <= d->frames.max_pages &&
	     !domain_is_dying(d);
	if (ok)
		d->frames.tot_pages += n;
	spin_unlock(&d->frames.lock);
	return ok;
}

static void uncharge(struct domain *d, uint64_t n)
{
	spin_lock(&d->frames.lock);
	d->frames.tot_pages -= n;
	spin_unlock(&d->frames.lock);
}

int frame_alloc_domain(struct domain *d, unsigned int order, struct frame **out)
{
	struct frame *f;

	if (!charge(d, 1UL << order))
		return -ENOMEM;
	f = block_alloc(order);
	if (!f) {
		uncharge(d, 1UL << order);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < 1UL << order; i++) {
		frame_begin(f + i, 0);
		scrub(f + i);
	}
	/* On the list before it can be had: it may leave at once. */
	spin_lock(&d->frames.lock);
	for (uint64_t i = 0; i < 1UL << order; i++) {
		list_push(&d->frames.first, f + i);
		frame_hand_over(f + i, d->id, FRAME_OWNED);
	}
	spin_unlock(&d->frames.lock);
	*out = f;
	return 0;
}

int frame_alloc_shared(struct domain *d, struct frame **out)
{
	struct frame *f = block_alloc(0);

	if (!f)
		return -ENOMEM;
	frame_begin(f, (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT | 1);
	scrub(f);
	frame_hand_over(f, d->id, FRAME_OWNED | FRAME_SHARED);
	*out = f;
	return 0;
}

void frame_free_shared(struct frame *f)
{
	bool last = frame_put_type(f), owned = frame_disown(f);

	BUG_ON(last || !owned);
}

/* The last reference is gone: nobody but us sees the frame any more. */
void frame_put_last(struct frame *f, uint64_t refs)
{
	uint16_t owner = (uint16_t)(refs >> FRAME_OWNER_SHIFT);
	struct domain *d = domain_find(owner);

	BUG_ON((refs & FRAME_COUNT_MASK) == 0);
	flush_stamp(f);
	arch_m2p[frame_mfn(f).v] = M2P_INVALID;
	if (!(refs & FRAME_SHARED) && owner != DOMID_XEN) {
		BUG_ON(!d); /* a domain outlives its frames */
		spin_lock(&d->frames.lock);
		list_unlink(&d->frames.first, f);
		d->frames.tot_pages--;
		spin_unlock(&d->frames.lock);
	}
	atomic64_store(&f->refs, 0); /* owner and flags are left */
	spin_lock(&heap_lock);
	block_free(frame_mfn(f).v, 0);
	spin_unlock(&heap_lock);
}
