/* SPDX-License-Identifier: MIT */
/*
 * Locks of event channels, and which ports are in use; see port.h.
 *
 * A guest's words are longs of its own: there are as many ports as a selector
 * of one long has bits for words of that size. Both widths keep pending bits
 * and vcpu_info at the same place; the mask and the selector lie elsewhere.
 */
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

static const struct {
	uint32_t mask_at, ports;
	uint8_t selector_at, selector_port;
} widths[] = {
	[WIDTH_64] = { offsetof(struct shared_info, evtchn_mask), EVENT_PORTS,
		       offsetof(struct vcpu_info, evtchn_pending_sel), 6 },
	[WIDTH_32] = { offsetof(struct shared_info_x86_32, evtchn_mask), 1024,
		       offsetof(struct vcpu_info_x86_32, evtchn_pending_sel),
		       5 },
};

#define SAME_PLACE(type, member)                                       \
	_Static_assert(offsetof(struct type, member) ==                \
			       offsetof(struct type##_x86_32, member), \
		       "")
SAME_PLACE(shared_info, evtchn_pending);
SAME_PLACE(shared_info, vcpu_info[1]);
SAME_PLACE(vcpu_info, evtchn_upcall_pending);
SAME_PLACE(vcpu_info, evtchn_upcall_mask);
SAME_PLACE(vcpu_info, time);

static void width_apply(struct domain *d, enum domain_width width)
{
	struct domain_event *e = &d->event;

	e->mask = (uint64_t *)((char *)d->shared + widths[width].mask_at);
	e->level_ports = widths[width].ports;
	e->selector = widths[width].selector_at * 8;
	e->selector_port = widths[width].selector_port;
}

/*
 * Builders open ports before they choose the width. None is pending then:
 * nobody has been told of them yet, and no mask is set, as nobody has run.
 */
int event_width_set(struct domain *d, enum domain_width width)
{
	struct event_locked l = event_lock(d);
	bool fits = d->event.end_port <= widths[width].ports && !d->event.fifo;

	if (fits)
		width_apply(d, width);
	event_unlock(l);
	return fits ? 0 : -EACCES;
}

int event_domain_init(struct domain *d)
{
	d->event = (struct domain_event){
		.max_ports = d->privileged ? EVENT_PORTS_MAX : EVENT_PORTS,
		.next_port = 1,
		.end_port = 1,
	};
	width_apply(d, d->width);
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
	event_virq_handler_drop(d);
	l = event_lock(d);
	event_fifo_end(l);
	event_channels_free(l, 0);
	event_unlock(l);
	return 0;
}
