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
 * that may hold it (flush_stale). Scrubbing a large extent may be interrupted:
 * then the block is free again, and its frames remember that they are clean,
 * so that whoever comes next has less to do.
 *
 * There are two zones, below and above 4 GiB, for those who need addresses
 * of 32 bits (exchange.c); all others take from above as long as they can,
 * and domains leave frame_low_kept of the lower one to who asks for it.
 *
 * A claim keeps free frames for a domain that is to be built: only their
 * number, and only that domain gets the last of them.
 *
 * A page that a domain owns is on the domain's list, which is what counts
 * against its limit and what the reaper walks; it leaves the list when the
 * last reference goes, which may be long after the domain gave it up.
 */
#include "domain/domain.h"
#include "frame/alloc.h"
#include "lib/string.h"

#define ZONES	   2
#define ZONE_LIMIT (1UL << (32 - PAGE_SHIFT)) /* of the lower one */

uint64_t frame_limit;
uint64_t frame_low_kept;

static struct spinlock heap_lock = SPINLOCK_INIT(LOCK_RANK_HEAP);
static uint32_t free_lists[ZONES][FRAME_MAX_ORDER +
				  1] = { /* heap_lock */
					 [0 ... ZONES -
					  1] = { [0 ... FRAME_MAX_ORDER] =
							 FRAME_NIL }
};
static uint64_t free_pages;    /* heap_lock */
static uint64_t free_low;      /* heap_lock: of these, in the lower zone */
static uint64_t claimed_pages; /* heap_lock: the sum of all claims */

static uint32_t index_of(const struct frame *f)
{
	return (uint32_t)frame_mfn(f).v;
}

void frame_list_push(uint32_t *head, struct frame *f)
{
	f->prev = FRAME_NIL;
	f->next = *head;
	if (*head != FRAME_NIL)
		frame_of(mfn(*head))->prev = index_of(f);
	*head = index_of(f);
}

void frame_list_unlink(uint32_t *head, struct frame *f)
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

static uint32_t *list_of(uint64_t m, unsigned int order)
{
	return &free_lists[m >= ZONE_LIMIT][order];
}

static void block_insert(uint64_t m, unsigned int order)
{
	struct frame *f = frame_of(mfn(m));

	atomic64_or(&f->refs, FRAME_FREE);
	f->progress = (uint16_t)order;
	frame_list_push(list_of(m, order), f);
}

static void block_take(uint64_t m, unsigned int order)
{
	struct frame *f = frame_of(mfn(m));

	frame_list_unlink(list_of(m, order), f);
	atomic64_and(&f->refs, ~FRAME_FREE);
}

