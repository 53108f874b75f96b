/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of a fault: its trap table, the frames we push on its
 * kernel's stack, its return by iret, and the privileged instructions that
 * we carry out for it.
 */
#ifndef LODGE_TRAP_H
#define LODGE_TRAP_H

#include "domain/domain.h"
#include "trap/state.h"

/*
 * A guest's exception, as the processor reported it, registers in v->regs:
 * emulates, repairs or reflects it. Never fails: at worst domain_crash().
 * va is CR2 for a page fault; dr6 the debug status for vector 1.
 */
void trap_exception(struct vcpu *v, unsigned int vector, uint32_t error,
		    uint64_t va);
/* The same for a page fault. */
void trap_page_fault(struct vcpu *v, uint32_t error, uint64_t va);
/* Reflects a vector to the guest's gate (has_error: pushes error). */
void trap_reflect(struct vcpu *v, unsigned int vector, bool has_error,
		  uint32_t error);
/* Enters the guest's event callback; its upcalls are masked after. */
void trap_upcall(struct vcpu *v);
/*
 * Delivers an NMI through the trap table's vector 2, or forgets it when there
 * is no handler. While one is being handled, another waits for its iret.
 */
void trap_nmi(struct vcpu *v);
/*
 * The return to the guest failed: IRET refused its selectors, or a data
 * segment could not be loaded (and is 0 now). Enters the failsafe callback
 * with what should have been loaded: rip cs rflags rsp ss of v->regs, and
 * ds es fs gs there, which the caller fills. The guest tells the two cases
 * by comparing these four with what it finds loaded.
 */
void trap_failsafe(struct vcpu *v);
/*
 * A SYSCALL from the guest's user mode, 64-bit or (AMD) compatibility code,
 * or a SYSENTER: enters its kernel. All of v->regs is filled in, cs and ss
 * with the flat user selectors, rip behind the instruction. Without a
 * callback the program gets #UD at the instruction, or #GP for SYSENTER.
 */
void trap_syscall(struct vcpu *v);
void trap_syscall32(struct vcpu *v);
void trap_sysenter(struct vcpu *v);
/* Changes a 64-bit guest between its kernel and user mode: root, GS base. */
void trap_mode_set(struct vcpu *v, bool kernel);
/* The same for either width, to reach data of the guest's kernel and back. */
void trap_mode_visit(struct vcpu *v, bool kernel);

static inline bool trap_gate_is_set(const struct trap_gate *gate)
{
	return gate->address || gate->eip;
}

/*
 * Hypercalls' work. The address of a 32-bit guest's callback has the code
 * selector in its upper half.
 */
/* One gate of either width, whose address was checked. */
void trap_gate_set(struct vcpu *v, const struct trap_info *t);
/* Those of a 64-bit guest: -EINVAL. */
[[nodiscard]] int trap_table_set(struct vcpu *v, const struct trap_info *t,
				 unsigned int n);
void trap_table_clear(struct vcpu *v);
[[nodiscard]] int trap_callback_register(struct vcpu *v, unsigned int type,
					 unsigned int flags, uint64_t address);
[[nodiscard]] int trap_callback_unregister(struct vcpu *v, unsigned int type);
[[nodiscard]] int trap_stack_switch(struct vcpu *v, uint64_t ss, uint64_t sp);
void trap_stack_switch32(struct vcpu *v, uint32_t ss, uint32_t sp);
/* HYPERVISOR_iret: the frame is on the guest's stack. Sets all registers,
 * crashes the domain when the frame cannot be read or makes no sense. */
void trap_iret(struct vcpu *v);
void trap_iret32(struct vcpu *v);
void trap_fpu_taskswitch(struct vcpu *v, bool set);
[[nodiscard]] int trap_segment_base_set(struct vcpu *v, unsigned int which,
					uint64_t value);
[[nodiscard]] int trap_debugreg_set(struct vcpu *v, unsigned int n,
				    uint64_t value);
[[nodiscard]] int trap_debugreg_get(struct vcpu *v, unsigned int n,
				    uint64_t *value);
/*
 * Checks a value for a debug register and fixes its reserved bits. -EINVAL:
 * no such register or value; -EPERM: it would trap in the hypervisor.
 */
