/* SPDX-License-Identifier: MIT */
/*
 * A guest's exception: what is ours to repair or to emulate, and what is the
 * guest's own and goes to its gate
 *
 *	#GP	a privileged instruction that the guest's kernel may execute,
 *		or an INT that the real IDT refused because every gate there
 *		but #BP and #OF is for the processor alone
 *	#UD	the forced-emulation prefix
 *	#PF	a write to a page table
 *	#NM	CR0.TS, which the guest has set (or nobody any more)
 *
 * All others, and these when they are none of that, are reflected as they
 * are. The error code of a page fault loses its user bit when the guest's
 * kernel made it: that kernel runs in ring 3 and need not know.
 */
#include "arch.h"
#include "frame/frame.h"
#include "log/log.h"
#include "mm/mm.h"
#include "processor.h"
#include "trap/trap.h"

#define HAS_ERROR                                              \
	(1U << VECTOR_DF | 1U << VECTOR_TS | 1U << VECTOR_NP | \
	 1U << VECTOR_SS | 1U << VECTOR_GP | 1U << VECTOR_PF | \
	 1U << VECTOR_AC | 1U << VECTOR_CP)

#define INT_OPCODE 0xcd
#define INT_LENGTH 2

/* Breakpoint bits are replaced, the others stay until the guest clears them. */
#define DR6_REPLACED 0xfUL
#define DR6_STATUS   0xe00fUL

/*
 * INT n. The vector is read from the code: the processor's error code tells
 * it too, but one emulator gets that wrong. Levels: 3 is for everyone, 1 and
 * 2 for the guest's kernel, 0 for nobody.
 */
static aside void software_interrupt(struct vcpu *v, uint32_t error)
{
	uint8_t ring = v->trap.kernel_mode ? 1 : 3;
	uint8_t code[INSN_BUFFER];
	const struct trap_gate *gate;

	if (insn_fetch(v, v->regs->rip, code) < INT_LENGTH ||
	    code[0] != INT_OPCODE) {
		trap_reflect(v, VECTOR_GP, true, error);
		return;
	}
	gate = &v->trap.gates[code[1]];
	if (trap_gate_is_set(gate) && gate->dpl >= ring) {
		v->regs->rip += INT_LENGTH;
		trap_reflect(v, code[1], false, 0);
	} else {
		trap_reflect(v, VECTOR_GP, true,
			     code[1] * 8U + SELECTOR_ERROR_IDT);
	}
}

static aside void general_protection(struct vcpu *v, uint32_t error)
{
	if ((error & SELECTOR_ERROR_MASK) == SELECTOR_ERROR_IDT)
		software_interrupt(v, error);
	else if (error || !trap_emulate_privileged(v))
		trap_reflect(v, VECTOR_GP, true, error);
}

static aside void invalid_opcode(struct vcpu *v)
{
	if (!trap_emulate_forced(v))
		trap_reflect(v, VECTOR_UD, false, 0);
}

static aside void device_not_available(struct vcpu *v)
{
	bool wanted = v->trap.task_switched;

	v->trap.task_switched = false;
	arch_task_switched_set(false);
	if (wanted)
		trap_reflect(v, VECTOR_NM, false, 0);
}

/* A validated table holds no reserved bit: let us see what the walker saw. */
static aside void reserved_bit(struct vcpu *v, uint32_t error, uint64_t va)
{
	struct mm_locked m = mm_lock(v->domain);
	struct mm_place at;
	uint64_t entry = 0;

	if (mm_walk(m, root_guest(v), va, &at))
		entry = shared_load64(at.entry);
	mm_unlock(m);
	domain_crash(v->domain,
		     "vcpu %u: reserved bit in the page tables for %#lx "
		     "(error %#x, L1 entry %#lx)",
		     v->id, va, error, entry);
}

/* A write to a page table: done for the guest, or to be tried again. */
static bool table_write(struct vcpu *v, uint64_t va)
{
	uint64_t rip = v->regs->rip, rcx = v->regs->rcx;

	if (address_is_ours(va) || !mm_ptwr_fault(v, va))
		return false;
	/* RCX: a round of a repeated one is a step too. */
	if (unlikely(v->regs->rflags & EFLAGS_TF) &&
	    (v->regs->rip != rip || v->regs->rcx != rcx))
		trap_step(v);
	return true;
}

static aside void kernel_write(struct vcpu *v, uint32_t error, uint64_t va)
{
	if (table_write(v, va))
		return;
	shared_store64(&v->info->arch.cr2, va);
	trap_reflect(v, VECTOR_PF, true, error);
}

static inline void page_fault(struct vcpu *v, uint32_t error, uint64_t va)
{
	if (unlikely(error & PF_RESERVED)) {
		reserved_bit(v, error, va);
		return;
	}
	if (v->trap.kernel_mode) {
		error &= ~PF_USER;
		if (error == (PF_PRESENT | PF_WRITE)) {
			kernel_write(v, error, va);
			return;
		}
	}
	shared_store64(&v->info->arch.cr2, va);
	trap_reflect(v, VECTOR_PF, true, error);
}

static aside void shadowed_fault(struct vcpu *v, uint32_t error, uint64_t va)
{
	if (!mm_shadow_fault(v, va, &error))
		page_fault(v, error, va);
}

void trap_page_fault(struct vcpu *v, uint32_t error, uint64_t va)
{
	if (unlikely(v->mm.shadow_root[0]))
		shadowed_fault(v, error, va);
	else
		page_fault(v, error, va);
}

static void debug(struct vcpu *v, uint64_t dr6)
{
	uint64_t *seen = &v->trap.debugreg[6];

	*seen = (*seen & ~DR6_REPLACED) | (dr6 & DR6_STATUS);
	trap_reflect(v, VECTOR_DB, false, 0);
}

void trap_exception(struct vcpu *v, unsigned int vector, uint32_t error,
		    uint64_t va)
{
	switch (vector) {
	case VECTOR_PF: /* of its LDT: no shadow lacks anything */
		page_fault(v, error, va);
		break;
	case VECTOR_GP:
		general_protection(v, error);
		break;
	case VECTOR_UD:
		invalid_opcode(v);
		break;
	case VECTOR_NM:
		device_not_available(v);
		break;
	case VECTOR_DB:
		debug(v, va);
		break;
	default:
		trap_reflect(v, vector, HAS_ERROR >> vector & 1, error);
		break;
	}
}
