/* SPDX-License-Identifier: MIT */
/*
 * Every way into the hypervisor and the one way out, linked for the
 * trampoline slot, which all roots map.
 *
 * From a guest, the processor switches to the CPU's stack, whose top is
 *
 *	[ ... | guest's cpu_user_regs | struct cpu, scratch ]  64 KiB aligned
 *	                ^ rsp after the registers are pushed
 *
 * so that no guest state is anywhere else, and nothing of ours stays on the
 * stack when we go back: `resume` may be reached from anywhere. The CPU's
 * block is found from rsp; the GS base is the guest's and is left alone.
 *
 * From the hypervisor itself (an interrupt let in, a fault that has a fixup,
 * a bug) the frame is pushed where rsp is, and popped by the same code.
 *
 * What a hostile guest tries at these edges: a debug exception that hits the
 * first instruction of SYSCALL's entry, still on the guest's stack (#DB, NMI,
 * #MC, #DF have stacks of their own; #DB from the guest moves over); flags
 * that would follow it in (DF is cleared, AC, TF, NT by FMASK or the gate);
 * a return address or selectors that IRET refuses (its fault is not ours:
 * iret_fault below).
 *
 * We leave by SYSRET where that does exactly what IRET would. The frame itself
 * says so, the last thing before (SYSRET_OR), whoever wrote it and however.
 * In particular RIP is canonical there, even behind a SYSCALL in the last
 * bytes below the hole: with another address SYSRET faults in ring 0 on some
 * processors, on the guest's stack. From the load of the guest's RSP on, only
 * NMI, #MC and #DB can come, and they have stacks of their own. SYSRET does
 * not end the blocking of NMIs, so an NMI goes back by IRET from where it is.
 */
#include <xen/xen.h>

#include "x86/map.h"
#include "x86/offsets.h"
#include "x86/patch.h"

#define BLOCK_TOP (CPU_AREA_STACK + 0x10000)
#define REGS_AREA (BLOCK_TOP - CPU_BLOCK_SIZE - REGS_BYTES)
#define SCRATCH (BLOCK_TOP - CPU_BLOCK_SIZE + BLOCK_SCRATCH)
/* Where an offset of the CPU's area lies, seen from the copied stub. */
#define IN_AREA(offset) syscall_stub + ((offset) - CPU_AREA_STUB)

	.section .trampoline, "ax"

/* An optional CLAC: three bytes of nothing unless SMAP is on (patch.c). */
	.macro	SMAP_CLAC
771:	nopl	(%rax)
	.pushsection .patch, "a"
	.quad	771b, PATCH_CLAC, 0
	.popsection
	.endm

/*
 * An instruction of at least five bytes, where guard.S may come in first: then
 * it is carried out there, and guard.S goes on at NAME_back.
 */
	.macro	GUARDED name, insn:vararg
774:	\insn
	.globl	\name\()_back
\name\()_back:
	.pushsection .patch, "a"
	.quad	774b, PATCH_GUARD, \name
	.popsection
	.endm

	.macro	PUSH_REGS
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
	.endm

	.macro	POP_REGS
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
	.endm

	/* Too far for a direct call. The pointers lie behind the code. */
	.macro	CALL_IMAGE fn
	call	*769f(%rip)
	.subsection 1
769:	.quad	\fn
	.previous
	.endm

/*
 * Mostly there is nothing to do before we go back: no softirq of the CPU, no
 * work of the vcpu, no event pending that is not masked. Falls through then.
 * The guest's registers are at \at(%rsp). An upcall alone is made from here,
 * once: another vcpu may take the mask away again, for ever.
 */
	.macro	WORK_OR_NONE at, work
	cmpl	$0, \at + REGS_BYTES + CPU_SOFTIRQS(%rsp)
	jne	\work
	mov	\at + REGS_BYTES + CPU_CURRENT(%rsp), %rax
	cmpl	$0, VCPU_WORK(%rax)
	jne	\work
	mov	VCPU_INFO(%rax), %rax
	cmpb	$0, INFO_PENDING(%rax)
	je	770f
	cmpb	$0, INFO_MASK(%rax)
	jne	770f
	mov	\at + REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	CALL_IMAGE trap_upcall
	mov	\at + REGS_BYTES + CPU_CURRENT(%rsp), %rax
	cmpl	$0, VCPU_WORK(%rax)
	jne	\work
770:
	.endm

