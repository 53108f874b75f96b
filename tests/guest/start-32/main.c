/* SPDX-License-Identifier: MIT */
/*
 * What a 32-bit guest finds when it starts.
 *
 * Its kernel is in ring 1, with the flat segments of that ring in CS, SS, DS
 * and ES; ESI points at start_info, ESP at the top of a page of stack, events
 * are masked. Memory is laid out as for a 64-bit guest (see start), with words
 * of 32 bits in the list of frames.
 *
 * The root is a table of level 3 with four entries, one for each GiB, which
 * have no flags but "present" to set. CR3 reads as the interface folds it, so
 * that roots above 4 GiB can be told: xen_cr3_to_pfn(). What is left of the
 * root's page is zero. Nothing of the kernel's memory has the user bit: ring 1
 * is the supervisor's, and programs in ring 3 must not see it.
 *
 * The hypervisor has the addresses from 0xf5800000 up, and in them the
 * machine-to-physical table, for reading.
 */
#include "lodger.h"

#define FOUR_MIB (4UL << 20)

extern const struct {
	unsigned long rsp, rflags, cs, ss, rsi, ds, es;
} entry_state;

static void entry(void)
{
	TEST_RESULT(entry_state.rsi, start_info);
	TEST_RESULT(entry_state.rflags & (1UL << 10 | RFLAGS_TF), 0);
	TEST_RESULT(entry_state.rflags & RFLAGS_IF, RFLAGS_IF);
	TEST_RESULT(entry_state.cs, FLAT_KERNEL_CS);
	TEST_RESULT(entry_state.ss, FLAT_KERNEL_SS);
	TEST_RESULT(entry_state.ds, FLAT_KERNEL_DS);
	TEST_RESULT(entry_state.es, FLAT_KERNEL_DS);
	TEST_RESULT(start_mask, 1);
}

static void numbers(void)
{
	domid_t self = DOMID_SELF;

	TEST_ASSERT(!memcmp(start_info->magic, "xen-3.0-x86_32p", 15),
		    "magic %s", start_info->magic);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_current_reservation, &self),
		    start_info->nr_pages);
	TEST_RESULT(start_info->shared_info % PAGE_SIZE, 0);
	TEST_RESULT(start_info->pt_base % PAGE_SIZE, 0);
	TEST_RESULT((unsigned long)start_info % PAGE_SIZE, 0);
	TEST_ASSERT(start_info->nr_pt_frames >= 3, "%lu tables",
		    start_info->nr_pt_frames);
}

static void layout(void)
{
	unsigned long tables_end =
		start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE;
	unsigned long stack = tables_end + PAGE_SIZE;
	unsigned long end =
		(stack + 512 * 1024 + FOUR_MIB - 1) & ~(FOUR_MIB - 1);
	unsigned long at;
	pte_t *entry;

	TEST_RESULT(entry_state.rsp, stack);
	TEST_ASSERT(start_info->mfn_list < (unsigned long)start_info &&
			    (unsigned long)start_info < start_info->pt_base &&
			    start_info->mfn_list >= (unsigned long)image_end,
		    "order");
	for (at = (unsigned long)image_start; at < end; at += PAGE_SIZE) {
		entry = table_lookup((void *)at);
		TEST_ASSERT(entry, "%lx is not mapped", at);
		TEST_ASSERT(!(*entry & PTE_USER), "%lx is for users", at);
		/* The kit has moved the windows of its own elsewhere. */
		if (pte_mfn(*entry) == start_info->shared_info >> 12 ||
		    (!is_initial_domain() &&
		     pte_mfn(*entry) == start_info->console.domU.mfn))
			continue;
		TEST_ASSERT(pte_mfn(*entry) == virt_to_mfn((void *)at),
			    "%lx is frame %lx", at, pte_mfn(*entry));
		if (at >= start_info->pt_base && at < tables_end)
			TEST_ASSERT(!(*entry & PTE_WRITE), "table at %lx", at);
	}
}

static void tables(void)
{
	unsigned long cr3 = 0;
	unsigned int i;

	__asm__ __volatile__("mov %%cr3, %0" : "=r"(cr3));
	TEST_RESULT(xen_cr3_to_pfn(cr3), virt_to_mfn(table_root()));
	TEST_ASSERT(table_root()[3] & PTE_PRESENT, "no kernel slot");
	for (i = 4; i < 512; i++)
		TEST_RESULT(table_root()[i], 0);
}

static void contents(void)
{
	static const unsigned char zeros[3 * 4096];
	static unsigned char bss[3 * 4096];
	struct xen_machphys_mapping m;
	xen_platform_parameters_t platform;
	unsigned long pfn;

	TEST_RESULT(memcmp(bss, zeros, sizeof(bss)), 0);
	TEST_ASSERT((unsigned char)hypercall_page[0] != 0xcc,
		    "the hypercall page is empty");
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_mapping, &m), 0);
	TEST_RESULT(m.v_start, MACH2PHYS_VIRT_START);
	TEST_ASSERT(m.max_mfn >= virt_to_mfn(bss), "max_mfn %lx", m.max_mfn);
	TEST_RESULT(
		HYPERVISOR_xen_version(XENVER_platform_parameters, &platform),
		0);
	TEST_RESULT(platform.virt_start, HYPERVISOR_VIRT_START);
	for (pfn = 0; pfn < start_info->nr_pages; pfn++)
		TEST_RESULT(M2P[pfn_to_mfn(pfn)], pfn);
	TEST_RESULT(probe_write((void *)HYPERVISOR_VIRT_START, 0), TRAP_PF);
}

void test_main(void)
{
	entry();
	numbers();
	layout();
	tables();
	contents();
}
