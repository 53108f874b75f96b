/* SPDX-License-Identifier: MIT */
/*
 * 32-bit programs of a 64-bit guest.
 *
 * A guest may run its user programs in compatibility mode, on the flat 32-bit
 * code segment that the hypervisor provides (FLAT_USER_CS32), below 4 GiB.
 * Debian's kernels do so for i386 binaries. What differs: system calls come by
 * INT 0x80, through the trap table like any other gate of level 3, or by the
 * processor's fast instructions, through the callbacks syscall32 and sysenter,
 * as far as it has them. Exceptions show the 32-bit selectors in the frame.
 * The upper halves of the registers are whatever they are.
 */
#include "lodger.h"

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	".code32\n"
	"user_code:\n"
	"	mov	$0x1234, %eax\n"  /* 5 bytes */
	"	push	%eax\n"		  /* 1 byte */
	"	pop	%ebx\n"		  /* 1 byte */
	"	int	$0x80\n"	  /* 2 bytes */
	"	ud2\n"			  /* 2 bytes */
	"	movl	$1, 0x12345000\n" /* 10 bytes */
	"	syscall\n"
	".code64\n"
	"user_code_end:\n"
	"	.previous");

static void exceptions(struct user *program)
{
	TEST_RESULT(trap_set_gate(0x80, 3, 0), 0);
	TEST_RESULT(user_run(program), 0x80);
	TEST_RESULT(program->regs.rip, USER_CODE + 9);
	TEST_RESULT(program->regs.cs & 0xffff, FLAT_USER_CS32);
	TEST_RESULT(program->regs.ss & 0xffff, FLAT_USER_SS32);
	TEST_RESULT(program->regs.rax & 0xffffffffUL, 0x1234);
	TEST_RESULT(program->regs.rbx & 0xffffffffUL, 0x1234);
	TEST_RESULT(program->regs.rsp, USER_STACK_TOP);
	TEST_RESULT(user_run(program), TRAP_UD);
	TEST_RESULT(program->regs.rip, USER_CODE + 9);
	program->regs.rip += 2;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->cr2, 0x12345000);
	TEST_RESULT(program->regs.error, PF_USER | PF_WRITE);
	program->regs.rip += 10;
}

/* SYSCALL in compatibility mode: AMD has it, Intel answers #UD. */
static void fast_call(struct user *program)
{
	callback_register_t call;
	unsigned long vector;
	long error;

	memset(&call, 0, sizeof(call));
	call.type = CALLBACKTYPE_syscall32;
	call.flags = CALLBACKF_mask_events;
	call.address = (unsigned long)syscall_entry;
	error = HYPERVISOR_callback_op(CALLBACKOP_register, &call);
	vector = user_run(program);
	if (error) {
		TEST_ASSERT(vector == TRAP_UD || vector == TRAP_GP,
			    "without a callback: vector %lx", vector);
		return;
	}
	TEST_ASSERT(vector == VECTOR_SYSCALL || vector == TRAP_UD, "vector %lx",
		    vector);
	if (vector == VECTOR_SYSCALL) {
		TEST_RESULT(program->regs.rip,
			    USER_CODE +
				    (unsigned long)(user_code_end - user_code));
		TEST_RESULT(program->regs.cs & 0xffff, FLAT_USER_CS32);
		TEST_RESULT(program->masked, 1);
	}
}

void test_main(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	program.regs.cs = FLAT_USER_CS32;
	program.regs.ss = FLAT_USER_SS32;
	exceptions(&program);
	fast_call(&program);
	/* And a 64-bit program after it on the same root. */
	program.regs.cs = FLAT_USER_CS64;
	program.regs.ss = FLAT_USER_SS64;
	program.regs.rip = USER_CODE + 9;
	TEST_RESULT(user_run(&program), TRAP_UD);
	TEST_RESULT(program.regs.cs & 0xffff, FLAT_USER_CS64);
	user_destroy(&program);
}
