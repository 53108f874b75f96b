/* SPDX-License-Identifier: MIT */
/*
 * Guest user mode. In 64-bit guests kernel and user both run in ring 3; what
 * keeps them apart is that each has a root of page tables, and the hypervisor
 * switches roots: to the user's on an iret to a CS with RPL 3, to the kernel's
 * on every trap and SYSCALL from user mode. These arrive on the stack that was
 * named by stack_switch, which holds nothing when user code runs; the frame is
 * copied out of it and the rest is dropped.
 */
#include "lodger.h"

void user_enter(const struct trap_frame *frame);
void user_enter_by(const struct trap_frame *frame, multicall_entry_t *list,
		   unsigned long list_length);
void user_leave(void);

static struct user *running;
static char trap_stack[8192] __attribute__((aligned(16)));

void user_create(struct user *user, const void *code, const void *code_end)
{
	size_t size = (size_t)((const char *)code_end - (const char *)code);

	memset(user, 0, sizeof(*user));
	user->root = page_alloc();
	user->code_page = page_alloc();
	user->stack_page = page_alloc();
	memcpy(user->code_page, code, size);
	table_build(user->root, (void *)USER_CODE,
		    pte_make(virt_to_mfn(user->code_page), PTE_RO));
	table_build(user->root, (void *)(USER_STACK_TOP - PAGE_SIZE),
		    pte_make(virt_to_mfn(user->stack_page), PTE_RW));
	if (table_seal(user->root))
		test_fail("the user root was not accepted");
	if (table_ext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(user->root)))
		test_fail("new_user_baseptr failed");
	user->regs.rip = USER_CODE;
	user->regs.cs = FLAT_USER_CS64;
	user->regs.ss = FLAT_USER_SS64;
	user->regs.rsp = USER_STACK_TOP;
	user->regs.rflags = RFLAGS_IF | 2;
}

unsigned long user_run(struct user *user)
{
	struct trap_frame entry = user->regs;
	int mask = events_off();

	entry.error = user->iret_flags;
	if (HYPERVISOR_stack_switch(FLAT_KERNEL_SS,
				    trap_stack + sizeof(trap_stack)))
		test_fail("stack_switch failed");
	running = user;
	user->regs.vector = VECTOR_NONE;
	if (user->list)
		user_enter_by(&entry, user->list, user->list_length);
	else
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
	running->cr2 = vcpu_info->arch.cr2;
	running->masked = vcpu_info->evtchn_upcall_mask;
	user_leave();
}

void user_destroy(struct user *user)
{
	if (table_ext(MMUEXT_NEW_USER_BASEPTR, 0))
		test_fail("new_user_baseptr 0 failed");
	table_unseal(user->root);
	page_free(user->code_page);
	page_free(user->stack_page);
}
