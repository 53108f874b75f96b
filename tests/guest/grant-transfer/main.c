/* SPDX-License-Identifier: MIT */
/*
 * Frames that change their owner. Built in both widths.
 *
 * A domain that wants one says so in an entry: accept_transfer, the giver's
 * number, and a place (the pseudo-physical frame that it is for). The giver
 * names a frame that nothing refers to any more. The hypervisor marks the
 * entry committed, makes the frame the other's, and writes its machine number
 * and the mark completed. A domain cannot get more than its maximum, so it
 * first gives a frame back. Whatever was in a frame is there still: a transfer
 * carries data. One that fails costs the giver his frame all the same, unless
 * the status is bad_page: then it was none that he could give.
 */
#include "lodger.h"

#define REF GRANT_FIRST

static long reserve(unsigned int cmd, unsigned long mfn)
{
	struct xen_memory_reservation op;
	xen_pfn_t frame = mfn;

	memset(&op, 0, sizeof(op));
	set_xen_guest_handle(op.extent_start, &frame);
	op.nr_extents = 1;
	op.domid = DOMID_SELF;
	return HYPERVISOR_memory_op(cmd, &op);
}

static void accept(unsigned long place)
{
	grant_access(REF, 0, place, 0);
	*grant_flags(REF) = GTF_accept_transfer;
}

/* Takes a page's frame out of the linear map. */
static unsigned long pull(void *page)
{
	unsigned long mfn = virt_to_mfn(page);

	TEST_RESULT(table_unmap(page), 0);
	return mfn;
}

static void put(void *page, unsigned long mfn)
{
	TEST_RESULT(HYPERVISOR_update_va_mapping(page, pte_make(mfn, PTE_RW),
						 UVMF_INVLPG),
		    0);
}

static long pages(void)
{
	domid_t self = DOMID_SELF;

	return HYPERVISOR_memory_op(XENMEM_current_reservation, &self);
}

static void whole(void)
{
	unsigned long *page = page_alloc(), *spare = page_alloc();
	unsigned long mfn, spent, now;
	long before = pages();

	page[7] = 77;
	mfn = pull(page);
	/* One frame goes, so that there is room for another. */
	spent = pull(spare);
	TEST_RESULT(reserve(XENMEM_decrease_reservation, spent), 1);
	accept(virt_to_pfn(page));
	TEST_RESULT(grant_transfer(mfn, 0, REF), GNTST_okay);
	TEST_RESULT(*grant_flags(REF), GTF_accept_transfer |
					       GTF_transfer_committed |
					       GTF_transfer_completed);
	now = grant_v1(REF)->frame;
	put(page, now);
	TEST_RESULT(page[7], 77);
	TEST_RESULT(pages(), before - 1);
	/* The entry is spent. */
	TEST_RESULT(grant_transfer(virt_to_mfn(page), 0, REF), GNTST_bad_page);
	*grant_flags(REF) = 0;
	(void)spare;
}

static void refused(void)
{
	unsigned long *page = page_alloc();
	unsigned long mfn = virt_to_mfn(page);

	accept(virt_to_pfn(page));
	/* It is mapped: not free to go. */
	TEST_RESULT(grant_transfer(mfn, 0, REF), GNTST_bad_page);
	TEST_RESULT(*grant_flags(REF), GTF_accept_transfer);
	page[1] = 1;
	/* Not ours; a table; no frame. */
	TEST_RESULT(grant_transfer(virt_to_mfn(table_root()), 0, REF),
		    GNTST_bad_page);
	TEST_RESULT(grant_transfer(0xfffffff, 0, REF), GNTST_bad_page);
	TEST_RESULT(grant_transfer(~0UL, 0, REF), GNTST_bad_page);
	TEST_RESULT(*grant_flags(REF), GTF_accept_transfer);
	*grant_flags(REF) = 0;
	page_free(page);
}

/* The frame was ours to give and is given up, even if nobody gets it. */
static void lost(domid_t dom, grant_ref_t ref, long status, int line)
{
	unsigned long *page = page_alloc();
	unsigned long mfn = pull(page);
	long before = pages(), rc;

	rc = grant_transfer(mfn, dom, ref);
	TEST_ASSERT(rc == status, "line %d: %ld, not %ld", line, rc, status);
	TEST_RESULT(pages(), before - 1);
	TEST_REFUSED(HYPERVISOR_update_va_mapping(page, pte_make(mfn, PTE_RW),
						  UVMF_INVLPG));
}

#define LOST(dom, ref, status) lost(dom, ref, status, __LINE__)

static void nowhere(void)
{
	LOST(77, REF, GNTST_bad_domain);
	LOST(DOMID_XEN, REF, GNTST_bad_domain);
	LOST(0, 100000, GNTST_general_error);
	LOST(0, ~0U, GNTST_general_error);
	/* Nobody waits there; or for somebody else; or to lend, not to take. */
	LOST(0, REF + 1, GNTST_general_error);
	accept(5);
	grant_v1(REF)->domid = 9;
	LOST(0, REF, GNTST_general_error);
	grant_access(REF, 0, virt_to_mfn(page_alloc()), 0);
	LOST(0, REF, GNTST_general_error);
	TEST_RESULT(*grant_flags(REF), GTF_permit_access);
	TEST_RESULT(grant_end(REF), 0);
}

void test_main(void)
{
	timer_set_period(0);
	TEST_RESULT(grant_setup(1, 1), 0);
	refused();
	nowhere();
	whole();
}
