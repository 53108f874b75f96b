/* SPDX-License-Identifier: MIT */
/*
 * What a vcpu registers: gates of its trap table, callbacks, the stack of
 * its kernel. Every address is checked here, once: what is not canonical
 * would fault in our own return path.
 *
 * A gate's code selector is kept but not used for a 64-bit kernel, which is
 * always entered on the flat segments that every GDT has. A 32-bit one says
 * where it wants to be entered, in ring 1; no address of 32 bits can do harm.
 */
#include "arch.h"
#include "lib/string.h"
#include "trap/width.h"

uint16_t trap_selector_fix(uint16_t selector)
{
	return selector | 3;
}

void trap_gate_set(struct vcpu *v, const struct trap_info *t)
{
	struct trap_gate *gate = &v->trap.gates[t->vector];

	*gate = (struct trap_gate){
		.cs = trap_width(v)->selector(t->cs),
		.dpl = TI_GET_DPL(t),
		.masks_upcalls = TI_GET_IF(t),
	};
	trap_width(v)->gate(gate, t->address);
}

int trap_table_set(struct vcpu *v, const struct trap_info *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!address_is_canonical(t[i].address))
			return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		v->trap.gates[t[i].vector] = (struct trap_gate){
			.address = t[i].address,
			.cs = trap_selector_fix(t[i].cs),
			.dpl = TI_GET_DPL(&t[i]),
			.masks_upcalls = TI_GET_IF(&t[i]),
		};
	return 0;
}

void trap_table_clear(struct vcpu *v)
{
	memset(v->trap.gates, 0, sizeof(v->trap.gates));
}

static bool callback_known(const struct vcpu *v, unsigned int type)
{
	return type < ARRAY_SIZE(v->trap.callbacks) &&
	       (trap_width(v)->callbacks >> type & 1);
}

/* An NMI comes through the trap table's gate, on the flat segments. */
static void nmi_gate_set(struct vcpu *v, uint64_t address)
{
	const struct trap_info t = {
		.vector = VECTOR_NMI,
		.flags = 1U << 2, /* masks events */
		.cs = trap_width(v)->kernel_cs,
		.address = address,
	};

	trap_gate_set(v, &t);
}

int trap_callback_register(struct vcpu *v, unsigned int type,
			   unsigned int flags, uint64_t address)
{
	bool masks =
		(flags & CALLBACKF_mask_events) || type == CALLBACKTYPE_event;

	if (!trap_width(v)->address_ok(address))
		return -EINVAL;
	if (!callback_known(v, type))
		return -ENOSYS;
	if (type == CALLBACKTYPE_nmi) {
		nmi_gate_set(v, address);
		return 0;
	}
	trap_width(v)->gate(&v->trap.callbacks[type], address);
	v->trap.callback_masks &= ~(1U << type);
	v->trap.callback_masks |= (uint32_t)masks << type;
	return 0;
}

/* But for the NMI's they are only ever replaced: no guest can do without. */
int trap_callback_unregister(struct vcpu *v, unsigned int type)
{
	if (!callback_known(v, type))
		return -ENOSYS;
	if (type != CALLBACKTYPE_nmi)
		return -EINVAL;
	v->trap.gates[VECTOR_NMI] = (struct trap_gate){ 0 };
	return 0;
}

int trap_stack_switch(struct vcpu *v, uint64_t ss, uint64_t sp)
{
	v->trap.kernel_ss = trap_selector_fix((uint16_t)ss);
	v->trap.kernel_sp = sp;
	return 0;
}

void trap_fpu_taskswitch(struct vcpu *v, bool set)
{
	if (v->trap.task_switched == set)
		return;
	v->trap.task_switched = set;
	arch_task_switched_set(set);
}

int trap_segment_base_set(struct vcpu *v, unsigned int which, uint64_t value)
{
	switch (which) {
	case SEGBASE_FS:
	case SEGBASE_GS_USER:
	case SEGBASE_GS_KERNEL:
		if (!address_is_canonical(value))
			return -EINVAL;
		arch_segment_base_set(v, which, value);
		return 0;
	case SEGBASE_GS_USER_SEL:
		arch_gs_user_selector_set(v, (uint16_t)value);
		return 0;
	default:
		return -EINVAL;
	}
}

int trap_iopl_set(struct vcpu *v, unsigned int iopl)
{
	if (iopl > 3)
		return -EINVAL;
	v->trap.iopl = (uint8_t)iopl;
	return 0;
}

void trap_vcpu_init(struct vcpu *v)
{
	memset(&v->trap, 0, sizeof(v->trap));
	v->trap.kernel_mode = trap_width(v)->kernel_at_rest;
	v->trap.cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	v->trap.debugreg[6] = DR6_INIT;
	v->trap.debugreg[7] = DR7_INIT;
	memset(&v->saved, 0, sizeof(v->saved));
	v->saved.cs = trap_width(v)->kernel_cs;
	v->saved.ss = trap_width(v)->kernel_ss;
	v->saved.rflags = EFLAGS_IF | EFLAGS_ONE;
}
