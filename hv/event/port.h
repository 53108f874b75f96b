/* SPDX-License-Identifier: MIT */
/*
 * Locks and ports, for the files of this room.
 *
 * A channel is read and changed under its domain's lock. An interdomain
 * channel has two ends, and what changes the state of both (bind, close)
 * holds both domains' locks, the lower id's first. Therefore one end's lock is
 * enough to see that the other end exists: a send takes one lock.
 */
#ifndef LODGE_EVENT_PORT_H
#define LODGE_EVENT_PORT_H

#include "event/event.h"

/* Witness: d's event lock is held. */
struct event_locked {
	struct domain *d;
};

/* Witness: the event locks of both are held; they may be the same domain. */
struct event_two_locked {
	struct event_locked a, b;
};

struct event_locked event_lock(struct domain *d);
void event_unlock(struct event_locked l);
struct event_two_locked event_lock_two(struct domain *a, struct domain *b);
void event_unlock_two(struct event_two_locked l);

/* The channel of a port that came from a guest; NULL: no such port. Port 0
 * and ports that were never allocated do not exist. */
struct event_channel *event_channel(struct event_locked l, uint32_t port);
/*
 * Takes the lowest free port, its channel zeroed but for the state. -ENOSPC,
 * -ENOMEM, or -EINVAL when the domain is dying.
 */
[[nodiscard]] int event_port_alloc(struct event_locked l,
				   enum event_state state, uint32_t *port);
/* Makes a port free, and nothing is pending on it. */
void event_port_free(struct event_locked l, uint32_t port);
/* Frees the channels from a page on; their ports are free. */
void event_channels_free(struct event_locked l, uint32_t page);

/* The vcpu of that number, or NULL. */
static inline struct vcpu *event_vcpu(const struct domain *d, uint32_t id)
{
	return id < d->max_vcpus ? d->vcpu[id] : NULL;
}

/* True for a virq that each vcpu has its own of. */
static inline bool virq_is_per_vcpu(uint32_t virq)
{
	return virq == VIRQ_TIMER || virq == VIRQ_DEBUG ||
	       virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

/* ---- two levels: where a port's bits are ---- */

static inline uint32_t event_level_ports(const struct domain *d)
{
	return d->event.level_ports;
}

static inline uint64_t *event_pending_bits(const struct domain *d)
{
	return d->shared->evtchn_pending;
}

static inline uint64_t *event_mask_bits(const struct domain *d)
{
	return d->event.mask;
}

/* The bit of the port's word in its vcpu's selector; returns the old bit. */
static inline bool event_select(struct vcpu *v, uint32_t port)
{
	const struct domain_event *e = &v->domain->event;

	/* The selector is a part of the structure's first two words. */
	return shared_set_bit((uint64_t *)v->info,
			      e->selector + (port >> e->selector_port));
}

/*
 * Sets the port pending and, unless it is masked, tells its vcpu. Whoever
 * calls keeps the port from being closed: by its domain's lock, or by that of
 * the other end of the pair. False when it was pending already.
 */
bool event_set_pending(struct domain *d, struct event_channel *ch,
		       uint32_t port);
bool event_is_pending(struct event_locked l, uint32_t port);

/* ---- the FIFO interface (fifo.c); the domain has it ---- */

/* As above; false when it was pending already. */
bool event_fifo_set_pending(struct domain *d, struct event_channel *ch,
			    uint32_t port);
void event_fifo_clear_pending(struct event_locked l, struct event_channel *ch,
			      uint32_t port);
bool event_fifo_is_pending(struct event_locked l, uint32_t port);
void event_fifo_unmask(struct event_locked l, struct event_channel *ch,
		       uint32_t port);
/* Back to two levels, if the domain has not them; all ports are closed. */
void event_fifo_end(struct event_locked l);

/* Closes a number of ports, the last ones first, and none may be opened any
 * more; -ERESTART: there may be more. */
[[nodiscard]] int event_close_some(struct domain *d);

/* The poll of a vcpu is over: wakes it, if it was not awake. */
void event_poll_wake(struct vcpu *v);
/* The port has become pending: wakes those who poll it. */
void event_wake_pollers(struct domain *d, uint32_t polling, uint32_t port);

#endif
