/* SPDX-License-Identifier: MIT */
/*
 * memory_op: a domain's memory, by extents of 2^order frames. An extent is
 * the unit: it is done or not, and the result is how many are done, of the
 * whole list; why the next one was not is not told, nor is a mistake in the
 * arguments. Where to go on after a pause is in the upper bits of the
 * command, and comes back from the guest like any other argument.
 *
 * What a hostile guest tries: an order that would take us long (limited, and
 * frames are scrubbed with pauses); a list that changes while we read it (each
 * entry is read once); a place for the result that cannot be written (the
 * frames are given back: nobody knows of them but us); a start beyond the
 * list.
 */
#include "argument.h"
#include "call/memory.h"
#include "frame/frame.h"
#include "mm/mm.h"

#define EXTENT_SHIFT   6 /* of the command: below it the operation */
#define OPERATION_MASK ((1UL << EXTENT_SHIFT) - 1)
/* So many that their number fits the command, by the width of registers. */
static const uint64_t extents_max[] = {
	[WIDTH_64] = ~0UL >> (EXTENT_SHIFT + 1),
	[WIDTH_32] = UINT32_MAX >> EXTENT_SHIFT,
};
/* 2 MiB; and what is handed over at once to whom may have more. */
#define ORDER_MAX_GUEST	     9
#define ORDER_MAX_PRIVILEGED 12

static uint64_t limit_of(unsigned int flags)
{
	unsigned int bits = XENMEMF_get_address_bits(flags);

	if (bits == 0 || bits >= 64)
		return ~0UL;
	return bits <= PAGE_SHIFT ? 0 : 1UL << (bits - PAGE_SHIFT);
}

int extents_decode(struct vcpu *v, const struct xen_memory_reservation *r,
		   struct extents *e)
{
	unsigned int order_max =
		v->domain->privileged ? ORDER_MAX_PRIVILEGED : ORDER_MAX_GUEST;
	int error = 0;

	e->list = (uint64_t)r->extent_start.p;
	e->nr = r->nr_extents;
	e->at = 0;
	e->order = r->extent_order;
	e->limit = limit_of(r->mem_flags);
	e->v = v;
	if (e->order > order_max)
		return -EPERM;
	e->d = domain_from_arg(v, r->domid, &error);
	return e->d ? 0 : error;
}

static uint64_t number_va(const struct extents *e, uint64_t i)
{
	return e->list + i * arg_bytes_frame_number(e->v);
}

int extent_read(const struct extents *e, uint64_t i, uint64_t *out)
{
	struct frame_number n;
	int rc = arg_read_frame_number(e->v, &n, number_va(e, i));

	*out = n.v;
	return rc;
}

int extent_write(const struct extents *e, uint64_t i, uint64_t m)
{
	const struct frame_number n = { m };

	return arg_write_frame_number(e->v, number_va(e, i), &n);
}

/*
 * Frames that the domain just got. Another vcpu may have guessed a number and
 * given the frame back itself: it may be another domain's by now.
 */
static void extent_release(struct extents *e, struct frame *f)
{
	for (uint64_t i = 0; i < 1UL << e->order; i++) {
		if (!frame_get(f + i, e->d))
			continue;
		(void)!frame_disown(f + i);
		frame_put(f + i);
	}
}

/*
 * The frames are the domain's already, and another vcpu may guess their
 * numbers and give them back: one that is gone has another place by now.
 */
static void extent_places_set(const struct extents *e, struct frame *f,
			      uint64_t pfn)
{
	for (uint64_t i = 0; i < 1UL << e->order; i++) {
		if (!frame_get(f + i, e->d))
			continue;
		mm_m2p_set(f + i, pfn + i);
		guest_wrote(e->d, frame_ptr(f + i));
		frame_put(f + i);
	}
}

/* The guest is told machine frames only if it gave a list. */
static int increase_one(struct extents *e)
{
	struct frame *f;
	int rc = frame_alloc_extent(e->d, e->order, e->limit, &f);

	if (rc || !e->list)
		return rc;
	rc = extent_write(e, e->at, frame_mfn(f).v);
	if (rc)
		extent_release(e, f);
	return rc;
}

static int decrease_one(struct extents *e)
{
	uint64_t m;

	if (extent_read(e, e->at, &m))
		return -EFAULT;
	return mm_decrease(e->d, guest_mfn(m), e->order);
}

/* The list has the places in the guest's memory, then the frames there. */
static int populate_one(struct extents *e)
{
	struct frame *f;
	uint64_t pfn;
	int rc;

	if (extent_read(e, e->at, &pfn))
		return -EFAULT;
	rc = frame_alloc_extent(e->d, e->order, e->limit, &f);
	if (rc)
		return rc;
	rc = extent_write(e, e->at, frame_mfn(f).v);
	if (rc) {
		extent_release(e, f);
		return rc;
	}
	extent_places_set(e, f, pfn);
	return 0;
}

static int extent_one(unsigned int operation, struct extents *e)
{
	switch (operation) {
	case XENMEM_increase_reservation:
		return increase_one(e);
	case XENMEM_decrease_reservation:
		return decrease_one(e);
	default:
		return populate_one(e);
	}
}

static bool extents_begin(struct vcpu *v, const struct call_args *args,
			  struct extents *e)
{
	struct xen_memory_reservation r;

	if (arg_read_memory_reservation(v, &r, args->a[1]) ||
	    extents_decode(v, &r, e))
		return false;
	e->at = args->a[0] >> EXTENT_SHIFT;
	/* Nothing of a paravirtual guest's is populated on demand. */
	return e->nr <= extents_max[v->domain->width] && e->at <= e->nr &&
	       !(r.mem_flags & XENMEMF_populate_on_demand);
}

static long extents_run(struct vcpu *v, struct call_args *args)
{
	unsigned int operation = args->a[0] & OPERATION_MASK;
	struct extents e;

	if (!extents_begin(v, args, &e))
		return (long)(args->a[0] >> EXTENT_SHIFT);
	while (e.at < e.nr) {
		int rc = extent_one(operation, &e);

		if (!rc)
			e.at++;
		else if (rc != -ERESTART)
			break;
		if (rc || (e.at < e.nr && arch_preempt_pending())) {
			args->a[0] = operation | e.at << EXTENT_SHIFT;
			return -ERESTART;
		}
	}
	return (long)e.at;
}

/* memory_op(cmd, arg) */
long hc_memory_op(struct vcpu *v, struct call_args *args)
{
	unsigned int operation = args->a[0] & OPERATION_MASK;

	switch (operation) {
	case XENMEM_increase_reservation:
	case XENMEM_decrease_reservation:
	case XENMEM_populate_physmap:
		return extents_run(v, args);
	default:
		break;
	}
	/* Only those are counted in the command. */
	if (args->a[0] >> EXTENT_SHIFT)
		return -EINVAL;
	if (operation == XENMEM_exchange)
		return memory_exchange(v, args->a[1]);
	if (operation == XENMEM_acquire_resource)
		return memory_acquire(v, args->a[1]);
	return memory_info(v, operation, args->a[1]);
}
