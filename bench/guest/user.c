/* SPDX-License-Identifier: MIT */
/*
 * From the guest's user mode. The program times itself and leaves its results
 * on its stack page; only its last system call goes the kit's long way.
 */
#include "bench.h"

#define RUNS 32

static unsigned long own;

static unsigned long *run_program(struct user *user, const char *program)
{
	user->regs.rip = USER_CODE + (unsigned long)(program - user_start);
	user->regs.rbx = RUNS;
	user->regs.r12 = USER_STACK_TOP - PAGE_SIZE;
	user->regs.r14 = 0x10000;
	TEST_RESULT(user_run(user), VECTOR_SYSCALL);
	TEST_RESULT(user->regs.rbx, 0);
	TEST_RESULT(user->regs.rax, -1);
	return (unsigned long *)user->stack_page;
}

static void time_program(struct user *user, const char *name,
			 const char *program)
{
	unsigned long *ticks;

	if (!wanted(name))
		return;
	ticks = run_program(user, program);
	report(name, ticks, RUNS, 1, own);
}

static void set_syscall(const char *entry)
{
	callback_register_t call;

	memset(&call, 0, sizeof(call));
	call.type = CALLBACKTYPE_syscall;
	call.flags = CALLBACKF_mask_events;
	call.address = (unsigned long)entry;
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_register, &call), 0);
}

static void set_fault(void)
{
	trap_info_t table[2];

	memset(table, 0, sizeof(table));
	table[0].vector = TRAP_PF;
	table[0].cs = FLAT_KERNEL_CS;
	table[0].address = (unsigned long)handle_pf3;
	TEST_RESULT(HYPERVISOR_set_trap_table(table), 0);
}

void bench_user(void)
{
	struct user user;
	unsigned long *ticks;

	if (!wanted("user_syscall") && !wanted("pf_user"))
		return;
	user_create(&user, user_start, user_end);
	set_syscall(handle_syscall);
	set_fault();
	ticks = run_program(&user, user_nothing);
	report("user_nothing", ticks, RUNS, 1, 0);
	own = ticks[0];
	time_program(&user, "user_syscall", user_syscall);
	time_program(&user, "pf_user", user_fault);
	trap_set_gate(TRAP_PF, 0, 0);
	set_syscall(syscall_entry);
	user_destroy(&user);
}
