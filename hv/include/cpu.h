/* SPDX-License-Identifier: MIT */
/*
 * What the core keeps of each physical CPU. The machine places one of these
 * at the top of each CPU's stack, where it is found from the stack pointer
 * alone (arch_inline.h): the GS base belongs to the guest.
 *
 * Work that an interrupt finds is not done there: the handler sets a softirq
 * bit, and the way back to the guest (call/return.c) acts on it.
 */
#ifndef LODGE_CPU_H
#define LODGE_CPU_H

#include "atomic.h"

#define MAX_CPUS 64

enum softirq {
	SOFTIRQ_SCHED = 1 << 0,	  /* pick again who runs */
	SOFTIRQ_TIMER = 1 << 1,	  /* a timer's deadline has passed */
	SOFTIRQ_CONSOLE = 1 << 2, /* the console has input */
	SOFTIRQ_REAP = 1 << 3,	  /* a domain waits to be taken apart */
	SOFTIRQ_IRQ = 1 << 4,	  /* a device has interrupted */
};

struct vcpu;

struct cpu {
	uint32_t id;	      /* index, 0 is the boot CPU */
	uint32_t apic_id;     /* never changes after boot */
	struct vcpu *current; /* only this CPU; NULL: idle */
	atomic32_t softirqs;  /* set by anyone, cleared by this CPU */
	uint32_t flushed_at;  /* value of the flush clock at the last full
			       * flush of this CPU's TLB (frame/flush.c) */
	uint64_t guest_end;   /* of addresses that the guest that runs here has
			       * below the hypervisor's range */
};

static inline void cpu_raise(struct cpu *c, uint32_t softirq)
{
	atomic32_or(&c->softirqs, softirq);
}

#endif
