/* SPDX-License-Identifier: MIT */
/*
 * Attack: whatever comes to mind, a hundred thousand times.
 *
 * A dozen pages are used as memory, tables of every level, descriptor tables
 * and roots in random order, by every call and by direct stores; entries name
 * the same pages, with random flags. Most of it is refused, and what is not
 * builds odd graphs of tables. The generator is fixed, so that a failure can
 * be repeated; seed=N on the command line takes another one.
 *
 * Two things must hold. The machine lives. And whatever happened can be undone:
 * when all tables are emptied and all pins are taken away, every page becomes
 * ordinary memory again. A reference that was counted twice or never given
 * back shows up here as a page that cannot be had for writing any more.
 */
#include "lodger.h"

#define PAGES  12
#define VA     ((char *)0x10000000000UL)
#define ROUNDS 40
#define STEPS  2500

static pte_t *page[PAGES];
static unsigned long state = 88172645463325252UL;
static unsigned long done, tried;

static unsigned long random(unsigned long below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static unsigned long any_mfn(void)
{
	switch (random(40)) {
	case 0:
		return virt_to_mfn(table_root());
	case 1:
		return pte_mfn(start_info->shared_info);
	case 2:
		return 0xfffffffffUL;
	case 3:
		return pte_mfn(table_root()[256 + random(16)]);
	default:
		return virt_to_mfn(page[random(PAGES)]);
	}
}

static pte_t any_entry(void)
{
	pte_t e = pte_make(any_mfn(), random(4) ? PTE_TABLE : PTE_RO);

	if (!random(8))
		e ^= 1UL << random(12);
	if (!random(8))
		e ^= 1UL << (52 + random(12));
	return random(10) ? e : random(2) ? 0 : e & ~PTE_PRESENT;
}

static long step(void)
{
	unsigned long n = random(PAGES);
	unsigned long mfn = virt_to_mfn(page[n]);
	pte_t *entry = &page[n][random(6)];
	struct mmu_update u;

	switch (random(11)) {
	case 0:
		return page_protect(page[n]);
	case 1:
		return page_unprotect(page[n]);
	case 2:
		return table_ext(MMUEXT_PIN_L1_TABLE + (unsigned int)random(4),
				 mfn);
	case 3:
		return table_ext(MMUEXT_UNPIN_TABLE, mfn);
	case 4:
		return HYPERVISOR_update_va_mapping(
			VA + random(6) * PAGE_SIZE, any_entry(),
			random(2) ? UVMF_NONE : UVMF_INVLPG);
	case 5:
		return probe_write(entry, any_entry()) == NO_FAULT ? 0 : -1;
	case 6:
		return table_ext(MMUEXT_NEW_USER_BASEPTR, random(3) ? mfn : 0);
	case 7:
		return HYPERVISOR_set_gdt(&mfn, random(3) ? 16 : 0);
	case 8:
		return table_ext(random(2) ? MMUEXT_CLEAR_PAGE
					   : MMUEXT_INVLPG_LOCAL,
				 mfn);
	default:
		u.ptr = virt_to_machine(entry) |
			(random(4) ? 0 : MMU_PT_UPDATE_PRESERVE_AD);
		u.val = any_entry();
		return HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF);
	}
}

/* Empties a page, whatever it is now. */
static void empty(pte_t *table)
{
	unsigned int i;

	for (i = 0; i < 512; i++)
		if (table[i] && (i < 256 || i >= 272))
			table_write(&table[i], 0);
}

/*
 * Xen can leave a page half validated after a validation that failed, until
 * somebody asks for the same level again; so each level is asked for.
 */
static void settle(pte_t *table)
{
	unsigned int level;

	for (level = 4; level > 0; level--) {
		table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table));
		table_ext(MMUEXT_PIN_L1_TABLE + level - 1, virt_to_mfn(table));
		table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table));
	}
}

static void undo(void)
{
	unsigned int i, again;

	TEST_RESULT(table_ext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
	TEST_RESULT(HYPERVISOR_set_gdt(NULL, 0), 0);
	for (i = 0; i < 6; i++)
		TEST_RESULT(table_unmap(VA + i * PAGE_SIZE), 0);
	for (again = 0; again < 3; again++) {
		for (i = 0; i < PAGES; i++)
			empty(page[i]);
		for (i = 0; i < PAGES; i++)
			settle(page[i]);
	}
	for (i = 0; i < PAGES; i++) {
		TEST_ASSERT(page_unprotect(page[i]) == 0,
			    "page %u did not become memory again", i);
		memset(page[i], 0, PAGE_SIZE);
	}
}

void test_main(void)
{
	unsigned int i, round;

	state += option_number("seed=", 0) * 0x9e3779b97f4a7c15UL;
	HYPERVISOR_vm_assist(VMASST_CMD_enable,
			     VMASST_TYPE_writable_pagetables);
	for (i = 0; i < PAGES; i++)
		page[i] = page_alloc();
	TEST_RESULT(table_map(VA, virt_to_mfn(page[0]), PTE_RO), 0);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < STEPS; i++) {
			tried++;
			done += step() == 0;
		}
		undo();
	}
	printf("%lu steps, %lu were done\n", tried, done);
	TEST_ASSERT(done > tried / 20, "hardly anything was possible");
}
