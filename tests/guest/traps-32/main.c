/* SPDX-License-Identifier: MIT */
/*
 * Exceptions, gates and the way back, in a 32-bit guest.
 *
 * Its kernel is in ring 1 and its programs in ring 3, so that the processor
 * itself keeps them apart. A trap of a program arrives on the stack that was
 * given to stack_switch, with ESP and SS in the frame; one of the kernel goes
 * on with the kernel's stack and has no such words. Above the frame's CS is
 * the event mask, and EFLAGS.IF is its opposite. The iret hypercall takes a
 * frame of the same shape, with EAX below it, and the mask from EFLAGS.IF.
 *
 * INT n asks the gate's level: 3 for programs, 1 for the kernel. Privileged
 * instructions are a #GP in ring 1 as well; the hypervisor emulates those that
 * a kernel is entitled to. A page fault's error code says whether the program
 * or the kernel made it, as on hardware.
 */
#include "lodger.h"

#define NOWHERE ((char *)0x10000000UL)

static struct trap_frame seen;
static int mask_at_entry;

static int remember(struct trap_frame *frame)
{
	seen = *frame;
	mask_at_entry = vcpu_info->evtchn_upcall_mask;
	return 1;
}

static void faults(void)
{
	probe_begin();
	__asm__ __volatile__(PROBE("div %%ecx")
			     :
			     : "a"(1), "d"(0), "c"(0)
			     : "cc");
	TEST_RESULT(probe_end(), TRAP_DE);
	probe_begin();
	__asm__ __volatile__(PROBE("ud2"));
	TEST_RESULT(probe_end(), TRAP_UD);
	probe_begin();
	__asm__ __volatile__(PROBE("int3"));
	TEST_RESULT(probe_end(), TRAP_BP);
	probe_begin();
	__asm__ __volatile__(PROBE("hlt"));
	TEST_RESULT(probe_end(), TRAP_GP);
	TEST_RESULT(probe_fault.error, 0);
	probe_begin();
	__asm__ __volatile__(PROBE("lgdt (%%esp)") : : : "memory");
	TEST_RESULT(probe_end(), TRAP_GP);
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%ss") : : "r"(0x1234));
	TEST_RESULT(probe_end(), TRAP_GP);
	TEST_RESULT(probe_fault.error, 0x1234);
	/* The hypervisor's own segments and 64-bit code are out of reach. */
	probe_begin();
	__asm__ __volatile__(PROBE("ljmp $0xe008, $0"));
	TEST_RESULT(probe_end(), TRAP_GP);
	probe_begin();
	__asm__ __volatile__(PROBE("ljmp $0xe033, $0"));
	TEST_ASSERT(probe_end() == TRAP_GP, "a jump to data or 64-bit code");
}

static void page_faults(void)
{
	char *page = page_alloc();
	unsigned long value;

	TEST_RESULT(probe_read(NOWHERE + 5, &value), TRAP_PF);
	TEST_RESULT(probe_fault.error, 0);
	TEST_RESULT(probe_fault.cr2, NOWHERE + 5);
	TEST_RESULT(probe_write(NOWHERE, 1), TRAP_PF);
	TEST_RESULT(probe_fault.error, PF_WRITE);
	TEST_RESULT(page_protect(page), 0);
	TEST_RESULT(probe_read(page, &value), NO_FAULT);
	TEST_RESULT(probe_write(page + 8, 1), TRAP_PF);
	TEST_RESULT(probe_fault.error, PF_WRITE | PF_PRESENT);
	TEST_RESULT(probe_fault.cr2, page + 8);
	TEST_RESULT(page_unprotect(page), 0);
	TEST_RESULT(probe_write(page + 8, 1), NO_FAULT);
	TEST_RESULT(probe_write((char *)HYPERVISOR_VIRT_START, 1), TRAP_PF);
	TEST_RESULT(probe_read((char *)0xffffe000UL, &value), TRAP_PF);
	page_free(page);
}

static void lazy_fpu(void)
{
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(1), 0);
	probe_begin();
	__asm__ __volatile__(PROBE("fninit"));
	TEST_RESULT(probe_end(), TRAP_NM);
	probe_begin();
	__asm__ __volatile__(PROBE("fninit"));
	TEST_RESULT(probe_end(), NO_FAULT);
}

