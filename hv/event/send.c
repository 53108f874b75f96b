/* SPDX-License-Identifier: MIT */
/*
 * Sending
 *
 * An event is three bits, each telling of the one before: the port's bit in
 * shared_info, its word's bit in the vcpu's selector, and the vcpu's pending
 * flag. The guest clears them in the other order, so nothing is lost if each
 * is set by an atomic operation and the next one only on a change from 0 to
 * 1. All three words are the guest's to write as well: whatever it puts
 * there, it only fools itself. (With the FIFO interface, fifo.c, the port's
 * word and a queue stand for the first two.)
 *
 * Who is to be told and sleeps (SCHEDOP_block) is woken. The sleeper sets
 * its stop bit and then looks at the flag; we set the flag and then look at
 * the stop bit; the exchange on either side keeps that order, so that one of
 * us sees the other.
 */
#include "errno.h"
#include "event/port.h"
#include "sched/sched.h"

void event_kick(struct vcpu *v)
{
	if (sched_is_stopped(v, VCPU_POLLING))
		event_poll_wake(v);
	if (sched_is_stopped(v, VCPU_BLOCKED))
		sched_start(v, VCPU_BLOCKED);
	else
		sched_poke(v);
}

void event_kick_domain(struct domain *d)
{
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			event_kick(d->vcpu[i]);
}

/* A port of v is pending and not masked: on to the selector and the flag. */
static void tell(struct vcpu *v, uint32_t port)
{
	if (event_select(v, port))
		return;
	if (!shared_xchg8(&v->info->evtchn_upcall_pending, 1))
		event_kick(v);
}

static bool set_pending(struct domain *d, struct event_channel *ch,
			uint32_t port)
{
	if (unlikely(d->event.fifo))
		return event_fifo_set_pending(d, ch, port);
	if (shared_set_bit(event_pending_bits(d), port))
		return false;
	if (!shared_test_bit(event_mask_bits(d), port))
		tell(d->vcpu[shared_load32(&ch->vcpu)], port);
	return true;
}

bool event_set_pending(struct domain *d, struct event_channel *ch,
		       uint32_t port)
{
	uint32_t polling;

	if (!set_pending(d, ch, port))
		return false;
	polling = atomic32_load(&d->event.polling);
	if (unlikely(polling))
		event_wake_pollers(d, polling, port);
	return true;
}

bool event_is_pending(struct event_locked l, uint32_t port)
{
	return l.d->event.fifo ? event_fifo_is_pending(l, port)
			       : shared_test_bit(event_pending_bits(l.d), port);
}

/* The other end of a pair, whose one end's lock is held. */
static void send_remote(uint16_t remote, uint32_t port)
{
	struct domain *rd = domain_find(remote);
	struct event_channel *far;

	if (!rd)
		return;
	/* Not under its own lock, but it stays: see port.h. */
	far = event_channel((struct event_locked){ rd }, port);
	event_set_pending(rd, far, port);
}

int event_send(struct domain *d, uint32_t port)
{
	struct event_locked l = event_lock(d);
	struct event_channel *ch = event_channel(l, port);
	int result = 0;

	switch (ch ? ch->state : EVENT_FREE) {
	case EVENT_INTERDOMAIN:
		send_remote(ch->remote, ch->remote_port);
		break;
	case EVENT_IPI:
		event_set_pending(d, ch, port);
		break;
	case EVENT_UNBOUND:
		break; /* nobody listens yet */
	case EVENT_CONSOLE:
		result = EVENT_SENT_CONSOLE;
		break;
	default:
		result = -EINVAL;
		break;
	}
	event_unlock(l);
	return result;
}

static int unmask(struct event_locked l, uint32_t port)
{
	struct event_channel *ch = event_channel(l, port);
	struct domain *d = l.d;

	/* Pending all the while that it was masked: nobody was told. */
	if (ch && d->event.fifo)
		event_fifo_unmask(l, ch, port);
	else if (ch && shared_clear_bit(event_mask_bits(d), port) &&
		 shared_test_bit(event_pending_bits(d), port))
		tell(d->vcpu[ch->vcpu], port);
	return ch ? 0 : -EINVAL;
}

int event_unmask(struct domain *d, uint32_t port)
{
	struct event_locked l = event_lock(d);
	int rc = unmask(l, port);

	event_unlock(l);
	return rc;
}

void event_unmask_pirq(struct domain *d, uint32_t pirq)
{
	struct event_locked l = event_lock(d);

	/* No number of a port stands for "none" or "unbound". */
	(void)unmask(l, d->event.pirq_port[pirq]);
	event_unlock(l);
}

void event_raise_port(struct domain *d, uint32_t port)
{
	struct event_locked l = event_lock(d);
	struct event_channel *ch = event_channel(l, port);

	if (ch && ch->state != EVENT_FREE)
		event_set_pending(d, ch, port);
	event_unlock(l);
}

void event_raise_virq(struct vcpu *v, uint32_t virq)
{
	struct domain *d = v->domain;
	struct event_locked l = event_lock(d);
	uint32_t port;

	if (!virq_is_per_vcpu(virq))
		v = d->vcpu[0];
	port = v->event.virq_port[virq];
	if (port)
		event_set_pending(d, event_channel(l, port), port);
	event_unlock(l);
}

/* Which domain handles each global virq: an id. */
static uint32_t handlers[EVENT_NR_VIRQS]; /* a */

void event_raise_global(uint32_t virq)
{
	struct domain *d =
		domain_find((uint16_t)shared_load32(&handlers[virq]));

	if (d && d->vcpu[0])
		event_raise_virq(d->vcpu[0], virq);
}

int event_virq_handler_set(struct domain *d, uint32_t virq)
{
	if (virq >= EVENT_NR_VIRQS || virq_is_per_vcpu(virq))
		return -EINVAL;
	shared_store32(&handlers[virq], d->id);
	return 0;
}

void event_virq_handler_drop(const struct domain *d)
{
	for (uint32_t i = 0; i < EVENT_NR_VIRQS; i++)
		if (shared_load32(&handlers[i]) == d->id)
			shared_store32(&handlers[i], 0);
}

int event_raise_pirq(struct domain *d, uint32_t pirq)
{
	struct event_locked l = event_lock(d);
	uint32_t port = d->event.pirq_port[pirq];
	int rc = -ENOENT;

	if (port && port != EVENT_PIRQ_UNBOUND)
		rc = event_set_pending(d, event_channel(l, port), port);
	event_unlock(l);
	return rc;
}
