/* SPDX-License-Identifier: MIT */
/*
 * System calls: SYSCALL executed in the guest's user mode.
 *
 * The same instruction is a hypercall in the guest's kernel and a system call
 * in its user mode; the hypervisor knows which mode it left. From user mode it
 * switches to the kernel's page tables and enters the registered callback on
 * the stack that stack_switch named, with the frame of a trap: RIP behind the
 * instruction (RCX too), R11 the flags. With CALLBACKF_mask_events the kernel
 * starts with events masked. A user program cannot make a hypercall at all.
 *
 * User mode has page tables of its own (MMUEXT_NEW_USER_BASEPTR), which hold
 * the program and nothing of the kernel, so neither reaches the other's
 * memory but through mappings that the kernel made. Kernels change that root
 * on each change of process. Its frame must be a valid level 4 table.
 */
#include "lodger.h"

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	mov	0x7ff008, %rdi\n"
	"	syscall\n"
	"	mov	(%rsi), %rdi\n"
	"	syscall\n"
	"	mov	%rdi, (%rsi)\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

#define AT_READ	 (USER_CODE + 10)
#define AT_WRITE (USER_CODE + 15)

static void set_callback(unsigned int flags, unsigned long address, long want)
{
	callback_register_t call;

	memset(&call, 0, sizeof(call));
	call.type = CALLBACKTYPE_syscall;
	call.flags = (uint16_t)flags;
	call.address = address;
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_register, &call), want);
}

static void entry(struct user *program)
{
	unsigned long ours = (unsigned long)syscall_entry;

	/* As sched_op, shutdown: user mode must not get through to it. */
	program->regs.rax = __HYPERVISOR_sched_op;
	program->regs.rsi = SHUTDOWN_crash;
	*(unsigned long *)(program->stack_page + 8) = SCHEDOP_shutdown;
	TEST_RESULT(user_run(program), VECTOR_SYSCALL);
	TEST_RESULT(program->regs.rip, USER_CODE + 10);
	TEST_RESULT(program->regs.rcx, USER_CODE + 10);
	TEST_RESULT(program->regs.rax, __HYPERVISOR_sched_op);
	TEST_RESULT(program->regs.rsp, USER_STACK_TOP);
	TEST_RESULT(program->regs.cs & 0xffff, FLAT_USER_CS64);
	TEST_RESULT(program->masked, 1);
	TEST_ASSERT(program->regs.rflags & RFLAGS_IF, "events were on");
	set_callback(0, ours, 0);
	program->regs.rip = USER_CODE;
	TEST_RESULT(user_run(program), VECTOR_SYSCALL);
	TEST_RESULT(program->masked, 0);
	set_callback(CALLBACKF_mask_events, ours, 0);
}

static void walls(struct user *program)
{
	unsigned long secret = 0x5ec2e7;
	unsigned long value;

	program->regs.rip = AT_READ;
	program->regs.rsi = (unsigned long)&secret;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->cr2, &secret);
	TEST_RESULT(program->regs.error, PF_USER);
	program->regs.rip = AT_WRITE;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->regs.error, PF_USER | PF_WRITE);
	/* Its own code is read-only to it. */
	program->regs.rip = AT_WRITE;
	program->regs.rsi = USER_CODE;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(program->regs.error, PF_USER | PF_WRITE | PF_PRESENT);
	/* The hypervisor is nobody's. */
	program->regs.rip = AT_READ;
	program->regs.rsi = 0xffff82d080000000UL;
	TEST_RESULT(user_run(program), TRAP_PF);
	program->regs.rip = AT_WRITE;
	program->regs.rsi = HYPERVISOR_VIRT_START;
	TEST_RESULT(user_run(program), TRAP_PF);
	TEST_RESULT(probe_read((char *)USER_CODE, &value), TRAP_PF);
}

static void two_programs(struct user *first)
{
	struct user second;
	unsigned int i;

	user_create(&second, user_code, user_code_end);
	*(unsigned long *)(first->stack_page + 8) = 1;
	*(unsigned long *)(second.stack_page + 8) = 2;
	for (i = 0; i < 4; i++) {
		struct user *u = i & 1 ? &second : first;

		TEST_RESULT(table_ext(MMUEXT_NEW_USER_BASEPTR,
				      virt_to_mfn(u->root)),
			    0);
		u->regs.rip = USER_CODE;
		TEST_RESULT(user_run(u), VECTOR_SYSCALL);
		TEST_RESULT(u->regs.rdi, 1 + (i & 1));
	}
	user_destroy(&second);
	TEST_RESULT(
		table_ext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(first->root)),
		0);
}

static void refused(struct user *program)
{
	callback_unregister_t off;
	callback_register_t call;
	pte_t *page = page_alloc();

	/* Ordinary memory that somebody can write is not a page table. */
	TEST_ASSERT(table_ext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(page)) < 0,
		    "a writable page became the user root");
	/* Nor a table of another level. */
	TEST_ASSERT(table_ext(MMUEXT_NEW_USER_BASEPTR,
			      pte_mfn(*table_entry(program->root,
						   (void *)USER_CODE, 4))) < 0,
		    "an L3 table became the user root");
	TEST_ASSERT(table_ext(MMUEXT_NEW_USER_BASEPTR, 1UL << 40) < 0,
		    "a frame beyond memory became the user root");
	off.type = CALLBACKTYPE_syscall;
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_unregister, &off),
		    -XEN_EINVAL);
	memset(&call, 0, sizeof(call));
	call.type = 99;
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_register, &call),
		    -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_callback_op(99, &call), -XEN_ENOSYS);
	set_callback(0, 0x0000800000000000UL, -XEN_EINVAL);
	program->regs.rip = USER_CODE;
	TEST_RESULT(user_run(program), VECTOR_SYSCALL);
	page_free(page);
}

void test_main(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	entry(&program);
	walls(&program);
	two_programs(&program);
	refused(&program);
	user_destroy(&program);
}
