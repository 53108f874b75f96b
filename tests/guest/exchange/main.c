/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: some of a guest's frames for others, for memory that a
 * device can reach.
 *
 * The guest lists frames that it owns and has nowhere mapped, and the places
 * (pfn) where the new extents are to stand; it gets their frames in the place
 * of these, with the machine-to-physical table already saying so. Sizes in and
 * out are equal, extents may be of different orders. What does not work is an
 * error, nr_exchanged says how many extents in were done, and the frames of
 * all others are as they were: Linux goes on with them.
 *
 * -EINVAL: a frame that is not the guest's or is in use (a mapping, a page
 * table), sizes that differ, a count beyond the list. -ENOMEM: no frames below
 * that address. -EPERM: a larger order than anybody may have. -EFAULT: lists
 * that cannot be read or written.
 */
#include "lodger.h"

#define COUNT 32

static unsigned long *pages[COUNT];
static unsigned long pfns[COUNT];
static xen_pfn_t in[COUNT], out[COUNT];
static struct xen_memory_exchange x;

static long exchange(unsigned long n_in, unsigned int o_in, unsigned long n_out,
		     unsigned int o_out)
{
	x.in.domid = x.out.domid = DOMID_SELF;
	x.in.nr_extents = n_in;
	x.in.extent_order = o_in;
	x.out.nr_extents = n_out;
	x.out.extent_order = o_out;
	set_xen_guest_handle(x.in.extent_start, in);
	set_xen_guest_handle(x.out.extent_start, out);
	return HYPERVISOR_memory_op(XENMEM_exchange, &x);
}

static void places(void)
{
	unsigned int i;

	for (i = 0; i < COUNT; i++)
		out[i] = pfns[i];
	memset(&x, 0, sizeof(x));
}

/* The frame is ours, its place is right, and it can be used. */
static void check(unsigned int i, unsigned long mfn)
{
	TEST_RESULT(M2P[mfn], pfns[i]);
	TEST_RESULT(HYPERVISOR_update_va_mapping(
			    pages[i], pte_make(mfn, PTE_RW), UVMF_INVLPG),
		    0);
	pages[i][7] = i;
	TEST_RESULT(pages[i][7], i);
	TEST_RESULT(table_unmap(pages[i]), 0);
}

static void refused(void)
{
	unsigned int i;

	/* All are mapped still. */
	places();
	TEST_RESULT(exchange(COUNT, 0, COUNT, 0), -XEN_EINVAL);
	TEST_RESULT(x.nr_exchanged, 0);
	for (i = 0; i < COUNT; i++)
		TEST_RESULT(table_unmap(pages[i]), 0);
	TEST_RESULT(exchange(2, 0, 1, 0), -XEN_EINVAL);
	TEST_RESULT(exchange(4, 0, 1, 3), -XEN_EINVAL);
	TEST_RESULT(exchange(1, 64, 1, 64), -XEN_EPERM);
	TEST_RESULT(exchange(1, 20, 1, 20), -XEN_EPERM);
	x.nr_exchanged = 2;
	TEST_RESULT(exchange(1, 0, 1, 0), -XEN_EINVAL);
	memset(&x, 0, sizeof(x));
	x.out.mem_flags = XENMEMF_address_bits(13);
	TEST_RESULT(exchange(1, 0, 1, 0), -XEN_ENOMEM);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_exchange | 1 << 6, &x),
		    -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_exchange, NULL), -XEN_EFAULT);
	for (i = 0; i < COUNT; i++)
		TEST_RESULT(out[i], pfns[i]);
}

static void single(void)
{
	unsigned int i;

	places();
	TEST_RESULT(exchange(8, 0, 8, 0), 0);
	TEST_RESULT(x.nr_exchanged, 8);
	for (i = 0; i < 8; i++) {
		check(i, out[i]);
		in[i] = out[i];
	}
	TEST_RESULT(out[8], pfns[8]);
}

/* Eight frames for one extent of eight, below 4 GiB, and back. */
static void contiguous(void)
{
	unsigned int i;

	for (i = 1; i < 8; i++)
		pfns[i] = pfns[0] + i; /* where they stand now */
	places();
	x.out.mem_flags = XENMEMF_address_bits(32);
	TEST_RESULT(exchange(8, 0, 1, 3), 0);
	TEST_RESULT(x.nr_exchanged, 8);
	TEST_RESULT(out[0] % 8, 0);
	for (i = 0; i < 8; i++)
		check(i, out[0] + i);
	in[0] = out[0];
	places();
	TEST_RESULT(exchange(1, 3, 8, 0), 0);
	TEST_RESULT(x.nr_exchanged, 1);
	for (i = 0; i < 8; i++) {
		check(i, out[i]);
		in[i] = out[i];
	}
}

/* The fourth is not ours: three are done, the others are as they were. */
static void partly(void)
{
	unsigned int i;

	places();
	memcpy(in, in + 8, 6 * sizeof(in[0]));
	memcpy(out, out + 8, 6 * sizeof(out[0]));
	in[3] = 0xfffffffffUL;
	TEST_RESULT(exchange(6, 0, 6, 0), -XEN_EINVAL);
	TEST_RESULT(x.nr_exchanged, 3);
	for (i = 0; i < 3; i++)
		check(8 + i, out[i]);
	for (i = 4; i < 6; i++) {
		TEST_RESULT(out[i], pfns[8 + i]);
		check(8 + i, in[i]);
	}
	/* From there on, without the bad one. */
	in[3] = in[4];
	out[3] = out[4] = pfns[12];
	TEST_RESULT(exchange(4, 0, 4, 0), 0);
	TEST_RESULT(x.nr_exchanged, 4);
	check(12, out[3]);
	/* One frame twice in one extent. */
	places();
	in[0] = in[1] = in[20];
	out[0] = pfns[20];
	memset(&x, 0, sizeof(x));
	TEST_RESULT(exchange(2, 0, 1, 1), -XEN_EINVAL);
	TEST_RESULT(x.nr_exchanged, 0);
	check(20, in[20]);
}

/* A page table, the shared page: they stay what they are. */
static void in_use(void)
{
	places();
	in[0] = virt_to_mfn(table_root());
	TEST_RESULT(exchange(1, 0, 1, 0), -XEN_EINVAL);
	in[0] = start_info->shared_info / PAGE_SIZE;
	TEST_RESULT(exchange(1, 0, 1, 0), -XEN_EINVAL);
	TEST_RESULT(x.nr_exchanged, 0);
	TEST_RESULT(out[0], pfns[0]);
}

void test_main(void)
{
	domid_t self = DOMID_SELF;
	long before = HYPERVISOR_memory_op(XENMEM_current_reservation, &self);
	unsigned int i;

	for (i = 0; i < COUNT; i++) {
		pages[i] = page_alloc();
		pfns[i] = virt_to_pfn(pages[i]);
		in[i] = virt_to_mfn(pages[i]);
	}
	refused();
	single();
	contiguous();
	partly();
	in_use();
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_current_reservation, &self),
		    before);
}
