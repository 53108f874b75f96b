/* SPDX-License-Identifier: MIT */
/*
 * What timers mean: a vcpu's two timers raise its timer virq, whether it runs
 * or not; the poll timer ends a poll; the slice timer has a CPU pick again.
 * A timer holds no code pointer, only its kind.
 */
#include "arch.h"
#include "errno.h"
#include "event/port.h"
#include "time/time.h"

#define PERIOD_MIN_NS 1000000UL
#define PERIOD_MAX_NS (1UL << 62)

int event_timer_singleshot(struct vcpu *v, uint64_t deadline_ns, uint32_t flags)
{
	if ((flags & VCPU_SSHOTTMR_future) && deadline_ns < guest_now_ns(v))
		return -ETIME;
	timer_set(&v->time.singleshot, deadline_ns);
	return 0;
}

void event_timer_singleshot_stop(struct vcpu *v)
{
	timer_cancel(&v->time.singleshot);
}

int event_timer_periodic(struct vcpu *v, uint64_t period_ns)
{
	if (period_ns == 0) {
		v->time.period_ns = 0;
		timer_cancel(&v->time.periodic);
		return 0;
	}
	if (period_ns < PERIOD_MIN_NS || period_ns > PERIOD_MAX_NS)
		return -EINVAL;
	v->time.period_ns = period_ns;
	timer_set(&v->time.periodic, guest_now_ns(v) + period_ns);
	return 0;
}

void event_timer_start(struct vcpu *v)
{
	if (v->time.period_ns)
		timer_set(&v->time.periodic,
			  guest_now_ns(v) + v->time.period_ns);
}

/* Again after a period; those that have been missed are not made up for. */
static void periodic_expired(struct vcpu *v)
{
	uint64_t now = time_now_ns(), period = v->time.period_ns;
	uint64_t next = v->time.periodic.deadline_ns + period;

	if (period == 0)
		return;
	timer_set(&v->time.periodic, next > now ? next : now + period);
	event_raise_virq(v, VIRQ_TIMER);
}

static void timer_act(struct timer *t)
{
	switch ((enum timer_kind)t->kind) {
	case TIMER_VCPU_SINGLESHOT:
		event_raise_virq(CONTAINER_OF(t, struct vcpu, time.singleshot),
				 VIRQ_TIMER);
		break;
	case TIMER_VCPU_PERIODIC:
		periodic_expired(CONTAINER_OF(t, struct vcpu, time.periodic));
		break;
	case TIMER_VCPU_POLL:
		event_poll_wake(CONTAINER_OF(t, struct vcpu, time.poll));
		break;
	case TIMER_SCHED_SLICE:
		cpu_raise(this_cpu(), SOFTIRQ_SCHED);
		break;
	case TIMER_DOMAIN_REAP:
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
		break;
	}
}

void event_timers_run(void)
{
	struct timer *t;

	while ((t = timer_expired()))
		timer_act(t);
}
