/* SPDX-License-Identifier: MIT */
/*
 * Into a 32-bit guest's kernel, in ring 1
 *
 * The frame is the processor's own, of 32-bit words, lowest address first:
 *
 *	[error] eip cs eflags [esp ss]
 *
 * esp and ss are there when the interrupted code was not in ring 1: then the
 * stack is that of stack_switch, otherwise the interrupted one goes on. Bits
 * 16-23 of the saved cs are the event mask at that time, and IF its opposite.
 * The failsafe callback has ds es fs gs in the place of the error code. All
 * four registers stay what they were, as at a gate of the processor's.
 *
 * Where the guest was is told by its own cs: ring 1 may go to ring 3 without
 * us. Selectors of gates and stacks are the guest's; what does not load when
 * we return to it is a fault of IRET's, and goes to the failsafe callback.
 * If that is what does not load, the domain ends.
 */
#include "mm/mm.h"
#include "trap/width.h"

#define EXTRA_MAX     4
#define WORDS_MAX     (5 + EXTRA_MAX)
#define CS_MASK_SHIFT 16

struct entry32 {
	uint32_t eip;
	uint16_t cs;
	bool masks;
	uint64_t clear_flags;
	const uint32_t *extra;
	unsigned int extras;
};

static bool in_kernel(const struct vcpu *v)
{
	return (v->regs->cs & 3) == 1;
}

/* Fills the frame; returns how many words it has. */
static unsigned int frame_fill(const struct vcpu *v, const struct entry32 *e,
			       uint8_t masked, uint32_t frame[WORDS_MAX])
{
	const struct cpu_user_regs *regs = v->regs;
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->extras; i++)
		frame[n++] = e->extra[i];
	frame[n++] = (uint32_t)regs->rip;
	frame[n++] = regs->cs | (uint32_t)masked << CS_MASK_SHIFT;
	frame[n++] = (uint32_t)flags_to_show(v, regs, masked);
	if (!in_kernel(v)) {
		frame[n++] = (uint32_t)regs->rsp;
		frame[n++] = regs->ss;
	}
	return n;
}

static void enter(struct vcpu *v, const struct entry32 *e)
{
	struct cpu_user_regs *regs = v->regs;
	uint8_t masked = shared_load8(&v->info->evtchn_upcall_mask);
	uint32_t frame[WORDS_MAX], sp = (uint32_t)regs->rsp;
	uint32_t bytes = 4 * frame_fill(v, e, masked, frame);
	uint16_t ss = regs->ss;
	uint64_t va;

	if (!in_kernel(v)) {
		sp = (uint32_t)v->trap.kernel_sp;
		ss = (uint16_t)v->trap.kernel_ss;
	}
	sp -= bytes;
	va = (uint32_t)(mm_segment_base(v, ss) + sp);
	if (guest_copy_to(va, frame, bytes)) {
		trap_crash_stack(v, va, e->eip);
		return;
	}
	regs->rsp = sp;
	regs->ss = ss;
	regs->cs = e->cs;
	regs->rip = e->eip;
	regs->rflags &= ~e->clear_flags;
	if (e->masks)
		shared_store8(&v->info->evtchn_upcall_mask, 1);
}

/* CR2 is where 64-bit guests have it, which here is padding. */
static void fault_address_show(struct vcpu *v)
{
	struct vcpu_info_x86_32 *info = (struct vcpu_info_x86_32 *)v->info;

	_Static_assert(
		offsetof(struct vcpu_info, arch.cr2) >=
				offsetof(struct vcpu_info_x86_32, arch.pad) &&
			offsetof(struct vcpu_info, arch.cr2) + 8 <=
				offsetof(struct vcpu_info_x86_32, time),
		"nobody else's");
	shared_store32(&info->arch.cr2,
		       (uint32_t)shared_load64(&v->info->arch.cr2));
}

void trap_reflect32(struct vcpu *v, unsigned int vector, bool has_error,
		    uint32_t error)
{
	const struct trap_gate *gate = &v->trap.gates[vector];
	struct entry32 e = { gate->eip,	   gate->cs, gate->masks_upcalls,
			     ENTRY_CLEARS, &error,   has_error };

	if (!gate->eip) {
		trap_crash_reflect(v, vector, has_error, error);
		return;
	}
	if (vector == VECTOR_PF)
		fault_address_show(v);
	enter(v, &e);
}

/* Enters a callback, if there is one. */
static bool enter_callback(struct vcpu *v, unsigned int type, uint64_t flags,
			   const uint32_t *extra, unsigned int extras)
{
	const struct trap_gate *c = &v->trap.callbacks[type];
	struct entry32 e = { c->eip, c->cs, v->trap.callback_masks >> type & 1,
			     flags,  extra, extras };

	if (c->eip)
		enter(v, &e);
	return c->eip;
}

void trap_upcall32(struct vcpu *v)
{
	if (!enter_callback(v, CALLBACKTYPE_event, ENTRY_CLEARS, NULL, 0))
		trap_crash_upcall(v);
}

void trap_failsafe32(struct vcpu *v)
{
	const struct cpu_user_regs *regs = v->regs;
	const struct trap_gate *c = &v->trap.callbacks[CALLBACKTYPE_failsafe];
	const uint32_t segments[4] = { regs->ds, regs->es, regs->fs, regs->gs };
	bool itself = regs->cs == c->cs && regs->rip == c->eip;

	if (itself || !enter_callback(v, CALLBACKTYPE_failsafe, ENTRY_CLEARS,
				      segments, 4))
		trap_crash_failsafe(v);
}

bool trap_call32(struct vcpu *v, unsigned int type)
{
	return enter_callback(v, type, ENTRY_CLEARS | EFLAGS_DF, NULL, 0);
}
