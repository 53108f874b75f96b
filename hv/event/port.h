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

/*
 * Sets the port pending in shared_info and, unless it is masked, tells the
 * vcpu. Needs no lock, but that d and its vcpus stay.
 */
void event_set_pending(struct domain *d, uint32_t port, uint32_t vcpu);

/* The poll of a vcpu is over: wakes it, if it was not awake. */
void event_poll_wake(struct vcpu *v);
/* The port has become pending: wakes those who poll it. */
void event_wake_pollers(struct domain *d, uint32_t polling, uint32_t port);

#endif
