/* SPDX-License-Identifier: MIT */
/*
 * domctl and sysctl, for control software in a privileged domain: who may call
 * them, and the one copy of their argument in and out. The operations are in
 * control/.
 */
#include "call/call.h"
#include "control/control.h"
#include "frame/frame.h"

/* domctl(op) */
long hc_domctl(struct vcpu *v, struct call_args *args)
{
	struct xen_domctl op;
	struct domain *d;
	bool answer;
	int rc;

	if (guest_copy_from(&op, args->a[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -EACCES;
	d = domain_from_arg(v, op.domain, &rc);
	if (!v->domain->privileged)
		return -EPERM;
	if (!d)
		return -ESRCH;
	rc = control_domctl(v, d, &op, &answer);
	/* Where it goes on is in there, too. */
	if ((answer || rc == -ERESTART) &&
	    guest_copy_to(args->a[0], &op, sizeof(op)))
		return -EFAULT;
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
