/* SPDX-License-Identifier: MIT */
/*
 * What a port is connected with
 *
 *	                alloc_unbound
 *	        FREE ------------------> UNBOUND (accepts one domain)
 *	         |                         |  ^
 *	         | bind_interdomain        |  | the other end closes
 *	         | (the binder's own end)  v  |
 *	         +------------------> INTERDOMAIN
 *	         |
 *	         +---- bind_virq, _ipi, _pirq, the console --> VIRQ IPI PIRQ...
 *
 * and close leads from each back to FREE. The two ends of a pair point at
 * each other by domain id and port; both change together, under two locks.
 */
#include "arch.h"
#include "errno.h"
#include "event/port.h"

int event_alloc_unbound(struct domain *d, uint16_t remote, uint32_t *port)
{
	struct event_locked l = event_lock(d);
	int error = event_port_alloc(l, EVENT_UNBOUND, port);

	if (!error)
		event_channel(l, *port)->remote = remote;
	event_unlock(l);
	return error;
}

int event_alloc_console(struct domain *d, uint32_t *port)
{
	struct event_locked l = event_lock(d);
	int error = event_port_alloc(l, EVENT_CONSOLE, port);

	event_unlock(l);
	return error;
}

static int bind_pair(struct event_locked l, struct event_locked r,
		     uint32_t remote_port, uint32_t *port)
{
	struct event_channel *far = event_channel(r, remote_port), *near;
	int error;

	if (!far || far->state != EVENT_UNBOUND || far->remote != l.d->id)
		return -EINVAL;
	error = event_port_alloc(l, EVENT_INTERDOMAIN, port);
	if (error)
		return error;
	near = event_channel(l, *port);
	near->remote = r.d->id;
	near->remote_port = remote_port;
	far->remote_port = *port;
	far->state = EVENT_INTERDOMAIN;
	return 0;
}

int event_bind_interdomain(struct domain *d, uint16_t remote,
			   uint32_t remote_port, uint32_t *port)
{
	struct domain *rd = remote == DOMID_SELF ? d : domain_find(remote);
	struct event_two_locked l;
	int error;

	if (!rd)
		return -ESRCH;
	l = event_lock_two(d, rd);
	error = bind_pair(l.a, l.b, remote_port, port);
	if (!error) /* the peer may have sent before there was a pair */
		event_set_pending(d, event_channel(l.a, *port), *port);
	event_unlock_two(l);
	return error;
}

int event_bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu,
		    uint32_t *port)
{
	struct vcpu *v = event_vcpu(d, vcpu);
	struct event_locked l;
	int error = -EEXIST;

	if (virq >= EVENT_NR_VIRQS || (!virq_is_per_vcpu(virq) && vcpu != 0))
		return -EINVAL;
	if (!v)
		return -ENOENT;
	l = event_lock(d);
	if (v->event.virq_port[virq])
		goto out;
	error = event_port_alloc(l, EVENT_VIRQ, port);
	if (error)
		goto out;
	event_channel(l, *port)->virq = (uint8_t)virq;
	event_channel(l, *port)->vcpu = vcpu;
	v->event.virq_port[virq] = *port;
out:
	event_unlock(l);
	return error;
}

int event_bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port)
{
	struct event_locked l;
	int error;

	if (!event_vcpu(d, vcpu))
		return -ENOENT;
	l = event_lock(d);
	error = event_port_alloc(l, EVENT_IPI, port);
	if (!error)
		event_channel(l, *port)->vcpu = vcpu;
	event_unlock(l);
	return error;
}

int event_pirq_allow(struct domain *d, uint32_t pirq)
{
	struct event_locked l;

	if (pirq >= EVENT_NR_PIRQS)
		return -EINVAL;
	l = event_lock(d);
	if (!d->event.pirq_port[pirq])
		d->event.pirq_port[pirq] = EVENT_PIRQ_UNBOUND;
	event_unlock(l);
	return 0;
}

void event_pirq_take(struct domain *d, uint32_t pirq)
{
	struct event_locked l = event_lock(d);
	uint32_t *port = &d->event.pirq_port[pirq];

	if (*port && *port != EVENT_PIRQ_UNBOUND)
		event_port_free(l, *port);
	*port = 0;
	event_unlock(l);
}

int event_bind_pirq(struct domain *d, uint32_t pirq, uint32_t *port)
{
	struct event_locked l;
	int error;

	if (pirq >= EVENT_NR_PIRQS)
		return -EINVAL;
	l = event_lock(d);
	if (!d->event.pirq_port[pirq])
		error = -EPERM;
	else if (d->event.pirq_port[pirq] != EVENT_PIRQ_UNBOUND)
		error = -EEXIST;
	else
		error = event_port_alloc(l, EVENT_PIRQ, port);
	if (!error) {
		event_channel(l, *port)->remote_port = pirq;
		d->event.pirq_port[pirq] = *port;
	}
	event_unlock(l);
	return error;
}

/* True when the port may change the vcpu that it tells. */
static bool may_move(const struct event_channel *ch)
{
	switch (ch->state) {
	case EVENT_UNBOUND:
	case EVENT_INTERDOMAIN:
	case EVENT_CONSOLE:
	case EVENT_PIRQ:
		return true;
	case EVENT_VIRQ:
		return !virq_is_per_vcpu(ch->virq);
	default:
		return false;
	}
}

