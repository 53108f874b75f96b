/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's state, as a tool saves, restores or debugs it. A vcpu whose state
 * is read or exchanged runs nowhere meanwhile: it is stopped first, and when
 * a CPU has still to leave it the tool's call is made again.
 *
 * A context has the layout of the guest's width, not of the caller's, so it
 * does not go through the table of arguments.
 */
#include "control/control.h"
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"
#include "sched/sched.h"
#include "trap/trap.h"

/* v is in memory, all of it, until vcpu_leave(). -ERESTART: not yet. */
static int vcpu_visit(struct domain *d, uint32_t id, struct vcpu **out)
{
	struct vcpu *v = id < d->max_vcpus ? d->vcpu[id] : NULL;

	if (!v)
		return -EINVAL;
	sched_stop(v, VCPU_APART);
	if (sched_is_on_cpu(v))
		return -ERESTART;
	*out = v;
	return 0;
}

static void vcpu_leave(struct vcpu *v)
{
	sched_start(v, VCPU_APART);
}

union context {
	struct vcpu_guest_context wide;
	struct vcpu_guest_context_x86_32 narrow;
};

static int context_read(struct vcpu *v, uint64_t va,
			struct vcpu_guest_context *c, union context *raw)
{
	if (v->domain->width == WIDTH_64)
		return guest_copy_from(c, va, sizeof(*c));
	if (guest_copy_from(raw, va, sizeof(raw->narrow)))
		return -EFAULT;
	trap_context_widen(c, &raw->narrow);
	return 0;
}

int control_context_set(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_vcpucontext *x = &op->u.vcpucontext;
	struct {
		struct vcpu_guest_context c;
		union context raw;
	} * m;
	struct vcpu *v;
	int rc = vcpu_visit(d, x->vcpu, &v);

	if (rc)
		return rc;
	m = frame_alloc_bytes(sizeof(*m));
	if (!m)
		rc = -ENOMEM;
	if (!rc)
		rc = context_read(v, (uint64_t)x->ctxt.p, &m->c, &m->raw);
	if (!rc)
		rc = lifecycle_vcpu_set(v, &m->c);
	frame_free_bytes(m, sizeof(*m));
	if (rc != -ERESTART)
		vcpu_leave(v);
	return rc;
}