/*
 * Falls through with rcx and r11 loaded where SYSRET can stand for IRET: it
 * takes RIP from RCX, the flags but RF from R11 and the flat selectors, and
 * with TF would trap at once, not after the guest's next instruction.
 */
	.macro	SYSRET_OR at, iret, guard
	GUARDED	\guard, mov \at + REGS_RIP(%rsp), %rcx
	cmp	\at + REGS_RCX(%rsp), %rcx
	jne	\iret
	mov	\at + REGS_RFLAGS(%rsp), %r11
	cmp	\at + REGS_R11(%rsp), %r11
	jne	\iret
	cmpl	$FLAT_RING3_CS64, \at + REGS_CS(%rsp)
	jne	\iret
	cmpl	$FLAT_RING3_SS64, \at + REGS_SS(%rsp)
	jne	\iret
	test	$(FLAG_TF | FLAG_RF), %r11d
	jnz	\iret
	mov	%rcx, %rax
	shl	$16, %rax
	sar	$16, %rax
	cmp	%rcx, %rax
	jne	\iret
	.endm

/* The registers that a C function may have changed, but rcx and r11. */
	.macro	LOAD_CALL_REGS at
	mov	\at + REGS_R10(%rsp), %r10
	mov	\at + REGS_R9(%rsp), %r9
	mov	\at + REGS_R8(%rsp), %r8
	mov	\at + REGS_RAX(%rsp), %rax
	mov	\at + REGS_RDX(%rsp), %rdx
	mov	\at + REGS_RSI(%rsp), %rsi
	mov	\at + REGS_RDI(%rsp), %rdi
	.endm

/* ---- exceptions and interrupts ---- */

/* 16 bytes a vector: error code or a zero in its place, vector, go. */
	.balign	16
entry_vectors:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	push	$0
	.endif
	movl	$vector, 4(%rsp)
	.if	vector == 2
	jmp	entry_nmi
	.elseif	vector == 1 || vector == 8 || vector == 18
	jmp	entry_ist
	.else
	jmp	entry_common
	.endif
	.set	vector, vector + 1
	.endr

	.balign	16
entry_common:
	SMAP_CLAC
	cld
	PUSH_REGS
	testb	$2, REGS_CS(%rsp)
	jz	entry_from_inside
	mov	REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	mov	%rsp, %rsi
	GUARDED	guard_common, movabs $trap_from_guest, %rax
	call	*%rax

/* Back to a guest, from anywhere, with whatever its registers are. */
resume:
	WORK_OR_NONE 0, resume_work
resume_now:
	SYSRET_OR 0, 1f, guard_out
	/*
	 * SS is null since the trap. On AMD SYSRET loads only its selector:
	 * code that goes on to 32 bits would find no stack behind it.
	 */
	mov	$SEL_HV_DS, %eax
	mov	%eax, %ss
	POP_REGS
	mov	REGS_RSP - REGS_ERROR(%rsp), %rsp
	sysretq
1:	POP_REGS
	add	$8, %rsp
resume_iret:
	iretq

resume_work:
	CALL_IMAGE return_work
	jmp	resume_now

/* From ring 1, which is a 32-bit guest's kernel, or from ring 0. */
entry_from_inside:
	testb	$1, REGS_CS(%rsp)
	jz	entry_from_hv
	mov	REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	mov	%rsp, %rsi
	GUARDED	guard_ring1, movabs $trap_from_ring1, %rax
	call	*%rax
	jmp	resume

/* Even from a guest: all that there is to do is to go back. */
	.balign	16
entry_nmi:
	SMAP_CLAC
	cld
	PUSH_REGS
entry_from_hv:
	mov	%rsp, %rdi
	GUARDED	guard_hv, movabs $trap_from_hv, %rax
	call	*%rax
	GUARDED	guard_hv_end, .nops 5
	POP_REGS
	add	$8, %rsp
	iretq

/*
 * On a stack of its own. From the guest: the frame moves to where the others
 * are, and we go on there. From the hypervisor: handled here.
 */
	.balign	16
entry_ist:
	SMAP_CLAC
	cld
	PUSH_REGS
	testb	$3, REGS_CS(%rsp)
	jz	entry_from_hv
	mov	%rsp, %rsi
	mov	%rsp, %rdi
	or	$(CPU_STACK_SIZE - 1), %rdi
	sub	$(CPU_BLOCK_SIZE + REGS_BYTES - 1), %rdi
	mov	%rdi, %rsp
	mov	$REGS_HW_END / 8, %ecx
	rep movsq
	testb	$2, REGS_CS(%rsp)
	jz	entry_from_inside
	mov	REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	mov	%rsp, %rsi
	GUARDED	guard_ist, movabs $trap_from_guest, %rax
	call	*%rax
	jmp	resume

/*
 * IRET to the guest faulted. The guest's general registers were loaded and
 * are in the new frame; rip to ss are still where they were. Puts them
 * together again and lets C tell the guest. rdi: the new frame.
 */
iret_fault:
	mov	%rdi, %rsi
	mov	%rdi, %rax
	or	$(CPU_STACK_SIZE - 1), %rax
	sub	$(CPU_BLOCK_SIZE + REGS_BYTES - 1), %rax
	/* The areas overlap, the destination above: copy downwards. */
	lea	14 * 8(%rax), %rdi
	add	$14 * 8, %rsi
	mov	$15, %ecx
	std
	rep movsq
	cld
	mov	%rax, %rsp
	mov	%rsp, %rdi
	GUARDED	guard_iret_fault, movabs $trap_iret_failed, %rax
	call	*%rax
	jmp	resume

