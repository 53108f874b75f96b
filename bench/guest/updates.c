/* SPDX-License-Identifier: MIT */
/*
 * Changing entries of page tables in use. Each change is from one frame to
 * another, both writable: what a kernel does when it maps, not a change of
 * flags only.
 */
#include "bench.h"

#define WINDOW ((char *)0x10000000000UL)
#define ENTRIES 512
#define BATCH	100000 /* over the same entries again and again */

static mmu_update_t updates[BATCH];
static multicall_entry_t list[16];
static unsigned long frames[2];
static unsigned int turn;
static pte_t *entries;

static pte_t next_entry(void)
{
	return pte_make(frames[turn], PTE_RW);
}

static void fill_n(unsigned int n)
{
	unsigned int i;

	turn ^= 1;
	for (i = 0; i < n; i++) {
		updates[i].ptr = virt_to_machine(entries + i % ENTRIES) |
				 MMU_NORMAL_PT_UPDATE;
		updates[i].val = pte_make(
			frames[(turn + i / ENTRIES) & 1], PTE_RW);
	}
}

static void fill(void)
{
	fill_n(ENTRIES);
}

/* Round after round, each entry changes in every one. */
static void fill_all(void)
{
	fill_n(BATCH);
}

static long update(unsigned long n)
{
	return hypercall(__HYPERVISOR_mmu_update, HV_ARG(updates), n, 0,
			 DOMID_SELF, 0);
}

static long update_1(void)
{
	return update(1);
}

static long update_8(void)
{
	return update(8);
}

static long update_128(void)
{
	return update(128);
}

static long update_512(void)
{
	return update(512);
}

static long update_all(void)
{
	return update(BATCH);
}

static void flip(void)
{
	turn ^= 1;
}

static long remap(unsigned long flags)
{
	return call3(__HYPERVISOR_update_va_mapping, HV_ARG(WINDOW),
		     next_entry(), flags);
}

static long remap_only(void)
{
	return remap(0);
}

static long remap_page(void)
{
	return remap(UVMF_INVLPG);
}

static long remap_flush(void)
{
	return remap(UVMF_TLB_FLUSH);
}

static void fill_list(void)
{
	unsigned int i;

	turn ^= 1;
	memset(list, 0, sizeof(list));
	for (i = 0; i < 16; i++) {
		list[i].op = __HYPERVISOR_update_va_mapping;
		list[i].args[0] = HV_ARG(WINDOW + i * PAGE_SIZE);
		list[i].args[1] = next_entry();
	}
}

static long remap_list(void)
{
	return call2(__HYPERVISOR_multicall, HV_ARG(list), 16);
}

/* Writing to the table as if it were memory. */
static void writable_tables(void)
{
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable,
					 VMASST_TYPE_writable_pagetables),
		    0);
}

static long write_entry(void)
{
	*(volatile pte_t *)entries = next_entry();
	return 0;
}

static long exchange_entry(void)
{
	pte_t value = next_entry();

	__asm__ __volatile__("xchg %0, (%1)"
			     : "+r"(value)
			     : "r"(entries)
			     : "memory");
	return 0;
}

static struct mmuext_op ext;

static long mmuext(void)
{
	return hypercall(__HYPERVISOR_mmuext_op, HV_ARG(&ext), 1, 0, DOMID_SELF,
			 0);
}

static void ext_flush(void)
{
	ext.cmd = MMUEXT_TLB_FLUSH_LOCAL;
}

static void ext_invlpg(void)
{
	ext.cmd = MMUEXT_INVLPG_LOCAL;
	ext.arg1.linear_addr = HV_ARG(WINDOW);
}

static void ext_clear(void)
{
	/* A frame that nothing but its own entry refers to. */
	ext.cmd = MMUEXT_CLEAR_PAGE;
	ext.arg1.mfn = frames[0];
}

static void ext_copy(void)
{
	ext.cmd = MMUEXT_COPY_PAGE;
	ext.arg1.mfn = frames[0];
	ext.arg2.src_mfn = frames[1];
}

static const struct operation operations[] = {
	{ "mmu_update_1", update_1, .before = fill },
	{ "mmu_update_8", update_8, .per = 8, .before = fill },
	{ "mmu_update_128", update_128, .per = 128, .runs = 16,
	  .before = fill },
	{ "mmu_update_512", update_512, .per = 512, .runs = 16,
	  .before = fill },
	{ "mmu_update_100000", update_all, .per = BATCH, .runs = 2,
	  .before = fill_all },
	{ "update_va_mapping", remap_only, .before = flip },
	{ "update_va_mapping_invlpg", remap_page, .before = flip },
	{ "update_va_mapping_flush", remap_flush, .before = flip },
	{ "update_va_mapping_16", remap_list, .per = 16, .before = fill_list },
	{ "pt_write", write_entry, .setup = writable_tables, .before = flip },
	{ "pt_xchg", exchange_entry, .setup = writable_tables, .before = flip },
	{ "tlb_flush_local", mmuext, .setup = ext_flush },
	{ "invlpg_local", mmuext, .setup = ext_invlpg },
	{ "clear_page", mmuext, .setup = ext_clear },
	{ "copy_page", mmuext, .setup = ext_copy }
};

void bench_updates(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		frames[i] = virt_to_mfn(page_alloc());
	for (i = 0; i < 512; i++)
		TEST_RESULT(
			table_map(WINDOW + i * PAGE_SIZE, frames[0], PTE_RW),
			0);
	entries = table_entry(table_root(), WINDOW, 1);
	measure(operations, ARRAY_SIZE(operations));
	for (i = 0; i < 512; i++)
		TEST_RESULT(table_unmap(WINDOW + i * PAGE_SIZE), 0);
}
