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

/* ---- vcpu_guest_context ---- */

/* In both forms: too large for a stack. */
struct context {
	struct vcpu_guest_context wide;
	struct vcpu_guest_context_x86_32 narrow;
};

static int context_read(const struct vcpu *v, uint64_t va, struct context *m)
{
	if (v->domain->width == WIDTH_64)
		return guest_copy_from(&m->wide, va, sizeof(m->wide));
	if (guest_copy_from(&m->narrow, va, sizeof(m->narrow)))
		return -EFAULT;
	trap_context_widen(&m->wide, &m->narrow);
	return 0;
}

static int context_write(const struct vcpu *v, uint64_t va, struct context *m)
{
	if (v->domain->width == WIDTH_64)
		return guest_copy_to(va, &m->wide, sizeof(m->wide));
	trap_context_narrow(&m->narrow, &m->wide);
	return guest_copy_to(va, &m->narrow, sizeof(m->narrow));
}

static int context_exchange(struct domain *d, struct xen_domctl *op, bool set)
{
	uint64_t va = (uint64_t)op->u.vcpucontext.ctxt.p;
	struct context *m = NULL;
	struct vcpu *v;
	int rc = vcpu_visit(d, op->u.vcpucontext.vcpu, &v);

	if (rc)
		return rc;
	m = frame_alloc_bytes(sizeof(*m));
	if (!m) {
		rc = -ENOMEM;
	} else if (set) {
		rc = context_read(v, va, m);
		if (!rc)
			rc = lifecycle_vcpu_set(v, &m->wide);
	} else if (!shared_load8(&v->initialised)) {
		rc = -ENODATA;
	} else {
		lifecycle_vcpu_get(v, &m->wide);
		rc = context_write(v, va, m);
	}
	frame_free_bytes(m, sizeof(*m));
	if (rc != -ERESTART)
		vcpu_leave(v);
	return rc;
}

int control_context_set(struct domain *d, struct xen_domctl *op)
{
	return context_exchange(d, op, true);
}

int control_context_get(struct domain *d, struct xen_domctl *op)
{
	return context_exchange(d, op, false);
}

/* ---- what it has no room for ---- */

static bool masks_events(const struct vcpu *v, unsigned int type)
{
	return v->trap.callback_masks >> type & 1;
}

/* There are no machine checks for guests, and so nothing to keep of them. */
int control_ext_context_get(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_ext_vcpucontext *x = &op->u.ext_vcpucontext;
	uint64_t syscall32, sysenter;
	struct vcpu *v;
	int rc = vcpu_visit(d, x->vcpu, &v);

	if (rc)
		return rc;
	syscall32 = trap_callback_get(v, CALLBACKTYPE_syscall32);
	sysenter = trap_callback_get(v, CALLBACKTYPE_sysenter);
	*x = (struct xen_domctl_ext_vcpucontext){
		.vcpu = x->vcpu,
		.size = sizeof(*x),
		.syscall32_disables_events =
			masks_events(v, CALLBACKTYPE_syscall32),
		.sysenter_disables_events =
			masks_events(v, CALLBACKTYPE_sysenter),
		.syscall32_callback_eip = syscall32,
		.sysenter_callback_eip = sysenter,
	};
	if (d->width == WIDTH_32) {
		x->syscall32_callback_cs = (uint16_t)(syscall32 >> 32);
		x->syscall32_callback_eip = (uint32_t)syscall32;
		x->sysenter_callback_cs = (uint16_t)(sysenter >> 32);
		x->sysenter_callback_eip = (uint32_t)sysenter;
	}
	vcpu_leave(v);
	return 0;
}

static int callback_set(struct vcpu *v, unsigned int type, uint16_t cs,
			uint64_t address, bool masks)
{
	if (v->domain->width == WIDTH_32)
		address = (uint64_t)cs << 32 | (uint32_t)address;
	return trap_callback_register(
		v, type, masks ? CALLBACKF_mask_events : 0, address);
}

int control_ext_context_set(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_ext_vcpucontext *x = &op->u.ext_vcpucontext;
	struct vcpu *v;
	int rc = vcpu_visit(d, x->vcpu, &v);

	if (rc)
		return rc;
	if (x->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap))
		rc = -EINVAL;
	if (!rc)
		rc = callback_set(v, CALLBACKTYPE_syscall32,
				  x->syscall32_callback_cs,
				  x->syscall32_callback_eip,
				  x->syscall32_disables_events);
	if (!rc)
		rc = callback_set(
			v, CALLBACKTYPE_sysenter, x->sysenter_callback_cs,
			x->sysenter_callback_eip, x->sysenter_disables_events);
	vcpu_leave(v);
	return rc;
}

