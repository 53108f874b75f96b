/* SPDX-License-Identifier: MIT */
/*
 * One entry and its uses. The guest writes what it grants, and takes it back
 * by exchanging the entry's flags for 0, which must fail while the page is in
 * use: so we set GTF_reading and GTF_writing, in the entry itself (version 1)
 * or in its status (version 2), before we read which frame it is.
 *
 *	v1   cmpxchg of flags and domain, with the bits: the entry was what we
 *	     checked in the moment when it became busy
 *	v2   the bits into the status, by a locked operation; then the entry is
 *	     read again. The guest clears it first and looks at the status then
 *
 * What is in use we know ourselves: users and writers in struct grant_active.
 * The bits are for the guest to read, nothing here depends on them; if it
 * clears them or sets them without need it deceives itself. While there are
 * users, the frame is the one that the first of them found, whatever the
 * entry says by now, and nobody else than their domain can join them.
 *
 * The frame is held by each user with a reference, and if it may write with a
 * use as writable: it can be given away, even freed by its owner's end, but
 * becomes no table and nobody else's until the last user has gone. Bits are
 * cleared last: whoever sees them clear finds the frame unused.
 *
 * A transitive entry (version 2, copies only) passes on an entry that another
 * domain granted to its owner: both are in use then, each under its own lock,
 * one after the other. Passing on ends there, so there are no circles.
 */
#include "grant/entry.h"

#define IN_USE	  (GTF_reading | GTF_writing)
#define TRIES_MAX 4 /* that a guest may change its entry under our hands */

/* Whether an entry of that header may be used so. */
static inline bool header_allows(const struct grant_entry *e, uint32_t header,
				 uint16_t by, bool writing, bool copy)
{
	if (unlikely(header >> 16 != by) ||
	    unlikely(writing && (header & GTF_readonly)))
		return false;
	if (likely(e->version == 1))
		return (header & GTF_type_mask) == GTF_permit_access;
	/* What grants less than a page, or another's, can only be copied. */
	if ((header & GTF_type_mask) == GTF_transitive)
		return copy;
	return (header & GTF_type_mask) == GTF_permit_access &&
	       (copy || !(header & GTF_sub_page));
}

/*
 * Marks the entry in use. GNTST_*; *header is what it was. If it is refused
 * some bits may be set in version 2: marks_settle().
 */
static inline int entry_mark(const struct grant_entry *e, uint16_t by,
			     bool writing, bool copy, uint32_t *header)
{
	uint32_t bits = GTF_reading | (writing ? GTF_writing : 0);
	uint32_t h = shared_load32(e->header);

	for (unsigned int i = 0; i < TRIES_MAX; i++) {
		*header = h;
		if (!header_allows(e, h, by, writing, copy))
			return GNTST_general_error;
		if (likely(e->version == 1)) {
			if ((h & bits) == bits ||
			    shared_cmpxchg32(e->header, &h, h | bits))
				return GNTST_okay;
			continue;
		}
		shared_or32(e->bits, bits << e->shift);
		h = shared_load32(e->header);
		if (h == *header)
			return GNTST_okay;
	}
	return GNTST_general_error;
}

/* The frame that an entry names, and of version 2 which part of it: read
 * once, after it is marked. */
static inline uint64_t entry_read(const struct grant_entry *e, uint32_t header,
				  struct grant_use *out)
{
	out->from = 0;
	out->to = PAGE_SIZE;
	if (unlikely(e->version == 2) && (header & GTF_sub_page)) {
		/* page_off, length */
		uint32_t part = shared_load32(&e->v2->full_page.pad0);

		out->from = part & 0xffff;
		out->to = out->from + (part >> 16);
		if (out->to > PAGE_SIZE)
			out->from = out->to = 0;
	}
	return grant_entry_frame(e);
}

/* The bits that no user needs any more go. */
static inline void bits_settle(const struct grant_entry *e)
{
	uint32_t unused = !e->active->users	? IN_USE
			  : !e->active->writers ? GTF_writing
						: 0;

	if (unused)
		shared_and32(e->bits, ~(unused << e->shift));
}

/*
 * After a refusal. In version 1 no bit was set; they are the guest's, and of
 * an entry that waits for a frame one of them says that it came.
 */
static inline void marks_settle(const struct grant_entry *e)
{
	if (e->version != 1)
		bits_settle(e);
}

