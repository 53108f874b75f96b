/* SPDX-License-Identifier: MIT */
/* Locks of event channels, and which ports are in use; see port.h. */
#include "errno.h"
#include "event/port.h"
#include "frame/frame.h"
#include "time/time.h"

struct event_locked event_lock(struct domain *d)
{
	spin_lock(&d->event.lock);
	return (struct event_locked){ d };
}

void event_unlock(struct event_locked l)
{
	spin_unlock(&l.d->event.lock);
}

struct event_two_locked event_lock_two(struct domain *a, struct domain *b)
{
	struct domain *first = a->id <= b->id ? a : b;
	struct domain *second = a->id <= b->id ? b : a;

	spin_lock(&first->event.lock);
	if (second != first)
		spin_lock(&second->event.lock);
	return (struct event_two_locked){ { a }, { b } };
}

void event_unlock_two(struct event_two_locked l)
{
	spin_unlock(&l.a.d->event.lock);
	if (l.b.d != l.a.d)
		spin_unlock(&l.b.d->event.lock);
}

struct event_channel *event_channel(struct event_locked l, uint32_t port)
{
	struct event_channel *page;

	if (port == 0 || port >= EVENT_PORTS_MAX)
		return NULL;
	page = l.d->event.pages[port / EVENT_PORTS_PER_PAGE];
	return page ? &page[port % EVENT_PORTS_PER_PAGE] : NULL;
}

/* The channel of a valid port; its page comes into being. NULL: no memory. */
static struct event_channel *channel_make(struct event_locked l, uint32_t port)
{
	struct event_channel **page =
		&l.d->event.pages[port / EVENT_PORTS_PER_PAGE];

	if (!*page)
		*page = frame_alloc_bytes(PAGE_SIZE);
	return *page ? &(*page)[port % EVENT_PORTS_PER_PAGE] : NULL;
}

static uint32_t ports_of(const struct domain *d)
{
	return d->event.fifo ? d->event.max_ports
			     : MIN(d->event.max_ports, event_level_ports(d));
}

int event_port_alloc(struct event_locked l, enum event_state state,
		     uint32_t *port)
{
	struct domain_event *e = &l.d->event;
	struct event_channel *ch;

	if (domain_is_dying(l.d))
		return -EINVAL;
	if (e->resetting)
		return -EBUSY;
	for (; e->next_port < ports_of(l.d); e->next_port++) {
		ch = channel_make(l, e->next_port);
		if (!ch)
			return -ENOMEM;
		if (ch->state != EVENT_FREE)
			continue;
		*ch = (struct event_channel){
			.state = (uint8_t)state,
			.priority = EVTCHN_FIFO_PRIORITY_DEFAULT,
			.last_vcpu = ch->last_vcpu,
			.last_priority = ch->last_priority,
		};
		*port = e->next_port++;
		e->end_port = MAX(e->end_port, e->next_port);
		return 0;
	}
	return -ENOSPC;
}

void event_port_free(struct event_locked l, uint32_t port)
{
	struct event_channel *ch = event_channel(l, port);

	ch->state = EVENT_FREE;
	shared_store32(&ch->vcpu, 0);
	if (l.d->event.fifo)
		event_fifo_clear_pending(l, ch, port);
	else
		(void)shared_clear_bit(event_pending_bits(l.d), port);
	if (port < l.d->event.next_port)
		l.d->event.next_port = port;
}

int event_domain_init(struct domain *d)
{
	d->event = (struct domain_event){
		.max_ports = d->privileged ? EVENT_PORTS_MAX : EVENT_PORTS,
		.next_port = 1,
		.end_port = 1,
	};
	spin_init(&d->event.lock, LOCK_RANK_EVENT);
	timer_init(&d->event.watchdog[0], TIMER_WATCHDOG_0);
	timer_init(&d->event.watchdog[1], TIMER_WATCHDOG_1);
	return 0;
}

void event_channels_free(struct event_locked l, uint32_t page)
{
	struct event_channel **pages = l.d->event.pages;

	for (uint32_t i = page; i < ARRAY_SIZE(l.d->event.pages); i++) {
		if (pages[i])
			frame_free_bytes(pages[i], PAGE_SIZE);
		pages[i] = NULL;
	}
}

int event_domain_exit(struct domain *d)
{
	struct event_locked l;
	int rc = event_close_some(d);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < WATCHDOGS; i++)
		timer_cancel(&d->event.watchdog[i]);
	l = event_lock(d);
	event_fifo_end(l);
	event_channels_free(l, 0);
	event_unlock(l);
	return 0;
}
