/* SPDX-License-Identifier: MIT */
/*
 * domctl: one domain controls another. Only a privileged one may; the caller
 * (call/control.c) has seen to that, to the interface's version, and found
 * the domain.
 *
 * What a domain must not do to itself, because the caller is one of its
 * vcpus: stop them all, or have its page tables exchanged.
 */
#include "control/control.h"
#include "lifecycle/lifecycle.h"
#include "sched/sched.h"

static int pause(struct vcpu *v, struct domain *d)
{
	return d == v->domain ? -EINVAL : sched_hold_domain(d);
}

static int destroy(struct vcpu *v, struct domain *d)
{
	if (d == v->domain)
		return -EINVAL;
	lifecycle_destroy(d);
	return 0;
}

int control_domctl(struct vcpu *v, struct domain *d, struct xen_domctl *op,
		   bool *answer)
{
	*answer = false;
	switch (op->cmd) {
	case XEN_DOMCTL_destroydomain:
		return destroy(v, d);
	case XEN_DOMCTL_pausedomain:
		return pause(v, d);
	case XEN_DOMCTL_unpausedomain:
		return sched_release_domain(d);
	case XEN_DOMCTL_getdomaininfo:
		*answer = true;
		op->domain = d->id;
		control_domain_info(d, &op->u.getdomaininfo);
		return 0;
	case XEN_DOMCTL_shadow_op:
		*answer = true;
		return d == v->domain ? -EINVAL
				      : control_shadow(d, &op->u.shadow_op);
	case XEN_DOMCTL_scheduler_op:
		*answer = true;
		return control_domain_scheduler(d, &op->u.scheduler_op);
	case XEN_DOMCTL_get_cpu_policy:
		*answer = true;
		return control_policy_get(d, &op->u.cpu_policy);
	case XEN_DOMCTL_set_cpu_policy:
		*answer = true;
		return d == v->domain
			       ? -EINVAL
			       : control_policy_set(d, &op->u.cpu_policy);
	default:
		return -ENOSYS;
	}
}