/* Under heap_lock. */
static void block_free(uint64_t m, unsigned int order)
{
	free_pages += 1UL << order;
	if (m < ZONE_LIMIT)
		free_low += 1UL << order;
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

/*
 * So many blocks of an order are looked at for one below a limit: a guest can
 * make the list long.
 */
#define BLOCKS_TRIED 64

static bool block_find(unsigned int zone, unsigned int order, uint64_t limit,
		       uint64_t *m, unsigned int *have)
{
	for (*have = order; *have <= FRAME_MAX_ORDER; ++*have) {
		uint64_t at = free_lists[zone][*have];

		for (unsigned int i = 0; at != FRAME_NIL && i < BLOCKS_TRIED;
		     i++) {
			*m = at;
			if (at + (1UL << order) <= limit)
				return true;
			at = frame_of(mfn(at))->next;
		}
	}
	return false;
}

/* What others have claimed is not there for it. Under heap_lock. */
static bool claims_allow(const struct domain *d, uint64_t n)
{
	uint64_t own = d ? d->frames.claimed : 0;

	return n <= free_pages - (claimed_pages - own);
}

/* Free pages that are not for domains that would take any. */
static uint64_t pages_kept(void)
{
	return MIN(free_low, frame_low_kept);
}

/* Whether n of the lower zone may go to d (NULL: to us). */
static bool low_allows(const struct domain *d, uint64_t limit, uint64_t n)
{
	return !d || limit <= ZONE_LIMIT || n <= free_low - pages_kept();
}

static uint64_t claim_use(struct domain *d, uint64_t n)
{
	uint64_t used = d ? MIN(n, d->frames.claimed) : 0;

	if (used) {
		d->frames.claimed -= used;
		claimed_pages -= used;
	}
	return used;
}

struct frame *frame_block_alloc(unsigned int order, uint64_t limit,
				struct domain *d)
{
	unsigned int have;
	uint64_t m;

	if (unlikely(arch_alloc_may_fail()))
		return NULL;
	spin_lock(&heap_lock);
	if (!claims_allow(d, 1UL << order) ||
	    (!(limit > ZONE_LIMIT && block_find(1, order, limit, &m, &have)) &&
	     (!low_allows(d, limit, 1UL << order) ||
	      !block_find(0, order, limit, &m, &have)))) {
		spin_unlock(&heap_lock);
		return NULL;
	}
	block_take(m, have);
	while (have > order) {
		have--;
		block_insert(m + (1UL << have), have);
	}
	free_pages -= 1UL << order;
	if (m < ZONE_LIMIT)
		free_low -= 1UL << order;
	/* For frame_block_free(): how many of them were claimed. */
	frame_of(mfn(m))->prev = (uint32_t)claim_use(d, 1UL << order);
	spin_unlock(&heap_lock);
	return frame_of(mfn(m));
}

void frame_block_free(struct frame *f, unsigned int order, struct domain *d)
{
	spin_lock(&heap_lock);
	/* A dying domain's claim has ended. */
	if (d && !domain_is_dying(d)) {
		d->frames.claimed += f->prev;
		claimed_pages += f->prev;
	}
	block_free(frame_mfn(f).v, order);
	spin_unlock(&heap_lock);
}

int frame_claim(struct domain *d, uint64_t pages)
{
	int rc = 0;

	spin_lock(&d->frames.lock);
	spin_lock(&heap_lock);
	if (!pages) {
		(void)claim_use(d, ~0UL);
	} else if (d->frames.claimed || pages <= d->frames.tot_pages ||
		   pages > d->frames.max_pages || domain_is_dying(d)) {
		rc = -EINVAL;
	} else if (pages - d->frames.tot_pages + pages_kept() + claimed_pages >
		   free_pages) {
		rc = -ENOMEM;
	} else {
		d->frames.claimed = pages - d->frames.tot_pages;
		claimed_pages += d->frames.claimed;
	}
	spin_unlock(&heap_lock);
	spin_unlock(&d->frames.lock);
	return rc;
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

static uint64_t count_read(const uint64_t *count)
{
	uint64_t n;

	spin_lock(&heap_lock);
	n = *count;
	spin_unlock(&heap_lock);
	return n;
}

uint64_t frame_free_pages(void)
{
	return count_read(&free_pages);
}

uint64_t frame_free_low_pages(void)
{
	return count_read(&free_low);
}

uint64_t frame_claimed_pages(void)
{
	return count_read(&claimed_pages);
}

void frame_begin(struct frame *f, uint64_t type)
{
	flush_stale(f);
	frame_m2p_set(f, M2P_INVALID);
	f->progress = 0;
	atomic64_store(&f->type, type);
}

void frame_hand_over(struct frame *f, uint16_t owner, uint64_t flags)
{
	atomic64_store(&f->refs,
		       (uint64_t)owner << FRAME_OWNER_SHIFT | flags | 1);
}

static inline uint64_t any_of_8(const uint64_t *p)
{
	return p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7];
}

static bool page_is_zero(const uint64_t *p)
{
	for (const uint64_t *end = p + PAGE_SIZE / 8; p < end; p += 32)
		if (any_of_8(p) | any_of_8(p + 8) | any_of_8(p + 16) |
		    any_of_8(p + 24))
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

int frame_block_scrub(struct frame *f, unsigned int order, bool may_pause)
{
	bool worked = false;

	for (struct frame *end = f + (1UL << order); f < end; f++) {
		if (atomic64_load(&f->refs) & FRAME_CLEAN)
			continue;
		if (may_pause && worked && arch_preempt_pending())
			return -ERESTART;
		flush_stale(f); /* or somebody might still write to it */
		scrub(f);
		atomic64_store(&f->refs, FRAME_CLEAN);
		worked = true;
	}
	return 0;
}

/* Frames [f, f + 2^order) of the hypervisor's. */
static void hv_begin(struct frame *f, unsigned int order)
{
	for (uint64_t i = 0; i < 1UL << order; i++) {
		frame_begin(f + i, 0);
		frame_hand_over(f + i, DOMID_XEN, 0);
	}
}

struct frame *frame_alloc_buffer(unsigned int order)
{
	struct frame *f = frame_block_alloc(order, ~0UL, NULL);

	if (f)
		hv_begin(f, order);
	return f;
}

struct frame *frame_alloc_hv(unsigned int order)
{
	struct frame *f = frame_block_alloc(order, ~0UL, NULL);

	if (f) {
		(void)!frame_block_scrub(f, order, false);
		hv_begin(f, order);
	}
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
	d->frames.claimed = 0;
}

/* Reserves n pages of the domain's limit: counted before they exist. */
bool frame_charge(struct domain *d, uint64_t n)
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

/* The reaper waits for the last page of a domain that has ended. */
static void uncharge(struct domain *d, uint64_t n)
{
	d->frames.tot_pages -= n;
	if (unlikely(!d->frames.tot_pages) && domain_is_dying(d))
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
}

void frame_uncharge(struct domain *d, uint64_t n)
{
	spin_lock(&d->frames.lock);
	uncharge(d, n);
	spin_unlock(&d->frames.lock);
}

/*
 * The frames become the domain's; each may leave at once. False: it is dying,
 * and they would come too late to be taken apart with it.
 */
static bool extent_give(struct domain *d, struct frame *f, unsigned int order)
{
	bool ok;

	for (uint64_t i = 0; i < 1UL << order; i++)
		frame_begin(f + i, 0);
	spin_lock(&d->frames.lock);
	ok = !domain_is_dying(d);
	for (uint64_t i = 0; ok && i < 1UL << order; i++) {
		frame_list_push(&d->frames.first, f + i);
		frame_hand_over(f + i, d->id, FRAME_OWNED);
	}
	spin_unlock(&d->frames.lock);
	return ok;
}

static int extent_alloc(struct domain *d, unsigned int order, uint64_t limit,
			bool may_pause, struct frame **out)
{
	struct frame *f;
	int rc = -ENOMEM;

	if (!frame_charge(d, 1UL << order))
		return -ENOMEM;
	f = frame_block_alloc(order, limit, d);
	if (f)
		rc = frame_block_scrub(f, order, may_pause);
	if (!rc && !extent_give(d, f, order))
		rc = -ENOMEM;
	if (!rc) {
		*out = f;
		return 0;
	}
	if (f)
		frame_block_free(f, order, d);
	frame_uncharge(d, 1UL << order);
	return rc;
}

int frame_alloc_domain(struct domain *d, unsigned int order, struct frame **out)
{
	return extent_alloc(d, order, ~0UL, false, out);
}

int frame_alloc_extent(struct domain *d, unsigned int order, uint64_t limit,
		       struct frame **out)
{
	return extent_alloc(d, order, limit, true, out);
}

int frame_alloc_shared(struct domain *d, struct frame **out)
{
	/* A guest finds it by its machine address, a word of its own width. */
	uint64_t limit = d->width == WIDTH_32 ? ZONE_LIMIT : ~0UL;
	struct frame *f = frame_block_alloc(0, limit, NULL);

	if (!f)
		return -ENOMEM;
	(void)!frame_block_scrub(f, 0, false);
	frame_begin(f, (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT | 1);
	frame_hand_over(f, d->id, FRAME_OWNED | FRAME_SHARED);
	*out = f;
	return 0;
}

void frame_free_shared(struct frame *f)
{
	bool last = frame_put_type(f), owned = frame_disown(f);

	BUG_ON(last || !owned);
}

/* From now on it is one page of d's like any other. */
static void shared_to_list(struct domain *d, struct frame *f)
{
	spin_lock(&d->frames.lock);
	frame_list_push(&d->frames.first, f);
	d->frames.tot_pages++;
	atomic64_and(&f->refs, ~FRAME_SHARED);
	spin_unlock(&d->frames.lock);
}

void frame_retire_shared(struct domain *d, struct frame *f)
{
	shared_to_list(d, f);
	frame_free_shared(f);
}

/* The last reference is gone: nobody but us sees the frame any more. */
void frame_put_last(struct frame *f, uint64_t refs)
{
	uint16_t owner = (uint16_t)(refs >> FRAME_OWNER_SHIFT);
	struct domain *d = domain_find(owner);

	BUG_ON((refs & FRAME_COUNT_MASK) == 0);
	flush_stamp(f);
	frame_m2p_set(f, M2P_INVALID);
	if (!(refs & FRAME_SHARED) && owner != DOMID_XEN) {
		BUG_ON(!d); /* a domain outlives its frames */
		spin_lock(&d->frames.lock);
		frame_list_unlink(&d->frames.first, f);
		uncharge(d, 1);
		spin_unlock(&d->frames.lock);
	}
	atomic64_store(&f->refs, 0); /* owner and flags are left */
	spin_lock(&heap_lock);
	block_free(frame_mfn(f).v, 0);
	spin_unlock(&heap_lock);
}
