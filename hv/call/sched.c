/* SPDX-License-Identifier: MIT */
/*
 * sched_op, its old form, and set_timer_op. Whatever makes the vcpu sleep
 * only marks it so: the way back to the guest picks another, and the call's
 * result is in the registers of the sleeper.
 */
#include "argument.h"
#include "call/call.h"
#include "event/event.h"
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"
#include "sched/sched.h"

/* More ports than this nobody polls; they are copied to the stack. */
#define POLL_PORTS_MAX 128

/* A reason has eight bits, whatever stands above them (GNU Mach passes the
 * address of one); one that nobody knows is one, too. */
static long shutdown_domain(struct domain *d, uint64_t reason)
{
	domain_shutdown(d, (uint8_t)reason);
	return 0;
}

static long sched_shutdown(struct vcpu *v, uint64_t arg)
{
	struct sched_shutdown op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return shutdown_domain(v->domain, op.reason);
}

/* For others only, and for those who may. */
static long sched_remote_shutdown(struct vcpu *v, uint64_t arg)
{
	struct sched_remote_shutdown op;
	struct domain *d;
	int error;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	d = domain_from_arg(v, op.domain_id, &error);
	if (!d)
		return error;
	if (d == v->domain)
		return -EPERM;
	error = (int)shutdown_domain(d, op.reason);
	if (!error) /* its vcpus may all be asleep, or held */
		lifecycle_shut(d);
	return error;
}

static long sched_watchdog(struct vcpu *v, uint64_t arg)
{
	struct sched_watchdog op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return event_watchdog(v->domain, op.id, op.timeout);
}

static long sched_poll(struct vcpu *v, uint64_t arg)
{
	uint32_t ports[POLL_PORTS_MAX];
	struct sched_poll op;

	if (arg_read_sched_poll(v, &op, arg))
		return -EFAULT;
	if (op.nr_ports > POLL_PORTS_MAX)
		return -EINVAL;
	if (op.nr_ports && guest_copy_from(ports, (uint64_t)op.ports.p,
					   op.nr_ports * sizeof(ports[0])))
		return -EFAULT;
	return event_poll(v, ports, op.nr_ports, op.timeout);
}

/*
 * vcpus stay on the CPU that they were given: to pin one there, or to undo
 * that, changes nothing, and there is no other CPU in its pool.
 */
static long sched_pin_override(struct vcpu *v, uint64_t arg)
{
	struct sched_pin_override op;

	if (!v->domain->privileged)
		return -EPERM;
	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return op.pcpu < 0 || op.pcpu == v->sched.cpu ? 0 : -EINVAL;
}

/* sched_op(cmd, arg) */
long hc_sched_op(struct vcpu *v, struct call_args *args)
{
	switch ((uint32_t)args->a[0]) {
	case SCHEDOP_yield:
		sched_vcpu_yield(v);
		return 0;
	case SCHEDOP_block:
		event_block(v);
		return 0;
	case SCHEDOP_poll:
		return sched_poll(v, args->a[1]);
	case SCHEDOP_shutdown:
		return sched_shutdown(v, args->a[1]);
	case SCHEDOP_remote_shutdown:
		return sched_remote_shutdown(v, args->a[1]);
	case SCHEDOP_watchdog:
		return sched_watchdog(v, args->a[1]);
	case SCHEDOP_pin_override:
		return sched_pin_override(v, args->a[1]);
	default:
		return -ENOSYS;
	}
}

/* sched_op_compat(cmd, arg): the argument is the reason itself. */
long hc_sched_op_compat(struct vcpu *v, struct call_args *args)
{
	switch ((uint32_t)args->a[0]) {
	case SCHEDOP_yield:
		sched_vcpu_yield(v);
		return 0;
	case SCHEDOP_block:
		event_block(v);
		return 0;
	case SCHEDOP_shutdown:
		return shutdown_domain(v->domain, args->a[1]);
	default:
		return -ENOSYS;
	}
}

/* set_timer_op(system time in ns): the single-shot timer; 0 stops it. */
long hc_set_timer_op(struct vcpu *v, struct call_args *args)
{
	if (args->a[0])
		return event_timer_singleshot(v, args->a[0], 0);
	event_timer_singleshot_stop(v);
	return 0;
}
