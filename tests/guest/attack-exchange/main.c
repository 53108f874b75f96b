/* SPDX-License-Identifier: MIT */
/*
 * Attack: numbers and pointers in memory_op (XSA-29, XSA-159, XSA-212).
 *
 * memory_op takes arrays by address and length, and continues long work by
 * writing a count of what is done back into the guest's argument. XSA-212: in
 * XENMEM_exchange the guest could start with that count already large, so that
 * the checked beginning of the array was not where the hypervisor wrote; the
 * addresses of frames went to any place in the hypervisor.
 *
 * So each array is tried at addresses of the hypervisor, across the edge of its
 * range, and with counts that wrap around; each order is tried beyond what can
 * exist. All of it fails with an error, or reports a count of 0 extents where
 * that is the call's way; no frame changes hands; nothing of the hypervisor is
 * written (it would die, or the counts at the end be wrong).
 */
#include "lodger.h"

static const unsigned long bad[] = { 0xffff800000000000UL, 0xffff82d080000000UL,
				     0xffff82d040200000UL, 0xffff830000000000UL,
				     0xffff87fffffffff8UL, 0xffff7ffffffffff8UL,
				     0x8000000000000000UL };

static unsigned long frames[8];

static long pages_now(void)
{
	domid_t self = DOMID_SELF;

	return HYPERVISOR_memory_op(XENMEM_current_reservation, &self);
}

static void exchange(void)
{
	struct xen_memory_exchange x;
	unsigned int i, nr;
	long before = pages_now();

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (nr = 0; nr < 3; nr++) {
			memset(&x, 0, sizeof(x));
			x.in.nr_extents = x.out.nr_extents = 1;
			x.in.domid = x.out.domid = DOMID_SELF;
			set_xen_guest_handle(x.in.extent_start, frames);
			set_xen_guest_handle(x.out.extent_start,
					     (xen_pfn_t *)bad[i]);
			/* A count that leads from below into it. */
			if (nr == 1) {
				x.in.nr_extents = x.out.nr_extents = 1UL << 40;
				x.nr_exchanged = (1UL << 40) - 1;
				set_xen_guest_handle(
					x.out.extent_start,
					(xen_pfn_t *)(bad[i] - (8UL << 40)));
			}
			if (nr == 2)
				set_xen_guest_handle(x.in.extent_start,
						     (xen_pfn_t *)bad[i]);
			TEST_ASSERT(HYPERVISOR_memory_op(XENMEM_exchange, &x) <
					    0,
				    "exchange to %lx worked", bad[i]);
		}
	}
	memset(&x, 0, sizeof(x));
	x.in.nr_extents = x.out.nr_extents = 1;
	x.in.domid = x.out.domid = DOMID_SELF;
	x.in.extent_order = 63;
	x.nr_exchanged = 2;
	set_xen_guest_handle(x.in.extent_start, frames);
	set_xen_guest_handle(x.out.extent_start, frames);
	TEST_ASSERT(HYPERVISOR_memory_op(XENMEM_exchange, &x) < 0,
		    "nonsense was exchanged");
	TEST_RESULT(pages_now(), before);
}

static long reserve(unsigned int op, unsigned long list, unsigned long n,
		    unsigned int order)
{
	struct xen_memory_reservation r;

	memset(&r, 0, sizeof(r));
	r.domid = DOMID_SELF;
	r.nr_extents = n;
	r.extent_order = order;
	set_xen_guest_handle(r.extent_start, (xen_pfn_t *)list);
	return HYPERVISOR_memory_op(op, &r);
}

static void reservations(void)
{
	static const unsigned int ops[] = { XENMEM_increase_reservation,
					    XENMEM_decrease_reservation,
					    XENMEM_populate_physmap };
	long before = pages_now();
	unsigned int i, op;

	for (op = 0; op < ARRAY_SIZE(ops); op++) {
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			/* increase takes no input: it may ignore the list. */
			if (ops[op] == XENMEM_increase_reservation)
				continue;
			TEST_ASSERT(reserve(ops[op], bad[i], 1, 0) <= 0,
				    "op %u at %lx", ops[op], bad[i]);
			TEST_ASSERT(reserve(ops[op], bad[i] - 8, 2, 0) <= 0,
				    "op %u before %lx", ops[op], bad[i]);
		}
		TEST_ASSERT(reserve(ops[op], (unsigned long)frames, 1, 200) <=
				    0,
			    "order 200");
		TEST_ASSERT(reserve(ops[op], (unsigned long)frames, 1, 63) <= 0,
			    "order 63");
		TEST_ASSERT(reserve(ops[op], (unsigned long)frames, ~0UL >> 6,
				    0) <= 0,
			    "a count that wraps");
		TEST_ASSERT(reserve(ops[op], (unsigned long)frames, ~0UL, 0) <=
				    0,
			    "the count -1");
	}
	TEST_RESULT(pages_now(), before);
}

/* The upper bits of the command carry progress: hostile progress. */
static void progress(void)
{
	struct xen_memory_reservation r;
	unsigned long start;
	long before = pages_now();

	for (start = 1; start < 1UL << 58; start <<= 3) {
		memset(&r, 0, sizeof(r));
		r.domid = DOMID_SELF;
		r.nr_extents = 1;
		set_xen_guest_handle(r.extent_start, frames);
		HYPERVISOR_memory_op(XENMEM_decrease_reservation | start << 6,
				     &r);
		HYPERVISOR_memory_op(XENMEM_populate_physmap | start << 6, &r);
	}
	TEST_RESULT(pages_now(), before);
}

void test_main(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frames); i++)
		frames[i] = 0xfffffffffUL;
	exchange();
	reservations();
	progress();
}
