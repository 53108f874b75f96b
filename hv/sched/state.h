/* SPDX-License-Identifier: MIT */
/* What the scheduler keeps in each vcpu. */
#ifndef LODGE_SCHED_STATE_H
#define LODGE_SCHED_STATE_H

#include "abi.h"
#include "list.h"
#include "lock.h"
#include "types.h"

/* Reasons why a vcpu may not run; it is runnable when none is set. */
enum vcpu_stop {
	VCPU_DOWN = 1 << 0,	/* not brought up yet, or taken down */
	VCPU_BLOCKED = 1 << 1,	/* waits for an event */
	VCPU_POLLING = 1 << 2,	/* blocked in SCHEDOP_poll */
	VCPU_PAUSED = 1 << 3,	/* its domain is not built yet, or dying */
	VCPU_HELD = 1 << 4,	/* paused by control software */
	VCPU_APART = 1 << 5,	/* while control software changes it */
	VCPU_DEBUGGED = 1 << 7, /* stopped by a debugger */
	VCPU_SHUT = 1 << 6,	/* its domain has shut down, and stays */
};

/*
 * Written under the lock of the run queue of cpu (sched/sched.c). Letters: a:
 * stop, running and on_cpu are also read without it, see sched_is_stopped().
 */
struct vcpu_sched {
	struct list queue; /* on the CPU's run queue, if queued */
	uint32_t stop;	   /* a: VCPU_* bits */
	uint16_t cpu;	   /* where it runs or will run */
	uint8_t running;   /* a: 1: it is some CPU's current */
	uint8_t on_cpu;	   /* a: 1: a CPU may have its root and registers:
			      since it was picked, until it was left */
	/* CPUs where it may run, and where it had better: bit = cpu id */
	uint64_t hard, soft;
	uint64_t virtual_ns; /* weighted time it has had (bvt) */
	uint64_t since_ns;   /* up to when it has been charged */
	uint64_t ran_ns;     /* real time it has had */
	uint64_t wake_seq;   /* order among equals */
	struct vcpu_runstate_info runstate;
	uint64_t runstate_va; /* guest's registered area, 0: none; only the
				 CPU that runs the vcpu */
};

/* Of each domain. */
struct domain_sched {
	uint32_t weight; /* share of the CPU, 256 by default */
	atomic32_t held; /* how often control software has paused it */
};

#define SCHED_WEIGHT_DEFAULT 256

#endif
