/* SPDX-License-Identifier: MIT */
/* User programs: code in guest user mode, on a page-table root of its own. */
#ifndef LODGER_USER_H
#define LODGER_USER_H

#include "hypercall.h"
#include "table.h"
#include "trap.h"

#define USER_CODE      0x400000UL
#define USER_STACK_TOP 0x800000UL
/* How a 32-bit program makes a system call: int $USER_GATE. */
#define USER_GATE 0x80

/*
 * A user program: one code page (a copy of [code, code_end)), one stack page.
 * regs is what it runs with, and what it had when it last stopped: regs.vector
 * is VECTOR_SYSCALL or the exception's number, cr2 a page fault's address.
 */
struct user {
	pte_t *root; /* in a 32-bit guest: the kernel's own */
	char *code_page, *stack_page;
	struct trap_frame regs;
	unsigned long cr2;
	int masked; /* the vCPU's event mask as the kernel was entered */
	unsigned long iret_flags; /* 0, or VGCF_in_syscall */
	multicall_entry_t *list;  /* enter by this multicall, not by iret */
	unsigned long list_length;
};

/* Makes the program and its sealed root, and installs that root. */
void user_create(struct user *user, const void *code, const void *code_end);
/*
 * Runs it until it makes a system call or faults; returns regs.vector. Events
 * are unmasked meanwhile when regs.rflags has IF; they do not stop it.
 * The caller's own mask of events is preserved. With list set, the iret is
 * left to a multicall (rdi, rsi, rax are not the program's then); if that comes
 * back instead of entering the program, the result is VECTOR_NONE.
 */
unsigned long user_run(struct user *user);
/* Takes the root away (user root 0) and frees the pages. */
void user_destroy(struct user *user);

/* For trap_dispatch(): a trap came from user mode. Does not return. */
void user_trapped(const struct trap_frame *frame);

#endif
