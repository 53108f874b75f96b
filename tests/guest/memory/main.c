/* SPDX-License-Identifier: MIT */
/*
 * memory_op beside the balloon: orders and limits, memory maps, the table of
 * machine frames, claims, and what only other kinds of guest have.
 *
 * The operations on extents have one way to fail: a count that is too small.
 * All others say why. A privileged domain may see the machine's memory map,
 * give maps to others, and claim memory for one that it is going to build; a
 * guest without a map of its own is told that there is none (-ENOSYS) and
 * takes its memory as one range.
 */
#include "lodger.h"

#ifndef XENMEM_claim_pages /* the header keeps it for tools */
#define XENMEM_claim_pages 24
#endif
#define E820_BYTES 20
#define RANGES	   32

static char ranges[RANGES * E820_BYTES];
static xen_pfn_t list[16];

static long reserve(unsigned long op, unsigned long n, unsigned int order,
		    unsigned int flags, domid_t domid)
{
	struct xen_memory_reservation r;

	memset(&r, 0, sizeof(r));
	r.domid = domid;
	r.nr_extents = n;
	r.extent_order = order;
	r.mem_flags = flags;
	set_xen_guest_handle(r.extent_start, list);
	return HYPERVISOR_memory_op(op, &r);
}

static long pages(unsigned int op, domid_t domid)
{
	return HYPERVISOR_memory_op(op, &domid);
}

/* Makes room for n frames, and has the first ones' numbers in the list. */
static void room(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		unsigned long *page = page_alloc();

		list[0] = virt_to_mfn(page);
		TEST_RESULT(table_unmap(page), 0);
		TEST_RESULT(reserve(XENMEM_decrease_reservation, 1, 0, 0,
				    DOMID_SELF),
			    1);
	}
}

static void orders(void)
{
	long before = pages(XENMEM_current_reservation, DOMID_SELF);
	unsigned int order, i;

	room(1 << 6);
	for (order = 0; order <= 6; order++) {
		list[0] = 0x30000;
		TEST_RESULT(reserve(XENMEM_populate_physmap, 1, order, 0,
				    DOMID_SELF),
			    1);
		TEST_RESULT(list[0] & ((1UL << order) - 1), 0);
		for (i = 0; i < 1U << order; i++)
			TEST_RESULT(M2P[list[0] + i], 0x30000 + i);
		TEST_RESULT(reserve(XENMEM_decrease_reservation, 1, order, 0,
				    DOMID_SELF),
			    1);
		list[0] = 0;
		TEST_RESULT(reserve(XENMEM_increase_reservation, 1, order, 0,
				    DOMID_SELF),
			    1);
		/* One of the extent is not ours: all of it stays. */
		list[1] = list[0] + 1;
		TEST_RESULT(reserve(XENMEM_decrease_reservation, 1, order, 0,
				    DOMID_SELF),
			    1);
	}
	for (order = 19; order < 70; order += 10)
		TEST_RESULT(reserve(XENMEM_populate_physmap, 1, order, 0,
				    DOMID_SELF),
			    0);
	TEST_RESULT(pages(XENMEM_current_reservation, DOMID_SELF), before - 64);
}

static void arguments(void)
{
	static const unsigned int ops[] = { XENMEM_increase_reservation,
					    XENMEM_decrease_reservation,
					    XENMEM_populate_physmap };
	unsigned int i;

	list[0] = 0xfffffffffUL;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		TEST_RESULT(reserve(ops[i], 0, 0, 0, DOMID_SELF), 0);
		TEST_RESULT(reserve(ops[i], 1, 0, 0, 4000), 0);
		TEST_RESULT(reserve(ops[i], 1, 0, 0, DOMID_XEN), 0);
		TEST_RESULT(HYPERVISOR_memory_op(ops[i], 0x18000000000UL), 0);
		TEST_RESULT(reserve(ops[i] | 5 << 6, 1, 0, 0, DOMID_SELF), 5);
	}
	TEST_RESULT(reserve(XENMEM_populate_physmap, 1, 0,
			    XENMEMF_populate_on_demand, DOMID_SELF),
		    0);
	TEST_RESULT(reserve(XENMEM_increase_reservation, 1, 0,
			    XENMEMF_address_bits(13), DOMID_SELF),
		    0);
	TEST_RESULT(reserve(XENMEM_increase_reservation, 1, 0,
			    XENMEMF_address_bits(36), DOMID_SELF),
		    1);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_maximum_ram_page | 1 << 6, 0),
		    -XEN_EINVAL);
}

static void machphys(void)
{
	struct xen_machphys_mapping m;
	struct xen_machphys_mfn_list l;
	unsigned long top = virt_to_mfn(list);

	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_mapping, &m), 0);
	TEST_RESULT(m.v_start, HYPERVISOR_VIRT_START);
	TEST_ASSERT(m.max_mfn >= top && m.v_start + m.max_mfn * 8 < m.v_end,
		    "max_mfn %lx", (unsigned long)m.max_mfn);
	memset(list, 0, sizeof(list));
	l.max_extents = ARRAY_SIZE(list);
	set_xen_guest_handle(l.extent_start, list);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_mfn_list, &l), 0);
	TEST_RESULT(l.nr_extents, m.max_mfn * 8 / 0x200000 + 1);
	TEST_ASSERT(list[0] != 0, "the table is nowhere");
	/* No guest may have it writable. */
	TEST_REFUSED(table_map((void *)0x10000000000UL, list[0], PTE_RW));
	l.max_extents = 0;
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_mfn_list, &l), 0);
	TEST_RESULT(l.nr_extents, 0);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_compat_mfn_list, &l),
		    -XEN_EOPNOTSUPP);
}

