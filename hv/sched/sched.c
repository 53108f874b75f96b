/* SPDX-License-Identifier: MIT */
/*
 * States of vcpus and run queues
 *
 * A vcpu is runnable when it has no reason to stop (VCPU_* bits). Each CPU
 * has a queue of the runnable vcpus that wait for it, ordered by the policy
 * (bvt.c), and at most one that runs; the one that runs is not queued.
 *
 *	        sched_start: last reason gone
 *	stopped ------------------------------> queued
 *	   ^                                   |      ^
 *	   |  sched_stop                  pick |      | pick: another
 *	   +-------------- running <-----------+      | is before it
 *	                      +-----------------------+
 *
 * A running vcpu that is stopped goes on running until its CPU picks again
 * (SOFTIRQ_SCHED, on the way back to the guest): `stop` and `running` may both
 * be set for that long. Started again before that, nothing has happened.
 * And a vcpu that no longer runs may still be on a CPU, which saves its
 * registers and leaves its root (`on_cpu`). A vcpu stays with its CPU, so it
 * cannot be picked elsewhere meanwhile; whoever moves one has to wait.
 *
 * The queue is a sorted list: picking is O(1), queueing O(runnable vcpus),
 * most often 1 step, as who queues has mostly run last. A guest can make no
 * more of them than it has vcpus.
 *
 * A slice ends the run of a vcpu only if somebody else waits: the timer is
 * set when there is a queue, and a CPU with one busy vcpu gets no ticks.
 */
#include "arch.h"
#include "bug.h"
#include "sched/queue.h"
#include "sched/sched.h"
#include "time/time.h"

struct run_queue run_queues[MAX_CPUS];

struct run_queue *sched_lock_queue_of(const struct vcpu *v)
{
	for (;;) {
		uint16_t cpu = v->sched.cpu;
		struct run_queue *q = &run_queues[cpu];

		spin_lock(&q->lock);
		if (v->sched.cpu == cpu)
			return q;
		spin_unlock(&q->lock);
	}
}

int sched_cpu_init(void)
{
	struct run_queue *q = &run_queues[this_cpu()->id];
	int error = timer_reserve(1);

	if (error)
		return error;
	timer_init(&q->slice, TIMER_SCHED_SLICE);
	q->cpu = this_cpu();
	return 0;
}

void sched_init(void)
{
	for (unsigned int i = 0; i < MAX_CPUS; i++) {
		struct run_queue *q = &run_queues[i];

		*q = (struct run_queue){ .cpu = NULL };
		spin_init(&q->lock, LOCK_RANK_SCHED);
		list_init(&q->waiting);
	}
	if (sched_cpu_init())
		panic("no memory for the scheduler");
}

void sched_vcpu_init(struct vcpu *v)
{
	list_init(&v->sched.queue);
	v->sched.stop = VCPU_DOWN;
	v->sched.cpu = 0;
	v->sched.running = 0;
	v->sched.on_cpu = 0;
	v->sched.hard = v->sched.soft = ~0UL;
	v->sched.runstate.state = RUNSTATE_offline;
	v->sched.runstate.state_entry_time = time_now_ns();
}

void sched_vcpu_exit(struct vcpu *v)
{
	struct run_queue *q = sched_lock_queue_of(v);

	BUG_ON(v->sched.running || v->sched.on_cpu);
	shared_store32(&v->sched.stop, v->sched.stop | VCPU_DOWN);
	list_remove(&v->sched.queue);
	spin_unlock(&q->lock);
}

/* Has the queue's CPU pick again. */
static void kick(struct run_queue *q)
{
	cpu_raise(q->cpu, SOFTIRQ_SCHED);
	if (q->cpu != this_cpu())
		arch_cpu_poke(q->cpu->id);
}

static struct vcpu *first_waiting(const struct run_queue *q)
{
	if (list_empty(&q->waiting))
		return NULL;
	return LIST_ENTRY(q->waiting.next, struct vcpu, sched.queue);
}

/* From the back: who comes is mostly the one that has had the most. */
static void enqueue(struct run_queue *q, struct vcpu *v)
{
	struct list *at = &q->waiting;

	v->sched.wake_seq = ++q->seq;
	while (at->prev != &q->waiting &&
	       bvt_before(v, LIST_ENTRY(at->prev, struct vcpu, sched.queue)))
		at = at->prev;
	list_add_before(at, &v->sched.queue);
}

/* Charges the running vcpu up to now and advances the queue's clock. */
static void account(struct run_queue *q, uint64_t now)
{
	struct vcpu *v = q->running, *first = first_waiting(q);
	uint64_t least;

	if (v) {
		bvt_charge(v, now - v->sched.since_ns);
		v->sched.ran_ns += now - v->sched.since_ns;
		v->sched.since_ns = now;
		if (!first || bvt_before(v, first))
			first = v;
	}
	if (!first)
		return;
	least = first->sched.virtual_ns;
	if ((int64_t)(least - q->virtual_ns) > 0)
		q->virtual_ns = least;
}

/* v has become runnable and does not run: queue it, say who runs now. */
static void wake(struct run_queue *q, struct vcpu *v)
{
	uint64_t now = time_now_ns();

	account(q, now);
	bvt_wake(v, q->virtual_ns);
	enqueue(q, v);
	runstate_set(v, RUNSTATE_runnable, now);
	if (!q->running || q->cpu != this_cpu() || bvt_preempts(v, q->running))
		kick(q);
	else if (!timer_is_set(&q->slice))
		timer_set(&q->slice, now + BVT_SLICE_NS);
}

