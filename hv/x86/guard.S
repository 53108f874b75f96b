/* SPDX-License-Identifier: MIT */
/*
 * What protects us on the way in, and secrets on the way out, on processors
 * that need it (speculation_choose.c). Each sequence begins with a jump over
 * it, which becomes nothing where it is wanted (patch.h).
 *
 * In: the guest's registers are saved and rsp points at them; rcx may
 * change. First of all to our own root: until
 * then only entry text and this CPU's area are mapped, and of the stack block
 * the page where the registers and struct cpu are (map.h). Nothing of ours is
 * ever left in that page but some words of the first functions' frames.
 *
 * Out: from here on nothing is touched but the guest's registers, so the
 * guest's root may be loaded already. An NMI, or the fault of an IRET that the
 * guest spoilt, comes in then as "from the hypervisor", with the guest's root
 * and controls: guard_hv takes nothing for granted, and guard_hv_end restores
 * what was, for the instruction that goes on.
 */
#include "x86/map.h"
#include "x86/msr.h"
#include "x86/offsets.h"
#include "x86/patch.h"

	.section .trampoline, "ax"

/* A jump to \over in five bytes, unless sequences of that kind are wanted. */
	.macro	UNLESS kind, over
775:	.byte	0xe9
	.long	\over - (775b + 5)
	.pushsection .patch, "a"
	.quad	775b, \kind, 0
	.popsection
	.endm

	.macro	CONTROL value
	mov	$MSR_SPEC_CTRL, %ecx
	mov	\value, %eax
	xor	%edx, %edx
	wrmsr
	.endm

/* Sixteen calls that nobody returns from. */
	.macro	SIXTEEN_CALLS
	.rept	16
	call	776f
	int3
776:
	.endr
	.endm

	.macro	RETURNS_OVERWRITE
	UNLESS	PATCH_RSB, 1f
	SIXTEEN_CALLS
	UNLESS	PATCH_RSB_MORE, 2f
	SIXTEEN_CALLS
	add	$16 * 8, %rsp
2:	add	$16 * 8, %rsp
1:
	.endm

	.macro	BRANCHES_FORGET
	UNLESS	PATCH_IBPB, 1f
	mov	$MSR_PRED_CMD, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
1:	UNLESS	PATCH_BHB, 1f
	call	history_clear
1:
	.endm

/*
 * From a guest. What stood at the place follows, and the way back. The call's
 * number and arguments may still be in registers.
 */
	.macro	GUARD_IN name
	.globl	\name
\name:
	UNLESS	PATCH_ROOTS, 1f
	mov	REGS_BYTES + BLOCK_CR3_OURS(%rsp), %rcx
	test	%rcx, %rcx
	jz	1f
	mov	%rcx, %cr3
1:	RETURNS_OVERWRITE
	UNLESS	PATCH_PREDICTORS, 3f
	BRANCHES_FORGET
	UNLESS	PATCH_CTRL, 1f
	CONTROL	guard_ctrl_hv(%rip)
1:	mov	REGS_RAX(%rsp), %rax
	mov	REGS_RDX(%rsp), %rdx
3:
	.endm

	.macro	GUARD_CALL name, fn
	GUARD_IN \name
	movabs	$\fn, %rax
	jmp	\name\()_back
	.endm

	GUARD_CALL guard_common, trap_from_guest
	GUARD_CALL guard_ist, trap_from_guest
	GUARD_CALL guard_iret_fault, trap_iret_failed
	GUARD_CALL guard_syscall32, trap_syscall32
	GUARD_CALL guard_ring1, trap_from_ring1
	GUARD_CALL guard_hypercall32, hypercall_from_ring1
	GUARD_IN guard_syscall
	mov	REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	jmp	guard_syscall_back

/* To a guest, whose registers lie at \at(%rsp). */
	.macro	GUARD_OUT name, at
	.globl	\name
\name:
	UNLESS	PATCH_ROOTS, 1f
	mov	\at + REGS_BYTES + BLOCK_CR3_GUEST(%rsp), %rcx
	test	%rcx, %rcx
	jz	1f
	mov	%rcx, %cr3
1:	UNLESS	PATCH_LEAVING, 2f
	UNLESS	PATCH_CTRL, 1f
	CONTROL	guard_ctrl_guest(%rip)
1:	UNLESS	PATCH_VERW, 2f
	verw	guard_selector(%rip)
2:	mov	\at + REGS_RIP(%rsp), %rcx
	jmp	\name\()_back
	.endm

	GUARD_OUT guard_out, 0
	GUARD_OUT guard_syscall_out, ARGS_BYTES

/* From ourselves, or an NMI. What was goes to rbx and r12. */
	.globl	guard_hv
guard_hv:
	UNLESS	PATCH_ROOTS, 1f
	mov	%cr3, %rbx
	mov	%rsp, %rax
	or	$(CPU_STACK_SIZE - 1), %rax
	mov	BLOCK_CR3_OURS + 1 - CPU_BLOCK_SIZE(%rax), %rax
	test	%rax, %rax
	jz	1f
	cmp	%rax, %rbx
	je	1f
	mov	%rax, %cr3
1:	RETURNS_OVERWRITE
	BRANCHES_FORGET
	UNLESS	PATCH_CTRL, 1f
	mov	$MSR_SPEC_CTRL, %ecx
	rdmsr
	mov	%eax, %r12d
	CONTROL	guard_ctrl_hv(%rip)
1:	movabs	$trap_from_hv, %rax
	jmp	guard_hv_back

	.globl	guard_hv_end
guard_hv_end:
	UNLESS	PATCH_CTRL, 1f
	CONTROL	%r12d
1:	UNLESS	PATCH_ROOTS, 1f
	mov	%cr3, %rax
	cmp	%rax, %rbx
	je	1f
	mov	%rbx, %cr3
1:	jmp	guard_hv_end_back

/* Many taken branches: what history there was is shifted out. */
	.balign	64
history_clear:
	mov	guard_history(%rip), %ecx
	call	1f
	lfence
	ret
	.balign	64
1:	call	2f
	ret
	.balign	64
2:	mov	guard_history + 4(%rip), %eax
3:	jmp	4f
	int3
4:	dec	%eax
	jnz	3b
	dec	%ecx
	jnz	1b
	ret

/* Set at boot, through the image (speculation.c). */
	.balign	16
	.globl	guard_values
guard_values:
guard_ctrl_hv:
	.long	0
guard_ctrl_guest:
	.long	0
guard_history:
	.long	5, 5
guard_selector:
	.word	SEL_HV_DS