int grant_frame_get(struct domain *d, struct frame *f, bool writing)
{
	if (unlikely(!f) || unlikely(f->owner != d->id))
		return GNTST_bad_page;
	return likely(frame_get_data(f, frame_usual(d->id), d, writing))
		       ? GNTST_okay
		       : GNTST_general_error;
}

/*
 * A use of one entry: out->f becomes its frame; of one that passes on
 * another's, which e has then, it stays NULL.
 */
static inline int use_one(struct grant_locked l, uint16_t by, bool copy,
			  struct grant_use *out, struct grant_entry *e)
{
	struct grant_active *a;
	uint32_t header;
	struct frame *f;
	int rc;

	if (unlikely(domain_is_dying(l.d)))
		return GNTST_bad_domain;
	if (unlikely(!grant_entry_find(&l.d->grant, out->ref, e)))
		return GNTST_bad_gntref;
	a = e->active;
	if (unlikely(a->users && a->domain != by))
		return GNTST_general_error;
	rc = entry_mark(e, by, out->writing, copy, &header);
	if (unlikely(rc)) {
		marks_settle(e);
		return rc;
	}
	f = frame_lookup(guest_mfn(entry_read(e, header, out)));
	if (a->users)
		f = a->mfn ? frame_of(mfn(a->mfn)) : NULL;
	if (unlikely((header & GTF_type_mask) == GTF_transitive))
		rc = a->users && f ? GNTST_general_error : GNTST_okay;
	else
		rc = grant_frame_get(l.d, out->f = f, out->writing);
	if (unlikely(rc))
		goto err_mark;
	a->mfn = out->f ? (uint32_t)frame_mfn(f).v : 0;
	a->domain = by;
	a->users++;
	a->writers += out->writing;
	l.d->grant.active++;
	return GNTST_okay;
err_mark:
	out->f = NULL;
	bits_settle(e);
	return rc;
}

static inline void use_one_end(struct domain *d, uint32_t ref, struct frame *f,
			       bool writing)
{
	struct grant_locked l = grant_lock(d);
	struct grant_entry e;
	bool found = grant_entry_find(&d->grant, ref, &e);

	BUG_ON(!found); /* tables do not shrink */
	e.active->users--;
	e.active->writers -= writing;
	/* The reaper may wait for it. */
	if (!--d->grant.active && unlikely(domain_is_dying(d)))
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
	if (f && writing)
		guest_wrote(d, frame_ptr(f));
	if (f)
		frame_put_data(f, writing);
	bits_settle(&e);
	grant_unlock(l);
}

/* The entry that out's passes on: granted to its owner, by `inner`. */
static aside int use_passed(struct grant_use *out, domid_t inner, uint32_t ref)
{
	struct domain *by = out->granter, *granter = domain_find(inner);
	struct grant_use use = { .granter = granter,
				 .ref = ref,
				 .writing = out->writing,
				 .passed_by = by,
				 .passed_ref = out->ref };
	struct grant_locked l;
	struct grant_entry e;
	int rc = GNTST_general_error;

	if (granter && granter != by) {
		l = grant_lock(granter);
		rc = use_one(l, by->id, true, &use, &e);
		grant_unlock(l);
		if (!rc && !use.f) { /* it passes on, too */
			use_one_end(granter, ref, NULL, use.writing);
			rc = GNTST_general_error;
		}
	}
	if (rc)
		use_one_end(by, out->ref, NULL, out->writing);
	else
		*out = use;
	return rc;
}

int grant_use_begin(struct domain *granter, uint32_t ref, uint16_t by,
		    bool writing, bool copy, struct grant_use *out)
{
	struct grant_locked l = grant_lock(granter);
	struct grant_entry e;
	uint32_t inner_ref = 0;
	domid_t inner = 0;
	int rc;

	out->granter = granter;
	out->ref = ref;
	out->writing = writing;
	out->f = NULL;
	out->passed_by = NULL;
	rc = use_one(l, by, copy, out, &e);
	if (unlikely(!rc && !out->f)) {
		inner = (domid_t)shared_load32(&e.v2->full_page.pad0);
		inner_ref = shared_load32(&e.v2->transitive.gref);
	}
	grant_unlock(l);
	return likely(rc || out->f) ? rc : use_passed(out, inner, inner_ref);
}

void grant_use_end(const struct grant_use *use)
{
	use_one_end(use->granter, use->ref, use->f, use->writing);
	if (unlikely(use->passed_by != NULL))
		use_one_end(use->passed_by, use->passed_ref, NULL,
			    use->writing);
}
