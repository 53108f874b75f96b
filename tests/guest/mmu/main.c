/* SPDX-License-Identifier: MIT */
/*
 * Page tables: what a guest may do with its own memory.
 *
 * The processor walks the guest's tables as they are, so the hypervisor keeps
 * every entry right. Each frame has one type at a time: ordinary writable
 * memory, a page table of one level, a descriptor table. A frame becomes a
 * table when it is pinned or when an entry of the next level refers to it, and
 * only while nobody has it mapped for writing; it becomes ordinary again when
 * pin and references are gone. Entries change by update_va_mapping (the L1
 * entry that translates an address now) and mmu_update (any entry, by the
 * machine address where it stands). Both take effect entry by entry; a batch
 * stops at the first refusal and says in *done how many had been done.
 *
 * An entry that is present may name the guest's own frames (and what privilege
 * adds). It reads back with the frame, the write bit, NX and the three bits of
 * the guest (9-11) as written; the user bit is always set, since the guest's
 * kernel runs in ring 3 too, and Xen keeps a global bit and bit 52 for itself.
 * An entry that is not present is the guest's to use as it likes. The processor
 * sets accessed and dirty bits, and MMU_PT_UPDATE_PRESERVE_AD keeps them.
 *
 * The root can be changed to any L4 table of the guest. The hypervisor's slots
 * in it (256-271) are filled in by the hypervisor and no guest writes them.
 *
 * mmu_update also writes the machine-to-physical table, for own frames, and
 * plain memory, which is of use to nobody but happens to be harmless.
 */
#include "lodger.h"

#define VA ((unsigned long *)0x10000000000UL)

static unsigned long *data, *other;

static long set_va(const void *va, pte_t pte)
{
	return HYPERVISOR_update_va_mapping(va, pte, UVMF_INVLPG);
}

static long update(struct mmu_update *list, unsigned int n, unsigned int *done,
		   unsigned int domain)
{
	*done = 77;
	return HYPERVISOR_mmu_update(list, n, done, domain);
}

static void read_back(void)
{
	static const unsigned long flags[] = {
		PTE_RO,		PTE_RW,	     PTE_RW | PTE_NX,
		PTE_RW | 0xe00, PTE_PRESENT, PTE_PRESENT | PTE_WRITE
	};
	pte_t junk = 0xdeadbeef12345678UL & ~PTE_PRESENT;
	unsigned long keep =
		PTE_FRAME | PTE_PRESENT | PTE_WRITE | PTE_NX | 0xe00;
	unsigned long value;
	unsigned int i;
	pte_t *entry;

	TEST_RESULT(table_map(VA, virt_to_mfn(data), PTE_RW), 0);
	entry = table_entry(table_root(), VA, 1);
	data[0] = 0x1111;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		pte_t want = pte_make(virt_to_mfn(data), flags[i]);

		TEST_RESULT(set_va(VA, want), 0);
		TEST_RESULT(*entry & keep, want & keep);
		TEST_ASSERT(*entry & PTE_USER, "no user bit: %lx", *entry);
		TEST_RESULT(probe_read(VA, &value), NO_FAULT);
		TEST_RESULT(value, 0x1111);
		TEST_RESULT(probe_write(VA, 0x1111),
			    flags[i] & PTE_WRITE ? NO_FAULT : TRAP_PF);
	}
	TEST_RESULT(set_va(VA, junk), 0);
	TEST_RESULT(*entry, junk);
	TEST_RESULT(probe_read(VA, &value), TRAP_PF);
	TEST_RESULT(set_va(VA, 0), 0);
	TEST_RESULT(*entry, 0);
}

static void accessed_and_dirty(void)
{
	pte_t *entry = table_entry(table_root(), VA, 1);
	pte_t bare =
		pte_make(virt_to_mfn(data), PTE_PRESENT | PTE_WRITE | PTE_USER);
	struct mmu_update u;
	unsigned int done;

	TEST_RESULT(set_va(VA, bare), 0);
	TEST_RESULT(*entry & (PTE_ACCESSED | PTE_DIRTY), 0);
	TEST_RESULT(probe_write(VA, 1), NO_FAULT);
	TEST_RESULT(*entry & (PTE_ACCESSED | PTE_DIRTY),
		    PTE_ACCESSED | PTE_DIRTY);
	u.ptr = virt_to_machine(entry) | MMU_PT_UPDATE_PRESERVE_AD;
	u.val = bare & ~PTE_WRITE;
	TEST_RESULT(update(&u, 1, &done, DOMID_SELF), 0);
	TEST_RESULT(done, 1);
	TEST_RESULT(*entry & (PTE_ACCESSED | PTE_DIRTY | PTE_WRITE),
		    PTE_ACCESSED | PTE_DIRTY);
	u.ptr = virt_to_machine(entry) | MMU_NORMAL_PT_UPDATE;
	TEST_RESULT(update(&u, 1, &done, DOMID_SELF), 0);
	TEST_RESULT(*entry & (PTE_ACCESSED | PTE_DIRTY), 0);
}

