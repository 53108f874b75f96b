/* SPDX-License-Identifier: MIT */
/*
 * What a guest finds when it starts.
 *
 * RSI points at start_info, the stack pointer is the top of a page of stack,
 * the flat selectors are loaded, the direction flag is clear and events are
 * masked. The image lies where its notes say and what follows its file
 * contents is zero. In the frames after it come, in the order of the
 * addresses, the ramdisk if there is one, the table of machine frames
 * (mfn_list, one number for each of nr_pages frames), start_info, the page
 * tables, and the stack; all of it is mapped from VIRT_BASE on with the
 * pseudo-physical number as offset, up to a multiple of 4 MiB that leaves at
 * least 512 KiB behind the stack, to make the first tables of one's own in.
 *
 * The page tables are mapped read-only, everything else for writing. pt_base
 * is the root that the processor uses. The shared page is not mapped: its
 * machine address is given. The hypercall page is filled in. The time page
 * works from the first instruction on.
 */
#include "lodger.h"

#define FOUR_MIB (4UL << 20)

extern const struct {
	unsigned long rsp, rflags, cs, ss, rsi;
} entry_state;

static void entry(void)
{
	TEST_RESULT(entry_state.rsi, start_info);
	TEST_RESULT(entry_state.rflags & (1UL << 10 | RFLAGS_TF), 0);
	TEST_RESULT(entry_state.rflags & RFLAGS_IF, RFLAGS_IF);
	TEST_RESULT(entry_state.cs | 3, FLAT_KERNEL_CS);
	TEST_RESULT(entry_state.ss | 3, FLAT_KERNEL_SS);
	TEST_RESULT(start_mask, 1);
}

static void numbers(void)
{
	domid_t self = DOMID_SELF;

	TEST_ASSERT(!memcmp(start_info->magic, "xen-3.0-x86_64", 14),
		    "magic %s", start_info->magic);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_current_reservation, &self),
		    start_info->nr_pages);
	TEST_RESULT(start_info->shared_info % PAGE_SIZE, 0);
	TEST_ASSERT(strlen((const char *)start_info->cmd_line) < 1024, "line");
	TEST_RESULT(start_info->pt_base % PAGE_SIZE, 0);
	TEST_RESULT((unsigned long)start_info % PAGE_SIZE, 0);
	TEST_ASSERT(start_info->nr_pt_frames >= 4, "%lu tables",
		    start_info->nr_pt_frames);
	if (is_initial_domain())
		TEST_ASSERT(start_info->flags & SIF_PRIVILEGED, "flags %x",
			    start_info->flags);
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
		/* The kit has moved the windows of its own elsewhere. */
		if (pte_mfn(*entry) == pte_mfn(start_info->shared_info) ||
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
	TEST_RESULT(cr3, virt_to_mfn(table_root()) << 12);
	TEST_ASSERT(table_root()[511] & PTE_PRESENT, "no kernel slot");
	for (i = 0; i < 256; i++)
		TEST_RESULT(table_root()[i], 0);
	for (i = 272; i < 511; i++)
		TEST_RESULT(table_root()[i], 0);
}

static void contents(void)
{
	static const unsigned char zeros[3 * 4096];
	static unsigned char bss[3 * 4096];
	struct xen_machphys_mapping m;

	TEST_RESULT(memcmp(bss, zeros, sizeof(bss)), 0);
	TEST_ASSERT((unsigned char)hypercall_page[0] != 0xcc,
		    "the hypercall page is empty");
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_mapping, &m), 0);
	TEST_RESULT(m.v_start, HYPERVISOR_VIRT_START);
	TEST_RESULT(m.v_end, __MACH2PHYS_VIRT_END);
	TEST_ASSERT(m.max_mfn >= virt_to_mfn(bss), "max_mfn %lx",
		    (unsigned long)m.max_mfn);
}

void test_main(void)
{
	entry();
	numbers();
	layout();
	tables();
	contents();
}
