/* SPDX-License-Identifier: MIT */
/* Event channels: what a domain and a vcpu keep of them. */
#ifndef LODGE_EVENT_STATE_H
#define LODGE_EVENT_STATE_H

#include "abi.h"
#include "atomic.h"
#include "lock.h"
#include "time/state.h"
#include "types.h"

#define EVENT_PORTS	     4096 /* the 2-level interface's number for 64-bit */
#define EVENT_PORTS_PER_PAGE (PAGE_SIZE / sizeof(struct event_channel))

enum event_state {
	EVENT_FREE,
	EVENT_UNBOUND,	   /* waits for remote to bind */
	EVENT_INTERDOMAIN, /* remote, remote_port */
	EVENT_VIRQ,	   /* virq */
	EVENT_IPI,
	EVENT_CONSOLE, /* its other end is the hypervisor's console */
};

/*
 * All under the domain's event lock; of an interdomain channel, the other
 * end's lock is enough to know that this end stays (event/port.h).
 */
struct event_channel {
	uint8_t state; /* enum event_state */
	uint8_t virq;
	uint16_t remote;      /* domain id */
	uint32_t remote_port; /* in remote */
	uint32_t vcpu;	      /* a: which vcpu is told */
	uint32_t unused;
};
_Static_assert(sizeof(struct event_channel) == 16, "a power of two");

#define EVENT_NR_VIRQS NR_VIRQS
#define WATCHDOGS      2 /* of each domain */

struct domain_event {
	struct spinlock lock;
	struct event_channel
		*pages[EVENT_PORTS * sizeof(struct event_channel) / PAGE_SIZE];
	uint32_t next_port; /* lock: no port below it is free */
	atomic32_t polling; /* a: bit n: vcpu n is in SCHEDOP_poll */
	struct timer watchdog[WATCHDOGS]; /* lock; in use while it is set */
};

#define EVENT_POLL_ANY UINT32_MAX

struct vcpu_event {
	uint16_t virq_port[EVENT_NR_VIRQS]; /* lock of the domain; 0: none */
	uint32_t poll_port; /* a: the one port it polls, or EVENT_POLL_ANY */
};

#endif
