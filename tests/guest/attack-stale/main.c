/* SPDX-License-Identifier: MIT */
/*
 * Attack: stale translations (XSA-241, 279, 286, 401).
 *
 * The hypervisor checks entries, the processor uses its TLB. A guest that
 * writes through a page, takes away its right to write it without a flush,
 * and then makes the page a table, still has the old right in the TLB: it
 * could then write a validated table behind the hypervisor's back. So the
 * hypervisor must flush by itself before a frame changes its type (or know
 * that a flush has come since), whatever flags the guest passed.
 *
 * Each round leaves a writable translation in the TLB, makes the page a table
 * by another of the ways, and then stores through the old address. The store
 * must fault and the table stay as it was.
 */
#include "lodger.h"

#define VA ((unsigned long *)0x10000000000UL)
/* An entry that would not pass for an emulated write either. */
#define EVIL pte_make(0xfffffffffUL, PTE_RW)

enum way { BY_PIN, BY_ENTRY, BY_GDT, BY_LEVEL2, WAYS };

static pte_t *l2;

static void make_table(enum way way, unsigned long *page)
{
	unsigned long mfn = virt_to_mfn(page);

	switch (way) {
	case BY_PIN:
		TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, mfn), 0);
		break;
	case BY_ENTRY:
		TEST_RESULT(table_write(&l2[0], pte_make(mfn, PTE_TABLE)), 0);
		break;
	case BY_LEVEL2:
		TEST_RESULT(table_ext(MMUEXT_PIN_L2_TABLE, mfn), 0);
		break;
	default:
		TEST_RESULT(HYPERVISOR_set_gdt(&mfn, 16), 0);
	}
}

static void make_memory(enum way way, unsigned long *page)
{
	unsigned long mfn = virt_to_mfn(page);

	switch (way) {
	case BY_ENTRY:
		TEST_RESULT(table_write(&l2[0], 0), 0);
		break;
	case BY_GDT:
		TEST_RESULT(HYPERVISOR_set_gdt(NULL, 0), 0);
		break;
	default:
		TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
	}
}

static void round(enum way way, int unmap)
{
	unsigned long *page = page_alloc();
	unsigned long mfn = virt_to_mfn(page);

	TEST_RESULT(page_protect(page), 0);
	TEST_RESULT(table_map(VA, mfn, PTE_RW), 0);
	VA[1] = 0; /* now it is in the TLB, dirty bit and all */
	TEST_RESULT(HYPERVISOR_update_va_mapping(
			    VA, unmap ? 0 : pte_make(mfn, PTE_RO), UVMF_NONE),
		    0);
	make_table(way, page);
	TEST_RESULT(probe_write(&VA[1], EVIL), TRAP_PF);
	TEST_RESULT(page[1], 0);
	make_memory(way, page);
	TEST_RESULT(table_unmap(VA), 0);
	TEST_RESULT(page_unprotect(page), 0);
	page_free(page);
}

/* The same by a change of level 2: a whole L1 table goes and comes. */
static void whole_table(void)
{
	pte_t *entry = table_entry(table_root(), VA, 2);
	unsigned long *page = page_alloc();
	pte_t saved = *entry;

	TEST_RESULT(page_protect(page), 0);
	TEST_RESULT(table_map(VA, virt_to_mfn(page), PTE_RW), 0);
	VA[1] = 0;
	TEST_RESULT(table_write(entry, 0), 0);
	/* The old L1 table still holds the page: not until that is gone. */
	if (table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)) == 0) {
		TEST_RESULT(probe_write(&VA[1], EVIL), TRAP_PF);
		TEST_RESULT(page[1], 0);
		make_memory(BY_PIN, page);
	}
	TEST_RESULT(table_write(entry, saved), 0);
	TEST_RESULT(table_unmap(VA), 0);
	TEST_RESULT(page_unprotect(page), 0);
	page_free(page);
}

void test_main(void)
{
	unsigned int way, again;

	l2 = page_alloc();
	TEST_RESULT(page_protect(l2), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(l2)), 0);
	for (again = 0; again < 4; again++)
		for (way = BY_PIN; way < WAYS; way++)
			round((enum way)way, (int)(again & 1));
	whole_table();
}
