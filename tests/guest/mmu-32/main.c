/* SPDX-License-Identifier: MIT */
/*
 * Page tables of a 32-bit guest: what differs from mmu.
 *
 * The root is an L3 of four entries, pinned as L3, installed by its frame
 * number. Its entries have no rights of their own, the tables below decide:
 * the hypervisor sets write and user bits there and the guest reads them back.
 * The rest of the root's page is the hypervisor's, and zero.
 *
 * Entry 3 leads to an L2 that is a type of its own: its slots from 428 on are
 * the hypervisor's. It is validated as the entry is, cannot be pinned as an
 * ordinary L2 at the same time, and cannot be what the entries 0 to 2 lead to.
 * An L4 does not exist, nor a root for programs.
 *
 * The user bit is the guest's: it keeps programs in ring 3 from the kernel's
 * pages. update_va_mapping takes an entry as two words. An entry of 64 bits
 * can name frames above 4 GiB, of which there may be none in a test machine.
 */
#include "lodger.h"

#define VA ((unsigned long *)0x10000000UL)

static unsigned long *data;

static long set_va(const void *va, pte_t pte)
{
	return HYPERVISOR_update_va_mapping(va, pte, UVMF_INVLPG);
}

static void read_back(void)
{
	static const pte_t flags[] = { PTE_RO,
				       PTE_RW,
				       PTE_RW | PTE_USER,
				       PTE_RO | PTE_USER,
				       PTE_RW | 0xe00,
				       PTE_RW | (pte_t)1 << 63 };
	pte_t keep =
		PTE_FRAME | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_NX | 0xe00;
	pte_t junk = ((pte_t)0xdeadb << 44 | 0x12345678) & ~1UL;
	unsigned long value;
	unsigned int i;
	pte_t *entry;

	TEST_RESULT(table_map(VA, virt_to_mfn(data), PTE_RW), 0);
	entry = table_entry(table_root(), VA, 1);
	data[0] = 0x1111;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		pte_t want = pte_make(virt_to_mfn(data), flags[i]);

		TEST_RESULT(set_va(VA, want), 0);
		TEST_ASSERT((*entry & keep) == (want & keep), "entry %llx",
			    *entry);
		TEST_RESULT(probe_read(VA, &value), NO_FAULT);
		TEST_RESULT(value, 0x1111);
		TEST_RESULT(probe_write(VA, 0x1111),
			    flags[i] & PTE_WRITE ? NO_FAULT : TRAP_PF);
	}
	TEST_RESULT(set_va(VA, pte_make(virt_to_mfn(data),
					PTE_RW | PTE_GLOBAL | PTE_PCD)),
		    0);
	TEST_RESULT(*entry & (PTE_GLOBAL | PTE_PCD), 0);
	TEST_RESULT(set_va(VA, junk), 0);
	TEST_ASSERT(*entry == junk, "entry %llx", *entry);
	TEST_RESULT(set_va(VA, 0), 0);
}

/* Addresses that are not the guest's, and frames that are not. */
static void refused(void)
{
	TEST_RESULT(set_va((void *)HYPERVISOR_VIRT_START, 0), -XEN_EINVAL);
	TEST_RESULT(set_va((void *)0xfffff000UL, 0), -XEN_EINVAL);
	TEST_REFUSED(set_va(VA, pte_make(virt_to_mfn(table_root()), PTE_RW)));
	/* The local APIC, which is given to nobody. */
	TEST_REFUSED(set_va(VA, pte_make(0xfee00UL, PTE_RO)));
	TEST_REFUSED(set_va(VA, pte_make(virt_to_mfn(data), PTE_RW) |
					(pte_t)1 << 51));
	TEST_REFUSED(
		table_ext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(table_root())));
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(data)));
}

/* Pages as tables of each level, pinned, linked and let go. */
static void pin_levels(void)
{
	pte_t *t[4];
	unsigned int level;

	for (level = 1; level <= 3; level++) {
		t[level] = page_alloc();
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level - 1,
				       virt_to_mfn(t[level])));
		t[level][1] = level == 1 ? pte_make(virt_to_mfn(data), PTE_RW)
					 : pte_make(virt_to_mfn(t[level - 1]),
						    level == 2 ? PTE_TABLE
							       : PTE_PRESENT);
		TEST_RESULT(page_protect(t[level]), 0);
		TEST_REFUSED(
			table_ext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(t[level])));
		TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE + level - 1,
				      virt_to_mfn(t[level])),
			    0);
	}
	TEST_RESULT(t[3][1] & (PTE_WRITE | PTE_USER), PTE_WRITE | PTE_USER);
	/* Slots of ours are found in a root, not in an L2 of entries 0 to 2. */
	TEST_REFUSED(table_write(&t[3][4], 0));
	TEST_REFUSED(table_write(&t[3][511], t[3][1]));
	TEST_RESULT(t[2][430], 0);
	TEST_RESULT(table_write(&t[2][430], t[2][1]), 0);
	/* The pinned L2 is none for entry 3. */
	TEST_REFUSED(table_write(&t[3][3], t[3][1]));
	TEST_RESULT(table_write(&t[3][2], t[3][1]), 0);
	for (level = 1; level <= 3; level++) {
		unsigned long mfn = virt_to_mfn(t[level]);

		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level - 1, mfn));
		TEST_REFUSED(page_unprotect(t[level]));
		TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
	}
	for (level = 1; level <= 3; level++) {
		TEST_RESULT(page_unprotect(t[level]), 0);
		page_free(t[level]);
	}
}

