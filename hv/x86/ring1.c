/* SPDX-License-Identifier: MIT */
/*
 * The ways in from ring 1, the kernel of a 32-bit guest
 *
 * Such a kernel returns to its programs without us, so what mode the guest
 * is in is known only at the entry, by the ring of its code segment. While we
 * work for ring 1 the vcpu's mode says "kernel"; at all other times, a switch
 * of vcpus among them, it says "user", which is true when an entry comes
 * from ring 3. That costs the entries of 64-bit guests nothing.
 *
 * From ring 1 there is no SYSCALL that could be told from a program's: it is
 * taken for one.
 */
#include "call/call.h"
#include "domain/domain.h"
#include "x86/traps.h"

void trap_from_ring1(struct vcpu *v, struct cpu_user_regs *regs)
{
	v->trap.kernel_mode = true;
	trap_from_guest(v, regs);
	v->trap.kernel_mode = false;
}

void hypercall_from_ring1(struct vcpu *v)
{
	v->trap.kernel_mode = true;
	call_hypercall32(v);
	v->trap.kernel_mode = false;
}
