/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's whole state from a vcpu_guest_context and to one: a secondary vcpu
 * that its guest starts, or one that a tool saves and restores. All is checked
 * before anything changes. What would fault in our own return path, or give a
 * guest more than it may have, is refused (addresses) or put right (selectors,
 * flags, MXCSR), exactly as iret does it.
 *
 * A 64-bit vcpu that starts in its kernel gets the flat segments, whatever it
 * asks for: kernels name their own, which a table of theirs may hold at a
 * level that ring 3 cannot load. A 32-bit one's context comes here widened.
 */
#include "arch.h"
#include "lib/string.h"
#include "trap/emulate.h"
#include "trap/width.h"

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

int trap_context_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
	uint64_t cr4 = merged_cr4(v, c), debugregs[8];

	if (!trap_width(v)->context_ok(c) || !addresses_ok(v, c) ||
	    !debugregs_check(c, cr4, debugregs))
		return -EINVAL;
	set_registers(v, c);
	set_gates(v, c);
	set_callbacks(v, c);
	if (c->flags & VGCF_I387_VALID)
		trap_fpu_set(v, &c->fpu_ctxt);
	memcpy(v->trap.debugreg, debugregs, sizeof(debugregs));
	v->trap.cr4 = cr4;
	v->trap.task_switched = c->ctrlreg[0] & CR0_TS;
	return 0;
}

/* ---- and back ---- */

static uint64_t gate_address(const struct trap_gate *g, bool with_selector)
{
	return g->address | g->eip |
	       (with_selector && g->eip ? (uint64_t)g->cs << 32 : 0);
}

static void get_gates(const struct vcpu *v, struct vcpu_guest_context *c)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
		const struct trap_gate *g = &v->trap.gates[i];

		c->trap_ctxt[i] = (struct trap_info){
			.vector = (uint8_t)i,
			.flags = (uint8_t)(g->dpl | g->masks_upcalls << 2),
			.cs = g->cs,
			.address = gate_address(g, false),
		};
	}
}

uint64_t trap_callback_get(const struct vcpu *v, unsigned int type)
{
	return gate_address(&v->trap.callbacks[type], true);
}

static void get_callbacks(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct vcpu_trap *t = &v->trap;

	c->event_callback_eip = trap_callback_get(v, CALLBACKTYPE_event);
	c->failsafe_callback_eip = trap_callback_get(v, CALLBACKTYPE_failsafe);
	c->syscall_callback_eip = trap_callback_get(v, CALLBACKTYPE_syscall);
	if (t->callback_masks >> CALLBACKTYPE_failsafe & 1)
		c->flags |= VGCF_failsafe_disables_events;
	if (t->callback_masks >> CALLBACKTYPE_syscall & 1)
		c->flags |= VGCF_syscall_disables_events;
	c->kernel_ss = t->kernel_ss;
	c->kernel_sp = t->kernel_sp;
}

void trap_context_get(const struct vcpu *v, struct vcpu_guest_context *c)
{
	c->user_regs = *v->regs;
	c->user_regs.error_code = c->user_regs.entry_vector = 0;
	c->user_regs.rflags |= (uint64_t)v->trap.iopl << EFLAGS_IOPL_SHIFT;
	c->flags = VGCF_I387_VALID;
	if (trap_width(v)->in_kernel(v))
		c->flags |= VGCF_in_kernel;
	trap_fpu_get(v, &c->fpu_ctxt);
	get_gates(v, c);
	get_callbacks(v, c);
	memcpy(c->debugreg, v->trap.debugreg, sizeof(c->debugreg));
	c->ctrlreg[0] = trap_cr0(v);
	c->ctrlreg[4] = v->trap.cr4;
	c->fs_base = v->fs_base;
	c->gs_base_kernel = v->gs_base_kernel;
	c->gs_base_user = v->gs_base_user;
}
