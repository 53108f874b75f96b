/* SPDX-License-Identifier: MIT */
/*
 * vcpu_op(cmd, vcpu, arg): a guest about its own vcpus. Linux asks is_up for
 * thousands of ids at boot to count those that it has.
 */
#include "argument.h"
#include "call/call.h"
#include "event/event.h"
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"
#include "pte.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

static long context_read(struct vcpu_guest_context *c, uint64_t arg)
{
	return guest_copy_from(c, arg, sizeof(*c));
}

static long context_read32(struct vcpu_guest_context *c, uint64_t arg)
{
	struct vcpu_guest_context_x86_32 *n = frame_alloc_bytes(sizeof(*n));
	long error;

	if (!n)
		return -ENOMEM;
	error = guest_copy_from(n, arg, sizeof(*n));
	if (!error)
		trap_context_widen(c, n);
	frame_free_bytes(n, sizeof(*n));
	return error;
}

static long (*const context_readers[])(struct vcpu_guest_context *c,
				       uint64_t arg) = {
	[WIDTH_64] = context_read,
	[WIDTH_32] = context_read32,
};

/* The context is larger than what a stack should hold. */
static long initialise(struct vcpu *v, uint64_t arg)
{
	struct vcpu_guest_context *c;
	long error;

	if (shared_load8(&v->initialised))
		return -EEXIST;
	c = frame_alloc_bytes(sizeof(*c));
	if (!c)
		return -ENOMEM;
	error = context_readers[v->domain->width](c, arg);
	if (!error)
		error = lifecycle_vcpu_initialise(v, c);
	frame_free_bytes(c, sizeof(*c));
	return error;
}

static long up(struct vcpu *v)
{
	if (!shared_load8(&v->initialised))
		return -EINVAL;
	lifecycle_vcpu_up(v);
	return 0;
}

static bool all_are_down(const struct domain *d)
{
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i] && !sched_is_stopped(d->vcpu[i], VCPU_DOWN))
			return false;
	return true;
}

/*
 * A domain whose last vcpu goes down has switched itself off. That one stays
 * up: it acts upon the end on its way back.
 */
static long down(struct vcpu *v)
{
	sched_stop(v, VCPU_DOWN);
	if (all_are_down(v->domain)) {
		domain_shutdown(v->domain, SHUTDOWN_poweroff);
		sched_start(v, VCPU_DOWN);
	}
	return 0;
}

static long get_runstate(struct vcpu *v, uint64_t arg)
{
	struct vcpu_runstate_info r;

	sched_runstate_get(v, &r);
	return arg_write_runstate_info(v, arg, &r);
}

/* Written at once if it is the caller's, else when the vcpu next runs. */
static long register_runstate(struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_runstate_memory_area op;

	if (arg_read_runstate_area(v, &op, arg))
		return -EFAULT;
	if (!va_is_guest(op.addr.p))
		return -EFAULT;
	v->sched.runstate_va = op.addr.p;
	if (v == current_vcpu())
		sched_runstate_publish(v);
	return 0;
}

static long register_time(struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_time_memory_area op;

	if (arg_read_time_area(v, &op, arg))
		return -EFAULT;
	return time_secondary_set(v, op.addr.p);
}

static long set_periodic(struct vcpu *v, uint64_t arg)
{
	struct vcpu_set_periodic_timer op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return op.period_ns ? event_timer_periodic(v, op.period_ns) : -EINVAL;
}

/* A vcpu's single-shot timer is its own affair. */
static long set_singleshot(struct vcpu *v, uint64_t arg)
{
	struct vcpu_set_singleshot_timer op;

	if (v != current_vcpu())
		return -EINVAL;
	if (arg_read_set_singleshot(v, &op, arg))
		return -EFAULT;
	return event_timer_singleshot(v, op.timeout_abs_ns, op.flags);
}

static long stop_singleshot(struct vcpu *v)
{
	if (v != current_vcpu())
		return -EINVAL;
	event_timer_singleshot_stop(v);
	return 0;
}

/*
 * For the caller itself, or for one that is down. If that one is still on its
 * CPU, which may look at its events, the guest asks again until it is not.
 */
static long register_info(struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_vcpu_info op;

	if (v != current_vcpu() && !sched_is_stopped(v, VCPU_DOWN))
		return -EINVAL;
	if (v != current_vcpu() && sched_is_on_cpu(v))
		return -ERESTART;
	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return event_vcpu_info_move(v, guest_mfn(op.mfn), op.offset);
}

static long send_nmi(struct vcpu *v)
{
	atomic32_or(&v->work, VCPU_WORK_NMI);
	event_kick(v);
	return 0;
}

long hc_vcpu_op(struct vcpu *caller, struct call_args *args)
{
	const struct domain *d = caller->domain;
	uint32_t id = (uint32_t)args->a[1];
	struct vcpu *v = id < d->max_vcpus ? d->vcpu[id] : NULL;
	uint64_t arg = args->a[2];

	if (!v)
		return -ENOENT;
	switch ((uint32_t)args->a[0]) {
	case VCPUOP_initialise:
		return initialise(v, arg);
	case VCPUOP_up:
		return up(v);
	case VCPUOP_down:
		return down(v);
	case VCPUOP_is_up:
		return !sched_is_stopped(v, VCPU_DOWN);
	case VCPUOP_get_runstate_info:
		return get_runstate(v, arg);
	case VCPUOP_register_runstate_memory_area:
		return register_runstate(v, arg);
	case VCPUOP_set_periodic_timer:
		return set_periodic(v, arg);
	case VCPUOP_stop_periodic_timer:
		return event_timer_periodic(v, 0);
	case VCPUOP_set_singleshot_timer:
		return set_singleshot(v, arg);
	case VCPUOP_stop_singleshot_timer:
		return stop_singleshot(v);
	case VCPUOP_register_vcpu_info:
		return register_info(v, arg);
	case VCPUOP_send_nmi:
		return send_nmi(v);
	case VCPUOP_get_physid:
		return -EINVAL; /* of pinned vcpus only, and none is */
	case VCPUOP_register_vcpu_time_memory_area:
		return register_time(v, arg);
	default:
		return -ENOSYS;
	}
}
