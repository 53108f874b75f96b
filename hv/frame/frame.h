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

extern uint64_t frame_limit; /* first mfn beyond the frame table */

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

/* ---- general references (count.c) ---- */

/*
 * Takes a reference to a frame that the domain owns. False when it is free,
 * owned by another, or the count would overflow.
 */
[[nodiscard]] bool frame_get(struct frame *f, const struct domain *owner);
/* Takes one more while one is held. False on overflow. */
[[nodiscard]] bool frame_ref(struct frame *f);
/* Drops one; the last frees the frame. */
void frame_put(struct frame *f);

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
/* Sets or clears the pin flag; false when it was so already. */
[[nodiscard]] bool frame_pin_set(struct frame *f);
[[nodiscard]] bool frame_pin_clear(struct frame *f);

/* Drops a writable or other plain use with its reference. */
void frame_put_writable(struct frame *f);
/* A reference and a writable use together; undone by frame_put_writable. */
[[nodiscard]] bool frame_get_writable(struct frame *f,
				      const struct domain *owner);

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
 * One scrubbed frame that the hypervisor shares with the domain for writing:
 * owned by it, outside its reservation, with a permanent writable use.
 */
[[nodiscard]] int frame_alloc_shared(struct domain *d, struct frame **out);
void frame_free_shared(struct frame *f);
/*
 * Ends the owner's own reference; the frame is freed with the last other
 * one. False when the owner's reference was gone already.
 */
[[nodiscard]] bool frame_disown(struct frame *f);
uint64_t frame_free_pages(void);
void frame_domain_init(struct domain *d, uint64_t max_pages);

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

/* ---- writes to guest memory (guest_write.c) ---- */

/*
 * The one door for writes into guests' frames: log-dirty hooks here.
 * p points into a frame that holds a writable reference for us.
 */
void guest_write(struct domain *d, void *p, const void *src, size_t n);
/* The current guest's virtual memory; see arch_copy_to_guest(). */
[[nodiscard]] int guest_copy_to(uint64_t va, const void *src, size_t n);
[[nodiscard]] int guest_copy_from(void *dst, uint64_t va, size_t n);

#endif
