/* SPDX-License-Identifier: MIT */
/*
 * Balloon operations: giving memory back, and getting it again.
 *
 * decrease_reservation gives frames away by machine number and returns how
 * many it took; it stops at one that is not the guest's. A frame that is still
 * mapped may be refused, or (Xen) be promised and leave only when its last
 * mapping does: in no case may it be given to anybody while we can reach it.
 * increase_reservation and populate_physmap return frames that the guest
 * now owns (populate also writes the machine-to-physical entry for the pfn it
 * was asked for); the maximum of the domain limits them. A partial success is
 * a count, not an error. What the frames contain is not promised: a domain
 * that gives memory back wipes its own secrets, and may meet them again.
 *
 * A frame given away is gone: it can neither be mapped nor given a second
 * time, and the machine-to-physical table does not name us any more.
 */
#include "lodger.h"

#define VA    ((unsigned long *)0x10000000000UL)
#define COUNT 64

static xen_pfn_t mfns[COUNT];
static unsigned long pfns[COUNT];
static unsigned long *pages[COUNT];

static long reserve(unsigned int op, xen_pfn_t *list, unsigned long n,
		    unsigned int order)
{
	struct xen_memory_reservation r;

	memset(&r, 0, sizeof(r));
	r.domid = DOMID_SELF;
	r.nr_extents = n;
	r.extent_order = order;
	set_xen_guest_handle(r.extent_start, list);
	return HYPERVISOR_memory_op(op, &r);
}

static long count(unsigned int op)
{
	domid_t self = DOMID_SELF;

	return HYPERVISOR_memory_op(op, &self);
}

static void give(void)
{
	long before = count(XENMEM_current_reservation);
	unsigned int i;
	long taken;

	TEST_RESULT(before, start_info->nr_pages);
	TEST_ASSERT(count(XENMEM_maximum_reservation) >= before, "maximum");
	for (i = 0; i < COUNT; i++) {
		pages[i] = page_alloc();
		pages[i][5] = 0x5ec2e7;
		pfns[i] = virt_to_pfn(pages[i]);
		mfns[i] = virt_to_mfn(pages[i]);
	}
	/* Still mapped: refused or promised, but still ours to use. */
	taken = reserve(XENMEM_decrease_reservation, mfns, COUNT, 0);
	TEST_ASSERT(taken == 0 || taken == COUNT, "%ld taken", taken);
	for (i = 0; i < COUNT; i++) {
		TEST_RESULT(pages[i][5], 0x5ec2e7);
		pages[i][5]++;
		TEST_RESULT(table_unmap(pages[i]), 0);
	}
	if (!taken) {
		TEST_RESULT(count(XENMEM_current_reservation), before);
		TEST_RESULT(
			reserve(XENMEM_decrease_reservation, mfns, COUNT, 0),
			COUNT);
	}
	TEST_RESULT(count(XENMEM_current_reservation), before - COUNT);
}

static void gone(void)
{
	unsigned int i;

	for (i = 0; i < COUNT; i++) {
		TEST_REFUSED(table_map(VA, mfns[i], PTE_RW));
		TEST_REFUSED(table_map(VA, mfns[i], PTE_RO));
		TEST_RESULT(
			reserve(XENMEM_decrease_reservation, mfns + i, 1, 0),
			0);
		TEST_ASSERT(M2P[mfns[i]] != pfns[i], "frame %lx is ours",
			    (unsigned long)mfns[i]);
	}
}

static void check_new(unsigned int i, unsigned long mfn)
{
	TEST_RESULT(HYPERVISOR_update_va_mapping(
			    pages[i], pte_make(mfn, PTE_RW), UVMF_INVLPG),
		    0);
	pages[i][5] = i;
	pages[i][511] = ~pages[i][5];
	TEST_RESULT(pages[i][5], i);
}

static void take(void)
{
	unsigned int i;

	for (i = 0; i < COUNT; i++)
		mfns[i] = pfns[i];
	TEST_RESULT(reserve(XENMEM_populate_physmap, mfns, COUNT, 0), COUNT);
	TEST_RESULT(count(XENMEM_current_reservation), start_info->nr_pages);
	for (i = 0; i < COUNT; i++) {
		TEST_RESULT(M2P[mfns[i]], pfns[i]);
		check_new(i, mfns[i]);
	}
}

static void increase(void)
{
	struct mmu_update u;
	unsigned int i;

	for (i = 0; i < COUNT; i++)
		TEST_RESULT(table_unmap(pages[i]), 0);
	TEST_RESULT(reserve(XENMEM_decrease_reservation, mfns, COUNT, 0),
		    COUNT);
	memset(mfns, 0xff, sizeof(mfns));
	TEST_RESULT(reserve(XENMEM_increase_reservation, mfns, COUNT, 0),
		    COUNT);
	for (i = 0; i < COUNT; i++) {
		u.ptr = (mfns[i] << 12) | MMU_MACHPHYS_UPDATE;
		u.val = pfns[i];
		TEST_RESULT(HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
		check_new(i, mfns[i]);
	}
	TEST_RESULT(count(XENMEM_current_reservation), start_info->nr_pages);
}

static void foreign(void)
{
	xen_pfn_t wrong = 0xfffffffffUL;
	domid_t nobody = 4000;

	/* No frame; the hypervisor's, if it shows one. */
	TEST_RESULT(reserve(XENMEM_decrease_reservation, &wrong, 1, 0), 0);
	wrong = pte_mfn(table_root()[262]);
	if (wrong)
		TEST_RESULT(reserve(XENMEM_decrease_reservation, &wrong, 1, 0),
			    0);
	TEST_RESULT(reserve(XENMEM_decrease_reservation, mfns, 0, 0), 0);
	/* -ESRCH, or -EPERM for a guest that may not even ask. */
	TEST_REFUSED(HYPERVISOR_memory_op(XENMEM_current_reservation, &nobody));
	TEST_RESULT(HYPERVISOR_memory_op(63, &nobody), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_current_reservation,
					 0x18000000000UL),
		    -XEN_EFAULT);
	TEST_ASSERT(HYPERVISOR_memory_op(XENMEM_maximum_ram_page, NULL) >=
			    (long)virt_to_mfn(&wrong),
		    "maximum_ram_page");
}

void test_main(void)
{
	TEST_RESULT(table_map(VA, virt_to_mfn(table_root()), PTE_RO), 0);
	give();
	gone();
	take();
	increase();
	foreign();
}
