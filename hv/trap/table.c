/* SPDX-License-Identifier: MIT */
/*
 * What a vcpu registers: gates of its trap table, callbacks, the stack of
 * its kernel. Every address is checked here, once: what is not canonical
 * would fault in our own return path.
 *
 * A gate's code selector is kept but not used: a 64-bit kernel is always
 * entered on the flat segments that every GDT has.
 */
#include "arch.h"
#include "lib/string.h"
#include "processor.h"
#include "trap/trap.h"

/* Callbacks that can be registered. The event's and NMI's always mask. */
#define CALLBACKS_KNOWN                                           \
	(1U << CALLBACKTYPE_event | 1U << CALLBACKTYPE_failsafe | \
	 1U << CALLBACKTYPE_syscall | 1U << CALLBACKTYPE_nmi |    \
	 1U << CALLBACKTYPE_sysenter | 1U << CALLBACKTYPE_syscall32)
/* Once registered, only replaced: a guest cannot do without them. */
#define CALLBACKS_STAY (CALLBACKS_KNOWN & ~(1U << CALLBACKTYPE_nmi))

uint16_t trap_selector_fix(uint16_t selector)
{
	return selector | 3;
}

static void gate_set(struct vcpu *v, unsigned int vector,
		     const struct trap_info *t)
{
	v->trap.gates[vector] = (struct trap_gate){
		.address = t->address,
		.cs = trap_selector_fix(t->cs),
		.dpl = TI_GET_DPL(t),
		.masks_upcalls = TI_GET_IF(t),
	};
}

int trap_table_set(struct vcpu *v, const struct trap_info *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!address_is_canonical(t[i].address))
			return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		gate_set(v, t[i].vector, &t[i]);
	return 0;
}

void trap_table_clear(struct vcpu *v)
{
	memset(v->trap.gates, 0, sizeof(v->trap.gates));
}

static bool callback_known(unsigned int type)
{
	return type < ARRAY_SIZE(((struct vcpu_trap *)0)->callbacks) &&
	       (CALLBACKS_KNOWN >> type & 1);
}

int trap_callback_register(struct vcpu *v, unsigned int type,
			   unsigned int flags, uint64_t address)
{
	bool masks = (flags & CALLBACKF_mask_events) ||
		     type == CALLBACKTYPE_event || type == CALLBACKTYPE_nmi;

	if (!address_is_canonical(address))
		return -EINVAL;
	if (!callback_known(type))
		return -ENOSYS;
	if (type == CALLBACKTYPE_nmi) {
		v->trap.gates[VECTOR_NMI] = (struct trap_gate){
			.address = address,
			.cs = FLAT_KERNEL_CS,
			.masks_upcalls = true,
		};
		return 0;
	}
	v->trap.callbacks[type].address = address;
	v->trap.callback_masks &= ~(1U << type);
	v->trap.callback_masks |= (uint32_t)masks << type;
	return 0;
}

int trap_callback_unregister(struct vcpu *v, unsigned int type)
{
	if (!callback_known(type))
		return -ENOSYS;
	if (CALLBACKS_STAY >> type & 1)
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
	v->trap.kernel_mode = true;
	v->trap.cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	v->trap.debugreg[6] = DR6_INIT;
	v->trap.debugreg[7] = DR7_INIT;
	memset(&v->saved, 0, sizeof(v->saved));
	v->saved.cs = FLAT_KERNEL_CS;
	v->saved.ss = FLAT_KERNEL_SS;
	v->saved.rflags = EFLAGS_IF | EFLAGS_ONE;
}
