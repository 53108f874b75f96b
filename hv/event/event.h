/* SPDX-License-Identifier: MIT */
/* Event channels: ports, sending, virqs, polling; the timers' meanings. */
#ifndef LODGE_EVENT_H
#define LODGE_EVENT_H

#include "domain/domain.h"
#include "event/state.h"

[[nodiscard]] int event_domain_init(struct domain *d);
/* The words of a domain that never ran are laid out for that width. -EACCES: it
 * has more ports than that. */
[[nodiscard]] int event_width_set(struct domain *d, enum domain_width width);
/* Closes some ports; -ERESTART: call again. The domain is marked dying, so
 * that none can be opened any more, but domain_find() still finds it. */
[[nodiscard]] int event_domain_exit(struct domain *d);

/*
 * EVTCHNOP_*: shapes as in <xen/event_channel.h>. -EINVAL: no such port, or
 * it is not in the state that the operation is for. -ENOSPC: no free port.
 * -ENOENT: no such vcpu. -EEXIST: the virq is bound. -ESRCH: no such domain.
 */
[[nodiscard]] int event_alloc_unbound(struct domain *d, uint16_t remote,
				      uint32_t *port);
[[nodiscard]] int event_bind_interdomain(struct domain *d, uint16_t remote,
					 uint32_t remote_port, uint32_t *port);
[[nodiscard]] int event_bind_virq(struct domain *d, uint32_t virq,
				  uint32_t vcpu, uint32_t *port);
[[nodiscard]] int event_bind_ipi(struct domain *d, uint32_t vcpu,
				 uint32_t *port);
/* -EPERM: the physical interrupt is not the domain's. */
[[nodiscard]] int event_bind_pirq(struct domain *d, uint32_t pirq,
				  uint32_t *port);
[[nodiscard]] int event_bind_vcpu(struct domain *d, uint32_t port,
				  uint32_t vcpu);
[[nodiscard]] int event_close(struct domain *d, uint32_t port);
/*
 * EVENT_SENT_CONSOLE: the other end is the hypervisor's console, which is a
 * higher room: the caller tells it (console_guest_kick()).
 */
[[nodiscard]] int event_send(struct domain *d, uint32_t port);
#define EVENT_SENT_CONSOLE 1
[[nodiscard]] int event_status(struct domain *d, struct evtchn_status *status);
[[nodiscard]] int event_unmask(struct domain *d, uint32_t port);
/*
 * Closes all ports and, if asked for, ends the FIFO interface. -ERESTART: not
 * all are closed yet; until they are, none can be opened (-EBUSY).
 */
[[nodiscard]] int event_reset(struct domain *d, bool two_levels);
/*
 * The FIFO interface. init_control begins it, if it is the domain's first.
 * -ENOENT: no such vcpu. -EINVAL: it has a control block, or the place is no
 * memory of the guest's that may be written, not 8-aligned, across a page.
 * -EOPNOTSUPP: no control block yet. -ENOSPC: words for all ports are there.
 */
[[nodiscard]] int event_fifo_init_control(struct domain *d, uint32_t vcpu,
					  guest_mfn_t m, uint32_t offset);
[[nodiscard]] int event_fifo_expand(struct domain *d, guest_mfn_t m);
/* -ENOSYS: two levels have no priorities. -EINVAL: no such port, priority. */
[[nodiscard]] int event_fifo_set_priority(struct domain *d, uint32_t port,
					  uint32_t priority);
/*
 * VCPUOP_register_vcpu_info: from now on v's vcpu_info lies at that offset of
 * a frame of its guest, with the contents of the old one, and everything is
 * marked pending, so that no event is lost. -EINVAL when it has been moved
 * before, or the place will not do.
 */
[[nodiscard]] int event_vcpu_info_move(struct vcpu *v, guest_mfn_t m,
				       uint32_t offset);
/* Back to shared_info; drops the frame's reference. For a vcpu's end. */
void event_vcpu_info_reset(struct vcpu *v);

/* A port whose other end is the hypervisor's console, for the guest. */
[[nodiscard]] int event_alloc_console(struct domain *d, uint32_t *port);

/*
 * Physical interrupts, for whoever owns the machine's lines. To allow one to
 * a domain lets it bind a port to it; to take it away closes the port. To
 * raise one gives 1, or 0 when its event was pending still, or -ENOENT when
 * no port is bound.
 */
[[nodiscard]] int event_pirq_allow(struct domain *d, uint32_t pirq);
void event_pirq_take(struct domain *d, uint32_t pirq);
[[nodiscard]] int event_raise_pirq(struct domain *d, uint32_t pirq);
/* Unmasks the port that is bound to it, if one is. */
void event_unmask_pirq(struct domain *d, uint32_t pirq);

/* Tells the guest through one of its ports; from anywhere. */
void event_raise_port(struct domain *d, uint32_t port);
/* Raises a virq: a vcpu's own, or (global ones) on the vcpu that bound it. */
void event_raise_virq(struct vcpu *v, uint32_t virq);

/*
 * A virq that there is one of is raised for its handler: domain 0, until it
 * is given to another one. -EINVAL: it is each vcpu's own.
 */
void event_raise_global(uint32_t virq);
[[nodiscard]] int event_virq_handler_set(struct domain *d, uint32_t virq);
/* The domain ends: what was its to handle is domain 0's again. */
void event_virq_handler_drop(const struct domain *d);

/* True when an upcall has to be delivered before the guest runs on. */
static inline bool event_upcall_needed(const struct vcpu *v)
{
	return shared_load8(&v->info->evtchn_upcall_pending) &&
	       !shared_load8(&v->info->evtchn_upcall_mask);
}

/* Tells a vcpu that it has something to look at: wakes it, or interrupts it
 * where it runs. For its pending flag, its work bits. */
void event_kick(struct vcpu *v);

/* Has every vcpu that is not down look at its work bits: for a domain's end
 * that comes from outside. */
void event_kick_domain(struct domain *d);

/* SCHEDOP_block: unmask upcalls and sleep unless one is pending. */
void event_block(struct vcpu *v);
/*
 * SCHEDOP_poll: sleeps until one of the ports is pending or the time comes
 * (system time in ns, 0: never). ports was copied in.
 */
[[nodiscard]] int event_poll(struct vcpu *v, const uint32_t *ports,
			     unsigned int n, uint64_t timeout_ns);

/* VCPUOP_*_timer and set_timer_op. */
[[nodiscard]] int event_timer_singleshot(struct vcpu *v, uint64_t deadline_ns,
					 uint32_t flags);
void event_timer_singleshot_stop(struct vcpu *v);
[[nodiscard]] int event_timer_periodic(struct vcpu *v, uint64_t period_ns);
/* The vcpu starts to run, or again: so does its periodic timer, if it is on. */
void event_timer_start(struct vcpu *v);
/*
 * SCHEDOP_watchdog. id 0: begins one and returns its id; else sets it anew,
 * or with timeout 0 ends it. -EINVAL: no such id. -ENOSPC: all are in use.
 */
[[nodiscard]] int event_watchdog(struct domain *d, uint32_t id,
				 uint32_t timeout_s);
/* SOFTIRQ_TIMER: acts on every timer of this CPU that has expired. */
void event_timers_run(void);

#endif
