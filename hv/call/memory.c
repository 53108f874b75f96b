/* SPDX-License-Identifier: MIT */
/*
 * memory_op: a domain's memory, by extents of 2^order frames. An extent is
 * the unit: it is done or not, and the result is how many are done, of the
 * whole list. Where to go on after a pause is in the upper bits of the
 * command, and comes back from the guest like any other argument.
 *
 * What a hostile guest tries: an order that would take us long (limited); a
 * list that changes while we read it (each entry is read once); a place for
 * the result that cannot be written (the frames are given back: nobody knows
 * of them but us); a start beyond the list.
 */
#include "call/call.h"
#include "frame/frame.h"
#include "mm/mm.h"

#define EXTENT_SHIFT	6 /* of the command: below it the operation */
#define OPERATION_MASK	((1UL << EXTENT_SHIFT) - 1)
#define EXTENTS_MAX	(~0UL >> (EXTENT_SHIFT + 1))
#define ORDER_MAX_GUEST 9

/* Extents of one call, decoded. */
struct extents {
	struct domain *d;
	uint64_t list; /* address of an array of frame numbers, or 0 */
	uint64_t nr, at;
	unsigned int order;
	uint64_t limit; /* frames below this will do */
};

static int extents_decode(struct vcpu *v, const struct call_args *args,
			  struct extents *e)
{
	struct xen_memory_reservation r;
	unsigned int bits, order_max;
	int error;

	if (guest_copy_from(&r, args->a[1], sizeof(r)))
		return -EFAULT;
	e->list = (uint64_t)r.extent_start.p;
	e->nr = r.nr_extents;
	e->at = args->a[0] >> EXTENT_SHIFT;
	e->order = r.extent_order;
	bits = XENMEMF_get_address_bits(r.mem_flags);
	e->limit = bits == 0 || bits >= 64 ? ~0UL
		   : bits <= PAGE_SHIFT	   ? 0
					   : 1UL << (bits - PAGE_SHIFT);
	order_max = v->domain->privileged ? FRAME_MAX_ORDER : ORDER_MAX_GUEST;
	if (e->nr > EXTENTS_MAX || e->at > e->nr || e->order > order_max ||
	    (r.mem_flags & XENMEMF_populate_on_demand))
		return -EINVAL;
	e->d = domain_from_arg(v, r.domid, &error);
	return e->d ? 0 : error;
}

static int extent_read(const struct extents *e, uint64_t *out)
{
	return guest_copy_from(out, e->list + e->at * sizeof(*out),
			       sizeof(*out));
}

static int extent_write(const struct extents *e, struct frame *f)
{
	uint64_t m = frame_mfn(f).v;

	return guest_copy_to(e->list + e->at * sizeof(m), &m, sizeof(m));
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
		frame_put(f + i);
	}
}

static int extent_alloc(struct extents *e, struct frame **out)
{
	int rc = frame_alloc_domain(e->d, e->order, out);

	if (rc)
		return rc;
	if (frame_mfn(*out).v + (1UL << e->order) <= e->limit)
		return 0;
	extent_release(e, *out);
	return -ENOMEM;
}

/* The guest is told machine frames only if it gave a list. */
static int increase_one(struct extents *e)
{
	struct frame *f;
	int rc = extent_alloc(e, &f);

	if (rc || !e->list)
		return rc;
	rc = extent_write(e, f);
	if (rc)
		extent_release(e, f);
	return rc;
}

static int decrease_one(struct extents *e)
{
	uint64_t m;

	if (extent_read(e, &m))
		return -EFAULT;
	return mm_decrease(e->d, guest_mfn(m), e->order);
}

/* The list has the places in the guest's memory, then the frames there. */
static int populate_one(struct extents *e)
{
	struct frame *f;
	uint64_t pfn;
	int rc;

	if (extent_read(e, &pfn))
		return -EFAULT;
	rc = extent_alloc(e, &f);
	if (rc)
		return rc;
	rc = extent_write(e, f);
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

/* What went wrong with an extent is not told, only that it was the last. */
static long extents_run(struct vcpu *v, struct call_args *args)
{
	unsigned int operation = args->a[0] & OPERATION_MASK;
	struct extents e;
	int rc = extents_decode(v, args, &e);

	if (rc)
		return rc;
	while (e.at < e.nr && extent_one(operation, &e) == 0) {
		e.at++;
		if (e.at < e.nr && arch_preempt_pending()) {
			args->a[0] = operation | e.at << EXTENT_SHIFT;
			return -ERESTART;
		}
	}
	return (long)e.at;
}

static long reservation(struct vcpu *v, unsigned int operation, uint64_t arg)
{
	struct xen_memory_domain m;
	struct domain *d;
	long n;
	int error;

	if (guest_copy_from(&m, arg, sizeof(m)))
		return -EFAULT;
	d = domain_from_arg(v, m.domid, &error);
	if (!d)
		return error;
	spin_lock(&d->frames.lock);
	n = (long)(operation == XENMEM_current_reservation
			   ? d->frames.tot_pages
			   : d->frames.max_pages);
	spin_unlock(&d->frames.lock);
	return n;
}

static long machphys_mapping(uint64_t arg)
{
	const struct xen_machphys_mapping m = {
		.v_start = MACH2PHYS_VIRT_START,
		.v_end = MACH2PHYS_VIRT_END,
		.max_mfn = frame_limit - 1,
	};

	return guest_copy_to(arg, &m, sizeof(m));
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
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
		return reservation(v, operation, args->a[1]);
	case XENMEM_maximum_ram_page:
		return (long)frame_limit - 1;
	case XENMEM_machphys_mapping:
		return machphys_mapping(args->a[1]);
	default:
		return -ENOSYS;
	}
}
