/* SPDX-License-Identifier: MIT */
/*
 * What depends on the width of a guest's kernel, inside trap/
 *
 * A 64-bit kernel runs in ring 3 on the flat segments and is entered by
 * bounce.c, left by iret.c. A 32-bit one runs in ring 1 on segments of its
 * own choice: bounce32.c, iret32.c. The domain has the number of its row in
 * this table. The hot ways into a 64-bit kernel do not look it up: a 32-bit
 * guest has no gate and no callback with a 64-bit address, so that they come
 * upon it where they would otherwise end a domain that has registered none.
 */
#ifndef LODGE_TRAP_WIDTH_H
#define LODGE_TRAP_WIDTH_H

#include "frame/frame.h"
#include "processor.h"
#include "trap/trap.h"

struct trap_width {
	/* The ways in, as trap.h has them, when there is no 64-bit address. */
	void (*reflect)(struct vcpu *v, unsigned int vector, bool has_error,
			uint32_t error);
	void (*upcall)(struct vcpu *v);
	void (*failsafe)(struct vcpu *v);
	/* SYSENTER, or SYSCALL by 32-bit code; false: no such callback. */
	bool (*call)(struct vcpu *v, unsigned int type);
	/* See trap_mode_visit(). */
	void (*mode_visit)(struct vcpu *v, bool kernel);
	/* A code or stack selector of the kernel's, in its ring. */
	uint16_t (*selector)(uint16_t selector);
	/* An entry point as it is registered: cs:eip, or an address. */
	bool (*address_ok)(uint64_t address);
	void (*gate)(struct trap_gate *g, uint64_t address);
	/* A context's mode: what it must have, and its code and stack. */
	bool (*context_ok)(const struct vcpu_guest_context *c);
	void (*context_mode)(struct vcpu *v, bool kernel);
	bool (*in_kernel)(const struct vcpu *v);
	/* Low bits of CR3 that hold the root's number from bit 20 on. */
	uint32_t cr3_folded;
	uint32_t callbacks;	       /* bit n: CALLBACKTYPE_ n is known */
	uint16_t kernel_cs, kernel_ss; /* the flat ones */
	uint16_t user_cs32, user_ss;
	uint64_t syscall_r11; /* what is left of what SYSCALL put there */
	bool kernel_at_rest;  /* kernel_mode of a kernel that runs */
};

extern const struct trap_width trap_widths[];

static inline const struct trap_width *trap_width(const struct vcpu *v)
{
	return &trap_widths[v->domain->width];
}

/* ---- what both widths' files use ---- */

/*
 * Flags that are off at entry. AC: a 64-bit guest's kernel runs in ring 3,
 * where the alignment check is armed, and must not suffer from its user's
 * choice.
 */
#define ENTRY_CLEARS (EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM | EFLAGS_AC)

/* IOPL is shown only to those who asked to see it. */
static inline uint64_t flags_to_show(const struct vcpu *v,
				     const struct cpu_user_regs *regs,
				     uint8_t masked)
{
	uint64_t flags = regs->rflags & ~(EFLAGS_IF | EFLAGS_IOPL);

	if (!masked)
		flags |= EFLAGS_IF;
	if (v->domain->mm.vm_assist & 1U << VMASST_TYPE_architectural_iopl)
		flags |= (uint64_t)v->trap.iopl << EFLAGS_IOPL_SHIFT;
	return flags;
}

/* iret.c: the NMI's handler has ended, another may come. */
void trap_nmi_unmask(struct vcpu *v);

/* Event mask, NMI mask and virtual IOPL as iret finds them in rflags. */
static inline void iret_virtual(struct vcpu *v, uint64_t rflags)
{
	shared_store8(&v->info->evtchn_upcall_mask, !(rflags & EFLAGS_IF));
	if (unlikely(v->trap.nmi_masked))
		trap_nmi_unmask(v);
	if (v->domain->mm.vm_assist & 1U << VMASST_TYPE_architectural_iopl)
		v->trap.iopl = rflags >> EFLAGS_IOPL_SHIFT & 3;
}

/*
 * Of a 32-bit guest: a code selector of ring 1 or above, and not the flat one
 * of 64-bit code. That is data in its GDT, but SYSRET, by which entry code
 * may return to who has it, looks at no table.
 */
static inline uint16_t trap_code_selector32(uint16_t selector)
{
	if ((selector | 3) == FLAT_RING3_CS64)
		return 0;
	return selector & 3 ? selector : selector | 1;
}

/* context32.c */
bool trap_context_ok32(const struct vcpu_guest_context *c);
void trap_context_mode32(struct vcpu *v, bool kernel);
bool trap_in_kernel32(const struct vcpu *v);

/* bounce.c: a guest without gate, callback or stack is at its end. */
void trap_crash_reflect(struct vcpu *v, unsigned int vector, bool has_error,
			uint32_t error);
void trap_crash_upcall(struct vcpu *v);
void trap_crash_failsafe(struct vcpu *v);
void trap_crash_stack(struct vcpu *v, uint64_t sp, uint64_t entry);

/* bounce32.c: the same places, for a guest in ring 1. */
void trap_reflect32(struct vcpu *v, unsigned int vector, bool has_error,
		    uint32_t error);
void trap_upcall32(struct vcpu *v);
void trap_failsafe32(struct vcpu *v);
bool trap_call32(struct vcpu *v, unsigned int type);

#endif
