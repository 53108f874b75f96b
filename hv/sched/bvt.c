/* SPDX-License-Identifier: MIT */
/*
 * Borrowed virtual time (Duda and Cheriton, SOSP 1999)
 *
 * Each vcpu has a virtual clock that advances while it runs: by real time
 * divided by its domain's weight. Whoever is most behind runs next, so over
 * time each gets a share in proportion to its weight. The queue's virtual
 * time is that of the runnable vcpu that is most behind.
 *
 * A vcpu that slept was behind all the while. If it kept that, it could take
 * the CPU for as long as it slept; so it is brought up to the queue's virtual
 * time, but for BVT_WAKE_CREDIT_NS: that much it may borrow, which gets it
 * the CPU at once (a sleeper is somebody who waits for something, often a
 * person) and is charged like all else. The credit cannot be collected by
 * sleeping often: it is a bound of how far one may be behind, not a gift.
 *
 * A runner is interrupted only for somebody who is behind it by more than the
 * allowance, lest two equals change places at every event.
 *
 * Virtual times wrap around: they are compared by their difference.
 */
#include "sched/sched.h"

static atomic64_t allowance_ns = { BVT_ALLOWANCE_NS };

uint64_t sched_allowance_ns(void)
{
	return atomic64_load(&allowance_ns);
}

void sched_allowance_set(uint64_t ns)
{
	atomic64_store(&allowance_ns, ns);
}

static int64_t ahead(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b);
}

bool bvt_before(const struct vcpu *a, const struct vcpu *b)
{
	int64_t d = ahead(a->sched.virtual_ns, b->sched.virtual_ns);

	if (d)
		return d < 0;
	return ahead(a->sched.wake_seq, b->sched.wake_seq) < 0;
}

bool bvt_preempts(const struct vcpu *a, const struct vcpu *b)
{
	return ahead(b->sched.virtual_ns, a->sched.virtual_ns) >=
	       (int64_t)sched_allowance_ns();
}

void bvt_charge(struct vcpu *v, uint64_t ns)
{
	uint32_t weight = shared_load32(&v->domain->sched.weight);

	if (weight == 0)
		weight = 1;
	/* Rounded up: many short runs must not be free. */
	v->sched.virtual_ns +=
		(ns * SCHED_WEIGHT_DEFAULT + weight - 1) / weight;
}

void bvt_wake(struct vcpu *v, uint64_t queue_virtual_ns)
{
	uint64_t least = queue_virtual_ns - BVT_WAKE_CREDIT_NS;

	if (ahead(v->sched.virtual_ns, least) < 0)
		v->sched.virtual_ns = least;
}

void bvt_yield(struct vcpu *v, const struct vcpu *next)
{
	uint64_t least = next->sched.virtual_ns + sched_allowance_ns();

	if (ahead(v->sched.virtual_ns, least) < 0)
		v->sched.virtual_ns = least;
}
