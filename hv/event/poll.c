/* SPDX-License-Identifier: MIT */
/*
 * Waiting for events: SCHEDOP_block and SCHEDOP_poll
 *
 * To block is to wait for an upcall; send.c has the argument why none is
 * missed. A poller waits for one of a few ports, though they are masked, and
 * there is no upcall. Its vcpu's bit in the domain's `polling` says so to
 * senders: they set the port's bit and then look at `polling`, the poller sets
 * its bit there and then looks at its ports, all by locked operations. A
 * poller of one port is woken by that one only; of several, by any of the
 * domain's. To be woken for nothing is allowed: guests look themselves.
 *
 * Whoever clears the bit in `polling` wakes the poller, no one else.
 */
#include "errno.h"
#include "event/port.h"
#include "sched/sched.h"
#include "time/time.h"

void event_block(struct vcpu *v)
{
	struct vcpu_info *info = v->info;

	shared_store8(&info->evtchn_upcall_mask, 0);
	if (shared_load8(&info->evtchn_upcall_pending))
		return;
	sched_stop(v, VCPU_BLOCKED);
	/* An exchange, for the order: see send.c. */
	(void)shared_xchg8(&info->evtchn_upcall_mask, 0);
	if (shared_load8(&info->evtchn_upcall_pending))
		sched_start(v, VCPU_BLOCKED);
}

void event_poll_wake(struct vcpu *v)
{
	uint32_t bit = 1U << v->id;

	if (atomic32_and(&v->domain->event.polling, ~bit) & bit)
		sched_start(v, VCPU_POLLING);
}

void event_wake_pollers(struct domain *d, uint32_t polling, uint32_t port)
{
	while (polling) {
		struct vcpu *v = d->vcpu[__builtin_ctz(polling)];
		uint32_t wanted = shared_load32(&v->event.poll_port);

		polling &= polling - 1;
		if (wanted == EVENT_POLL_ANY || wanted == port)
			event_poll_wake(v);
	}
}

static bool one_is_pending(struct domain *d, const uint32_t *ports,
			   unsigned int n)
{
	struct event_locked l = event_lock(d);
	bool is = false;

	for (unsigned int i = 0; !is && i < n; i++)
		is = event_channel(l, ports[i]) &&
		     event_is_pending(l, ports[i]);
	event_unlock(l);
	return is;
}

static bool all_exist(struct domain *d, const uint32_t *ports, unsigned int n)
{
	struct event_locked l = event_lock(d);
	bool exist = true;

	for (unsigned int i = 0; exist && i < n; i++)
		exist = event_channel(l, ports[i]) != NULL;
	event_unlock(l);
	return exist;
}

int event_poll(struct vcpu *v, const uint32_t *ports, unsigned int n,
	       uint64_t timeout_ns)
{
	struct domain *d = v->domain;

	if (!all_exist(d, ports, n))
		return -EINVAL;
	timer_cancel(&v->time.poll); /* of an earlier poll */
	shared_store32(&v->event.poll_port, n == 1 ? ports[0] : EVENT_POLL_ANY);
	sched_stop(v, VCPU_POLLING);
	atomic32_or(&d->event.polling, 1U << v->id);
	if (event_upcall_needed(v) || one_is_pending(d, ports, n))
		event_poll_wake(v);
	else if (timeout_ns)
		timer_set(&v->time.poll, timeout_ns);
	return 0;
}
