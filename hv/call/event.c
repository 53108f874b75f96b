/* SPDX-License-Identifier: MIT */
/*
 * event_channel_op(cmd, arg): decoded here, done in event/. A result that
 * cannot be copied out undoes what was done, as far as there is anything: a
 * port that the guest will never learn of is closed again.
 */
#include "call/call.h"
#include "console/console.h"
#include "event/event.h"
#include "frame/frame.h"
#include "irq/irq.h"

/* Copies an operation's struct back, or closes the port that it made. */
static long port_out(struct domain *d, uint32_t port, uint64_t arg,
		     const void *op, size_t n)
{
	if (!guest_copy_to(arg, op, n))
		return 0;
	(void)!event_close(d, port);
	return -EFAULT;
}

static long alloc_unbound(struct vcpu *v, uint64_t arg)
{
	struct evtchn_alloc_unbound op;
	struct domain *d;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	d = domain_from_arg(v, op.dom, &error);
	if (!d)
		return error;
	error = event_alloc_unbound(
		d, op.remote_dom == DOMID_SELF ? v->domain->id : op.remote_dom,
		&op.port);
	return error ? error : port_out(d, op.port, arg, &op, sizeof(op));
}

static long bind_interdomain(struct vcpu *v, uint64_t arg)
{
	struct evtchn_bind_interdomain op;
	struct domain *d = v->domain;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	error = event_bind_interdomain(d, op.remote_dom, op.remote_port,
				       &op.local_port);
	return error ? error : port_out(d, op.local_port, arg, &op, sizeof(op));
}

static long bind_virq(struct vcpu *v, uint64_t arg)
{
	struct evtchn_bind_virq op;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	error = event_bind_virq(v->domain, op.virq, op.vcpu, &op.port);
	return error ? error
		     : port_out(v->domain, op.port, arg, &op, sizeof(op));
}

static long bind_ipi(struct vcpu *v, uint64_t arg)
{
	struct evtchn_bind_ipi op;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	error = event_bind_ipi(v->domain, op.vcpu, &op.port);
	return error ? error
		     : port_out(v->domain, op.port, arg, &op, sizeof(op));
}

static long bind_pirq(struct vcpu *v, uint64_t arg)
{
	struct evtchn_bind_pirq op;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	error = irq_bind(v->domain, op.pirq, &op.port);
	return error ? error
		     : port_out(v->domain, op.port, arg, &op, sizeof(op));
}

static long bind_vcpu(struct vcpu *v, uint64_t arg)
{
	struct evtchn_bind_vcpu op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return event_bind_vcpu(v->domain, op.port, op.vcpu);
}

static long send(struct vcpu *v, uint64_t arg)
{
	struct evtchn_send op;
	int result;

	if (guest_number_from(&op.port, arg))
		return -EFAULT;
	result = event_send(v->domain, op.port);
	if (result == EVENT_SENT_CONSOLE) {
		console_guest_kick(v->domain);
		return 0;
	}
	return result;
}

static long close_port(struct vcpu *v, uint64_t arg)
{
	struct evtchn_close op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return event_close(v->domain, op.port);
}

static long unmask(struct vcpu *v, uint64_t arg)
{
	struct evtchn_unmask op;

	if (guest_number_from(&op.port, arg))
		return -EFAULT;
	return event_unmask(v->domain, op.port);
}

static long status(struct vcpu *v, uint64_t arg)
{
	union {
		uint64_t words[3];
		struct evtchn_status op;
	} io;
	struct domain *d;
	int error;

	_Static_assert(sizeof(io.op) == sizeof(io.words), "");
	if (guest_words_from(io.words, arg, 3))
		return -EFAULT;
	d = domain_from_arg(v, io.op.dom, &error);
	if (!d)
		return error;
	error = event_status(d, &io.op);
	if (error)
		return error;
	return guest_copy_to(arg, &io.op, sizeof(io.op));
}

static long reset(struct vcpu *v, uint64_t arg)
{
	struct evtchn_reset op;
	struct domain *d;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	d = domain_from_arg(v, op.dom, &error);
	return d ? event_reset(d, d == v->domain) : error;
}

static long init_control(struct vcpu *v, uint64_t arg)
{
	struct evtchn_init_control op;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	error = event_fifo_init_control(v->domain, op.vcpu,
					guest_mfn(op.control_gfn), op.offset);
	if (error)
		return error;
	op.link_bits = EVTCHN_FIFO_LINK_BITS;
	return guest_copy_to(arg, &op, sizeof(op));
}

static long expand_array(struct vcpu *v, uint64_t arg)
{
	struct evtchn_expand_array op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return event_fifo_expand(v->domain, guest_mfn(op.array_gfn));
}

static long set_priority(struct vcpu *v, uint64_t arg)
{
	struct evtchn_set_priority op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return event_fifo_set_priority(v->domain, op.port, op.priority);
}

static aside long other_op(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case EVTCHNOP_unmask:
		return unmask(v, arg);
	case EVTCHNOP_alloc_unbound:
		return alloc_unbound(v, arg);
	case EVTCHNOP_bind_interdomain:
		return bind_interdomain(v, arg);
	case EVTCHNOP_bind_virq:
		return bind_virq(v, arg);
	case EVTCHNOP_bind_pirq:
		return bind_pirq(v, arg);
	case EVTCHNOP_bind_ipi:
		return bind_ipi(v, arg);
	case EVTCHNOP_bind_vcpu:
		return bind_vcpu(v, arg);
	case EVTCHNOP_close:
		return close_port(v, arg);
	case EVTCHNOP_status:
		return status(v, arg);
	case EVTCHNOP_reset:
		return reset(v, arg);
	case EVTCHNOP_init_control:
		return init_control(v, arg);
	case EVTCHNOP_expand_array:
		return expand_array(v, arg);
	case EVTCHNOP_set_priority:
		return set_priority(v, arg);
	default:
		return -ENOSYS;
	}
}

long hc_event_channel_op(struct vcpu *v, struct call_args *args)
{
	uint32_t cmd = (uint32_t)args->a[0];

	/* The one that is made all the time. */
	if (likely(cmd == EVTCHNOP_send))
		return send(v, args->a[1]);
	return other_op(v, cmd, args->a[1]);
}