[[nodiscard]] int trap_debugreg_check(unsigned int n, uint64_t cr4,
				      uint64_t *value);
[[nodiscard]] int trap_iopl_set(struct vcpu *v, unsigned int iopl);
/* The bitmap at va (0: port is allowed) lets user mode at those ports. */
[[nodiscard]] int trap_port_bitmap_set(struct vcpu *v, uint64_t va,
				       uint32_t ports);
/*
 * A code or stack selector as a guest may use it: RPL 3. The processor then
 * refuses every descriptor of ours but the flat ones.
 */
uint16_t trap_selector_fix(uint16_t selector);
/* Registers, stack and code of the vcpu, to the log. */
void trap_dump(const struct vcpu *v);

/* ---- processor as the guest sees it (cpuid.c, msr.c, port.c) ---- */

/* The masked view of a CPUID leaf, hypervisor leaves included. */
void trap_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
		uint32_t out[4]);
/* At boot, once guests' XCR0 is known: prepares what does not change. */
void trap_cpuid_prepare(void);
/* A leaf of the machine's own; beyond the last one, where processors differ:
 * zeros. */
void trap_host_leaf(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* What of XCR0 the domain may enable. */
uint64_t trap_xcr0_mask(const struct domain *d);

/* What CPUID tells a domain that was given nothing else: the most there is. */
const struct domain_cpuid *trap_policy_machine(void);
/* A leaf of a policy, without what is of one vcpu. */
void trap_policy_leaf(const struct domain_cpuid *p, uint32_t leaf,
		      uint32_t subleaf, uint32_t out[4]);
/*
 * Changes a copy of the machine's policy, leaf by leaf, and then makes it fit.
 * 1: the machine has not all features; they are left out. -EINVAL: a leaf
 * behind its last one.
 */
[[nodiscard]] int trap_policy_take(struct domain_cpuid *p, uint32_t leaf,
				   uint32_t subleaf, const uint32_t in[4]);
void trap_policy_fit(struct domain_cpuid *p);
[[nodiscard]] int trap_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
[[nodiscard]] int trap_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);
/* TSC_AUX of a vcpu that does not run. -EINVAL. */
#define TRAP_MSR_TSC_AUX 0xc0000103U
[[nodiscard]] int trap_tsc_aux_set(struct vcpu *v, uint64_t value);
/* Emulates the privileged instruction at RIP: true when it did. */
bool trap_emulate_privileged(struct vcpu *v);
/* An emulated instruction of a guest that single-steps is done: #DB. */
void trap_step(struct vcpu *v);
/* ud2 "xen" + instruction: true when it was one and is done. */
bool trap_emulate_forced(struct vcpu *v);

/* Initial processor state of a vcpu: see <xen/arch-x86/xen.h>. */
void trap_vcpu_init(struct vcpu *v);
/* Fills a vcpu from a context that was copied in. All checked first:
 * -EINVAL. Page-table roots and GDT are the caller's (lifecycle/). */
[[nodiscard]] int trap_context_set(struct vcpu *v,
				   const struct vcpu_guest_context *c);

/* Fills a context, which is zero, from a vcpu that does not run, but for what
 * trap_context_set() leaves to its caller. */
void trap_context_get(const struct vcpu *v, struct vcpu_guest_context *c);
/* What trap_callback_register() was given, or 0. */
uint64_t trap_callback_get(const struct vcpu *v, unsigned int type);

/* A 32-bit vcpu's context in the form that trap_context_set() takes, and
 * back. */
void trap_context_widen(struct vcpu_guest_context *w,
			const struct vcpu_guest_context_x86_32 *n);
void trap_context_narrow(struct vcpu_guest_context_x86_32 *n,
			 const struct vcpu_guest_context *w);

/*
 * Extended registers of a vcpu that does not run, in the form that
 * XEN_DOMCTL_getvcpuextstate has: so many bytes for an XCR0; all that v has,
 * with the number of bytes (out NULL: only that; 0: no XSAVE here); and into
 * it: -EINVAL, nothing is changed.
 */
uint64_t trap_xstate_bytes(uint64_t xcr0);
uint64_t trap_xstate_get(const struct vcpu *v, void *out);
[[nodiscard]] int trap_xstate_set(struct vcpu *v, const void *from,
				  uint64_t bytes);

#endif