static unsigned long ram_in(unsigned int n)
{
	unsigned long start, bytes, sum = 0, end = 0;
	unsigned int i, type;

	for (i = 0; i < n; i++) {
		memcpy(&start, ranges + i * E820_BYTES, 8);
		memcpy(&bytes, ranges + i * E820_BYTES + 8, 8);
		memcpy(&type, ranges + i * E820_BYTES + 16, 4);
		TEST_ASSERT(start >= end, "ranges overlap at %lx", start);
		end = start + bytes;
		if (type == 1)
			sum += bytes;
	}
	return sum;
}

static void machine_map(void)
{
	struct xen_memory_map m;
	unsigned int n;

	m.nr_entries = 0;
	set_xen_guest_handle(m.buffer, NULL);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machine_memory_map, &m), 0);
	n = m.nr_entries;
	TEST_ASSERT(n > 1 && n <= RANGES, "%u ranges", n);
	set_xen_guest_handle(m.buffer, ranges);
	m.nr_entries = n - 1;
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machine_memory_map, &m),
		    -XEN_EINVAL);
	m.nr_entries = RANGES;
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machine_memory_map, &m), 0);
	TEST_RESULT(m.nr_entries, n);
	TEST_ASSERT(ram_in(n) / PAGE_SIZE > start_info->nr_pages,
		    "less memory than we have");
	m.buffer.p = (void *)HYPERVISOR_VIRT_START;
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machine_memory_map, &m),
		    -XEN_EFAULT);
}

static long give_map(domid_t domid, unsigned int n)
{
	struct xen_foreign_memory_map f;

	f.domid = domid;
	f.map.nr_entries = n;
	set_xen_guest_handle(f.map.buffer, ranges);
	return HYPERVISOR_memory_op(XENMEM_set_memory_map, &f);
}

static void own_map(void)
{
	static char copy[RANGES * E820_BYTES];
	struct xen_memory_map m;

	m.nr_entries = RANGES;
	set_xen_guest_handle(m.buffer, copy);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_memory_map, &m), -XEN_ENOSYS);
	TEST_RESULT(give_map(DOMID_SELF, 3), 0);
	TEST_RESULT(give_map(DOMID_SELF, 2), 0);
	TEST_RESULT(give_map(DOMID_SELF, 4096), -XEN_EINVAL);
	TEST_RESULT(give_map(4000, 2), -XEN_ESRCH);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_memory_map, &m), 0);
	TEST_RESULT(m.nr_entries, 2);
	TEST_RESULT(memcmp(copy, ranges, 2 * E820_BYTES), 0);
	m.nr_entries = 1;
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_memory_map, &m), 0);
	TEST_RESULT(m.nr_entries, 1);
	TEST_RESULT(give_map(DOMID_SELF, 0), 0);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_memory_map, &m), -XEN_ENOSYS);
}

static long claim(domid_t domid, unsigned long n, unsigned int order)
{
	struct xen_memory_reservation r;

	memset(&r, 0, sizeof(r));
	r.domid = domid;
	r.nr_extents = n;
	r.extent_order = order;
	return HYPERVISOR_memory_op(XENMEM_claim_pages, &r);
}

static void claims(void)
{
	long have = pages(XENMEM_current_reservation, 0);

	TEST_RESULT(claim(0, 0, 0), 0);
	TEST_RESULT(claim(0, 0, 1), -XEN_EINVAL);
	TEST_RESULT(claim(4000, 0, 0), -XEN_EINVAL);
	TEST_RESULT(claim(DOMID_SELF, 0, 0), -XEN_EINVAL);
	TEST_RESULT(claim(0, have, 0), -XEN_EINVAL);
	TEST_RESULT(claim(0, 1UL << 40, 0), -XEN_EINVAL);
	TEST_RESULT(claim(0, have + 5, 0), 0);
	TEST_RESULT(claim(0, have + 5, 0), -XEN_EINVAL);
	TEST_RESULT(reserve(XENMEM_increase_reservation, 5, 0, 0, DOMID_SELF),
		    5);
	TEST_RESULT(claim(0, have + 6, 0), 0); /* the first is used up */
	TEST_RESULT(claim(0, 0, 0), 0);
}

static void others(void)
{
	struct xen_add_to_physmap a;
	struct xen_remove_from_physmap r;
	struct xen_pod_target t;
	unsigned int space;

	memset(&a, 0, sizeof(a));
	memset(&r, 0, sizeof(r));
	memset(&t, 0, sizeof(t));
	a.domid = r.domid = t.domid = DOMID_SELF;
	for (space = 0; space < 4; space++) {
		a.space = space;
		TEST_RESULT(HYPERVISOR_memory_op(XENMEM_add_to_physmap, &a),
			    -XEN_EACCES);
	}
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_remove_from_physmap, &r),
		    -XEN_EACCES);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_get_pod_target, &t),
		    -XEN_EINVAL);
	a.domid = r.domid = 4000;
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_add_to_physmap, &a),
		    -XEN_ESRCH);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_remove_from_physmap, &r),
		    -XEN_ESRCH);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_add_to_physmap, NULL),
		    -XEN_EFAULT);
}

/* The highest pfn that the guest says it uses. */
static void maximum_gpfn(void)
{
	shared_info->arch.max_pfn = 1234;
	TEST_RESULT(pages(XENMEM_maximum_gpfn, DOMID_SELF), 1233);
	shared_info->arch.max_pfn = 0;
	TEST_RESULT(pages(XENMEM_maximum_gpfn, 4000), -XEN_ESRCH);
}

void test_main(void)
{
	orders();
	arguments();
	machphys();
	machine_map();
	own_map();
	claims();
	others();
	maximum_gpfn();
}
