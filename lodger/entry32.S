/* SPDX-License-Identifier: MIT */
/*
 * The ways in from the hypervisor to a 32-bit guest, and the ways back.
 *
 * Each way in has a picture on the kernel's stack that is the processor's:
 *
 *	[error code]  eip  cs  eflags  [esp  ss]
 *
 * ESP and SS are there when ring 3 was interrupted; the kernel is ring 1, and
 * the low bits of CS tell. The byte above CS (bits 16 to 23) is the event mask
 * at that time, and EFLAGS.IF its opposite: the processor's is always on. The
 * failsafe callback has ds, es, fs, gs below EIP.
 *
 * The way back is the iret hypercall, through the page, whose stub pushes EAX:
 *
 *	eax  eip  cs  eflags  [esp  ss]
 *
 * It takes the event mask from EFLAGS.IF, in the same step. (A return without
 * a change of the mask could be the IRET instruction: ring 1 may.)
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
	.if	vector != 8 && vector != 17 && (vector < 10 || vector > 14)
	push	$0
	.endif
	push	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.globl	upcall_entry, failsafe_entry
upcall_entry:
	push	$0
	push	$VECTOR_UPCALL
	jmp	trap_common

failsafe_entry:
	add	$16, %esp
	push	$0
	push	$VECTOR_FAILSAFE

	/* The stack is now a struct trap_frame from vector upwards. The saved
	 * mask above CS is for a test to see: FRAME_CS_MASK. */
trap_common:
	push	%eax
	push	%ebp
	push	%edi
	push	%esi
	push	%edx
	push	%ecx
	push	%ebx
	mov	$FLAT_KERNEL_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	cld
	mov	%esp, %ebp
	and	$-16, %esp
	sub	$12, %esp
	push	%ebp
	call	trap_dispatch
	mov	%ebp, %esp

	/* Return to what a struct trap_frame at the stack pointer describes. */
	.globl	trap_return
trap_return:
	pop	%ebx
	pop	%ecx
	pop	%edx
	pop	%esi
	pop	%edi
	pop	%ebp
	pop	%eax
	add	$8, %esp
	jmp	hypercall_page + __HYPERVISOR_iret * 32

	/*
	 * void user_enter(const struct trap_frame *frame): leave the kernel by
	 * frame; user_leave() comes back to the caller of user_enter().
	 */
	.globl	user_enter, user_leave
user_enter:
	mov	4(%esp), %eax
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	%esp, user_saved_esp
	mov	$FLAT_USER_DS, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%eax, %esp
	jmp	trap_return

user_leave:
	mov	user_saved_esp, %esp
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret

	/*
	 * void thread_switch(unsigned long *save_sp, unsigned long load_sp):
	 * the callee-saved registers are a cooperative thread's whole state.
	 */
	.globl	thread_switch
thread_switch:
	mov	4(%esp), %eax
	mov	8(%esp), %ecx
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	%esp, (%eax)
	mov	%ecx, %esp
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret

	.section .bss
	.balign	8
user_saved_esp:
	.skip	4

	.section .note.GNU-stack, "", @progbits
