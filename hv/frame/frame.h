/* SPDX-License-Identifier: MIT */
/*
 * Who owns each machine frame and how it is used. Contracts of the count
 * words are in count.c, of the allocator in alloc.c, of flushing in flush.c.
 */
#ifndef LODGE_FRAME_H
#define LODGE_FRAME_H

#include "arch.h"
#include "bug.h"
#include "frame/state.h"

struct domain;

/* m2p entry of a frame that has no place in a guest. */
#define M2P_INVALID (~0UL)

extern uint64_t frame_limit; /* first mfn beyond the last of RAM */

static inline struct frame *frame_of(mfn_t m)
{
	return &arch_frames[m.v];
}

static inline mfn_t frame_mfn(const struct frame *f)
{
	return mfn((uint64_t)(f - arch_frames));
}

static inline void *frame_ptr(const struct frame *f)
{
	return arch_frame_ptr(frame_mfn(f));
}

/*
 * The frame of a number that came from a guest, NULL when there is none. It
 * may be a hole or free: only frame_get() says that it may be used.
 */
static inline struct frame *frame_lookup(guest_mfn_t m)
{
	return m.v < frame_limit ? &arch_frames[m.v] : NULL;
}

static inline bool frame_is_device(const struct frame *f)
{
	return f->owner == DOMID_IO;
}

/* The m2p entry of a frame, in both widths that guests read it in. */
static inline void frame_m2p_set(const struct frame *f, uint64_t pfn)
{
	arch_m2p[frame_mfn(f).v] = pfn;
	arch_m2p32[frame_mfn(f).v] = (uint32_t)pfn;
}

/* ---- general references (count.c) ---- */

/*
 * Takes a reference to a frame that the domain owns. False when it is free,
 * owned by another, or the count would overflow.
 */
[[nodiscard]] bool frame_get(struct frame *f, const struct domain *owner);
/* Takes one more while one is held. False on overflow. */
[[nodiscard]] bool frame_ref(struct frame *f);
/* Drops one; the last frees the frame. */
static inline void frame_put(struct frame *f);
/* frame_put()'s, when none remains of refs, which counts the one dropped. */
void frame_put_last(struct frame *f, uint64_t refs);

/*
 * Gives a frame for good to DOMID_IO or FRAME_SHOWN: it has a reference and a
 * use that never end, as WRITABLE or as nothing that anybody may take. So
 * numbers that share an entry count together, and nothing begins or ends.
 */
void frame_set_permanent(struct frame *f, uint16_t owner);

/* ---- types (count.c) ---- */

#define FRAME_MUST_VALIDATE 1

static inline enum frame_type frame_type_of(const struct frame *f)
{
	return (enum frame_type)(atomic64_load(&f->type) >> FRAME_TYPE_SHIFT);
}

static inline bool frame_is_validated(const struct frame *f)
{
	return atomic64_load(&f->type) & FRAME_VALIDATED;
}

/* True when the type is t and its contents are validated. */
static inline bool frame_has_type(const struct frame *f, enum frame_type t)
{
	uint64_t w = atomic64_load(&f->type);

	return w >> FRAME_TYPE_SHIFT == (uint64_t)t && (w & FRAME_VALIDATED);
}

/*
 * Takes a use of the frame as type t; a general reference must be held.
 * Returns 0: held. FRAME_MUST_VALIDATE (page tables and descriptor pages
 * only): held, but the contents are not validated from f->progress on; the
 * caller, under the owner's mm lock, goes on and ends with exactly one of
 * frame_type_validated(), frame_type_partial(), frame_type_cleared().
 * -EBUSY: in use as another type, or the count would overflow.
 */
[[nodiscard]] int frame_get_type(struct frame *f, enum frame_type t);
/* Takes one more use while one is held. False on overflow. */
[[nodiscard]] bool frame_ref_type(struct frame *f);
/*
 * Drops a use. Returns true when it was the last use of validated contents:
 * the caller then devalidates from f->progress down and ends with
 * frame_type_cleared() or frame_type_partial().
 */
[[nodiscard]] bool frame_put_type(struct frame *f);
/*
 * Takes over a frame that somebody left partial, to devalidate it; its use
 * and its reference are the caller's now. False when it is not partial.
 */
[[nodiscard]] bool frame_take_partial(struct frame *f);
/* The holder of an unvalidated use says how it ended, see above. With
 * frame_type_partial() his reference goes over to the partial state. */
