/* SPDX-License-Identifier: MIT */
/*
 * Attack: the counts of references (XSA-37, 58, 217, 242, 252, 299 and more).
 *
 * The one question is always whether a frame can become writable memory again
 * while something still uses it as a page table. The guest therefore takes
 * references in every way it can, drops them in odd orders, and asks after
 * each step for a writable mapping. It must get one at the end, too: a leaked
 * reference is memory lost.
 *
 *  - One L1 table in all 512 slots of an L2 table, taken away one by one.
 *  - Two writable mappings of a page that wants to be a table: not until both
 *    are gone, whichever goes first.
 *  - A table whose last entry is bad: pinning fails and leaves nothing held,
 *    and every frame that its good entries name can be unmapped and reused.
 *  - One frame as a table of two levels: whoever is first wins.
 *  - A GDT or LDT frame as a page table, and the reverse.
 */
#include "lodger.h"

#define VA ((char *)0x10000000000UL)

static pte_t *new_table(unsigned int level)
{
	pte_t *t = page_alloc();

	TEST_RESULT(page_protect(t), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE + level - 1, virt_to_mfn(t)),
		    0);
	return t;
}

static void unpin(pte_t *t)
{
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(t)), 0);
}

static void reuse(void *page)
{
	TEST_RESULT(page_unprotect(page), 0);
	page_free(page);
}

static void many_slots(void)
{
	pte_t *l1 = new_table(1);
	pte_t *l2 = new_table(2);
	unsigned int i;

	for (i = 0; i < 512; i++)
		TEST_RESULT(table_write(&l2[i],
					pte_make(virt_to_mfn(l1), PTE_TABLE)),
			    0);
	unpin(l1);
	for (i = 0; i < 512; i++) {
		TEST_REFUSED(page_unprotect(l1));
		TEST_RESULT(table_write(&l2[(i * 77) % 512], 0), 0);
	}
	reuse(l1);
	unpin(l2);
	reuse(l2);
}

static void two_mappings(void)
{
	char *page = page_alloc();
	unsigned long mfn = virt_to_mfn(page);

	TEST_RESULT(table_map(VA, mfn, PTE_RW), 0);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, mfn));
	TEST_RESULT(page_protect(page), 0);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, mfn));
	TEST_RESULT(table_map(VA, mfn, PTE_RO), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, mfn), 0);
	TEST_REFUSED(table_map(VA, mfn, PTE_RW));
	TEST_REFUSED(page_unprotect(page));
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
	TEST_RESULT(table_unmap(VA), 0);
	reuse(page);
}

/* A table with entries that are good up to the last one. */
static void half_valid(void)
{
	pte_t *l1 = page_alloc();
	pte_t *l2 = page_alloc();
	char *data = page_alloc();
	unsigned int i;

	for (i = 0; i < 511; i++)
		l1[i] = pte_make(virt_to_mfn(data), PTE_RW);
	l1[511] = pte_make(0xfffffffffUL, PTE_RW);
	TEST_RESULT(page_protect(l1), 0);
	for (i = 0; i < 3; i++)
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(l1)));
	/* No writable reference to data is left but the linear map's. */
	TEST_RESULT(page_protect(data), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(data)), 0);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(data)), 0);
	TEST_RESULT(page_unprotect(data), 0);
	/* The same one level up: the good L1 table is let go again. */
	TEST_RESULT(page_unprotect(l1), 0);
	memset(l1, 0, PAGE_SIZE);
	l2[0] = pte_make(virt_to_mfn(l1), PTE_TABLE);
	l2[511] = pte_make(virt_to_mfn(data), PTE_TABLE);
	TEST_RESULT(page_protect(l1), 0);
	TEST_RESULT(page_protect(l2), 0);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(l2)));
	reuse(l1);
	reuse(l2);
	page_free(data);
}

static void two_levels(void)
{
	pte_t *t = new_table(1);
	pte_t *l2 = new_table(2);
	pte_t *l3 = new_table(3);

	TEST_RESULT(table_write(&l2[0], pte_make(virt_to_mfn(t), PTE_TABLE)),
		    0);
	TEST_REFUSED(table_write(&l3[0], pte_make(virt_to_mfn(t), PTE_TABLE)));
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(t)));
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(l3)));
	TEST_RESULT(table_write(&l3[0], pte_make(virt_to_mfn(l2), PTE_TABLE)),
		    0);
	/* Unpinned in the wrong order: what refers to it keeps it. */
	unpin(t);
	unpin(l2);
	TEST_REFUSED(page_unprotect(t));
	TEST_REFUSED(page_unprotect(l2));
	TEST_RESULT(table_write(&l2[1], 0x000fff0000001000UL), 0);
	unpin(l3);
	reuse(t);
	reuse(l2);
	reuse(l3);
}

static void descriptors_and_tables(void)
{
	unsigned long *gdt = page_alloc();
	unsigned long frame = virt_to_mfn(gdt);

	TEST_RESULT(page_protect(gdt), 0);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 16), 0);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, frame));
	TEST_REFUSED(table_ext(MMUEXT_CLEAR_PAGE, frame));
	TEST_RESULT(HYPERVISOR_set_gdt(NULL, 0), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, frame), 0);
	TEST_ASSERT(HYPERVISOR_set_gdt(&frame, 16) < 0, "a table as GDT");
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, frame), 0);
	reuse(gdt);
}

void test_main(void)
{
	unsigned int round;

	for (round = 0; round < 3; round++) {
		many_slots();
		two_mappings();
		half_valid();
		two_levels();
		descriptors_and_tables();
	}
}
