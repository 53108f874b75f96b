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

/*
 * Of one that is being taken apart by now, too. When it goes on it may be gone
 * already: the caller's structure says that it was there. Whoever forges that
 * is told that what is not there has been destroyed.
 */
#define DESTROYING 0x6465

static int destroy(struct domain *d, struct xen_domctl *op)
{
	int rc;

	lifecycle_destroy(d);
	rc = lifecycle_destroy_some(d);
	op->_pad[0] = rc ? DESTROYING : 0;
	return rc;
}

static int hold(struct domain *d, struct xen_domctl *op)
{
	(void)op;
	return sched_hold_domain(d);
}

/* The first time, from when it was created. */
static int release(struct domain *d, struct xen_domctl *op)
{
	(void)op;
	lifecycle_unpause(d);
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

static int set_debugging(struct domain *d, struct xen_domctl *op)
{
	d->debugged = op->u.setdebugging.enable;
	return 0;
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

struct operation {
	control_fn *fn;
	bool others; /* than the caller's own domain only */
};

static const struct operation operations[] = {
	[XEN_DOMCTL_destroydomain] = { destroy, true },
	[XEN_DOMCTL_pausedomain] = { hold, true },
	[XEN_DOMCTL_unpausedomain] = { release, false },
	[XEN_DOMCTL_getdomaininfo] = { info, false },
	[XEN_DOMCTL_setvcpuaffinity] = { control_affinity_set, false },
	[XEN_DOMCTL_shadow_op] = { control_shadow, true },
	[XEN_DOMCTL_max_mem] = { control_max_mem, false },
	[XEN_DOMCTL_setvcpucontext] = { control_context_set, true },
	[XEN_DOMCTL_getvcpucontext] = { control_context_get, true },
	[XEN_DOMCTL_getvcpuinfo] = { control_vcpu_info, false },
	[XEN_DOMCTL_max_vcpus] = { control_max_vcpus, true },
	[XEN_DOMCTL_scheduler_op] = { scheduler, false },
	[XEN_DOMCTL_setdomainhandle] = { set_handle, false },
	[XEN_DOMCTL_setdebugging] = { set_debugging, true },
	[XEN_DOMCTL_irq_permission] = { control_irq_permit, false },
	[XEN_DOMCTL_iomem_permission] = { control_memory_permit, false },
	[XEN_DOMCTL_ioport_permission] = { control_ports_permit, false },
	[XEN_DOMCTL_hypercall_init] = { control_hypercall_page, false },
	[XEN_DOMCTL_settimeoffset] = { control_set_time_offset, false },
	[XEN_DOMCTL_getvcpuaffinity] = { control_affinity_get, false },
	[XEN_DOMCTL_resumedomain] = { resume, true },
	[XEN_DOMCTL_sendtrigger] = { control_trigger, false },
	[XEN_DOMCTL_subscribe] = { subscribe, false },
	[XEN_DOMCTL_set_address_size] = { control_set_address_size, true },
	[XEN_DOMCTL_get_address_size] = { control_get_address_size, false },
	[XEN_DOMCTL_set_ext_vcpucontext] = { control_ext_context_set, true },
	[XEN_DOMCTL_get_ext_vcpucontext] = { control_ext_context_get, true },
	[XEN_DOMCTL_gettscinfo] = { control_tsc_get, false },
	[XEN_DOMCTL_settscinfo] = { control_tsc_set, true },
	[XEN_DOMCTL_getpageframeinfo3] = { control_page_types, false },
	[XEN_DOMCTL_setvcpuextstate] = { control_xstate_set, true },
	[XEN_DOMCTL_getvcpuextstate] = { control_xstate_get, true },
	[XEN_DOMCTL_set_virq_handler] = { set_virq_handler, false },
	[XEN_DOMCTL_setnodeaffinity] = { control_nodes_set, false },
	[XEN_DOMCTL_getnodeaffinity] = { control_nodes_get, false },
	[XEN_DOMCTL_get_vcpu_msrs] = { control_msrs_get, true },
	[XEN_DOMCTL_set_vcpu_msrs] = { control_msrs_set, true },
	[XEN_DOMCTL_get_cpu_policy] = { policy_get, false },
	[XEN_DOMCTL_set_cpu_policy] = { policy_set, true },
};

/* Their numbers are far from all others'. */
#define DEBUG_FIRST XEN_DOMCTL_gdbsx_guestmemio
static const struct operation debug_operations[] = {
	[0] = { control_debug_memory, true },
	[XEN_DOMCTL_gdbsx_pausevcpu -
		DEBUG_FIRST] = { control_debug_pause, true },
	[XEN_DOMCTL_gdbsx_unpausevcpu -
		DEBUG_FIRST] = { control_debug_unpause, true },
	[XEN_DOMCTL_gdbsx_domstatus -
		DEBUG_FIRST] = { control_debug_status, true },
};

static const struct operation *operation_of(uint32_t cmd)
{
	if (cmd < ARRAY_SIZE(operations))
		return &operations[cmd];
	cmd -= DEBUG_FIRST;
	return cmd < ARRAY_SIZE(debug_operations) ? &debug_operations[cmd]
						  : NULL;
}

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
	const struct operation *o = operation_of(op->cmd);
	struct domain *d;

	if (op->cmd == XEN_DOMCTL_createdomain)
		return control_create(op);
	d = target(v, op);
	if (!d && op->cmd == XEN_DOMCTL_destroydomain &&
	    op->_pad[0] == DESTROYING) {
		op->_pad[0] = 0;
		return 0;
	}
	if (!d)
		return -ESRCH;
	if (!o || !o->fn)
		return -ENOSYS;
	return o->others && d == v->domain ? -EINVAL : o->fn(d, op);
}