void frame_type_validated(struct frame *f);
void frame_type_partial(struct frame *f);
void frame_type_cleared(struct frame *f);
/* Sets the pin flag; false when it was set already. */
[[nodiscard]] bool frame_pin_set(struct frame *f);
/* Takes the flag away, and the use that it is as frame_put_type(), whose
 * result is *last. False when it was not set. */
[[nodiscard]] bool frame_pin_put(struct frame *f, bool *last);

/*
 * A reference to a frame that the domain owns and a use as type t together:
 * as frame_get() and then frame_get_type(), -EINVAL when either is refused.
 */
[[nodiscard]] int frame_get_use(struct frame *f, const struct domain *owner,
				enum frame_type t);
/* A reference and a writable use together. */
[[nodiscard]] bool frame_get_writable(struct frame *f,
				      const struct domain *owner);
/* Drops a use that nobody has to devalidate, with its reference. */
void frame_put_use(struct frame *f);
static inline void frame_put_writable(struct frame *f);

/* ---- both words at once, for hot paths ---- */

/*
 * A reference and a use come and go together, so where both are what they
 * usually are, both words change in one compare-and-exchange of 16 bytes. It
 * succeeds only if neither word has changed since it was loaded: whatever
 * another CPU did in between (the frame went to another owner, became a
 * table, was counted once more), it fails, and the long way is taken, step by
 * step. A success is the two steps of the long way with nobody between them.
 *
 * The refs word carries the owner, so one subtraction answers three
 * questions: counting from the owner's word with OWNED and no count, only a
 * frame of his that he has not given up has a difference below the limit.
 * (OWNED is itself a reference, so such a count is never 0.)
 */

/* Counts below this may grow: far from where they would run over. */
#define FRAME_LIMIT_SHIFT 40

/*
 * The bits of a count any of which says "two or more". Zero on processors
 * that cannot exchange 16 bytes: then nothing is ever as usual. Constant
 * after boot.
 */
extern uint64_t frame_several;

/* What frame_get_* compare with, for frames of that domain. */
static inline uint64_t frame_usual(uint16_t owner)
{
	return frame_several
		       ? (uint64_t)owner << FRAME_OWNER_SHIFT | FRAME_OWNED
		       : 1UL << 63; /* nobody's */
}

/* True when refs is the owner's and can be counted once more. */
static inline bool frame_is_usual(uint64_t refs, uint64_t usual)
{
	return (refs - usual) >> FRAME_LIMIT_SHIFT == 0;
}

/*
 * A reference to a frame that owner owns, if writable with a use as WRITABLE;
 * usual: of owner. From count 0 of WRITABLE as well: nothing else was between.
 */
