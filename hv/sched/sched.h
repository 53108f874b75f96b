/* SPDX-License-Identifier: MIT */
/* Who runs: vcpu states and one run queue a CPU; policy in bvt.c. */
#ifndef LODGE_SCHED_H
#define LODGE_SCHED_H

#include "domain/domain.h"
#include "sched/state.h"

void sched_init(void);
/* Starts with VCPU_DOWN set. */
void sched_vcpu_init(struct vcpu *v);
/* Takes it off its queue for good: it must be stopped and not running. */
void sched_vcpu_exit(struct vcpu *v);

/*
 * Adds or removes reasons to stop. Removing the last one makes it runnable
 * and preempts a CPU's current if policy says so (SOFTIRQ_SCHED); adding one
 * to a vcpu that runs raises SOFTIRQ_SCHED on its CPU.
 */
void sched_stop(struct vcpu *v, uint32_t reasons);
void sched_start(struct vcpu *v, uint32_t reasons);
/* Lets others run first. */
void sched_yield(struct vcpu *v);
/* The same reason for all vcpus of a domain. */
void sched_stop_domain(struct domain *d, uint32_t reasons);
void sched_start_domain(struct domain *d, uint32_t reasons);

/*
 * The vcpu to run now on this CPU, NULL to idle. Accounts the one that ran,
 * sets the slice timer. Marks the result running and the old one not.
 */
struct vcpu *sched_pick(void);
/* Runstate of the vcpu at this moment. */
void sched_runstate_get(const struct vcpu *v, struct vcpu_runstate_info *out);
/* Copies the runstate to the guest's area, in the current vcpu's context. */
void sched_runstate_publish(struct vcpu *v);

/* ---- policy: borrowed virtual time (bvt.c), under the queue's lock ---- */

/* True when a should run before b. */
bool bvt_before(const struct vcpu *a, const struct vcpu *b);
/* Charges ns of real time to v, by its domain's weight. */
void bvt_charge(struct vcpu *v, uint64_t ns);
/* v wakes: bring its virtual time up so that sleep earns no credit. */
void bvt_wake(struct vcpu *v, uint64_t queue_virtual_ns);
#define BVT_SLICE_NS 10000000UL

#endif