/* Each way to flush makes the new translation seen. */
static void flushes(void)
{
	unsigned long vcpus = 1;
	unsigned long ways[5];
	unsigned long value;
	unsigned int i;

	ways[0] = UVMF_INVLPG | UVMF_LOCAL;
	ways[1] = UVMF_TLB_FLUSH | UVMF_LOCAL;
	ways[2] = UVMF_INVLPG | UVMF_ALL;
	ways[3] = UVMF_TLB_FLUSH | UVMF_MULTI | (unsigned long)&vcpus;
	ways[4] = UVMF_NONE;
	data[0] = 1;
	other[0] = 2;
	for (i = 0; i < 10; i++) {
		TEST_RESULT(HYPERVISOR_update_va_mapping(
				    VA,
				    pte_make(virt_to_mfn(i & 1 ? other : data),
					     PTE_RW),
				    ways[i / 2]),
			    0);
		if (ways[i / 2] == UVMF_NONE && i % 2)
			table_flush();
		else if (ways[i / 2] == UVMF_NONE)
			table_ext(MMUEXT_INVLPG_LOCAL, (unsigned long)VA);
		TEST_RESULT(probe_read(VA, &value), NO_FAULT);
		TEST_RESULT(value, 1 + (i & 1));
	}
	TEST_RESULT(HYPERVISOR_update_va_mapping(
			    VA, 0, UVMF_TLB_FLUSH | 0x18000000000UL),
		    -XEN_EFAULT);
}

static void bad_addresses(void)
{
	static const unsigned long bad[] = {
		0xffff800000000000UL, 0xffff830000000000UL,
		0xffff87fffffff000UL, 0x0000900000000000UL, 0x0000500000000000UL
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		TEST_RESULT(
			HYPERVISOR_update_va_mapping(bad[i], 0, UVMF_INVLPG),
			-XEN_EINVAL);
}

static void bad_frames(void)
{
	pte_t *root = table_root();
	unsigned int i;

	/* Page tables: for reading only. */
	TEST_RESULT(set_va(VA, pte_make(virt_to_mfn(root), PTE_RO)), 0);
	TEST_REFUSED(set_va(VA, pte_make(virt_to_mfn(root), PTE_RW)));
	TEST_REFUSED(page_unprotect(root));
	/* The frames behind the hypervisor's slots; no frame at all. */
	for (i = 257; i < 272; i++) {
		if (!(root[i] & PTE_PRESENT))
			continue;
		TEST_REFUSED(set_va(VA, pte_make(pte_mfn(root[i]), PTE_RW)));
		/* Xen has the guest's root itself in one of them. */
		if (pte_mfn(root[i]) != virt_to_mfn(root))
			TEST_REFUSED(
				set_va(VA, pte_make(pte_mfn(root[i]), PTE_RO)));
	}
	TEST_REFUSED(set_va(VA, pte_make(0xfffffffffUL, PTE_RO)));
	TEST_REFUSED(set_va(VA, pte_make(0xfffffffffUL, PTE_RW)));
	/* The shared page is ours to write. */
	TEST_RESULT(set_va(VA, start_info->shared_info | PTE_RW), 0);
	TEST_RESULT(set_va(VA, 0), 0);
}

static void pin_levels(void)
{
	pte_t *t[5];
	unsigned int level;

	for (level = 1; level <= 4; level++) {
		t[level] = page_alloc();
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level - 1,
				       virt_to_mfn(t[level])));
		t[level][7] = level == 1 ? pte_make(virt_to_mfn(data), PTE_RW)
					 : pte_make(virt_to_mfn(t[level - 1]),
						    PTE_TABLE);
		TEST_RESULT(page_protect(t[level]), 0);
		TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE + level - 1,
				      virt_to_mfn(t[level])),
			    0);
	}
	for (level = 1; level <= 4; level++) {
		unsigned long mfn = virt_to_mfn(t[level]);

		/* Pinned once, and as what it is. */
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level - 1, mfn));
		TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE + level % 4, mfn));
		TEST_REFUSED(page_unprotect(t[level]));
		TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
		TEST_REFUSED(table_ext(MMUEXT_UNPIN_TABLE, mfn));
		/* The level above still refers to it. */
		if (level < 4)
			TEST_REFUSED(page_unprotect(t[level]));
	}
	/* The last unpin let the whole tree go. */
	for (level = 1; level <= 4; level++) {
		TEST_RESULT(page_unprotect(t[level]), 0);
		page_free(t[level]);
	}
}