int event_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu)
{
	struct event_locked l;
	struct event_channel *ch;
	int error = -EINVAL;

	if (!event_vcpu(d, vcpu))
		return -ENOENT;
	l = event_lock(d);
	ch = event_channel(l, port);
	if (ch && may_move(ch)) {
		shared_store32(&ch->vcpu, vcpu);
		error = 0;
	}
	event_unlock(l);
	return error;
}

/* Forgets whose virq the port was. Global ones are vcpu 0's. */
static void unbind_virq(struct event_locked l, const struct event_channel *ch)
{
	uint32_t id = virq_is_per_vcpu(ch->virq) ? ch->vcpu : 0;

	l.d->vcpu[id]->event.virq_port[ch->virq] = 0;
}

/* Closes a port that is not one end of a pair. */
static void close_single(struct event_locked l, struct event_channel *ch,
			 uint32_t port)
{
	if (ch->state == EVENT_VIRQ)
		unbind_virq(l, ch);
	if (ch->state == EVENT_PIRQ)
		l.d->event.pirq_port[ch->remote_port] = EVENT_PIRQ_UNBOUND;
	event_port_free(l, port);
}

/*
 * Closes one end of a pair, if it still is one with rd. The other end waits
 * for the same domain to connect again. False: it has changed meanwhile.
 */
static bool close_pair(struct domain *d, uint32_t port, struct domain *rd)
{
	struct event_two_locked l = event_lock_two(d, rd);
	struct event_channel *ch = event_channel(l.a, port), *far;
	bool done = ch->state == EVENT_INTERDOMAIN && ch->remote == rd->id;

	if (done) {
		far = event_channel(l.b, ch->remote_port);
		if (far && far->state == EVENT_INTERDOMAIN &&
		    far->remote == d->id && far->remote_port == port)
			far->state = EVENT_UNBOUND;
		event_port_free(l.a, port);
	}
	event_unlock_two(l);
	return done;
}

int event_close(struct domain *d, uint32_t port)
{
	for (;;) {
		struct event_locked l = event_lock(d);
		struct event_channel *ch = event_channel(l, port);
		struct domain *rd = NULL;

		if (!ch || ch->state == EVENT_FREE) {
			event_unlock(l);
			return -EINVAL;
		}
		if (ch->state == EVENT_INTERDOMAIN)
			rd = domain_find(ch->remote);
		if (!rd)
			close_single(l, ch, port);
		event_unlock(l);
		if (!rd || close_pair(d, port, rd))
			return 0;
	}
}

/* Closes the last port in use; false: there is none. */
static bool close_last(struct domain *d)
{
	struct event_locked l = event_lock(d);
	uint32_t port = d->event.end_port - 1;
	struct event_channel *ch = event_channel(l, port);
	bool is_free = !ch || ch->state == EVENT_FREE;

	d->event.resetting = true;
	if (is_free && port)
		d->event.end_port = port;
	event_unlock(l);
	if (!is_free)
		(void)!event_close(d, port);
	return port;
}

#define CLOSES_AT_ONCE 64

int event_close_some(struct domain *d)
{
	for (unsigned int i = 0; i < CLOSES_AT_ONCE; i++)
		if (!close_last(d))
			return 0;
	return -ERESTART;
}

int event_reset(struct domain *d, bool two_levels)
{
	struct event_locked l;
	int rc;

	while ((rc = event_close_some(d)) == -ERESTART)
		if (arch_preempt_pending())
			return rc;
	l = event_lock(d);
	/* Another vcpu's reset may have ended, and ports have been opened. */
	if (d->event.end_port > 1) {
		rc = -ERESTART;
	} else {
		if (two_levels)
			event_fifo_end(l);
		d->event.resetting = false;
	}
	event_unlock(l);
	return rc;
}

static void status_fill(const struct event_channel *ch, struct evtchn_status *s)
{
	switch (ch->state) {
	case EVENT_UNBOUND:
		s->status = EVTCHNSTAT_unbound;
		s->u.unbound.dom = ch->remote;
		break;
	case EVENT_INTERDOMAIN:
		s->status = EVTCHNSTAT_interdomain;
		s->u.interdomain.dom = ch->remote;
		s->u.interdomain.port = ch->remote_port;
		break;
	case EVENT_CONSOLE:
		s->status = EVTCHNSTAT_interdomain;
		s->u.interdomain.dom = DOMID_XEN;
		s->u.interdomain.port = 0;
		break;
	case EVENT_VIRQ:
		s->status = EVTCHNSTAT_virq;
		s->u.virq = ch->virq;
		break;
	case EVENT_IPI:
		s->status = EVTCHNSTAT_ipi;
		break;
	case EVENT_PIRQ:
		s->status = EVTCHNSTAT_pirq;
		s->u.pirq = ch->remote_port;
		break;
	default:
		s->status = EVTCHNSTAT_closed;
		break;
	}
	s->vcpu = ch->vcpu;
}

int event_status(struct domain *d, struct evtchn_status *status)
{
	/* Port 0 is nobody's, but those who list all ports begin with it. */
	static const struct event_channel reserved;
	struct event_locked l = event_lock(d);
	const struct event_channel *ch = status->port ?
		event_channel(l, status->port) : &reserved;

	if (ch)
		status_fill(ch, status);
	event_unlock(l);
	return ch ? 0 : -EINVAL;
}
