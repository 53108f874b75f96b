/* SPDX-License-Identifier: MIT */
/*
 * Attack: large pages (XSA-148).
 *
 * A level 2 entry with the PSE bit maps 2 MiB at once, without any L1 table.
 * If a guest could have one with the write bit, it would write 2 MiB of
 * machine memory, page tables and other domains included, since no type is
 * checked frame by frame. Xen once checked the bit for new entries and not in
 * the quick path that changed only flags of an entry that was there already:
 * a guest made an ordinary entry, then added PSE, and owned the machine.
 *
 * Paravirtual guests are not shown large pages. Each way to such an entry is
 * refused: as a new entry, by changing the flags of an old one, through
 * mmu_update, through validation of a filled page, at levels 2, 3 and 4 (where
 * the bit is reserved). In a level 1 entry the same bit is harmless: it is PAT.
 */
#include "lodger.h"

#define VA ((char *)0x10000000000UL)

static void changed_flags(pte_t *entry)
{
	static const unsigned long masks[] = { PTE_PSE, PTE_PSE | PTE_DIRTY,
					       PTE_PSE | PTE_GLOBAL,
					       PTE_PSE | PTE_NX,
					       PTE_PSE | 0xe00 };
	pte_t before = *entry;
	struct mmu_update u;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		TEST_REFUSED(table_write(entry, before | masks[i]));
		TEST_REFUSED(
			table_write(entry, (before | masks[i]) & ~PTE_WRITE));
		u.ptr = virt_to_machine(entry) | MMU_PT_UPDATE_PRESERVE_AD;
		u.val = before | masks[i];
		TEST_REFUSED(HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF));
		TEST_RESULT(*entry, before);
	}
}

static void new_entries(pte_t *entry, unsigned long mfn)
{
	pte_t before = *entry;

	TEST_REFUSED(table_write(entry, pte_make(mfn, PTE_RW | PTE_PSE)));
	TEST_REFUSED(table_write(entry, pte_make(mfn, PTE_RO | PTE_PSE)));
	TEST_REFUSED(table_write(entry, pte_make(0, PTE_RW | PTE_PSE)));
	TEST_RESULT(*entry, before);
}

static void filled_tables(unsigned long mfn)
{
	pte_t *table = page_alloc();
	unsigned int level;

	for (level = 2; level <= 4; level++) {
		table[9] = pte_make(mfn, PTE_RW | PTE_PSE);
		TEST_RESULT(page_protect(table), 0);
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level - 1,
				       virt_to_mfn(table)));
		TEST_RESULT(page_unprotect(table), 0);
		memset(table, 0, PAGE_SIZE);
	}
	page_free(table);
}

void test_main(void)
{
	void *data = page_alloc();
	unsigned long aligned = virt_to_mfn(data) & ~511UL;
	int level;

	TEST_RESULT(table_map(VA, virt_to_mfn(data), PTE_RW), 0);
	for (level = 2; level <= 4; level++) {
		pte_t *entry = table_entry(table_root(), VA, level);

		changed_flags(entry);
		new_entries(level == 4 ? entry + 50 : entry + 1, aligned);
		new_entries(level == 4 ? entry + 50 : entry + 1,
			    virt_to_mfn(data));
	}
	filled_tables(aligned);
	filled_tables(virt_to_mfn(data));
	/* PAT in a leaf is an ordinary wish. */
	TEST_RESULT(table_map(VA, virt_to_mfn(data), PTE_RO | PTE_PSE), 0);
	TEST_RESULT(table_unmap(VA), 0);
}
