/* SPDX-License-Identifier: MIT */
/*
 * domctl: one domain controls another. Only a privileged one may; the caller
 * (call/control.c) has seen to that, to the interface's version, and that no
 * other CPU is in here.
 *
 * What a domain must not do to itself, because the caller is one of its
 * vcpus: stop them all, or have its page tables or contexts exchanged.
 */
#include "control/control.h"
#include "event/event.h"
#include "lib/string.h"
#include "lifecycle/lifecycle.h"
#include "sched/sched.h"

/* ---- those that are not worth a file ---- */

/* Of one that is being taken apart by now, too. */
static int destroy(struct domain *d, struct xen_domctl *op)
{
	(void)op;
	lifecycle_destroy(d);
	return lifecycle_destroy_some(d);
}

static int hold(struct domain *d, struct xen_domctl *op)
{
	(void)op;
	return sched_hold_domain(d);
}

static int release(struct domain *d, struct xen_domctl *op)
{
	(void)op;
	return sched_release_domain(d);
}

static int resume(struct domain *d, struct xen_domctl *op)
{
	(void)op;
	return lifecycle_resume(d);
}

static int info(struct domain *d, struct xen_domctl *op)
{
	op->domain = d->id;
	control_domain_info(d, &op->u.getdomaininfo);
	return 0;
}

static int set_handle(struct domain *d, struct xen_domctl *op)
{
	memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
	return 0;
}

static int subscribe(struct domain *d, struct xen_domctl *op)
{
	shared_store32(&d->suspend_port, op->u.subscribe.port);
	return 0;
}

static int set_virq_handler(struct domain *d, struct xen_domctl *op)
{
	return event_virq_handler_set(d, op->u.set_virq_handler.virq);
}

static int scheduler(struct domain *d, struct xen_domctl *op)
{
	return control_domain_scheduler(d, &op->u.scheduler_op);
}

static int policy_get(struct domain *d, struct xen_domctl *op)
{
	return control_policy_get(d, &op->u.cpu_policy);
}

static int policy_set(struct domain *d, struct xen_domctl *op)
{
	return control_policy_set(d, &op->u.cpu_policy);
}

/* ---- the table ---- */

static const struct operation {
	control_fn *fn;
	bool others; /* than the caller's own domain only */
} operations[] = {
	[XEN_DOMCTL_destroydomain] = { destroy, true },
	[XEN_DOMCTL_pausedomain] = { hold, true },
	[XEN_DOMCTL_unpausedomain] = { release, false },
	[XEN_DOMCTL_getdomaininfo] = { info, false },
	[XEN_DOMCTL_shadow_op] = { control_shadow, true },
	[XEN_DOMCTL_max_mem] = { control_max_mem, false },
	[XEN_DOMCTL_setvcpucontext] = { control_context_set, true },
	[XEN_DOMCTL_max_vcpus] = { control_max_vcpus, true },
	[XEN_DOMCTL_scheduler_op] = { scheduler, false },
	[XEN_DOMCTL_setdomainhandle] = { set_handle, false },
	[XEN_DOMCTL_resumedomain] = { resume, true },
	[XEN_DOMCTL_subscribe] = { subscribe, false },
	[XEN_DOMCTL_set_address_size] = { control_set_address_size, true },
	[XEN_DOMCTL_get_address_size] = { control_get_address_size, false },
	[XEN_DOMCTL_set_virq_handler] = { set_virq_handler, false },
	[XEN_DOMCTL_get_cpu_policy] = { policy_get, false },
	[XEN_DOMCTL_set_cpu_policy] = { policy_set, true },
};

/* The first domain at or above an id: so tools list them one by one. */
static struct domain *first_from(uint32_t id)
{
	return id < DOMID_FIRST_RESERVED ? domain_next((int)id - 1) : NULL;
}

/* One that is dying is none, but for those who look or wait for its end. */
static struct domain *target(struct vcpu *v, const struct xen_domctl *op)
{
	int error;

	switch (op->cmd) {
	case XEN_DOMCTL_getdomaininfo:
		return first_from(op->domain);
	case XEN_DOMCTL_destroydomain:
		return domain_find(op->domain);
	default:
		return domain_from_arg(v, op->domain, &error);
	}
}

int control_domctl(struct vcpu *v, struct xen_domctl *op)
{
	const struct operation *o;
	struct domain *d;

	if (op->cmd == XEN_DOMCTL_createdomain)
		return control_create(op);
	d = target(v, op);
	if (!d)
		return -ESRCH;
	if (op->cmd >= ARRAY_SIZE(operations) || !operations[op->cmd].fn)
		return -ENOSYS;
	o = &operations[op->cmd];
	return o->others && d == v->domain ? -EINVAL : o->fn(d, op);
}