[[nodiscard]] static inline bool frame_get_data(struct frame *f, uint64_t usual,
						const struct domain *owner,
						bool writable)
{
	const uint64_t zero = (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT;
	uint64_t r = atomic64_load(&f->refs), t;

	if (!writable)
		return (likely(frame_is_usual(r, usual)) &&
			likely(atomic64_cmpxchg(&f->refs, &r, r + 1))) ||
		       frame_get(f, owner);
	t = atomic64_load(&f->type);
	return (likely(!(((r - usual) | (t - zero)) >> FRAME_LIMIT_SHIFT)) &&
		likely(atomic64_pair_cmpxchg(&f->refs, &r, &t, r + 1,
					     t + 1))) ||
	       frame_get_writable(f, owner);
}

/* The same for a table of validated type; false: perhaps by the long way. */
[[nodiscard]] static inline bool
frame_get_validated(struct frame *f, uint64_t usual, enum frame_type type)
{
	const uint64_t zero =
		(uint64_t)type << FRAME_TYPE_SHIFT | FRAME_VALIDATED;
	uint64_t r = atomic64_load(&f->refs), t = atomic64_load(&f->type);

	return likely(!(((r - usual) | ((t & ~FRAME_PINNED) - zero)) >>
			FRAME_LIMIT_SHIFT)) &&
	       likely(atomic64_pair_cmpxchg(&f->refs, &r, &t, r + 1, t + 1));
}

/* Drops a reference; the last frees the frame. */
static inline void frame_put(struct frame *f)
{
	uint64_t w = atomic64_add(&f->refs, ~0UL);

	if (unlikely((w & FRAME_COUNT_MASK) <= 1))
		frame_put_last(f, w);
}

/* Drops a use, whatever its type, and a reference, if others remain of both:
 * then nothing begins or ends. False, and nothing is dropped, if not. */
[[nodiscard]] static inline bool frame_put_one_of_several(struct frame *f)
{
	uint64_t r = atomic64_load(&f->refs), t = atomic64_load(&f->type);
	uint64_t several = frame_several;

	return likely(r & several) && likely(t & several) &&
	       likely(atomic64_pair_cmpxchg(&f->refs, &r, &t, r - 1, t - 1));
}

/* Drops a reference, if writable with a use as WRITABLE. */
static inline void frame_put_data(struct frame *f, bool writable)
{
	if (!writable)
		frame_put(f);
	else if (!frame_put_one_of_several(f))
		frame_put_use(f);
}

static inline void frame_put_writable(struct frame *f)
{
	frame_put_data(f, true);
}

/* ---- allocation (alloc.c) ---- */

#define FRAME_MAX_ORDER 18

/* Gives the allocator frames [start, end): at boot, or boot memory later. */
void frame_add_range(mfn_t start, mfn_t end);
/* 2^order scrubbed frames for the hypervisor itself, or NULL. */
struct frame *frame_alloc_hv(unsigned int order);
/* The same as they are, for large buffers that will be written anyway: no
 * byte that was not may leave the hypervisor. */
struct frame *frame_alloc_buffer(unsigned int order);
void frame_free_hv(struct frame *f, unsigned int order);
/*
 * 2^order scrubbed frames for the domain, each owned, counted and on its
 * list. -ENOMEM: none free, or beyond its max_pages.
 */
[[nodiscard]] int frame_alloc_domain(struct domain *d, unsigned int order,
				     struct frame **out);
/*
 * The same with frames below limit. -ERESTART: interrupted; nothing is lost
 * but time, call again.
 */
[[nodiscard]] int frame_alloc_extent(struct domain *d, unsigned int order,
				     uint64_t limit, struct frame **out);
/*
 * Keeps so many free frames for d that it can have pages in all: they go to
 * nobody else. 0: ends its claim. -EINVAL: has one already, or has as many
 * pages, or may not have them; -ENOMEM: there are not so many.
 */
[[nodiscard]] int frame_claim(struct domain *d, uint64_t pages);
/*
 * One scrubbed frame that the hypervisor shares with the domain for writing:
 * owned by it, outside its reservation, with a permanent writable use.
 */
[[nodiscard]] int frame_alloc_shared(struct domain *d, struct frame **out);
void frame_free_shared(struct frame *f);
/*
 * Ends that use for good: of a domain that is taken apart. Whoever else still
 * has the frame has a page of the domain's, and keeps the domain from going.
 */
void frame_retire_shared(struct domain *d, struct frame *f);
/*
 * Ends the owner's own reference; the frame is freed with the last other
 * one. False when the owner's reference was gone already.
 */
[[nodiscard]] bool frame_disown(struct frame *f);
uint64_t frame_free_pages(void);
/*
 * So many pages below 4 GiB are for those alone who need such ones: devices'
 * memory of domain 0 (XENMEM_exchange), and ourselves. 0 at first.
 */
extern uint64_t frame_low_kept;
/* Those of them below 4 GiB; and those that are kept for claims. */
uint64_t frame_free_low_pages(void);
uint64_t frame_claimed_pages(void);
void frame_domain_init(struct domain *d, uint64_t max_pages);

/* ---- frames for others (exchange.c) ---- */

/*
 * Some frames of d for as many others, all at once or not at all. fresh are
 * the extents that it will get, by their first frames, in the order of
 * frame_exchange_want(), linked by next. One CPU's, never kept.
 */
struct frame_exchange {
	struct domain *d;
	unsigned int order; /* of the extents that it will get */
	uint32_t fresh, fresh_last;
	uint32_t given; /* frames that it gave */
};

void frame_exchange_begin(struct frame_exchange *x, struct domain *d,
			  unsigned int order);
/* One more extent below limit, which will stand at pfn. -ENOMEM, -ERESTART. */
[[nodiscard]] int frame_exchange_want(struct frame_exchange *x, uint64_t limit,
				      uint64_t pfn);
/* Takes f (may be NULL) from d; false: not its, or in use by anybody. */
[[nodiscard]] bool frame_exchange_give(struct frame_exchange *x,
				       struct frame *f);
/* Either of these ends it: as many frames were given as wanted; or none. */
void frame_exchange_commit(struct frame_exchange *x);
void frame_exchange_undo(struct frame_exchange *x);

/*
 * One frame from a domain to another. Taken, it is nobody's and the caller's;
 * false: f (may be NULL) is not d's, or in use by anybody.
 */
[[nodiscard]] bool frame_take_from(struct domain *d, struct frame *f);
/* Gives it, as it is, to d, which was charged for it, to stand at pfn; if d is
 * dying it is freed. */
void frame_hand_to(struct domain *d, struct frame *f, uint64_t pfn);
/* Or frees it. */
void frame_drop_taken(struct frame *f);
/* Counts n pages that d will have. False: beyond its limit, or it is dying. */
[[nodiscard]] bool frame_charge(struct domain *d, uint64_t n);
void frame_uncharge(struct domain *d, uint64_t n);

/* ---- memory of any size for the hypervisor (pool.c) ---- */

/* Zeroed memory in whole pages, or NULL; size in bytes. */
void *frame_alloc_bytes(size_t size);
void frame_free_bytes(void *p, size_t size);

/* ---- stale translations (flush.c) ---- */

/* Right before this CPU's full flush, with no access to guest memory in
 * between: keeps the clock that the stamps are measured by. */
void flush_note(void);
/* Before the frame changes hands or type: flush whoever may hold a
 * translation of it from before. */
void flush_stale(struct frame *f);
void flush_stamp(struct frame *f);

/* ---- the log of written pages (dirty.c) ---- */

/* Pages that one leaf of the log has bits for, and leaves: 64 GiB. */
#define DIRTY_LEAF_BITS (PAGE_SIZE * 8)
#define DIRTY_LEAVES	512
#define DIRTY_PFNS	(DIRTY_LEAF_BITS * DIRTY_LEAVES)

/* The page of d, whose log is on, was or will be written. */
void dirty_note(struct domain *d, const struct frame *f);
/* True when it is noted already, or never will be. */
bool dirty_noted(const struct domain *d, const struct frame *f);
/* The log begins, with no page noted: under d's mm lock. -ENOMEM. */
[[nodiscard]] int dirty_start(struct domain *d);
void dirty_stop(struct domain *d);
/*
 * Bits of leaf i, 4096 bytes, taken out of the log if clear. -ENOMEM: some
 * writes could not be noted.
 */
[[nodiscard]] int dirty_take(struct domain *d, unsigned int i, uint64_t *out,
			     bool clear);
/* They did not arrive: notes them again. */
void dirty_put_back(struct domain *d, unsigned int i, const uint64_t *bits);
/* Frees the log of a domain that nobody finds any more. */
void dirty_exit(struct domain *d);

/* ---- writes to guest memory (guest_write.c) ---- */

/*
 * The one door for writes into guests' frames: log-dirty hooks here.
 * p points into a frame that holds a writable reference for us.
 */
void guest_write(struct domain *d, void *p, const void *src, size_t n);
/* For words that are changed in place, by one instruction: after that. */
void guest_wrote(struct domain *d, const void *p);
/* The current guest's virtual memory; see arch_copy_to_guest(). */
[[nodiscard]] int guest_copy_to(uint64_t va, const void *src, size_t n);
[[nodiscard]] int guest_copy_from(void *dst, uint64_t va, size_t n);

/* The same for a constant number of words, 1 to 6: without a loop. */
[[nodiscard]] static inline __attribute__((always_inline)) int
guest_words_from(uint64_t *dst, uint64_t va, unsigned int n)
{
	unsigned int failed, tries = ARCH_WORDS_TRIES;

	do {
		failed = 0;
		if (unlikely(!arch_words_begin(va)))
			return -EFAULT;
		arch_word_load(va, 0, dst[0], failed);
		if (n > 1)
			arch_word_load(va, 8, dst[1], failed);
		if (n > 2)
			arch_word_load(va, 16, dst[2], failed);
		if (n > 3)
			arch_word_load(va, 24, dst[3], failed);
		if (n > 4)
			arch_word_load(va, 32, dst[4], failed);
		if (n > 5)
			arch_word_load(va, 40, dst[5], failed);
		arch_words_end();
	} while (unlikely(failed) && --tries);
	return failed ? -EFAULT : 0;
}

/* A number of 4 bytes. */
[[nodiscard]] static inline int guest_number_from(uint32_t *dst, uint64_t va)
{
	unsigned int failed = 0;

	if (unlikely(!arch_words_begin(va)))
		return -EFAULT;
	arch_word_load(va, 0, *dst, failed);
	arch_words_end();
	return unlikely(failed) ? guest_copy_from(dst, va, sizeof(*dst)) : 0;
}

/* One word, 8 bytes. */
[[nodiscard]] int guest_word_to(uint64_t va, uint64_t word);

#endif
