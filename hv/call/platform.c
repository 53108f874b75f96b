/* SPDX-License-Identifier: MIT */
/*
 * platform_op and mca, for domain 0: who may call them, and the one copy of
 * their argument in and out. The operations are in control/platform.c.
 */
#include "argument.h"
#include "call/call.h"
#include "control/control.h"
#include "frame/frame.h"

#define BODY offsetof(struct xen_platform_op, u)
_Static_assert(BODY == offsetof(struct xen_mc, u) && BODY == 8, "");

/* The one operation that has pointers. */
static long idle_times(const struct vcpu *v, uint64_t va)
{
	struct xenpf_getidletime t;
	int rc;

	if (arg_read_getidletime(v, &t, va))
		return -EFAULT;
	rc = control_idle_times(&t);
	return rc ? rc : arg_write_getidletime(v, va, &t);
}

/* platform_op(op) */
long hc_platform_op(struct vcpu *v, struct call_args *args)
{
	struct xen_platform_op op;
	int rc;

	if (guest_copy_from(&op, args->a[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XENPF_INTERFACE_VERSION)
		return -EACCES;
	if (!v->domain->privileged)
		return -EPERM;
	if (op.cmd == XENPF_getidletime)
		return idle_times(v, args->a[0] + BODY);
	rc = control_platform(v->domain, &op);
	return rc ? rc : guest_copy_to(args->a[0], &op, sizeof(op));
}

/* No error is ever told: a machine check ends the machine. */
static long mc_fetch(uint64_t va)
{
	struct xen_mc_fetch f;
	const size_t n = offsetof(struct xen_mc_fetch, data);

	if (guest_copy_from(&f, va, n))
		return -EFAULT;
	f.flags = f.flags & XEN_MC_ACK ? XEN_MC_OK : XEN_MC_NODATA;
	f.fetch_id = 0;
	return guest_copy_to(va, &f, n);
}

static long mc_cpus(const struct vcpu *v, uint64_t va)
{
	struct xen_mc_physcpuinfo p;
	int rc;

	if (arg_read_mc_physcpuinfo(v, &p, va))
		return -EFAULT;
	rc = control_mc_cpus(&p);
	return rc ? rc : arg_write_mc_physcpuinfo(v, va, &p);
}

/* mca(op) */
long hc_mca(struct vcpu *v, struct call_args *args)
{
	struct {
		uint32_t cmd, version;
	} op;

	if (!v->domain->privileged)
		return -EPERM;
	if (guest_copy_from(&op, args->a[0], sizeof(op)))
		return -EFAULT;
	if (op.version != XEN_MCA_INTERFACE_VERSION)
		return -EACCES;
	switch (op.cmd) {
	case XEN_MC_fetch:
		return mc_fetch(args->a[0] + BODY);
	case XEN_MC_physcpuinfo:
		return mc_cpus(v, args->a[0] + BODY);
	default:
		return -ENOSYS;
	}
}
