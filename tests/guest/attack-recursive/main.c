/* SPDX-License-Identifier: MIT */
/*
 * Attack: tables that refer to themselves (XSA-182, XSA-240).
 *
 * A level 4 entry that points at its own L4 table makes the processor read
 * that table as one of level 3, 2 and 1: the guest sees all its tables as
 * memory. Read-only, this "linear page table" is an old trick that a
 * hypervisor may allow or refuse. Writable, it gives the guest its own tables
 * to scribble on, and with them all of memory. Xen once allowed the read-only
 * entry after a check, and then let the write bit be added in its quick path
 * for changed flags.
 *
 * So: a writable self-reference is refused at each level, new or by upgrade,
 * and what a read-only one shows cannot be written. Tables of one level that
 * refer to others of the same level may be allowed one deep (for reading);
 * long chains of them once exhausted the hypervisor's stack, and rings of them
 * kept frames alive for ever.
 */
#include "lodger.h"

#define SLOT   300
#define WINDOW ((char *)(0xffff000000000000UL | (unsigned long)SLOT << 39))

static pte_t *new_table(unsigned int level)
{
	pte_t *t = page_alloc();

	TEST_RESULT(page_protect(t), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE + level - 1, virt_to_mfn(t)),
		    0);
	return t;
}

static void free_table(pte_t *t)
{
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(t)), 0);
	TEST_RESULT(page_unprotect(t), 0);
	page_free(t);
}

/* The root in use: look through the window if there is one, never write. */
static void own_root(void)
{
	pte_t *root = table_root();
	pte_t self = pte_make(virt_to_mfn(root), PTE_RO);
	unsigned long value;
	char *image;

	TEST_REFUSED(table_write(&root[SLOT], self | PTE_WRITE));
	TEST_REFUSED(table_write(&root[SLOT], self | PTE_WRITE | PTE_NX));
	if (table_write(&root[SLOT], self) == 0) {
		/* All four steps through the same entry: the root itself. */
		image = WINDOW + ((unsigned long)SLOT << 30) +
			((unsigned long)SLOT << 21) +
			((unsigned long)SLOT << 12);
		TEST_REFUSED(table_write(&root[SLOT], self | PTE_WRITE));
		TEST_REFUSED(table_write(&root[SLOT],
					 self | PTE_WRITE | PTE_DIRTY | 0xe00));
		TEST_RESULT(probe_read(image + 511 * 8, &value), NO_FAULT);
		TEST_RESULT(value & PTE_FRAME, root[511] & PTE_FRAME);
		TEST_RESULT(probe_write(image + 511 * 8, value), TRAP_PF);
		TEST_RESULT(probe_write(image, 0), TRAP_PF);
		TEST_RESULT(table_write(&root[SLOT], 0), 0);
	}
	TEST_RESULT(root[SLOT], 0);
}

static void each_level(void)
{
	unsigned int level;
	pte_t *t;

	for (level = 2; level <= 4; level++) {
		pte_t self;

		t = new_table(level);
		self = pte_make(virt_to_mfn(t), PTE_RO);
		TEST_REFUSED(table_write(&t[1], self | PTE_WRITE));
		if (table_write(&t[1], self) == 0) {
			TEST_REFUSED(table_write(&t[1], self | PTE_WRITE));
			TEST_RESULT(table_write(&t[1], 0), 0);
		}
		TEST_RESULT(t[1], 0);
		free_table(t);
		/* Filled first, pinned then. */
		t = page_alloc();
		t[1] = pte_make(virt_to_mfn(t), PTE_RW);
		TEST_RESULT(page_protect(t), 0);
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level - 1,
				       virt_to_mfn(t)));
		TEST_RESULT(page_unprotect(t), 0);
		page_free(t);
	}
}

/* t0 -> t1 -> ... all of one level, then a ring; everything comes undone. */
static void chains(void)
{
	pte_t *t[12];
	unsigned int level, i;

	for (level = 2; level <= 4; level++) {
		for (i = 0; i < ARRAY_SIZE(t); i++)
			t[i] = new_table(level);
		for (i = 0; i < ARRAY_SIZE(t); i++) {
			pte_t *next = t[(i + 1) % ARRAY_SIZE(t)];

			TEST_REFUSED(table_write(
				&t[i][3], pte_make(virt_to_mfn(next), PTE_RW)));
			table_write(&t[i][3],
				    pte_make(virt_to_mfn(next), PTE_RO));
		}
		for (i = 0; i < ARRAY_SIZE(t); i++)
			TEST_RESULT(table_write(&t[i][3], 0), 0);
		for (i = 0; i < ARRAY_SIZE(t); i++)
			free_table(t[i]);
	}
}

void test_main(void)
{
	own_root();
	each_level();
	chains();
}
