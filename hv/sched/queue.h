/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the run queues and the runstates. */
#ifndef LODGE_SCHED_QUEUE_H
#define LODGE_SCHED_QUEUE_H

#include "cpu.h"
#include "domain/domain.h"

struct run_queue {
	struct spinlock lock;
	struct cpu *cpu;      /* whose it is; NULL: not brought up */
	struct vcpu *running; /* lock */
	struct list waiting;  /* lock: runnable vcpus, first to run first */
	uint64_t virtual_ns;  /* lock: never goes back */
	uint64_t seq;	      /* lock: order among equals */
	uint64_t idle_ns;     /* lock: without anybody, until it was left */
	uint64_t idle_since;  /* lock: while nobody runs */
	struct timer slice;
};

extern struct run_queue run_queues[MAX_CPUS];

/* Locks the queue that v is on, or would be on. */
struct run_queue *sched_lock_queue_of(const struct vcpu *v);

/* v is in that RUNSTATE_* from now on; queue lock held. */
void runstate_set(struct vcpu *v, int state, uint64_t now);
/* The runstate of a vcpu that has reasons to stop. */
int runstate_stopped(const struct vcpu *v);

#endif
