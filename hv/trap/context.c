/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's whole state from a vcpu_guest_context: a secondary vcpu that its
 * guest starts, or one that a tool restores. All is checked before anything
 * changes. What would fault in our own return path, or give a guest more
 * than it may have, is refused (addresses) or put right (selectors, flags,
 * MXCSR), exactly as iret does it.
 *
 * A 64-bit vcpu that starts in its kernel gets the flat segments, whatever it
 * asks for: kernels name their own, which a table of theirs may hold at a
 * level that ring 3 cannot load. A 32-bit one's context comes here widened.
 */
#include "arch.h"
#include "lib/string.h"
#include "trap/emulate.h"
#include "trap/width.h"

#define FXSAVE_BYTES	 512
#define FXSAVE_MXCSR	 24
#define MXCSR_VALID	 0xffffU
#define XSAVE_BV	 512 /* which components the area holds */
#define XSAVE_BV_X87_SSE 3UL

_Static_assert(sizeof(((struct vcpu_guest_context *)0)->fpu_ctxt) ==
		       FXSAVE_BYTES,
	       "legacy area");

static bool addresses_ok(const struct vcpu *v,
			 const struct vcpu_guest_context *c)
{
	const struct trap_width *w = trap_width(v);
	const uint64_t addresses[] = { c->fs_base, c->gs_base_kernel,
				       c->gs_base_user, c->user_regs.rip };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		if (!address_is_canonical(addresses[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
		if (!w->address_ok(c->trap_ctxt[i].address))
			return false;
	return w->address_ok(c->event_callback_eip) &&
	       w->address_ok(c->failsafe_callback_eip) &&
	       w->address_ok(c->syscall_callback_eip);
}

static uint64_t merged_cr4(const struct vcpu *v,
			   const struct vcpu_guest_context *c)
{
	uint64_t owned = CR4_TSD | CR4_DE | trap_cr4_of_host();

	return (v->trap.cr4 & ~owned) | (c->ctrlreg[4] & owned);
}

static bool debugregs_check(const struct vcpu_guest_context *c, uint64_t cr4,
			    uint64_t out[8])
{
	static const uint8_t used[] = { 0, 1, 2, 3, 6, 7 };

	memset(out, 0, 8 * sizeof(out[0]));
	for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
		out[used[i]] = c->debugreg[used[i]];
		if (trap_debugreg_check(used[i], cr4, &out[used[i]]))
			return false;
	}
	return true;
}

static void set_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct cpu_user_regs *regs = v->regs;
	uint64_t flags = c->user_regs.rflags;

	*regs = c->user_regs;
	regs->rflags = (flags & EFLAGS_GUEST) | EFLAGS_IF | EFLAGS_ONE;
	v->trap.iopl = flags >> EFLAGS_IOPL_SHIFT & 3;
	trap_width(v)->context_mode(v, c->flags & VGCF_in_kernel);
	v->fs_base = c->fs_base;
	v->gs_base_kernel = c->gs_base_kernel;
	v->gs_base_user = c->gs_base_user;
	v->gs_user_selector = v->trap.kernel_mode ? 0 : c->user_regs.gs;
}

static void set_gates(struct vcpu *v, const struct vcpu_guest_context *c)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
		struct trap_info t = c->trap_ctxt[i];

		t.vector = (uint8_t)i;
		trap_gate_set(v, &t);
	}
}

static void set_callbacks(struct vcpu *v, const struct vcpu_guest_context *c)
{
	const struct trap_width *w = trap_width(v);
	struct vcpu_trap *t = &v->trap;

	w->gate(&t->callbacks[CALLBACKTYPE_event], c->event_callback_eip);
	w->gate(&t->callbacks[CALLBACKTYPE_failsafe], c->failsafe_callback_eip);
	w->gate(&t->callbacks[CALLBACKTYPE_syscall], c->syscall_callback_eip);
	t->callback_masks &=
		~(1U << CALLBACKTYPE_failsafe | 1U << CALLBACKTYPE_syscall);
	t->callback_masks |= 1U << CALLBACKTYPE_event;
	if (c->flags & VGCF_failsafe_disables_events)
		t->callback_masks |= 1U << CALLBACKTYPE_failsafe;
	if (c->flags & VGCF_syscall_disables_events)
		t->callback_masks |= 1U << CALLBACKTYPE_syscall;
	t->kernel_ss = w->selector((uint16_t)c->kernel_ss);
	t->kernel_sp = c->kernel_sp;
}

/* The first 512 bytes of the area have FXSAVE's form on every machine. */
static void set_fpu(struct vcpu *v, const struct vcpu_guest_context *c)
{
	uint8_t *area = v->xstate;
	uint32_t mxcsr;

	if (!(c->flags & VGCF_I387_VALID))
		return;
	memcpy(area, &c->fpu_ctxt, FXSAVE_BYTES);
	memcpy(&mxcsr, area + FXSAVE_MXCSR, sizeof(mxcsr));
	mxcsr &= MXCSR_VALID;
	memcpy(area + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	if (arch_xcr0_mask()) {
		uint64_t bv;

		memcpy(&bv, area + XSAVE_BV, sizeof(bv));
		bv |= XSAVE_BV_X87_SSE;
		memcpy(area + XSAVE_BV, &bv, sizeof(bv));
	}
}

int trap_context_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
	uint64_t cr4 = merged_cr4(v, c), debugregs[8];

	if (!trap_width(v)->context_ok(c) || !addresses_ok(v, c) ||
	    !debugregs_check(c, cr4, debugregs))
		return -EINVAL;
	set_registers(v, c);
	set_gates(v, c);
	set_callbacks(v, c);
	set_fpu(v, c);
	memcpy(v->trap.debugreg, debugregs, sizeof(debugregs));
	v->trap.cr4 = cr4;
	v->trap.task_switched = c->ctrlreg[0] & CR0_TS;
	return 0;
}
