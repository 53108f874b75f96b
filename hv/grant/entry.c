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

static uint32_t bits_of(bool writing)
{
	return GTF_reading | (writing ? GTF_writing : 0);
}

/* The word of statuses, and the shift, that has entry ref's. */
static uint32_t *status_word(const struct domain_grant *g, uint32_t ref,
			     unsigned int *shift)
{
	grant_status_t *page = g->status[ref / GRANT_STATUSES];

	*shift = ref % 2 * 16;
	return (uint32_t *)(page + ref % GRANT_STATUSES / 2 * 2);
}

static void bits_clear(struct grant_locked l, uint32_t ref, uint32_t bits)
{
	const struct domain_grant *g = &l.d->grant;
	uint32_t *word = grant_header(g, ref);
	unsigned int shift = 0;

	if (g->version == 2)
		word = status_word(g, ref, &shift);
	shared_and32(word, ~(bits << shift));
}

/* Whether an entry of that header may be used so. */
static bool header_allows(const struct domain_grant *g, uint32_t header,
			  uint16_t by, bool writing, bool copy)
{
	uint32_t type = header & GTF_type_mask;
	bool part = g->version == 2 &&
		    (type == GTF_transitive || (header & GTF_sub_page));

	if (header >> 16 != by || (writing && (header & GTF_readonly)))
		return false;
	if (part && !copy)
		return false;
	return type == GTF_permit_access ||
	       (type == GTF_transitive && g->version == 2);
}

/*
 * Marks the entry in use. GNTST_*; *header is what it was. If it is refused
 * some bits may be set: the caller clears what nobody else needs.
 */
static int entry_mark(struct grant_locked l, uint32_t ref, uint16_t by,
		      bool writing, bool copy, uint32_t *header)
{
	const struct domain_grant *g = &l.d->grant;
	uint32_t *word = grant_header(g, ref), *status;
	uint32_t bits = bits_of(writing), h = shared_load32(word);
	unsigned int shift;

	for (unsigned int i = 0; i < TRIES_MAX; i++) {
		*header = h;
		if (!header_allows(g, h, by, writing, copy))
			return GNTST_general_error;
		if (g->version == 1) {
			if ((h & bits) == bits ||
			    shared_cmpxchg32(word, &h, h | bits))
				return GNTST_okay;
			continue;
		}
		status = status_word(g, ref, &shift);
		shared_or32(status, bits << shift);
		h = shared_load32(word);
		if (h == *header)
			return GNTST_okay;
	}
	return GNTST_general_error;
}

/* What the entry grants: read once, after it is marked. */
static void entry_read(struct grant_locked l, uint32_t ref, uint32_t header,
		       uint64_t *frame, struct grant_use *out)
{
	const struct domain_grant *g = &l.d->grant;
	union grant_entry_v2 *e = (union grant_entry_v2 *)grant_header(g, ref);
	uint32_t part;

	out->from = 0;
	out->to = PAGE_SIZE;
	if (g->version == 1) {
		*frame = shared_load32(
			&((struct grant_entry_v1 *)grant_header(g, ref))
				 ->frame);
		return;
	}
	*frame = shared_load64(&e->full_page.frame);
	if (!(header & GTF_sub_page))
		return;
	part = shared_load32(&e->full_page.pad0); /* page_off, length */
	out->from = part & 0xffff;
	out->to = out->from + (part >> 16);
	if (out->to > PAGE_SIZE)
		out->from = out->to = 0;
}

int grant_frame_get(struct domain *d, struct frame *f, bool writing)
{
	if (unlikely(!f) || f->owner != d->id)
		return GNTST_bad_page;
	return likely(frame_get_data(f, frame_usual(d->id), d, writing))
		       ? GNTST_okay
		       : GNTST_general_error;
}

static int frame_hold(struct grant_locked l, const struct grant_active *a,
		      uint64_t frame, struct grant_use *out)
{
	struct domain *d = l.d;
	struct frame *f = frame_lookup(guest_mfn(a->users ? a->mfn : frame));
	int rc = grant_frame_get(d, f, out->writing);

	if (!rc)
		out->f = f;
	return rc;
}

static void active_add(struct grant_locked l, struct grant_active *a,
		       uint16_t by, const struct grant_use *use)
{
	a->mfn = use->f ? (uint32_t)frame_mfn(use->f).v : 0;
	a->domain = by;
	a->users++;
	a->writers += use->writing;
	l.d->grant.active++;
}

