/* SPDX-License-Identifier: MIT */
/*
 * User mode of a 32-bit guest: ring 3, under the kernel's own root, whose
 * other pages lack the user bit. What stops the program arrives on the stack
 * that was named by stack_switch; a system call is whichever gate the kernel
 * has opened for ring 3, USER_GATE here.
 */
#include "lodger.h"

void user_enter(const struct trap_frame *frame);
void user_leave(void);

static struct user *running;
static char trap_stack[8192] __attribute__((aligned(16)));

static void map(unsigned long address, void *page, pte_t flags)
{
	if (table_map((void *)address, virt_to_mfn(page), flags))
		test_fail("cannot map a user page at %lx", address);
}

void user_create(struct user *user, const void *code, const void *code_end)
{
	size_t size = (size_t)((const char *)code_end - (const char *)code);

	memset(user, 0, sizeof(*user));
	user->root = table_root();
	user->code_page = page_alloc();
	user->stack_page = page_alloc();
	memcpy(user->code_page, code, size);
	map(USER_CODE, user->code_page, PTE_RO | PTE_USER);
	map(USER_STACK_TOP - PAGE_SIZE, user->stack_page, PTE_RW | PTE_USER);
	if (trap_set_gate(USER_GATE, 3, 0))
		test_fail("no gate for system calls");
	user->regs.rip = USER_CODE;
	user->regs.cs = FLAT_USER_CS;
	user->regs.ss = FLAT_USER_SS;
	user->regs.rsp = USER_STACK_TOP;
	user->regs.rflags = RFLAGS_IF | 2;
}

unsigned long user_run(struct user *user)
{
	struct trap_frame entry = user->regs;
	int mask = events_off();

	if (HYPERVISOR_stack_switch(FLAT_KERNEL_SS,
				    trap_stack + sizeof(trap_stack)))
		test_fail("stack_switch failed");
	running = user;
	user->regs.vector = VECTOR_NONE;
	user_enter(&entry);
	running = NULL;
	events_off();
	events_restore(mask);
	return user->regs.vector;
}

void user_trapped(const struct trap_frame *frame)
{
	if (!running)
		test_fail("a trap from user mode, and no user program");
	running->regs = *frame;
	running->regs.cs &= 0xffff;
	running->cr2 = vcpu_info->arch.cr2;
	running->masked = vcpu_info->evtchn_upcall_mask;
	user_leave();
}

void user_destroy(struct user *user)
{
	if (table_unmap((void *)USER_CODE) ||
	    table_unmap((void *)(USER_STACK_TOP - PAGE_SIZE)))
		test_fail("cannot unmap the user pages");
	page_free(user->code_page);
	page_free(user->stack_page);
}
