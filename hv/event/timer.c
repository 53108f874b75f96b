/* SPDX-License-Identifier: MIT */
/*
 * What timers mean: a vcpu's two timers raise its timer virq, whether it runs
 * or not; the poll timer ends a poll; the slice timer has a CPU pick again;
 * a watchdog that a guest has set and not set anew ends the guest.
 * A timer holds no code pointer, only its kind.
 */
#include "arch.h"
#include "errno.h"
#include "event/port.h"
#include "log/log.h"
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
		shared_store64(&v->time.period_ns, 0);
		timer_cancel(&v->time.periodic);
		return 0;
	}
	if (period_ns < PERIOD_MIN_NS || period_ns > PERIOD_MAX_NS)
		return -EINVAL;
	shared_store64(&v->time.period_ns, period_ns);
	timer_set(&v->time.periodic, guest_now_ns(v) + period_ns);
	return 0;
}

void event_timer_start(struct vcpu *v)
{
	uint64_t period = shared_load64(&v->time.period_ns);

	if (period)
		timer_set(&v->time.periodic, guest_now_ns(v) + period);
}

/* Again after a period; those that have been missed are not made up for. */
static void periodic_expired(struct vcpu *v)
{
	uint64_t now = time_now_ns();
	uint64_t period = shared_load64(&v->time.period_ns);
	uint64_t next = v->time.periodic.deadline_ns + period;

	if (period == 0)
		return;
	timer_set(&v->time.periodic, next > now ? next : now + period);
	event_raise_virq(v, VIRQ_TIMER);
}

#define NS_PER_S 1000000000UL

int event_watchdog(struct domain *d, uint32_t id, uint32_t timeout_s)
{
	struct timer *all = d->event.watchdog;
	struct event_locked l = event_lock(d);
	int rc = -EINVAL;

	if (id == 0) {
		while (id < WATCHDOGS && timer_is_set(&all[id]))
			id++;
		rc = id < WATCHDOGS ? (int)++id : -ENOSPC;
	} else if (id <= WATCHDOGS && timer_is_set(&all[id - 1])) {
		rc = 0;
	}
	if (rc > 0 || (rc == 0 && timeout_s))
		timer_set(&all[id - 1], time_now_ns() + timeout_s * NS_PER_S);
	else if (rc == 0)
		timer_cancel(&all[id - 1]);
	event_unlock(l);
	return rc;
}

static void watchdog_expired(struct domain *d)
{
	log_warn("domain %u (%s): its watchdog has not been heard of", d->id,
		 d->name);
	domain_shutdown(d, SHUTDOWN_watchdog);
	event_kick_domain(d);
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
	case TIMER_IRQ:
		cpu_raise(this_cpu(), SOFTIRQ_IRQ);
		break;
	case TIMER_WATCHDOG_0:
		watchdog_expired(
			CONTAINER_OF(t, struct domain, event.watchdog[0]));
		break;
	case TIMER_WATCHDOG_1:
		watchdog_expired(
			CONTAINER_OF(t, struct domain, event.watchdog[1]));
		break;
	}
}

void event_timers_run(void)
{
	struct timer *t;

	while ((t = timer_expired()))
		timer_act(t);
}
