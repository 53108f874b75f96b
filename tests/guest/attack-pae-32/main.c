/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit guest against the hypervisor above 4 GiB.
 *
 * Ring 1 is the supervisor's for the processor, so nothing that a 32-bit guest
 * can make the processor walk, load or execute may lead out of its 4 GiB or to
 * a page that is not its own:
 *
 *   - entries 4 to 511 of its root, which the processor would walk for
 *     addresses from 4 GiB up;
 *   - the slots of its last L2 that are the hypervisor's, by every way to
 *     write them, and the tables behind them as tables of its own;
 *   - the same L2 at another place of the root, where no slot is guarded, and
 *     an L2 without those slots at that place;
 *   - itself: a root as its own L2, an L2 as L1 (a linear mapping);
 *   - CR3 with bits that name frames above 4 GiB, or no frame;
 *   - selectors and gates that end in ring 0 or in 64-bit code;
 *   - addresses at the edge: 0xf5800000, the end of 4 GiB, around it.
 *
 * Each is refused, or without effect; in the end the guest is still healthy.
 */
#include "lodger.h"

#define VA ((unsigned long *)0x10000000UL)

static unsigned long *data;

/* What the processor would see above 4 GiB: pinned, used, and looked at. */
static void beyond_the_root(void)
{
	pte_t *root = page_alloc();
	unsigned int i;

	for (i = 0; i < 4; i++)
		root[i] = table_root()[i];
	for (i = 4; i < 512; i++)
		root[i] = table_root()[3];
	TEST_RESULT(page_protect(root), 0);
	if (!table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(root))) {
		for (i = 4; i < 512; i++) {
			TEST_ASSERT(root[i] == 0, "entry %u is alive", i);
			TEST_REFUSED(table_write(&root[i], root[3]));
			TEST_REFUSED(table_write(&root[i], 0));
		}
		TEST_RESULT(probe_write(&root[4], (unsigned long)root[3]),
			    TRAP_PF);
		TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR,
				      virt_to_mfn(table_root())),
			    0);
	}
	TEST_RESULT(page_unprotect(root), 0);
	page_free(root);
}

/* The L2 of entry 3 in other places, others in its place. */
static void misplaced_tables(void)
{
	pte_t *root = table_root();
	pte_t *plain = page_alloc();
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (!(root[i] & PTE_PRESENT))
			TEST_REFUSED(table_write(&root[i], root[3]));
	TEST_RESULT(page_protect(plain), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(plain)), 0);
	TEST_REFUSED(table_write(&root[3],
				 pte_make(virt_to_mfn(plain), PTE_PRESENT)));
	TEST_REFUSED(table_ext(MMUEXT_PIN_L2_TABLE, pte_mfn(root[3])));
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, pte_mfn(root[3])));
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(plain)), 0);
	TEST_RESULT(page_unprotect(plain), 0);
	page_free(plain);
	/* Linear mappings, which would show tables as memory or as tables. */
	TEST_REFUSED(table_write(&root[1],
				 pte_make(virt_to_mfn(root), PTE_PRESENT)));
	TEST_REFUSED(table_write(table_entry(root, VA, 2),
				 pte_make(pte_mfn(root[3]), PTE_TABLE)));
}

/* The hypervisor's slots, and what they lead to. */
static void hypervisor_slots(void)
{
	pte_t *l2 = table_entry(table_root(), (void *)0xf5800000UL, 2);
	unsigned int i;

	for (i = 0; i < 84; i++) {
		TEST_REFUSED(table_write(&l2[i], 0));
		TEST_REFUSED(table_write(&l2[i], l2[-1]));
		if (!(l2[i] & PTE_PRESENT))
			continue;
		TEST_REFUSED(HYPERVISOR_update_va_mapping(
			VA, pte_make(pte_mfn(l2[i]), PTE_RW), UVMF_INVLPG));
		TEST_REFUSED(HYPERVISOR_update_va_mapping(
			VA, pte_make(pte_mfn(l2[i]), PTE_RO), UVMF_INVLPG));
		TEST_REFUSED(table_write(table_entry(table_root(), VA, 2),
					 pte_make(pte_mfn(l2[i]), PTE_TABLE)));
	}
	TEST_RESULT(probe_write((void *)l2, 0), TRAP_PF);
}

static void addresses(void)
{
	static const unsigned long at[] = { 0xf5800000UL, 0xf5801000UL,
					    0xf6800000UL, 0xff000000UL,
					    0xffc00000UL, 0xfffff000UL };
	struct mmuext_op op;
	unsigned int i;

	memset(&op, 0, sizeof(op));
	op.cmd = MMUEXT_INVLPG_LOCAL;
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		TEST_RESULT(HYPERVISOR_update_va_mapping(
				    at[i], pte_make(virt_to_mfn(data), PTE_RW),
				    UVMF_INVLPG),
			    -XEN_EINVAL);
		TEST_RESULT(probe_write((void *)at[i], 1), TRAP_PF);
		op.arg1.linear_addr = at[i];
		HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
		TEST_RESULT(
			HYPERVISOR_memory_op(XENMEM_machphys_mapping, at[i]),
			-XEN_EFAULT);
	}
	/* Across the end of 4 GiB. */
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_commandline, -8UL),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_multicall(-16UL, 2), -XEN_EFAULT);
}

static int write_cr3(unsigned long value)
{
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%cr3") : : "r"(value) : "memory");
	return probe_end();
}

/* The folded form: the low bits are the frame's upper ones. */
static void roots(void)
{
	unsigned long mfn = virt_to_mfn(table_root());
	unsigned int i;

	TEST_RESULT(write_cr3(xen_pfn_to_cr3(mfn)), NO_FAULT);
	for (i = 0; i < 12; i++)
		TEST_ASSERT(write_cr3(xen_pfn_to_cr3(mfn) | 1UL << i) ==
				    TRAP_GP,
			    "a root with bit %u", i);
	TEST_RESULT(write_cr3(xen_pfn_to_cr3(virt_to_mfn(data))), TRAP_GP);
	TEST_RESULT(write_cr3(0), TRAP_GP);
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, mfn | 1UL << 20));
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, ~0UL));
	TEST_REFUSED(table_ext(MMUEXT_NEW_USER_BASEPTR, mfn));
	TEST_REFUSED(table_ext(MMUEXT_NEW_USER_BASEPTR, 0));
	TEST_REFUSED(table_ext(MMUEXT_PIN_L4_TABLE, mfn));
}

/* A far jump by every selector of the hypervisor's part of the GDT. */
static void selectors(void)
{
	unsigned int s;

	for (s = 0xe000; s < 0x10000; s += 8) {
		struct {
			unsigned long offset;
			unsigned short selector;
		} far;

		far.offset = 0;
		far.selector = (unsigned short)s;
		if ((s & ~7UL) == (FLAT_RING1_CS & ~7UL))
			continue;
		probe_begin();
		__asm__ __volatile__(PROBE("ljmp *%0") : : "m"(far));
		TEST_ASSERT(probe_end() != NO_FAULT, "selector %x", s);
	}
}

void test_main(void)
{
	data = page_alloc();
	TEST_RESULT(table_map(VA, virt_to_mfn(data), PTE_RW), 0);
	beyond_the_root();
	misplaced_tables();
	hypervisor_slots();
	addresses();
	roots();
	selectors();
	data[0] = 1;
	TEST_RESULT(VA[0], 1);
}
