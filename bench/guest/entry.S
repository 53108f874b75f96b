/* SPDX-License-Identifier: MIT */
/*
 * The shortest possible ways back: what a handler itself does is measured
 * with the trap, so it does as little as it can. The frames are described in
 * lodger/entry.S. The handlers' instructions (six to eleven) are in the
 * figures, the same on every hypervisor.
 */
#define __ASSEMBLY__
#include <xen/xen.h>

#define IN_SYSCALL 256 /* VGCF_in_syscall */

	.text

	/* The frame's flags word is on the stack; rax, r11, rcx follow it. */
	.macro	BACK
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall
	.endm

	.macro	HANDLER name, skip, has_error
	.balign	16
	.globl	\name
\name:
	pop	%rcx
	pop	%r11
	.if	\has_error
	movq	$0, (%rsp)
	.else
	push	$0
	.endif
	.if	\skip
	addq	$\skip, 8(%rsp)
	.endif
	BACK
	.endm

	HANDLER	handle_int3, 0, 0
	HANDLER	handle_ud2, 2, 0
	HANDLER	handle_gp2, 2, 1
	HANDLER	handle_gp3, 3, 1
	HANDLER	handle_pf3, 3, 1

	/* The page is given, and the access tried again. */
	.balign	16
	.globl	handle_pf_fix
handle_pf_fix:
	pop	%rcx
	pop	%r11
	movq	$0, (%rsp)
	push	%rcx
	push	%r11
	push	%rax
	push	%rdi
	push	%rsi
	push	%rdx
	mov	fix_address, %rdi
	mov	fix_entry, %rsi
	xor	%edx, %edx
	mov	$__HYPERVISOR_update_va_mapping, %eax
	syscall
	pop	%rdx
	pop	%rsi
	pop	%rdi
	mov	$__HYPERVISOR_iret, %eax
	syscall

	/* Upcall: acknowledge at all three levels, nothing else. */
	.macro	ACKNOWLEDGE
	mov	vcpu_info, %rax
	movb	$0, (%rax)
	movq	$0, 8(%rax)
	mov	handled_word, %rax
	movq	$0, (%rax)
	.endm

	.balign	16
	.globl	handle_upcall
handle_upcall:
	pop	%rcx
	pop	%r11
	push	$0
	push	%rcx
	push	%r11
	push	%rax
	ACKNOWLEDGE
	mov	$__HYPERVISOR_iret, %eax
	syscall

	.balign	16
	.globl	handle_timer
handle_timer:
	pop	%rcx
	pop	%r11
	push	$0
	push	%rcx
	push	%r11
	push	%rax
	push	%rdx
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, timer_tsc
	pop	%rdx
	ACKNOWLEDGE
	mov	$__HYPERVISOR_iret, %eax
	syscall

	/* rax = -1: the program has ended. Else a system call that does nothing. */
	.balign	16
	.globl	handle_syscall
handle_syscall:
	cmp	$-1, %rax
	je	syscall_entry
	pop	%rcx
	pop	%r11
	push	$IN_SYSCALL
	BACK

	.globl	iret_alone
iret_alone:
	mov	%rsp, iret_frame + 56
	mov	$iret_frame, %rsp
	mov	$__HYPERVISOR_iret, %eax
	syscall
iret_back:
	ret

	/*
	 * User programs, copied elsewhere: rbx counts down the runs, r12 is
	 * where the results go, r14 an address that is not mapped.
	 */
	.macro	PROGRAM name, body:vararg
\name:
	lfence
	rdtsc
	shl	$32, %rdx
	lea	(%rdx, %rax), %r13
	xor	%eax, %eax
	xchg	%bx, %bx
	\body
	xchg	%cx, %cx
	lfence
	rdtsc
	shl	$32, %rdx
	add	%rdx, %rax
	sub	%r13, %rax
	mov	%rax, (%r12)
	add	$8, %r12
	dec	%rbx
	jnz	\name
	mov	$-1, %rax
	syscall
	.endm

	.section .rodata
	.globl	user_start, user_nothing, user_syscall, user_fault, user_end
user_start:
	PROGRAM user_nothing
	PROGRAM	user_syscall, syscall
	PROGRAM	user_fault, mov (%r14), %rax
user_end:

	.data
	.balign	8
	.globl	fix_address, fix_entry, handled_word, timer_tsc
fix_address:	.quad	0
fix_entry:	.quad	0
handled_word:	.quad	0
timer_tsc:	.quad	0
	/*
	 * rax r11 rcx flags rip cs rflags rsp ss. A CS of RPL 0 stands for the
	 * guest's kernel; flags without IF: events stay off.
	 */
iret_frame:
	.quad	0, 0, 0, 0, iret_back, FLAT_KERNEL_CS64 & ~3, 2, 0, FLAT_KERNEL_SS64

	.section .note.GNU-stack, "", @progbits
