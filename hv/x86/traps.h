/* SPDX-License-Identifier: MIT */
/* C's side of entry.S, with call_hypercall() and trap_syscall(). */
#ifndef LODGE_X86_TRAPS_H
#define LODGE_X86_TRAPS_H

#include "abi.h"

struct vcpu;

/* An exception or interrupt of the guest that runs here. */
void trap_from_guest(struct vcpu *v, struct cpu_user_regs *regs);
/* One of ours. */
void trap_from_hv(struct cpu_user_regs *regs);
/* The same from ring 1, and the hypercall instruction there (ring1.c). */
void trap_from_ring1(struct vcpu *v, struct cpu_user_regs *regs);
void hypercall_from_ring1(struct vcpu *v);
/* The guest's registers made IRET fault. */
void trap_iret_failed(struct cpu_user_regs *regs);
/* All that is to be done before a guest runs again. */
void return_work(void);

#endif