/* ---- extended registers ---- */

static int xstate_write(const struct vcpu *v,
			const struct xen_domctl_vcpuextstate *x)
{
	void *buffer = frame_alloc_bytes(x->size);
	int rc;

	if (!buffer)
		return -ENOMEM;
	(void)trap_xstate_get(v, buffer);
	rc = guest_copy_to((uint64_t)x->buffer.p, buffer, x->size);
	frame_free_bytes(buffer, x->size);
	return rc;
}

/* Without a buffer only how large it is to be; 0: nothing to save. */
int control_xstate_get(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_vcpuextstate *x = &op->u.vcpuextstate;
	uint64_t bytes;
	struct vcpu *v;
	int rc = vcpu_visit(d, x->vcpu, &v);

	if (rc)
		return rc;
	bytes = trap_xstate_get(v, NULL);
	if (!x->buffer.p)
		x->size = bytes;
	else if (x->size != bytes)
		rc = -EINVAL;
	else if (bytes)
		rc = xstate_write(v, x);
	x->xfeature_mask = trap_xcr0_mask(d);
	vcpu_leave(v);
	return rc;
}

int control_xstate_set(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_vcpuextstate *x = &op->u.vcpuextstate;
	void *buffer = NULL;
	struct vcpu *v;
	int rc = vcpu_visit(d, x->vcpu, &v);

	if (rc)
		return rc;
	if (x->size > trap_xstate_bytes(trap_xcr0_mask(d)))
		rc = -EINVAL;
	if (!rc)
		buffer = frame_alloc_bytes(x->size);
	if (!rc && !buffer)
		rc = x->size ? -ENOMEM : -EINVAL;
	if (!rc)
		rc = guest_copy_from(buffer, (uint64_t)x->buffer.p, x->size);
	if (!rc)
		rc = trap_xstate_set(v, buffer, x->size);
	frame_free_bytes(buffer, x->size);
	vcpu_leave(v);
	return rc;
}

/* ---- model-specific registers ---- */

/* Those that are a vcpu's own and nowhere else: told if they are not 0. */
static const uint32_t msrs[] = { TRAP_MSR_TSC_AUX };

static int msrs_write(struct vcpu *v, struct xen_domctl_vcpu_msrs *m)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		struct xen_domctl_vcpu_msr e = { .index = msrs[i] };

		if (trap_msr_read(v, msrs[i], &e.value) || !e.value)
			continue;
		if (n == m->msr_count) {
			m->msr_count = ARRAY_SIZE(msrs);
			return -ENOBUFS;
		}
		if (guest_copy_to((uint64_t)m->msrs.p + n * sizeof(e), &e,
				  sizeof(e)))
			return -EFAULT;
		n++;
	}
	m->msr_count = n;
	return 0;
}

int control_msrs_get(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
	struct vcpu *v;
	int rc = vcpu_visit(d, m->vcpu, &v);

	if (rc)
		return rc;
	if (m->msrs.p)
		rc = msrs_write(v, m);
	else
		m->msr_count = ARRAY_SIZE(msrs);
	vcpu_leave(v);
	return rc;
}

/* One that no guest has here may come from another machine, as 0. */
static int msr_set(struct vcpu *v, const struct xen_domctl_vcpu_msr *e)
{
	if (e->reserved)
		return -EINVAL;
	return e->index == TRAP_MSR_TSC_AUX ? trap_tsc_aux_set(v, e->value)
	       : e->value		    ? -EINVAL
					    : 0;
}

#define MSRS_MAX 64 /* that a tool may send */

/* What was refused is told by its place. */
int control_msrs_set(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
	uint32_t n = m->msr_count;
	struct vcpu *v;
	int rc = vcpu_visit(d, m->vcpu, &v);

	if (rc)
		return rc;
	if (n > MSRS_MAX)
		rc = -EINVAL;
	for (uint32_t i = 0; !rc && i < n; i++) {
		struct xen_domctl_vcpu_msr e;

		m->msr_count = i;
		if (guest_copy_from(&e, (uint64_t)m->msrs.p + i * sizeof(e),
				    sizeof(e)))
			rc = -EFAULT;
		else
			rc = msr_set(v, &e);
	}
	if (!rc)
		m->msr_count = n;
	vcpu_leave(v);
	return rc;
}