/* ---- SYSCALL ---- */

/*
 * Copied to each CPU's stub page; all that it names lies at the same distance
 * in each CPU's area. rcx and r11 are the guest's rip and flags.
 */
	.balign	16
syscall_stub:
	mov	%rsp, IN_AREA(SCRATCH)(%rip)
	lea	IN_AREA(REGS_AREA + REGS_HW_END)(%rip), %rsp
	push	$0xe02b
	push	IN_AREA(SCRATCH)(%rip)
	push	%r11
	push	$0xe033
	push	%rcx
	push	$0
	jmp	*2f(%rip)
	.balign	8
2:	.quad	entry_syscall

	.balign	16
syscall32_stub:
	mov	%rsp, IN_AREA(SCRATCH)(%rip)
	lea	IN_AREA(REGS_AREA + REGS_HW_END)(%rip), %rsp
	push	$0xe02b
	push	IN_AREA(SCRATCH)(%rip)
	push	%r11
	push	$0xe023
	push	%rcx
	push	$0
	jmp	*2f(%rip)
	.balign	8
2:	.quad	entry_syscall32
syscall_stub_end:

/*
 * From the guest's kernel a hypercall, its arguments (struct call_args) below
 * the registers, or iret; from its user mode a call of that kernel. None of
 * them changes the registers that C keeps for its caller, in the frame or
 * here: they need not be loaded, unless there is work, after which another
 * vcpu's may lie there.
 */
	.balign	16
entry_syscall:
	PUSH_REGS
	GUARDED	guard_syscall, mov REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	cmpb	$0, VCPU_KERNEL_MODE(%rdi)
	je	1f
	cmp	$__HYPERVISOR_iret, %rax
	je	5f
	push	%r9
	push	%r8
	push	%r10
	push	%rdx
	push	%rsi
	push	5 * 8 + REGS_RDI(%rsp)
	mov	%rsp, %rsi
	CALL_IMAGE call_hypercall
2:	WORK_OR_NONE ARGS_BYTES, 4f
	SYSRET_OR ARGS_BYTES, 3f, guard_syscall_out
	LOAD_CALL_REGS ARGS_BYTES
	mov	ARGS_BYTES + REGS_RSP(%rsp), %rsp
	sysretq
3:	LOAD_CALL_REGS ARGS_BYTES
	mov	ARGS_BYTES + REGS_R11(%rsp), %r11
	mov	ARGS_BYTES + REGS_RCX(%rsp), %rcx
	add	$(ARGS_BYTES + REGS_RIP), %rsp
syscall_iret:
	iretq
1:	sub	$ARGS_BYTES, %rsp
	CALL_IMAGE trap_syscall
	jmp	2b
5:	sub	$ARGS_BYTES, %rsp
	CALL_IMAGE trap_iret
	jmp	2b
4:	add	$ARGS_BYTES, %rsp
	jmp	resume_work

	.balign	16
entry_syscall32:
	PUSH_REGS
	mov	REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	GUARDED	guard_syscall32, movabs $trap_syscall32, %rax
	call	*%rax
	jmp	resume

/* int $0x82: the hypercall of a 32-bit guest, from ring 1. */
	.balign	16
entry_hypercall32:
	cld
	push	$0
	PUSH_REGS
	mov	REGS_BYTES + CPU_CURRENT(%rsp), %rdi
	GUARDED	guard_hypercall32, movabs $hypercall_from_ring1, %rax
	call	*%rax
	jmp	resume

/* ---- the image's own, not needed in guests' roots ---- */

	/* C reaches what is linked far away by these (entry.h). */
	.section .rodata, "a"
	.balign	8
	.globl	entry_points
entry_points:
	.quad	entry_vectors
	.quad	syscall_stub
	.quad	syscall32_stub
	.quad	syscall_stub_end
	.quad	entry_hypercall32
	.quad	resume_iret
	.quad	syscall_iret
	.quad	iret_fault
	.quad	guard_values
	.quad	trampoline_bytes

	.text

/* Loads a new stack and goes on at fn there: stack_switch(sp, fn). */
	.globl	stack_switch
stack_switch:
	mov	%rdi, %rsp
	xor	%ebp, %ebp
	call	*%rsi
	ud2

/* The first return to a guest on this CPU: rsp to the registers' place. */
	.globl	enter_first_guest
enter_first_guest:
	mov	%rsp, %rax
	or	$(CPU_STACK_SIZE - 1), %rax
	sub	$(CPU_BLOCK_SIZE + REGS_BYTES - 1), %rax
	mov	%rax, %rsp
	movabs	$resume_work, %rax
	jmp	*%rax
