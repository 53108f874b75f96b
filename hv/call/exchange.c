/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: a guest's frames for others, for memory that devices can
 * reach: contiguous in the machine, or below an address.
 *
 * The unit is the larger one of an extent in and an extent out, and as many of
 * the others as fit it. A unit is exchanged or not; how many extents in are
 * done is in the argument itself, which is where a pause goes on, too.
 *
 *	extents in   |...|...|...|...|   order 0    one unit: 4 in, 1 out
 *	extents out  |...............|   order 2
 *
 * What a hostile guest tries (XSA-29, 159, 212): a count of what is done that
 * leads beyond the lists, sizes that are equal only after they overflow, one
 * frame twice, lists in our memory (each access to them is an ordinary copy
 * to or from the guest), lists that cannot be written when the frames are
 * there (nothing has changed hands by then).
 */
#include "argument.h"
#include "call/memory.h"
#include "frame/frame.h"

struct exchange {
	struct extents in, out;
	uint64_t in_unit, out_unit; /* extents of each in a unit */
};

static bool same_size(const struct extents *a, const struct extents *b)
{
	uint64_t frames = a->nr << a->order;

	return frames >> a->order == a->nr && frames == b->nr << b->order &&
	       frames >> b->order == b->nr;
}

static int exchange_decode(struct vcpu *v, const struct xen_memory_exchange *x,
			   struct exchange *e)
{
	unsigned int order = MAX(x->in.extent_order, x->out.extent_order);
	int rc;

	if (x->in.domid != x->out.domid || x->nr_exchanged > x->in.nr_extents)
		return -EINVAL;
	rc = extents_decode(v, &x->in, &e->in);
	if (!rc)
		rc = extents_decode(v, &x->out, &e->out);
	if (rc)
		return rc;
	e->in_unit = 1UL << (order - e->in.order);
	e->out_unit = 1UL << (order - e->out.order);
	e->in.at = x->nr_exchanged;
	if (!same_size(&e->in, &e->out) || e->in.at % e->in_unit)
		return -EINVAL;
	e->out.at = e->in.at / e->in_unit * e->out_unit;
	return 0;
}

/* The list of places, read once, becomes extents that nobody has yet. */
static int unit_want(const struct exchange *e, struct frame_exchange *x)
{
	for (uint64_t i = 0; i < e->out_unit; i++) {
		uint64_t pfn;
		int rc;

		if (extent_read(&e->out, e->out.at + i, &pfn))
			return -EFAULT;
		rc = frame_exchange_want(x, e->out.limit, pfn);
		if (rc)
			return rc;
	}
	return 0;
}

static int unit_give(const struct exchange *e, struct frame_exchange *x)
{
	for (uint64_t i = 0; i < e->in_unit; i++) {
		uint64_t m;

		if (extent_read(&e->in, e->in.at + i, &m))
			return -EFAULT;
		for (uint64_t j = 0; j < 1UL << e->in.order; j++)
			if (!frame_exchange_give(
				    x, frame_lookup(guest_mfn(m + j))))
				return -EINVAL;
	}
	return 0;
}

/* Tells the guest what it gets: the last step that can fail. */
static int unit_tell(const struct exchange *e, const struct frame_exchange *x)
{
	uint64_t i = e->out.at;

	for (uint32_t m = x->fresh; m != FRAME_NIL; m = frame_of(mfn(m))->next)
		if (extent_write(&e->out, i++, m))
			return -EFAULT;
	return 0;
}

static int exchange_unit(const struct exchange *e)
{
	struct frame_exchange x;
	int rc;

	frame_exchange_begin(&x, e->in.d, e->out.order);
	rc = unit_want(e, &x);
	if (!rc)
		rc = unit_give(e, &x);
	if (!rc)
		rc = unit_tell(e, &x);
	if (rc)
		frame_exchange_undo(&x);
	else
		frame_exchange_commit(&x);
	return rc;
}

/* How many are done, back to where it was. */
static const uint8_t done_at[] = {
	[WIDTH_64] = offsetof(struct xen_memory_exchange, nr_exchanged),
	[WIDTH_32] = offsetof(struct memory_exchange32, nr_exchanged),
};

long memory_exchange(struct vcpu *v, uint64_t arg)
{
	uint64_t done_va = arg + done_at[v->domain->width];
	struct frame_number done;
	struct xen_memory_exchange x;
	struct exchange e;
	int rc;

	if (arg_read_memory_exchange(v, &x, arg))
		return -EFAULT;
	rc = exchange_decode(v, &x, &e);
	if (rc)
		return rc;
	while (!rc && e.in.at < e.in.nr) {
		rc = exchange_unit(&e);
		if (rc)
			break;
		e.in.at += e.in_unit;
		e.out.at += e.out_unit;
		if (e.in.at < e.in.nr && arch_preempt_pending())
			rc = -ERESTART;
	}
	done.v = e.in.at;
	if (arg_write_frame_number(v, done_va, &done))
		return -EFAULT;
	return rc;
}
