/* SPDX-License-Identifier: MIT */
/*
 * Segments: the guest's own GDT and LDT, and the bases of FS and GS.
 *
 * Descriptor tables are read by the processor behind everyone's back, so they
 * are treated like page tables. A frame of the GDT or LDT has the descriptor
 * type: nobody has it mapped for writing while it is used, and its entries
 * change through update_descriptor. The upper part of the GDT (from entry
 * 14 * 512 on) is the hypervisor's, and holds the flat selectors 0xe0xx.
 *
 * What could raise privilege is kept out: system descriptors (TSS, LDT, gates)
 * are refused, and code and data segments end with DPL 3. Xen accepts a lower
 * DPL and raises it in the table; refusing it would be right as well. Xen also
 * accepts a call gate (type 12) whose target it rewrites to RPL 3: what counts
 * is that no gate remains that leads to a more privileged level. A descriptor
 * that is not present may hold anything.
 *
 * The LDT is given by address and validated page by page when the processor
 * first touches it. The fault that brings this about belongs to the
 * hypervisor: the guest sees only that the selector loads. When the page is
 * not fit for it, the guest gets that page fault as its own.
 *
 * In 64-bit code only the bases of FS and GS matter, and they are wider than
 * a descriptor can say: set_segment_base takes 64 bits, and refuses addresses
 * that are not canonical, which would fault in the hypervisor when loaded.
 * GS has two: one for the guest's kernel, one for its user mode; the
 * hypervisor exchanges them at each change of mode.
 */
#include "lodger.h"

#define LOW_PAGE	       ((unsigned long *)0x12345000UL)
#define SELECTOR(index, table) ((index)*8 | (table)*4 | 3)
#define LDT		       1
#define GDT		       0

/* A flat segment: access byte, then the base. */
static unsigned long descriptor(unsigned long access, unsigned long base)
{
	return 0x00cf00000000ffffUL | access << 40 | (base & 0xffffff) << 16 |
	       (base & 0xff000000UL) << 32;
}

static int load_fs(unsigned int selector)
{
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%fs")
			     :
			     : "r"(selector)
			     : "memory");
	return probe_end();
}

static int read_fs(unsigned long *value)
{
	unsigned long v = 0;

	probe_begin();
	__asm__ __volatile__(PROBE("mov %%fs:0, %0") : "+r"(v) : : "memory");
	*value = v;
	return probe_end();
}

static unsigned long read_gs(void)
{
	unsigned long v;

	__asm__ __volatile__("mov %%gs:0, %0" : "=r"(v) : : "memory");
	return v;
}

static void gdt_frames(unsigned long *gdt)
{
	unsigned long frame = virt_to_mfn(gdt);
	unsigned long root = virt_to_mfn(table_root());
	unsigned long beyond = 1UL << 40;
	unsigned long value;

	TEST_ASSERT(HYPERVISOR_set_gdt(&frame, 16) < 0, "a writable GDT");
	TEST_RESULT(page_protect(gdt), 0);
	TEST_ASSERT(HYPERVISOR_set_gdt(&root, 16) < 0, "a page table as GDT");
	TEST_ASSERT(HYPERVISOR_set_gdt(&beyond, 16) < 0, "no frame as GDT");
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 7169), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_set_gdt(0x10000000000UL, 16), -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 16), 0);
	TEST_ASSERT(page_unprotect(gdt) < 0, "the GDT became writable");
	TEST_RESULT(HYPERVISOR_update_descriptor(
			    virt_to_machine(gdt + 3),
			    descriptor(0xf3, (unsigned long)LOW_PAGE)),
		    0);
	TEST_RESULT(load_fs(SELECTOR(3, GDT)), NO_FAULT);
	TEST_RESULT(read_fs(&value), NO_FAULT);
	TEST_RESULT(value, 0x10ca1);
	TEST_RESULT(load_fs(SELECTOR(4, GDT)), TRAP_GP);
	TEST_RESULT(probe_fault.error, 4 * 8);
	TEST_RESULT(load_fs(0), NO_FAULT);
}

static void refused_descriptors(unsigned long *gdt)
{
	unsigned long want, got;
	unsigned int access;
	unsigned long target;
	long error;

	for (access = 0x80; access < 0x100; access++) {
		want = descriptor(access, 0) & ~(0xfUL << 52);
		error = HYPERVISOR_update_descriptor(virt_to_machine(gdt + 5),
						     want);
		got = gdt[5];
		TEST_ASSERT(!error || error == -XEN_EINVAL, "%ld", error);
		if (error)
			TEST_ASSERT(got == 0, "refused, yet written");
		else if (access & 0x10)
			TEST_ASSERT(((got >> 45) & 3) == 3, "DPL of %lx", got);
		else
			TEST_ASSERT((access & 0xf) == 0 ||
					    ((access & 0xf) == 12 &&
					     ((got >> 16) & 3) == 3),
				    "system type %x", access);
		TEST_ASSERT(access < 0xf0 || !error, "access %x refused",
			    access);
		TEST_RESULT(HYPERVISOR_update_descriptor(
				    virt_to_machine(gdt + 5), 0),
			    0);
	}
	/* A call gate into ring 0: no selector of it may stay above RPL 3. */
	for (target = 0x8; target < 0x10000; target += 0x10 * 97 + 8) {
		want = (target << 16) | 0x1000 | (0xecUL << 40);
		error = HYPERVISOR_update_descriptor(virt_to_machine(gdt + 6),
						     want);
		TEST_ASSERT(error || ((gdt[6] >> 16) & 3) == 3,
			    "a call gate to %lx", target);
		TEST_RESULT(HYPERVISOR_update_descriptor(
				    virt_to_machine(gdt + 6), 0),
			    0);
	}
	TEST_RESULT(HYPERVISOR_update_descriptor(virt_to_machine(gdt + 5),
						 0xffffffffffffffffUL &
							 ~(1UL << 47)),
		    0);
	TEST_RESULT(HYPERVISOR_update_descriptor(virt_to_machine(gdt + 5), 0),
		    0);
	TEST_RESULT(
		HYPERVISOR_update_descriptor(virt_to_machine(gdt + 5) + 4, 0),
		-XEN_EINVAL);
	TEST_RESULT(
		HYPERVISOR_update_descriptor(virt_to_machine(table_root()), 0),
		-XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_update_descriptor(1UL << 50, 0), -XEN_EINVAL);
	TEST_ASSERT(table_write((pte_t *)gdt + 5, 0) < 0,
		    "mmu_update wrote a GDT");
}