void sched_stop(struct vcpu *v, uint32_t reasons)
{
	struct run_queue *q = sched_lock_queue_of(v);

	shared_store32(&v->sched.stop, v->sched.stop | reasons);
	if (v->sched.running) {
		kick(q);
	} else {
		list_remove(&v->sched.queue);
		runstate_set(v, runstate_stopped(v), time_now_ns());
	}
	spin_unlock(&q->lock);
}

void sched_start(struct vcpu *v, uint32_t reasons)
{
	struct run_queue *q = sched_lock_queue_of(v);
	uint32_t before = v->sched.stop, after = before & ~reasons;

	shared_store32(&v->sched.stop, after);
	if (before && !v->sched.running) {
		if (!after)
			wake(q, v);
		else if (before != after)
			runstate_set(v, runstate_stopped(v), time_now_ns());
	}
	spin_unlock(&q->lock);
}

/* A vcpu stays with its CPU, and there is one. */
int sched_affinity_set(struct vcpu *v, uint64_t hard, uint64_t soft)
{
	struct run_queue *q = sched_lock_queue_of(v);
	int rc = hard >> v->sched.cpu & 1 ? 0 : -EINVAL;

	if (!rc) {
		v->sched.hard = hard;
		v->sched.soft = soft;
	}
	spin_unlock(&q->lock);
	return rc;
}

void sched_left(struct vcpu *v)
{
	shared_store8(&v->sched.on_cpu, 0);
}

void sched_poke(const struct vcpu *v)
{
	uint16_t cpu = v->sched.cpu;

	if (cpu != this_cpu()->id && shared_load8(&v->sched.running))
		arch_cpu_poke(cpu);
}

void sched_vcpu_yield(struct vcpu *v)
{
	struct run_queue *q = sched_lock_queue_of(v);
	struct vcpu *next = first_waiting(q);

	if (next && v->sched.running) {
		account(q, time_now_ns());
		bvt_yield(v, next);
		kick(q);
	}
	spin_unlock(&q->lock);
}

void sched_stop_domain(struct domain *d, uint32_t reasons)
{
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			sched_stop(d->vcpu[i], reasons);
}

void sched_start_domain(struct domain *d, uint32_t reasons)
{
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			sched_start(d->vcpu[i], reasons);
}

#define HOLDS_MAX 255

int sched_hold_domain(struct domain *d)
{
	uint32_t n = atomic32_load(&d->sched.held);

	do {
		if (n == HOLDS_MAX)
			return -EINVAL;
	} while (!atomic32_cmpxchg(&d->sched.held, &n, n + 1));
	sched_stop_domain(d, VCPU_HELD);
	return 0;
}

int sched_release_domain(struct domain *d)
{
	uint32_t n = atomic32_load(&d->sched.held);

	do {
		if (!n)
			return -EINVAL;
	} while (!atomic32_cmpxchg(&d->sched.held, &n, n - 1));
	/* Two CPUs, one holds and one releases: the count decides. */
	if (n == 1)
		sched_start_domain(d, VCPU_HELD);
	if (atomic32_load(&d->sched.held))
		sched_stop_domain(d, VCPU_HELD);
	return 0;
}

/* The vcpu that ran is not the one that runs next. */
static void put_previous(struct run_queue *q, struct vcpu *v, uint64_t now)
{
	shared_store8(&v->sched.running, 0);
	if (v->sched.stop) {
		runstate_set(v, runstate_stopped(v), now);
	} else {
		enqueue(q, v);
		runstate_set(v, RUNSTATE_runnable, now);
	}
}

static void set_next(struct run_queue *q, struct vcpu *v, uint64_t now)
{
	list_remove(&v->sched.queue);
	v->sched.since_ns = now;
	shared_store8(&v->sched.running, 1);
	shared_store8(&v->sched.on_cpu, 1);
	runstate_set(v, RUNSTATE_running, now);
	if (v->sched.runstate_va)
		atomic32_or(&v->work, VCPU_WORK_RUNSTATE);
	q->running = v;
}

static void slice_restart(struct run_queue *q, uint64_t now)
{
	if (q->running && first_waiting(q))
		timer_set(&q->slice, now + BVT_SLICE_NS);
	else if (timer_is_set(&q->slice))
		timer_cancel(&q->slice);
}

uint64_t sched_idle_ns(unsigned int cpu)
{
	struct run_queue *q = &run_queues[cpu];
	uint64_t ns;

	spin_lock(&q->lock);
	ns = q->idle_ns;
	if (!q->running)
		ns += time_now_ns() - q->idle_since;
	spin_unlock(&q->lock);
	return ns;
}

struct vcpu *sched_pick(void)
{
	struct run_queue *q = &run_queues[this_cpu()->id];
	uint64_t now = time_now_ns();
	struct vcpu *prev, *next;

	spin_lock(&q->lock);
	account(q, now);
	prev = q->running;
	next = first_waiting(q);
	if (prev && !prev->sched.stop && (!next || !bvt_preempts(next, prev))) {
		next = prev;
	} else {
		q->running = NULL;
		if (next)
			set_next(q, next, now);
		else if (prev)
			q->idle_since = now;
		if (prev)
			put_previous(q, prev, now);
		else if (next)
			q->idle_ns += now - q->idle_since;
	}
	slice_restart(q, now);
	spin_unlock(&q->lock);
	return next;
}
