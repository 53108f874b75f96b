/* SPDX-License-Identifier: MIT */
/*
 * Copies of bytes within pages that were granted, or that are the caller's
 * own. Each side is held while the bytes move: an entry is in use like that
 * of a loan, its own page is counted. No lock is held; what both sides' guests
 * write meanwhile is their affair, the bytes mean nothing to us.
 *
 * The next copy of an array has often a side in common with the last one (a
 * packet into one buffer, or out of one page): it is kept until it differs.
 * Everything is let go before the call pauses.
 *
 * A frame that is written is noted if its owner's log is on: guest_write().
 */
#include "grant/entry.h"
#include "lib/string.h"

/* Which page of whom. */
static bool same_page(const struct gnttab_copy_ptr *a,
		      const struct gnttab_copy_ptr *b)
{
	return a->u.gmfn == b->u.gmfn && a->domid == b->domid;
}

static void side_end(struct grant_side *s)
{
	if (!s->use.f)
		return;
	if (s->by_ref)
		grant_use_end(&s->use);
	else
		frame_put_data(s->use.f, s->use.writing);
	s->use.f = NULL;
}

static int own_page(struct vcpu *v, const struct gnttab_copy_ptr *p,
		    struct grant_use *use)
{
	struct domain *d = v->domain;
	struct frame *f = frame_lookup(guest_mfn(p->u.gmfn));
	int rc;

	if (p->domid != DOMID_SELF)
		return domain_find(p->domid) ? GNTST_permission_denied
					     : GNTST_bad_domain;
	rc = grant_frame_get(d, f, use->writing);
	if (rc)
		return rc;
	use->granter = d;
	use->f = f;
	use->from = 0;
	use->to = PAGE_SIZE;
	return GNTST_okay;
}

/* Makes s the side that p names; it may be so already. */
static int side_begin(struct vcpu *v, const struct gnttab_copy_ptr *p,
		      bool by_ref, bool writing, struct grant_side *s)
{
	struct domain *granter;
	int rc;

	if (s->use.f && s->by_ref == by_ref && same_page(p, &s->at))
		return GNTST_okay;
	side_end(s);
	s->by_ref = by_ref;
	s->at = *p;
	s->use.writing = writing;
	if (!by_ref)
		return own_page(v, p, &s->use);
	granter = domain_find(p->domid);
	if (!granter)
		return GNTST_bad_domain;
	rc = grant_use_begin(granter, p->u.ref, v->domain->id, writing, true,
			     &s->use);
	if (rc)
		s->use.f = NULL;
	return rc;
}

/* Bytes [offset, offset + n) are in the part that was granted. */
static bool side_has(const struct grant_side *s, uint32_t offset, uint32_t n)
{
	return offset >= s->use.from && offset + n <= s->use.to;
}

static char *bytes_at(const struct grant_side *s, uint32_t offset)
{
	return (char *)frame_ptr(s->use.f) + offset;
}

int grant_copy(struct vcpu *v, const struct gnttab_copy *op,
	       struct grant_sides *sides)
{
	struct grant_side *from = &sides->from, *to = &sides->to;
	void *dst;
	int rc;

	if (op->source.offset + op->len > PAGE_SIZE ||
	    op->dest.offset + op->len > PAGE_SIZE)
		return GNTST_bad_copy_arg;
	rc = side_begin(v, &op->source, op->flags & GNTCOPY_source_gref, false,
			from);
	if (!rc)
		rc = side_begin(v, &op->dest, op->flags & GNTCOPY_dest_gref,
				true, to);
	if (rc)
		return rc;
	if (!side_has(from, op->source.offset, op->len) ||
	    !side_has(to, op->dest.offset, op->len))
		return GNTST_general_error;
	dst = bytes_at(to, op->dest.offset);
	if (likely(from->use.f != to->use.f)) {
		guest_write(to->use.granter, dst,
			    bytes_at(from, op->source.offset), op->len);
	} else {
		memmove(dst, bytes_at(from, op->source.offset), op->len);
		guest_wrote(to->use.granter, dst);
	}
	return GNTST_okay;
}

void grant_copies_end(struct grant_sides *sides)
{
	side_end(&sides->from);
	side_end(&sides->to);
}