static long set_ldt(const void *address, unsigned int entries)
{
	struct mmuext_op op;

	memset(&op, 0, sizeof(op));
	op.cmd = MMUEXT_SET_LDT;
	op.arg1.linear_addr = (unsigned long)address;
	op.arg2.nr_ents = entries;
	return HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void ldt(unsigned long *page)
{
	unsigned long *bad = page_alloc();
	unsigned long value;

	page[3] = descriptor(0xf3, (unsigned long)LOW_PAGE);
	page[512 - 1] = page[3];
	TEST_ASSERT(set_ldt((char *)page + 8, 8) < 0, "an unaligned LDT");
	TEST_ASSERT(set_ldt(page, 8193) < 0, "an LDT too long");
	TEST_RESULT(set_ldt(page, 512), 0);
	/* Still mapped for writing, so it cannot become what it should. */
	TEST_RESULT(load_fs(SELECTOR(3, LDT)), TRAP_PF);
	TEST_RESULT(probe_fault.cr2, page + 3);
	TEST_RESULT(page_protect(page), 0);
	TEST_RESULT(load_fs(SELECTOR(3, LDT)), NO_FAULT);
	TEST_RESULT(read_fs(&value), NO_FAULT);
	TEST_RESULT(value, 0x10ca1);
	TEST_RESULT(load_fs(SELECTOR(511, LDT)), NO_FAULT);
	TEST_RESULT(load_fs(SELECTOR(4, LDT)), TRAP_GP);
	TEST_RESULT(load_fs(SELECTOR(512, LDT)), TRAP_GP);
	TEST_ASSERT(page_unprotect(page) < 0, "the LDT became writable");
	TEST_RESULT(load_fs(0), NO_FAULT);
	TEST_RESULT(set_ldt(NULL, 0), 0);
	TEST_RESULT(load_fs(SELECTOR(3, LDT)), TRAP_GP);
	TEST_RESULT(page_unprotect(page), 0);
	/* A page with one bad descriptor is no LDT at all. */
	bad[3] = page[3];
	bad[9] = descriptor(0x89, 0);
	TEST_RESULT(page_protect(bad), 0);
	TEST_RESULT(set_ldt(bad, 512), 0);
	TEST_RESULT(load_fs(SELECTOR(3, LDT)), TRAP_PF);
	TEST_RESULT(set_ldt(NULL, 0), 0);
	TEST_RESULT(page_unprotect(bad), 0);
	page_free(bad);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	mov	%gs:0, %rdi\n"
	"	mov	%fs:0, %rsi\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static void bases(void)
{
	static unsigned long words[2] = { 0xaaa, 0xbbb };
	struct user program;
	unsigned long value;
	unsigned int base;

	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_FS, &words[0]), 0);
	TEST_RESULT(read_fs(&value), NO_FAULT);
	TEST_RESULT(value, 0xaaa);
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_GS_KERNEL, &words[1]),
		    0);
	TEST_RESULT(read_gs(), 0xbbb);
	user_create(&program, user_code, user_code_end);
	*(unsigned long *)program.stack_page = 0xccc;
	*(unsigned long *)(program.stack_page + 8) = 0xddd;
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_GS_USER,
						USER_STACK_TOP - PAGE_SIZE),
		    0);
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_FS,
						USER_STACK_TOP - PAGE_SIZE + 8),
		    0);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rdi, 0xccc);
	TEST_RESULT(program.regs.rsi, 0xddd);
	TEST_RESULT(read_gs(), 0xbbb);
	user_destroy(&program);
	for (base = SEGBASE_FS; base <= SEGBASE_GS_KERNEL; base++)
		TEST_RESULT(
			HYPERVISOR_set_segment_base(base, 0x0000800000000000UL),
			-XEN_EINVAL);
	TEST_RESULT(read_gs(), 0xbbb);
	TEST_RESULT(HYPERVISOR_set_segment_base(4, 0), -XEN_EINVAL);
	/* A selector that cannot be loaded is loaded as 0. */
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_GS_USER_SEL, 0x1234),
		    0);
	TEST_RESULT(read_gs(), 0xbbb);
}

void test_main(void)
{
	unsigned long *gdt = page_alloc();
	unsigned long *low = page_alloc();

	low[0] = 0x10ca1;
	TEST_RESULT(table_map(LOW_PAGE, virt_to_mfn(low), PTE_RW), 0);
	gdt_frames(gdt);
	refused_descriptors(gdt);
	ldt(page_alloc());
	bases();
	/* Without a GDT of its own the guest lives on the flat selectors. */
	TEST_RESULT(HYPERVISOR_set_gdt(NULL, 0), 0);
	TEST_RESULT(page_unprotect(gdt), 0);
}
