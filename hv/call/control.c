/* SPDX-License-Identifier: MIT */
/*
 * domctl and sysctl, for control software in a privileged domain: who may call
 * them, and the one copy of their argument in and out. The operations are in
 * control/.
 */
#include "call/call.h"
#include "control/control.h"
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"

/* Two that create, build and end domains at once would need more care than
 * it is worth: the second comes again. */
static atomic32_t busy;

/* Nobody knows of a domain whose number did not arrive. */
static void uncreate(uint16_t id)
{
	struct domain *d = domain_find(id);

	if (d)
		lifecycle_destroy(d);
}

/* domctl(op) */
long hc_domctl(struct vcpu *v, struct call_args *args)
{
	struct xen_domctl op;
	int rc;

	if (guest_copy_from(&op, args->a[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -EACCES;
	if (!v->domain->privileged)
		return -EPERM;
	if (atomic32_xchg(&busy, 1))
		return -ERESTART;
	rc = control_domctl(v, &op);
	/* Where it goes on is in there, too. */
	if (guest_copy_to(args->a[0], &op, sizeof(op))) {
		if (op.cmd == XEN_DOMCTL_createdomain && !rc)
			uncreate(op.domain);
		rc = -EFAULT;
	}
	atomic32_store(&busy, 0);
	return rc;
}

/* sysctl(op) */
long hc_sysctl(struct vcpu *v, struct call_args *args)
{
	struct xen_sysctl op;
	int rc;

	if (guest_copy_from(&op, args->a[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -EACCES;
	if (!v->domain->privileged)
		return -EPERM;
	rc = control_sysctl(v, &op);
	if ((!rc || rc == -ERESTART) &&
	    guest_copy_to(args->a[0], &op, sizeof(op)))
		return -EFAULT;
	return rc;
}