static void batch(void)
{
	pte_t *l1 = page_alloc();
	struct mmu_update u[3];
	unsigned int done;

	TEST_RESULT(page_protect(l1), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(l1)), 0);
	u[0].ptr = virt_to_machine(&l1[5]);
	u[0].val = pte_make(virt_to_mfn(data), PTE_RO);
	u[1].ptr = virt_to_machine(&l1[6]);
	u[1].val = pte_make(0xfffffffffUL, PTE_RO);
	u[2].ptr = virt_to_machine(&l1[7]);
	u[2].val = u[0].val;
	TEST_REFUSED(update(u, 3, &done, DOMID_SELF));
	TEST_RESULT(done, 1);
	TEST_RESULT(pte_mfn(l1[5]), virt_to_mfn(data));
	TEST_RESULT(l1[6] | l1[7], 0);
	u[1] = u[2];
	TEST_RESULT(update(u, 2, &done, DOMID_SELF), 0);
	TEST_RESULT(done, 2);
	TEST_RESULT(update(u, 0, &done, DOMID_SELF), 0);
	TEST_REFUSED(update(u, 1, &done, 5));
	u[0].ptr += 4;
	TEST_ASSERT(update(u, 1, &done, DOMID_SELF) < 0, "unknown kind");
	TEST_RESULT(done, 0);
	TEST_RESULT(
		HYPERVISOR_mmu_update(0x18000000000UL, 1, &done, DOMID_SELF),
		-XEN_EFAULT);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(l1)), 0);
	TEST_RESULT(page_unprotect(l1), 0);
	page_free(l1);
}

static void machine_to_physical(void)
{
	unsigned long mfn = virt_to_mfn(data);
	struct mmu_update u;
	unsigned int done;

	u.ptr = (mfn << 12) | MMU_MACHPHYS_UPDATE;
	u.val = 0x12345;
	TEST_RESULT(update(&u, 1, &done, DOMID_SELF), 0);
	TEST_RESULT(M2P[mfn], 0x12345);
	u.val = virt_to_pfn(data);
	TEST_RESULT(update(&u, 1, &done, DOMID_SELF), 0);
	TEST_RESULT(M2P[mfn], virt_to_pfn(data));
	u.ptr = (0xfffffffffUL << 12) | MMU_MACHPHYS_UPDATE;
	TEST_REFUSED(update(&u, 1, &done, DOMID_SELF));
}

/* A root of our own with the kernel's mappings: run on it, and come back. */
static void base_pointer(void)
{
	pte_t *root = page_alloc();
	unsigned int i;

	for (i = 0; i < 512; i++)
		if (i < 256 || i >= 272)
			root[i] = table_root()[i];
	TEST_RESULT(set_va(VA, pte_make(virt_to_mfn(data), PTE_RW)), 0);
	data[0] = 0x7777;
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(root)));
	TEST_RESULT(page_protect(root), 0);
	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(root)), 0);
	TEST_RESULT(VA[0], 0x7777);
	/* The new root is in use: it takes updates, and only by asking. */
	TEST_RESULT(table_write(&root[100], root[2]), 0);
	TEST_REFUSED(page_unprotect(root));
	TEST_RESULT(table_write(&root[100], 0), 0);
	for (i = 256; i < 272; i++)
		TEST_REFUSED(table_write(&root[i], root[2]));
	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(table_root())),
		    0);
	TEST_RESULT(page_unprotect(root), 0);
	page_free(root);
	TEST_REFUSED(table_ext(MMUEXT_NEW_BASEPTR, 0xfffffffffUL));
	TEST_RESULT(set_va(VA, 0), 0);
}

static void page_operations(void)
{
	struct mmuext_op op;

	memset(data, 0x55, PAGE_SIZE);
	memset(&op, 0, sizeof(op));
	op.cmd = MMUEXT_COPY_PAGE;
	op.arg1.mfn = virt_to_mfn(other);
	op.arg2.src_mfn = virt_to_mfn(data);
	TEST_RESULT(HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
	TEST_RESULT(memcmp(data, other, PAGE_SIZE), 0);
	TEST_RESULT(table_ext(MMUEXT_CLEAR_PAGE, virt_to_mfn(other)), 0);
	TEST_RESULT(other[0] | other[511], 0);
	TEST_REFUSED(table_ext(MMUEXT_CLEAR_PAGE, virt_to_mfn(table_root())));
	op.arg1.mfn = virt_to_mfn(table_root());
	TEST_REFUSED(HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF));
	TEST_RESULT(table_ext(99, 0), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_mmuext_op(0x18000000000UL, 1, NULL, DOMID_SELF),
		    -XEN_EFAULT);
}

void test_main(void)
{
	data = page_alloc();
	other = page_alloc();
	read_back();
	accessed_and_dirty();
	flushes();
	bad_addresses();
	bad_frames();
	pin_levels();
	batch();
	machine_to_physical();
	base_pointer();
	page_operations();
}
