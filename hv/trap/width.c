/* SPDX-License-Identifier: MIT */
/* The table that width.h explains. */
#include "trap/width.h"

static bool no_call(struct vcpu *v, unsigned int type)
{
	(void)v;
	(void)type;
	return false;
}

static uint16_t selector32(uint16_t selector)
{
	return (uint16_t)((selector & ~3U) | 1);
}

static void gate64(struct trap_gate *g, uint64_t address)
{
	g->address = address;
}

/* User mode needs page tables of its own: ctrlreg[1] names their root. */
static bool context_ok64(const struct vcpu_guest_context *c)
{
	return (c->flags & VGCF_in_kernel) || xen_cr3_to_pfn(c->ctrlreg[1]);
}

static void context_mode64(struct vcpu *v, bool kernel)
{
	v->trap.kernel_mode = kernel;
	v->regs->cs = kernel ? FLAT_KERNEL_CS : trap_selector_fix(v->regs->cs);
	v->regs->ss = kernel ? FLAT_KERNEL_SS : trap_selector_fix(v->regs->ss);
}

static bool in_kernel64(const struct vcpu *v)
{
	return v->trap.kernel_mode;
}

static bool any_address(uint64_t address)
{
	(void)address;
	return true;
}

/* The selector came with the gate, or here, with a callback's address. */
static void gate32(struct trap_gate *g, uint64_t address)
{
	g->eip = (uint32_t)address;
	if (address >> 32)
		g->cs = selector32((uint16_t)(address >> 32));
}

void trap_stack_switch32(struct vcpu *v, uint32_t ss, uint32_t sp)
{
	v->trap.kernel_ss = selector32((uint16_t)ss);
	v->trap.kernel_sp = sp;
}

/* One root for both modes, and the GS base is the selector's. */
static void mode_visit32(struct vcpu *v, bool kernel)
{
	v->trap.kernel_mode = kernel;
}

const struct trap_width trap_widths[] = {
	[WIDTH_64] = {
		.reflect = trap_crash_reflect,
		.upcall = trap_crash_upcall,
		.failsafe = trap_crash_failsafe,
		.call = no_call,
		.mode_visit = trap_mode_set,
		.selector = trap_selector_fix,
		.address_ok = address_is_canonical,
		.gate = gate64,
		.context_ok = context_ok64,
		.context_mode = context_mode64,
		.in_kernel = in_kernel64,
		.callbacks = 1U << CALLBACKTYPE_event |
			     1U << CALLBACKTYPE_failsafe |
			     1U << CALLBACKTYPE_syscall |
			     1U << CALLBACKTYPE_nmi |
			     1U << CALLBACKTYPE_sysenter |
			     1U << CALLBACKTYPE_syscall32,
		.kernel_cs = FLAT_KERNEL_CS,
		.kernel_ss = FLAT_KERNEL_SS,
		.user_cs32 = FLAT_USER_CS32,
		.user_ss = FLAT_USER_SS64,
		.syscall_r11 = ~0UL,
		.kernel_at_rest = true,
	},
	[WIDTH_32] = {
		.reflect = trap_reflect32,
		.upcall = trap_upcall32,
		.failsafe = trap_failsafe32,
		.call = trap_call32,
		.mode_visit = mode_visit32,
		.selector = selector32,
		.address_ok = any_address,
		.gate = gate32,
		.cr3_folded = 0xfff,
		.context_ok = trap_context_ok32,
		.context_mode = trap_context_mode32,
		.in_kernel = trap_in_kernel32,
		.callbacks = 1U << CALLBACKTYPE_event |
			     1U << CALLBACKTYPE_failsafe |
			     1U << CALLBACKTYPE_nmi |
			     1U << CALLBACKTYPE_sysenter |
			     1U << CALLBACKTYPE_syscall32,
		.kernel_cs = FLAT_KERNEL_CS_X86_32,
		.kernel_ss = FLAT_KERNEL_SS_X86_32,
		.user_cs32 = FLAT_USER_CS_X86_32,
		.user_ss = FLAT_USER_SS_X86_32,
	},
};

void trap_mode_visit(struct vcpu *v, bool kernel)
{
	trap_width(v)->mode_visit(v, kernel);
}