/* What the frame of a kernel trap looks like, and the two kinds of gate. */
static void frame_and_mask(void)
{
	unsigned long esp;

	trap_set_hook(TRAP_BP, remember);
	events_on();
	__asm__ __volatile__("mov %%esp, %0\n\tint3" : "=r"(esp) : : "memory");
	TEST_RESULT(seen.cs, FLAT_KERNEL_CS);
	TEST_ASSERT(seen.rflags & RFLAGS_IF, "events were on");
	TEST_RESULT(seen.rflags & RFLAGS_IOPL, 0);
	TEST_RESULT(mask_at_entry, 0);
	events_off();
	__asm__ __volatile__("int3" : : : "memory");
	TEST_ASSERT(!(seen.rflags & RFLAGS_IF), "events were off");
	TEST_RESULT(seen.cs, FLAT_KERNEL_CS | 1UL << 16);
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 1);
	events_on();
	TEST_RESULT(trap_set_gate(TRAP_BP, 3, 1), 0);
	__asm__ __volatile__("int3" : : : "memory");
	TEST_RESULT(mask_at_entry, 1);
	/* The iret back has restored the mask. */
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 0);
	TEST_RESULT(trap_set_gate(TRAP_BP, 3, 0), 0);
	__asm__ __volatile__("int3" : : : "memory");
	TEST_RESULT(mask_at_entry, 0);
	trap_set_hook(TRAP_BP, NULL);
}

/* From ring 1 to ring 1 the processor's own IRET will do. */
static void plain_iret(void)
{
	unsigned long after = 0;

	__asm__ __volatile__("pushf\n\tpush %%cs\n\tpush $1f\n\tiret\n\tud2\n"
			     "1:\tmov $0x600d, %0"
			     : "=r"(after)
			     :
			     : "memory", "cc");
	TEST_RESULT(after, 0x600d);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	int	$0x80\n"       /* 2 bytes */
	"	int	$0x81\n"       /* 2 bytes */
	"	int3\n"		       /* 1 byte */
	"	ud2\n"		       /* 2 bytes */
	"	mov	0x123, %al\n"  /* 5 bytes */
	"	mov	(%edi), %al\n" /* 2 bytes */
	"	pushf\n"
	"	pop	%edi\n"
	"	int	$0x80\n"
	"user_code_end:\n"
	"	.previous");

static void software_interrupts(struct user *program)
{
	TEST_RESULT(user_run(program), USER_GATE);
	TEST_RESULT(program->regs.rip, USER_CODE + 2);
	TEST_RESULT(program->regs.cs, FLAT_USER_CS);
	TEST_RESULT(program->regs.ss, FLAT_USER_SS);
	TEST_RESULT(program->regs.rsp, USER_STACK_TOP);
	TEST_ASSERT(program->regs.rflags & RFLAGS_IF, "events were on");
	TEST_RESULT(user_run(program), TRAP_GP);
	TEST_RESULT(program->regs.rip, USER_CODE + 2);
	if (program->regs.error == 0x81 * 8 + 2) {
		TEST_RESULT(trap_set_gate(0x81, 1, 0), 0);
		TEST_RESULT(user_run(program), TRAP_GP);
		TEST_RESULT(program->regs.rip, USER_CODE + 2);
		TEST_RESULT(trap_set_gate(0x81, 3, 0), 0);
		TEST_RESULT(user_run(program), 0x81);
		TEST_RESULT(program->regs.rip, USER_CODE + 4);
	}
	program->regs.rip = USER_CODE + 4;
}

static void user_faults(struct user *program)
{
	TEST_RESULT(user_run(program), TRAP_BP);
	TEST_RESULT(program->regs.rip, USER_CODE + 5);
	TEST_RESULT(user_run(program), TRAP_UD);
	TEST_RESULT(program->regs.rip, USER_CODE + 5);
	program->regs.rip += 2;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->cr2, 0x123);
	TEST_RESULT(program->regs.error, PF_USER);
	/* The kernel's memory: there, and not for programs. */
	program->regs.rip += 5;
	program->regs.rdi = (unsigned long)program;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->cr2, program);
	TEST_RESULT(program->regs.error, PF_USER | PF_PRESENT);
	program->regs.rdi = HYPERVISOR_VIRT_START;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->cr2, HYPERVISOR_VIRT_START);
	program->regs.rip += 2;
}

/* Flags are a wish: IF stays on and IOPL 0, whatever the kernel asks for. */
static void user_flags(struct user *program)
{
	program->regs.rflags = RFLAGS_IOPL | 0x400 | 2;
	TEST_RESULT(user_run(program), USER_GATE);
	TEST_RESULT(program->regs.rdi & (RFLAGS_IOPL | RFLAGS_IF), RFLAGS_IF);
	TEST_RESULT(program->regs.rdi & 0x400, 0x400);
	/* The event mask was what it asked for: set. */
	TEST_RESULT(program->regs.rflags & RFLAGS_IF, 0);
}

static void user_traps(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	software_interrupts(&program);
	user_faults(&program);
	user_flags(&program);
	user_destroy(&program);
}

void test_main(void)
{
	faults();
	page_faults();
	lazy_fpu();
	frame_and_mask();
	plain_iret();
	user_traps();
}
