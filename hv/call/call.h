/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: the table, the decoders, and the way back to the guest. A
 * hypercall's arguments are in the guest's registers (rdi rsi rdx r10 r8 r9,
 * number in rax); its result goes to rax.
 */
#ifndef LODGE_CALL_H
#define LODGE_CALL_H

#include "domain/domain.h"

/* One hypercall's arguments, from registers or from a multicall entry. */
struct call_args {
	uint64_t a[6];
};

/*
 * Each returns the guest's result: >= 0, or -errno. -ERESTART: not finished;
 * args holds where to go on. Names: hc_ + the call's.
 */
typedef long hypercall_fn(struct vcpu *v, struct call_args *args);

/*
 * A hypercall from v's kernel, any but iret, which has no result and goes to
 * trap_iret(). The arguments are copied from the guest's registers:
 * dispatches and sets rax; or sets the registers to where it will go on, and
 * RIP back to the instruction. Other registers stay as they are (entry.S).
 */
void call_hypercall(struct vcpu *v, struct call_args *args);
/* The same from a 32-bit guest's kernel: ebx ecx edx esi edi ebp, eax. */
void call_hypercall32(struct vcpu *v);
long call_dispatch(struct vcpu *v, uint64_t number, struct call_args *args);

/* A multicall's entries of so many bytes, each done by one(), which returns 0
 * or -EFAULT, or -ERESTART with its progress stored in the entry. */
typedef long multicall_fn(struct vcpu *v, uint64_t va);
long call_multicall(struct vcpu *v, struct call_args *args, multicall_fn *one,
		    size_t bytes);

/*
 * What remains to be done before this CPU returns to a guest: softirqs, a
 * switch of vcpus, work of the vcpu, its upcall. After it, this_cpu()'s
 * current is what runs. Idles inside while there is nothing to run.
 */
void call_return(void);

/* The hypervisor's own command line, for XENVER_commandline; is copied. */
void version_set_commandline(const char *text);

hypercall_fn hc_set_trap_table, hc_mmu_update, hc_set_gdt, hc_stack_switch,
	hc_set_callbacks, hc_fpu_taskswitch, hc_sched_op_compat,
	hc_set_debugreg, hc_get_debugreg, hc_update_descriptor, hc_memory_op,
	hc_multicall, hc_update_va_mapping, hc_set_timer_op, hc_xen_version,
	hc_console_io, hc_update_va_mapping_otherdomain, hc_vm_assist,
	hc_vcpu_op, hc_set_segment_base, hc_mmuext_op, hc_nmi_op, hc_sched_op,
	hc_callback_op, hc_event_channel_op, hc_physdev_op, hc_domctl,
	hc_sysctl, hc_xenpmu_op, hc_platform_op, hc_mca, hc_grant_table_op;
/* Those whose progress, or whose lists, are different in 32 bits. */
hypercall_fn hc_mmu_update32, hc_mmuext_op32;

#endif
