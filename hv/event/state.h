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
#define EVENT_PORTS_MAX	     EVTCHN_FIFO_NR_CHANNELS
#define EVENT_PORTS_PER_PAGE (PAGE_SIZE / sizeof(struct event_channel))
#define EVENT_WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define EVENT_ARRAY_PAGES    (EVENT_PORTS_MAX / EVENT_WORDS_PER_PAGE)

enum event_state {
	EVENT_FREE,
	EVENT_UNBOUND,	   /* waits for remote to bind */
	EVENT_INTERDOMAIN, /* remote, remote_port */
	EVENT_VIRQ,	   /* virq */
	EVENT_IPI,
	EVENT_PIRQ,    /* remote_port is its number */
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
	uint32_t remote_port; /* in remote, or the pirq */
	uint32_t vcpu;	      /* a: which vcpu is told */
	/* With the FIFO interface (event/fifo.c): */
	uint8_t priority; /* a: which of the vcpu's queues */
	uint8_t early;	  /* a: pending before it had a word */
	/* fifo lock: the queue that it was last put into; outlives the port */
	uint8_t last_vcpu, last_priority;
};
_Static_assert(sizeof(struct event_channel) == 16, "a power of two");

#define EVENT_NR_VIRQS	   NR_VIRQS
#define EVENT_NR_PIRQS	   256
#define EVENT_PIRQ_UNBOUND UINT32_MAX
#define WATCHDOGS	   2 /* of each domain */

/* What a domain has with the FIFO interface. */
struct event_fifo {
	struct spinlock lock; /* all queues of the domain's vcpus */
	atomic32_t nr_pages;  /* event lock to change */
	/* The guest's frames, with a writable use; event lock to change, those
	 * below nr_pages are constant. */
	event_word_t *page[EVENT_ARRAY_PAGES];
};

struct domain_event {
	struct spinlock lock;
	/* How its width lays out its words (port.c); never change. */
	uint64_t *mask;	       /* in shared_info */
	uint32_t level_ports;  /* that two levels have bits for */
	uint8_t selector;      /* in vcpu_info: number of the first bit */
	uint8_t selector_port; /* ports of one bit there, as a shift */
	/* lock to change; those beyond EVENT_PORTS only with FIFO */
	struct event_channel *pages[EVENT_PORTS_MAX / EVENT_PORTS_PER_PAGE];
	struct event_fifo *fifo; /* a: lock to change; NULL: two levels */
	uint32_t max_ports;	 /* limit of port numbers, exclusive */
	uint32_t next_port;	 /* lock: no port below it is free */
	uint32_t end_port;	 /* lock: no port from it on is in use */
	bool resetting;		 /* lock: none may be opened */
	/* lock: port of each physical interrupt, EVENT_PIRQ_UNBOUND; 0: it is
	 * not the domain's */
	uint32_t pirq_port[EVENT_NR_PIRQS];
	atomic32_t polling; /* a: bit n: vcpu n is in SCHEDOP_poll */
	struct timer watchdog[WATCHDOGS]; /* lock; in use while it is set */
};

#define EVENT_POLL_ANY UINT32_MAX

struct vcpu_event {
	uint32_t virq_port[EVENT_NR_VIRQS]; /* lock of the domain; 0: none */
	uint32_t poll_port; /* a: the one port it polls, or EVENT_POLL_ANY */
	/* fifo lock: in a frame of the guest's with a writable use, or NULL */
	struct evtchn_fifo_control_block *control;
	uint32_t tail[EVTCHN_FIFO_MAX_QUEUES]; /* fifo lock; 0: empty */
};

#endif
