/* SPDX-License-Identifier: MIT */
/*
 * The ways in from the hypervisor, and the one way back.
 *
 * Each way in starts with the same picture on the kernel's stack:
 *
 *	rcx  r11  [error code]  rip  cs  rflags  rsp  ss
 *
 * RCX and R11 are passed in memory because SYSCALL and SYSRET use them up.
 * The two low bits of the saved CS tell the mode that was interrupted: 0 the
 * guest's kernel, 3 the guest's user program (both run in ring 3). The saved
 * RFLAGS.IF is not the processor's: it says whether events were unmasked.
 * The failsafe callback has ds, es, fs, gs between r11 and rip besides.
 *
 * The way back is the iret hypercall. It finds on the stack
 *
 *	rax  r11  rcx  flags  rip  cs  rflags  rsp  ss
 *
 * and restores all of it in one step, the mask of events included. There is
 * therefore no window between "unmask" and "return" that would want a fix-up.
 */
#define __ASSEMBLY__
#include <xen/xen.h>
#include "vectors.h"

	.text

	/* One stub of 16 bytes a vector: trap.c computes their addresses. */
	.balign	16
	.globl	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	pop	%rcx
	pop	%r11
	.if	vector != 8 && vector != 17 && (vector < 10 || vector > 14)
	push	$0
	.endif
	push	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.globl	upcall_entry, syscall_entry, failsafe_entry
upcall_entry:
	pop	%rcx
	pop	%r11
	push	$0
	push	$VECTOR_UPCALL
	jmp	trap_common

syscall_entry:
	pop	%rcx
	pop	%r11
	push	$0
	push	$VECTOR_SYSCALL
	jmp	trap_common

failsafe_entry:
	pop	%rcx
	pop	%r11
	add	$32, %rsp
	push	$0
	push	$VECTOR_FAILSAFE

	/* The stack is now a struct trap_frame from error/vector upwards. */
trap_common:
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	trap_dispatch
	mov	%rbp, %rsp

	/* Return to what a struct trap_frame at the stack pointer describes. */
	.globl	trap_return
trap_return:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	add	$8, %rsp
	/* What was the error code is now the flags word of the iret frame. */
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall
	ud2

	/*
	 * void user_enter(const struct trap_frame *frame): leave the kernel by
	 * frame; user_leave() comes back to the caller of user_enter().
	 */
	.globl	user_enter, user_leave
user_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, user_saved_rsp
	mov	%rdi, %rsp
	jmp	trap_return

	/*
	 * void user_enter_by(frame, list, length): the same, but the hypercall
	 * is a multicall that has the iret in its list. It finds the same
	 * words on the stack.
	 */
	.globl	user_enter_by
user_enter_by:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, user_saved_rsp
	lea	128(%rdi), %rsp
	push	%rcx
	push	%r11
	push	$0
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	$__HYPERVISOR_multicall, %eax
	syscall

user_leave:
	mov	user_saved_rsp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	/*
	 * void thread_switch(unsigned long *save_sp, unsigned long load_sp):
	 * the callee-saved registers are a cooperative thread's whole state.
	 */
	.globl	thread_switch
thread_switch:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.section .bss
	.balign	8
user_saved_rsp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
