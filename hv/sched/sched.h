/* SPDX-License-Identifier: MIT */
/* Who runs: vcpu states and one run queue a CPU; policy in bvt.c. */
#ifndef LODGE_SCHED_H
#define LODGE_SCHED_H

#include "domain/domain.h"
#include "sched/state.h"

/* Empties all run queues and makes the boot CPU's: there, after time_init()
 * and once there is memory. */
void sched_init(void);
/* Another CPU runs vcpus from now on: on it, after timer_cpu_init(). */
[[nodiscard]] int sched_cpu_init(void);
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
/* True when one of the reasons holds it; without the lock, see event/. */
static inline bool sched_is_stopped(const struct vcpu *v, uint32_t reasons)
{
	return shared_load32(&v->sched.stop) & reasons;
}
/*
 * True from when a CPU decides to run v until it has left v's root and saved
 * its registers, which is later than when it ceases to be "running". When it
 * is false, all of v is in memory, and no CPU has translations by its root
 * that it would use again. Without the lock: see docs/locking.md.
 */
static inline bool sched_is_on_cpu(const struct vcpu *v)
{
	return shared_load8(&v->sched.on_cpu);
}
/* This CPU's arch_switch() has left v. */
void sched_left(struct vcpu *v);
/* Has the CPU that runs v now, if another one, look at v's events and work. */
void sched_poke(const struct vcpu *v);
/* Where v may run, and where it had better. -EINVAL: it could run nowhere. */
[[nodiscard]] int sched_affinity_set(struct vcpu *v, uint64_t hard,
				     uint64_t soft);
/* Lets others run first. (sched_yield() is libc's, also in a process.) */
void sched_vcpu_yield(struct vcpu *v);
/* The same reason for all vcpus of a domain. */
void sched_stop_domain(struct domain *d, uint32_t reasons);
void sched_start_domain(struct domain *d, uint32_t reasons);

/*
 * Control software pauses the domain, or ends one such pause: -EINVAL when
 * there is none, or too many.
 */
[[nodiscard]] int sched_hold_domain(struct domain *d);
[[nodiscard]] int sched_release_domain(struct domain *d);

/*
 * The vcpu to run now on this CPU, NULL to idle. Accounts the one that ran,
 * sets the slice timer. Marks the result running and the old one not.
 */
struct vcpu *sched_pick(void);
/* Runstate of the vcpu, its times counted up to this moment. */
void sched_runstate_get(const struct vcpu *v, struct vcpu_runstate_info *out);
/*
 * Copies the runstate to the area that the guest has registered, through the
 * page tables of the current vcpu, which v is. In guest user mode they may
 * not map it: then nothing is written, and the caller tries again later.
 */
void sched_runstate_publish(struct vcpu *v);

/* How long a CPU has had nobody to run, up to now. */
uint64_t sched_idle_ns(unsigned int cpu);
/* Who runs on a CPU and who waits for it, to the log. */
void sched_say_queue(unsigned int cpu);

/* ---- policy: borrowed virtual time (bvt.c), under the queue's lock ---- */

#define BVT_SLICE_NS 10000000UL
/* How far behind a runner's virtual time one must be to interrupt it. */
#define BVT_ALLOWANCE_NS 1000000UL /* unless told otherwise: */
uint64_t sched_allowance_ns(void);
void sched_allowance_set(uint64_t ns);
/* How far behind the queue's virtual time a sleeper may come back. */
#define BVT_WAKE_CREDIT_NS 3000000UL

/* True when a should run before b. */
bool bvt_before(const struct vcpu *a, const struct vcpu *b);
/* True when a, which is runnable, should run instead of the running b. */
bool bvt_preempts(const struct vcpu *a, const struct vcpu *b);
/* Charges ns of real time to v, by its domain's weight. */
void bvt_charge(struct vcpu *v, uint64_t ns);
/* v wakes: bring its virtual time up so that sleep earns no credit, but the
 * little that has it run soon. */
void bvt_wake(struct vcpu *v, uint64_t queue_virtual_ns);
/* The running v lets next, the first in the queue, run before it. */
void bvt_yield(struct vcpu *v, const struct vcpu *next);

#endif
