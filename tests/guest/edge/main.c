/* SPDX-License-Identifier: MIT */
/*
 * Emulation at the edge of a page.
 *
 * To emulate an instruction the hypervisor reads it from the guest's memory.
 * It cannot know how long it is before it has read it, and the page behind may
 * not be there: an instruction that ends with the last byte of a page must
 * work all the same, and one that goes on into a missing page is the guest's
 * page fault, for the missing page, as the processor itself would report it.
 * (Where the emulator under it notices the privilege before it has read all of
 * the instruction, #GP stands in for that page fault; and Xen, looking for the
 * prefix of a forced CPUID behind a UD2, reports the page that it missed.)
 * An instruction may also stretch over two pages whose machine frames are not
 * neighbours.
 *
 * Each case puts an instruction at a distance from the end of a page and runs
 * it there: with a second page, without one, and with both.
 *
 * The last page below the hole in the address space is an edge of its own: a
 * SYSCALL in its last bytes returns to an address that no processor can hold.
 * The guest gets the fault, wherever the processor notices it (XSA-7).
 */
#include "lodger.h"

#define CODE ((unsigned char *)0x10000000000UL)
#define END  (CODE + PAGE_SIZE)
#define HOLE ((unsigned char *)0x0000800000000000UL)

struct sample {
	const char *name;
	unsigned char bytes[16];
	unsigned int length;
	int vector; /* what it raises where it is complete */
};

/* rax: a place to write; rcx: an MSR; every sample leaves by RET after it. */
static const struct sample samples[] = {
	{ "rdmsr", { 0x0f, 0x32 }, 2, NO_FAULT },
	{ "mov cr0", { 0x0f, 0x20, 0xc0 }, 3, NO_FAULT },
	{ "forced cpuid",
	  { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 },
	  7,
	  NO_FAULT },
	{ "clts", { 0x0f, 0x06 }, 2, NO_FAULT },
	{ "hlt", { 0xf4 }, 1, TRAP_GP },
	{ "ud2", { 0x0f, 0x0b }, 2, TRAP_UD },
	{ "store to a table",
	  { 0x48, 0xc7, 0x00, 0x00, 0x10, 0xff, 0xff },
	  7,
	  NO_FAULT },
	{ "in", { 0xe4, 0x21 }, 2, NO_FAULT },
};

static unsigned char *first, *second;
static pte_t *table;

/* Runs what is at place; the code there ends with RET or faults. */
static int run(unsigned char *place)
{
	unsigned long a = (unsigned long)table;
	unsigned long c = 0xc0000080;

	probe_begin();
	__asm__ __volatile__("call *%2"
			     : "+a"(a), "+c"(c)
			     : "r"(place)
			     : "rbx", "rdx", "memory", "cc");
	return probe_end();
}

/* A fault anywhere in the two pages: note it and return from the call. */
static int on_fault(struct trap_frame *frame)
{
	if ((frame->rip < (unsigned long)CODE ||
	     frame->rip >= (unsigned long)CODE + 2 * PAGE_SIZE) &&
	    frame->rip != (unsigned long)HOLE)
		return 0;
	probe_fault.vector = (int)frame->vector;
	probe_fault.rip = frame->rip;
	probe_fault.cr2 = vcpu_info->arch.cr2;
	frame->rip = *(unsigned long *)frame->rsp;
	frame->rsp += 8;
	return 1;
}

static void place(const struct sample *s, unsigned int before_end)
{
	unsigned int i;

	memset(first, 0xc3, PAGE_SIZE);
	memset(second, 0xc3, PAGE_SIZE);
	for (i = 0; i < s->length; i++) {
		if (i < before_end)
			first[PAGE_SIZE - before_end + i] = s->bytes[i];
		else
			second[i - before_end] = s->bytes[i];
	}
}

static void complete(const struct sample *s)
{
	unsigned int before;
	int got;

	TEST_RESULT(table_map(END, virt_to_mfn(second), PTE_RO), 0);
	for (before = 1; before < s->length + 3; before++) {
		place(s, before);
		got = run(END - before);
		TEST_ASSERT(got == s->vector, "%s, %u bytes before the end: %d",
			    s->name, before, got);
	}
	TEST_RESULT(table_unmap(END), 0);
}

/* Without a second page: the instruction, if all of it is there. */
static void alone(const struct sample *s)
{
	unsigned int before;
	int got;

	for (before = 1; before <= s->length; before++) {
		place(s, before);
		got = run(END - before);
		TEST_ASSERT(got == TRAP_PF ||
				    (before == s->length && got == s->vector) ||
				    (before < s->length && got == TRAP_GP) ||
				    (before > 1 && s->bytes[1] == 0x0b &&
				     got == TRAP_UD),
			    "%s, %u of %u bytes: %d", s->name, before,
			    s->length, got);
		if (got == TRAP_PF)
			TEST_RESULT(probe_fault.cr2, END);
		/* Complete, it was done; the fault is that of the RET. */
		if (before == s->length && s->vector == NO_FAULT)
			TEST_RESULT(probe_fault.rip, END);
	}
}

static void syscall_before_hole(void)
{
	unsigned long result = __HYPERVISOR_xen_version;
	int got;

	memset(first, 0xc3, PAGE_SIZE);
	first[PAGE_SIZE - 2] = 0x0f;
	first[PAGE_SIZE - 1] = 0x05;
	TEST_RESULT(table_map(HOLE - PAGE_SIZE, virt_to_mfn(first), PTE_RO), 0);
	probe_begin();
	__asm__ __volatile__("call *%1"
			     : "+a"(result)
			     : "r"(HOLE - 2), "D"(XENVER_version), "S"(0L)
			     : "rcx", "r11", "memory", "cc");
	got = probe_end();
	TEST_ASSERT(got == TRAP_GP || got == TRAP_PF || got == VECTOR_FAILSAFE,
		    "a return to the hole: %d", got);
	TEST_RESULT(probe_fault.rip, HOLE);
	TEST_RESULT(result >> 16, 4);
	TEST_RESULT(table_unmap(HOLE - PAGE_SIZE), 0);
}

void test_main(void)
{
	struct physdev_set_iopl set;
	unsigned int i;

	set.iopl = 1;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set), 0);
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable,
					 VMASST_TYPE_writable_pagetables),
		    0);
	trap_set_hook(TRAP_GP, on_fault);
	trap_set_hook(TRAP_UD, on_fault);
	trap_set_hook(TRAP_PF, on_fault);
	trap_set_hook(VECTOR_FAILSAFE, on_fault);
	first = page_alloc();
	(void)page_alloc(); /* so that the two are not neighbours */
	second = page_alloc();
	table = page_alloc();
	TEST_RESULT(page_protect(table), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)), 0);
	TEST_RESULT(table_map(CODE, virt_to_mfn(first), PTE_RO), 0);
	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		complete(&samples[i]);
		alone(&samples[i]);
	}
	TEST_RESULT(table_unmap(CODE), 0);
	syscall_before_hole();
}
