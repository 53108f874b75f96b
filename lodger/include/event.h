/* SPDX-License-Identifier: MIT */
/* Event channels, by the two-level words of the shared page. */
#ifndef LODGER_EVENT_H
#define LODGER_EVENT_H

#include "trap.h"

typedef void (*event_handler_t)(unsigned int port, void *argument);

#define EVENT_PORTS 1024

/* Masks every port; upcalls stay off until events_on(). */
void event_init(void);
/* Called with events off for each pending, unmasked port. */
void event_upcall(struct trap_frame *frame);
/* handler == NULL: the event is acknowledged and forgotten. */
void event_set_handler(unsigned int port, event_handler_t handler,
		       void *argument);

/* These return the port, or a negative errno. The port is still masked. */
long event_bind_ipi(unsigned int vcpu);
long event_bind_virq(unsigned int virq, unsigned int vcpu);
long event_alloc_unbound(domid_t remote);
long event_bind_interdomain(domid_t remote, unsigned int remote_port);
long event_close(unsigned int port);
long event_send(unsigned int port);

void event_mask(unsigned int port);
/* Unmasks by the hypercall, which raises an upcall if port is pending. */
long event_unmask(unsigned int port);
int event_is_pending(unsigned int port);
int event_is_masked(unsigned int port);
void event_clear(unsigned int port);

/* The vCPU's own mask. events_off() returns the mask before, for restore. */
int events_off(void);
void events_on(void);
void events_restore(int mask);

/* Sleeps until something is pending; unmasks events, as the call promises. */
void event_block(void);
/* How many upcalls were entered, for tests. */
extern volatile unsigned long event_upcall_count;

#endif