/* The bits that no user needs any more go. */
static void bits_settle(struct grant_locked l, uint32_t ref,
			const struct grant_active *a)
{
	if (!a->users)
		bits_clear(l, ref, IN_USE);
	else if (!a->writers)
		bits_clear(l, ref, GTF_writing);
}

/* A use of one entry; *onward tells that it passes on another, *header and
 * the entry then say which. */
static int use_one(struct grant_locked l, uint16_t by, bool copy,
		   struct grant_use *out, bool *onward)
{
	struct grant_active *a;
	uint32_t header;
	uint64_t frame;
	int rc;

	if (domain_is_dying(l.d))
		return GNTST_bad_domain;
	if (out->ref >= grant_entries(&l.d->grant))
		return GNTST_bad_gntref;
	a = grant_active(&l.d->grant, out->ref);
	if (a->users && a->domain != by)
		return GNTST_general_error;
	rc = entry_mark(l, out->ref, by, out->writing, copy, &header);
	if (!rc) {
		*onward = (header & GTF_type_mask) == GTF_transitive;
		entry_read(l, out->ref, header, &frame, out);
	}
	if (!rc && !*onward)
		rc = frame_hold(l, a, frame, out);
	/* It has a frame or passes one on, as long as it is in use. */
	if (!rc && a->users && *onward != !a->mfn)
		rc = GNTST_general_error;
	if (!rc)
		active_add(l, a, by, out);
	else if (out->f)
		frame_put_data(out->f, out->writing);
	if (rc)
		bits_settle(l, out->ref, a);
	return rc;
}

static void use_one_end(struct domain *d, uint32_t ref, struct frame *f,
			bool writing)
{
	struct grant_locked l = grant_lock(d);
	struct grant_active *a = grant_active(&d->grant, ref);

	a->users--;
	a->writers -= writing;
	/* The reaper may wait for it. */
	if (!--d->grant.active && unlikely(domain_is_dying(d)))
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
	if (f && writing)
		guest_wrote(d, frame_ptr(f));
	if (f)
		frame_put_data(f, writing);
	bits_settle(l, ref, a);
	grant_unlock(l);
}

/* The entry that entry ref passes on: granted to its owner. */
static int use_passed(struct grant_use *out, domid_t id, uint32_t ref)
{
	struct domain *by = out->granter, *granter = domain_find(id);
	struct grant_use inner = { .granter = granter,
				   .ref = ref,
				   .writing = out->writing };
	struct grant_locked l;
	bool onward = false;
	int rc;

	if (!granter || granter == by)
		return GNTST_general_error;
	l = grant_lock(granter);
	rc = use_one(l, by->id, true, &inner, &onward);
	grant_unlock(l);
	if (!rc && onward) {
		use_one_end(granter, ref, NULL, out->writing);
		rc = GNTST_general_error;
	}
	if (rc)
		return rc;
	inner.passed_by = by;
	inner.passed_ref = out->ref;
	*out = inner;
	return GNTST_okay;
}

int grant_use_begin(struct domain *granter, uint32_t ref, uint16_t by,
		    bool writing, bool copy, struct grant_use *out)
{
	struct grant_locked l = grant_lock(granter);
	union grant_entry_v2 *e;
	uint32_t inner_ref = 0;
	bool onward = false;
	domid_t inner = 0;
	int rc;

	*out = (struct grant_use){ .granter = granter,
				   .ref = ref,
				   .writing = writing };
	rc = use_one(l, by, copy, out, &onward);
	if (unlikely(!rc && onward)) {
		e = (union grant_entry_v2 *)grant_header(&granter->grant, ref);
		inner = (domid_t)shared_load32(&e->full_page.pad0);
		inner_ref = shared_load32(&e->transitive.gref);
	}
	grant_unlock(l);
	if (likely(rc || !onward))
		return rc;
	rc = use_passed(out, inner, inner_ref);
	if (rc)
		use_one_end(granter, ref, NULL, writing);
	return rc;
}

void grant_use_end(const struct grant_use *use)
{
	use_one_end(use->granter, use->ref, use->f, use->writing);
	if (unlikely(use->passed_by != NULL))
		use_one_end(use->passed_by, use->passed_ref, NULL,
			    use->writing);
}