/* The L2 of entry 3: what is ours in it comes and goes with its use. */
static void hypervisor_slots(void)
{
	pte_t *root = page_alloc(), *high = page_alloc();
	unsigned int i;

	high[0] = high[427] = 0;
	high[428] = pte_make(virt_to_mfn(data), PTE_RW);
	root[3] = pte_make(virt_to_mfn(high), PTE_PRESENT);
	for (i = 4; i < 512; i++)
		root[i] = ~(pte_t)0 >> 1;
	TEST_RESULT(page_protect(root) | page_protect(high), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L3_TABLE, virt_to_mfn(root)), 0);
	for (i = 4; i < 512; i++)
		TEST_ASSERT(root[i] == 0, "slot %u of the root", i);
	TEST_ASSERT(high[428] & PTE_PRESENT, "no table of ours");
	TEST_ASSERT(pte_mfn(high[428]) != virt_to_mfn(data), "the guest's");
	for (i = 428; i < 512; i++) {
		TEST_REFUSED(table_write(&high[i], 0));
		TEST_REFUSED(table_write(
			&high[i], pte_make(virt_to_mfn(data), PTE_TABLE)));
	}
	TEST_REFUSED(table_ext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(high)));
	TEST_REFUSED(table_write(&root[0], root[3]));
	TEST_RESULT(table_write(&root[3], 0), 0);
	for (i = 428; i < 512; i++)
		TEST_ASSERT(high[i] == 0, "slot %u is left", i);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root)), 0);
	TEST_RESULT(page_unprotect(root) | page_unprotect(high), 0);
	page_free(root);
	page_free(high);
}

/* A root of our own with the kernel's mappings: run on it, and come back. */
static void base_pointer(void)
{
	pte_t *root = page_alloc();
	unsigned int i;

	for (i = 0; i < 4; i++)
		root[i] = table_root()[i];
	TEST_RESULT(set_va(VA, pte_make(virt_to_mfn(data), PTE_RW)), 0);
	data[0] = 0x7777;
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(root)));
	TEST_RESULT(page_protect(root), 0);
	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(root)), 0);
	TEST_RESULT(VA[0], 0x7777);
	TEST_REFUSED(page_unprotect(root));
	TEST_RESULT(table_write(&root[1], root[0]), 0);
	TEST_RESULT(VA[0x40000000 / 4], 0x7777);
	TEST_RESULT(table_write(&root[1], 0), 0);
	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(table_root())),
		    0);
	TEST_RESULT(page_unprotect(root), 0);
	page_free(root);
	TEST_RESULT(set_va(VA, 0), 0);
}

static void machine_to_physical(void)
{
	unsigned long mfn = virt_to_mfn(data);
	struct mmu_update u;
	unsigned int done;

	u.ptr = (uint64_t)mfn << 12 | MMU_MACHPHYS_UPDATE;
	u.val = 0x12345;
	TEST_RESULT(HYPERVISOR_mmu_update(&u, 1, &done, DOMID_SELF), 0);
	TEST_RESULT(done, 1);
	TEST_RESULT(M2P[mfn], 0x12345);
	u.val = virt_to_pfn(data);
	TEST_RESULT(HYPERVISOR_mmu_update(&u, 1, &done, DOMID_SELF), 0);
	TEST_RESULT(M2P[mfn], virt_to_pfn(data));
}

/* A batch of operations, whose structures have 32-bit words. */
static void extended(void)
{
	unsigned char vcpus[4];
	struct mmuext_op op[3];
	unsigned int done = 77;

	memset(op, 0, sizeof(op));
	memset(vcpus, 0xff, sizeof(vcpus));
	TEST_RESULT(sizeof(op[0]), 12);
	op[0].cmd = MMUEXT_TLB_FLUSH_LOCAL;
	op[1].cmd = MMUEXT_INVLPG_MULTI;
	op[1].arg1.linear_addr = (unsigned long)VA;
	set_xen_guest_handle(op[1].arg2.vcpumask, vcpus);
	op[2].cmd = MMUEXT_CLEAR_PAGE;
	op[2].arg1.mfn = virt_to_mfn(data);
	data[5] = 5;
	TEST_RESULT(HYPERVISOR_mmuext_op(op, 3, &done, DOMID_SELF), 0);
	TEST_RESULT(done, 3);
	TEST_RESULT(data[5], 0);
	op[1].cmd = MMUEXT_PIN_L4_TABLE;
	TEST_REFUSED(HYPERVISOR_mmuext_op(op, 3, &done, DOMID_SELF));
	TEST_RESULT(done, 1);
}

static void memory(void)
{
	struct xen_memory_reservation r;
	xen_pfn_t frame = virt_to_mfn(data);

	memset(&r, 0, sizeof(r));
	r.domid = DOMID_SELF;
	r.nr_extents = 1;
	set_xen_guest_handle(r.extent_start, &frame);
	TEST_RESULT(set_va(data, 0), 0);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_decrease_reservation, &r), 1);
	frame = virt_to_pfn(data);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_populate_physmap, &r), 1);
	TEST_RESULT(M2P[frame], virt_to_pfn(data));
	TEST_RESULT(set_va(data, pte_make(frame, PTE_RW)), 0);
	TEST_RESULT(data[0] | data[1023], 0);
}

void test_main(void)
{
	data = page_alloc();
	read_back();
	refused();
	pin_levels();
	hypervisor_slots();
	base_pointer();
	machine_to_physical();
	extended();
	memory();
}
