/* SPDX-License-Identifier: MIT */
/*
 * Attack: every frame of the machine, one after the other.
 *
 * The guest asks for a writable mapping of each machine frame there is, and
 * tries to make each that is not its own a page table or a root. It may get
 * its own frames. The initial domain may get what the firmware's map does not
 * call memory, and the legacy megabyte, because it drives the devices; other
 * domains get nothing. A guest may also map what the hypervisor made for it to
 * write: the shared page and its grant table. Everything else, the hypervisor's
 * text and heap, its page tables, free memory, the time page of another guest,
 * is refused.
 *
 * The frames that the guest owns, in turn, must all be accounted for: nr_pages
 * different ones, each with an entry in the machine-to-physical table that
 * says so.
 */
#include "lodger.h"
#include <xen/grant_table.h>

#define VA ((char *)0x10000000000UL)

struct e820_range {
	uint64_t start, size;
	uint32_t type;
} __attribute__((packed));

static struct e820_range ranges[128];
static unsigned int nr_ranges;
static xen_pfn_t grant_frames[4];

static void ask_for_ranges(void)
{
	struct xen_memory_map map;

	if (!is_initial_domain())
		return;
	memset(&map, 0, sizeof(map));
	map.nr_entries = ARRAY_SIZE(ranges);
	set_xen_guest_handle(map.buffer, (void *)ranges);
	if (HYPERVISOR_memory_op(XENMEM_machine_memory_map, &map) == 0)
		nr_ranges = map.nr_entries;
}

static void ask_for_grant_frames(void)
{
	struct gnttab_setup_table setup;

	memset(&setup, 0, sizeof(setup));
	setup.dom = DOMID_SELF;
	setup.nr_frames = 1;
	set_xen_guest_handle(setup.frame_list, grant_frames);
	hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table,
		  (unsigned long)&setup, 1, 0, 0);
}

static int is_device(unsigned long mfn)
{
	unsigned long address = mfn << 12;
	unsigned int i;

	if (!nr_ranges)
		return 0;
	for (i = 0; i < nr_ranges; i++)
		if (ranges[i].type == 1 && address >= ranges[i].start &&
		    address < ranges[i].start + ranges[i].size)
			return mfn < 256;
	return 1;
}

static int is_own(unsigned long mfn)
{
	unsigned long pfn;

	if (mfn == pte_mfn(start_info->shared_info) ||
	    (mfn && mfn == grant_frames[0]))
		return 1;
	if (probe_read(&M2P[mfn], &pfn) != NO_FAULT)
		return 0;
	return pfn < start_info->nr_pages && pfn_to_mfn(pfn) == mfn;
}

static void try_frame(unsigned long mfn, unsigned long *got)
{
	unsigned int level;
	long error = table_map(VA, mfn, PTE_RW);

	if (!error) {
		TEST_ASSERT(is_own(mfn) || is_device(mfn),
			    "frame %lx was mapped for writing", mfn);
		*got += 1;
	}
	if (is_own(mfn) || is_device(mfn))
		return;
	TEST_REFUSED(table_map(VA, mfn, PTE_RO));
	for (level = 0; level < 4; level++)
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level, mfn));
	if (mfn) /* frame 0 is how a guest says "none" */
		TEST_REFUSED(table_ext(MMUEXT_NEW_USER_BASEPTR, mfn));
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, mfn));
	TEST_REFUSED(table_ext(MMUEXT_CLEAR_PAGE, mfn));
}

static void own_frames(void)
{
	unsigned long pfn, mfn;

	for (pfn = 0; pfn < start_info->nr_pages; pfn++) {
		mfn = pfn_to_mfn(pfn);
		TEST_ASSERT(mfn_to_pfn(mfn) == pfn,
			    "pfn %lx is mfn %lx is pfn %lx", pfn, mfn,
			    mfn_to_pfn(mfn));
	}
}

void test_main(void)
{
	unsigned long mfn, got = 0;
	long top = HYPERVISOR_memory_op(XENMEM_maximum_ram_page, NULL);

	if (top < 0)
		top = 0x20000;
	ask_for_ranges();
	ask_for_grant_frames();
	own_frames();
	/* The first map makes the tables, the later ones change one entry. */
	TEST_RESULT(table_map(VA, virt_to_mfn(ranges), PTE_RO), 0);
	for (mfn = 0; mfn < (unsigned long)top + 512; mfn++)
		try_frame(mfn, &got);
	TEST_RESULT(table_unmap(VA), 0);
	TEST_ASSERT(got > start_info->nr_pages / 2, "only %lu frames of %lu",
		    got, start_info->nr_pages);
	own_frames();
	printf("%lu frames tried, %lu mapped\n", mfn, got);
}
