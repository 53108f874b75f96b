/* SPDX-License-Identifier: MIT */
/*
 * Single steps (XSA-204, XSA-260).
 *
 * A debugger sets TF and expects #DB behind every instruction, also behind
 * those that the hypervisor does for the guest: hypercalls and emulated
 * instructions. The trap flag is the guest's; it must never be in force in the
 * hypervisor itself (SYSCALL is entered with what the guest had, unless it is
 * masked), and the frames of the guest's own handlers start without it.
 *
 * Each list of instructions below is stepped in the kernel, and the addresses
 * where #DB arrived are compared with where it should.
 */
#include "lodger.h"

static volatile unsigned long at[16];
static volatile unsigned int steps;
static volatile unsigned int tf_in_handler;

static int on_step(struct trap_frame *frame)
{
	unsigned long flags;

	__asm__ __volatile__("pushf\n\tpop %0" : "=r"(flags));
	tf_in_handler += (flags & RFLAGS_TF) != 0;
	if (steps < ARRAY_SIZE(at))
		at[steps] = frame->rip;
	steps++;
	return 1;
}

extern const char step_nop[], step_call[], step_cr0[], step_cpuid[],
	step_store[], step_end[];

/* rdi: a table's entry. Every label is where a step must end. */
void stepped(void *entry);
__asm__(".text\n"
	".globl stepped\n"
	"stepped:\n"
	"	push	%rbx\n"
	"	mov	%rdi, %r15\n"
	"	mov	$17, %eax\n"
	"	xor	%edi, %edi\n"
	"	xor	%esi, %esi\n"
	"	pushf\n"
	"	orl	$0x100, (%rsp)\n"
	"	popf\n"
	"	nop\n"
	"step_nop:\n"
	"	syscall\n"
	"step_call:\n"
	"	mov	%cr0, %rax\n"
	"step_cr0:\n"
	"	.byte	0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2\n"
	"step_cpuid:\n"
	"	movq	$-0x1000, (%r15)\n"
	"step_store:\n"
	"	pushf\n"
	"step_end:\n"
	"	andl	$~0x100, (%rsp)\n"
	"	popf\n"
	"	pop	%rbx\n"
	"	ret\n");

static unsigned int seen_at(const char *where)
{
	unsigned int i, n = 0;

	for (i = 0; i < steps && i < ARRAY_SIZE(at); i++)
		n += at[i] == (unsigned long)where;
	return n;
}

static void kernel(void)
{
	pte_t *table = page_alloc();

	TEST_RESULT(page_protect(table), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)), 0);
	__asm__ __volatile__("call stepped"
			     : "+D"(table)
			     :
			     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10",
			       "r11", "r15", "memory", "cc");
	TEST_RESULT(tf_in_handler, 0);
	TEST_RESULT(seen_at(step_nop), 1);
	/* After IRET, unlike SYSRET, TF counts from the next one on. */
	TEST_ASSERT(seen_at(step_call) <= 1, "the hypercall");
	TEST_RESULT(seen_at(step_cr0), 1);
	TEST_RESULT(seen_at(step_cpuid), 1);
	TEST_RESULT(seen_at(step_store), 1);
	TEST_RESULT(seen_at(step_end), 1);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	nop\n"
	"	syscall\n"
	"	nop\n"
	"user_code_end:\n"
	"	.previous");

static void user_mode(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	program.regs.rflags = RFLAGS_IF | RFLAGS_TF | 2;
	TEST_RESULT(user_run(&program), TRAP_DB);
	TEST_RESULT(program.regs.rip, USER_CODE + 1);
	/* The system call arrives once, without a #DB inside the kernel. */
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rip, USER_CODE + 3);
	TEST_ASSERT(program.regs.rflags & RFLAGS_TF, "TF is lost");
	TEST_RESULT(user_run(&program), TRAP_DB);
	user_destroy(&program);
}

void test_main(void)
{
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable,
					 VMASST_TYPE_writable_pagetables),
		    0);
	trap_set_hook(TRAP_DB, on_step);
	kernel();
	user_mode();
}
