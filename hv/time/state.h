/* SPDX-License-Identifier: MIT */
/* Timers and what each vcpu has of them. */
#ifndef LODGE_TIME_STATE_H
#define LODGE_TIME_STATE_H

#include "abi.h"
#include "atomic.h"
#include "types.h"

/* What an expired timer means: dispatched in event/, no code pointers. */
enum timer_kind {
	TIMER_VCPU_SINGLESHOT, /* raise VIRQ_TIMER */
	TIMER_VCPU_PERIODIC,   /* raise VIRQ_TIMER, and again */
	TIMER_VCPU_POLL,       /* SCHEDOP_poll's time is up */
	TIMER_SCHED_SLICE,     /* the running vcpu's slice is over */
	TIMER_DOMAIN_REAP,     /* the reaper's next slice */
	TIMER_WATCHDOG_0,      /* a domain has not been heard of */
	TIMER_WATCHDOG_1,
	TIMER_IRQ, /* interrupts that came too often may come again */
};

#define TIMER_IDLE	UINT32_MAX
#define TIMERS_PER_VCPU 3

/* lock of the CPU's timer heap, all fields */
struct timer {
	uint64_t deadline_ns; /* host time, see time_now_ns() */
	uint32_t slot;	      /* place in the heap, TIMER_IDLE if in none */
	uint16_t cpu;	      /* whose heap */
	uint16_t kind;	      /* enum timer_kind */
};

/* Only the CPU that the vcpu runs on, unless noted. */
struct vcpu_time {
	struct timer singleshot;
	struct timer periodic;
	struct timer poll;
	uint64_t period_ns;    /* of the periodic timer; 0: off. Any vcpu of
				  the domain sets it */
	uint64_t secondary_va; /* the guest's own copy of its time page
				  (vcpu_op 13), 0: none */
};

#endif
