/* SPDX-License-Identifier: MIT */
/*
 * A vcpu for control software: what it does, where it may run, and what is
 * sent to it.
 *
 * Where it may run is kept for the caller as it was set; what is told back is
 * what of it there is: CPUs beyond the machine's are nobody's.
 */
#include "arch.h"
#include "control/control.h"
#include "event/event.h"
#include "frame/frame.h"
#include "sched/sched.h"

static struct vcpu *vcpu_of(struct domain *d, uint32_t id)
{
	return id < d->max_vcpus ? d->vcpu[id] : NULL;
}

int control_vcpu_info(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_getvcpuinfo *i = &op->u.getvcpuinfo;
	struct vcpu *v = vcpu_of(d, i->vcpu);
	struct vcpu_runstate_info r;

	if (!v)
		return -EINVAL;
	sched_runstate_get(v, &r);
	i->online = !sched_is_stopped(v, VCPU_DOWN);
	i->blocked = !!sched_is_stopped(v, VCPU_BLOCKED | VCPU_POLLING);
	i->running = r.state == RUNSTATE_running;
	i->cpu_time = r.time[RUNSTATE_running];
	i->cpu = v->sched.cpu;
	return 0;
}

/* ---- CPUs ---- */

static uint64_t cpus_there(void)
{
	return ~0UL >> (64 - arch_nr_cpus());
}

/* A caller's bitmap; what it has no room for is 0. */
static int bitmap_get(const struct xenctl_bitmap *map, uint64_t *bits)
{
	uint32_t n = MIN(map->nr_bits, 64U);

	*bits = 0;
	if (guest_copy_from(bits, (uint64_t)map->bitmap.p, (n + 7) / 8))
		return -EFAULT;
	if (n < 64)
		*bits &= (1UL << n) - 1;
	return 0;
}

static int bitmap_give(uint32_t flags, uint32_t flag,
		       const struct xenctl_bitmap *map, uint64_t bits)
{
	return flags & flag ? control_bitmap_put(map, bits & cpus_there()) : 0;
}

#define BOTH (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)

int control_affinity_get(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	struct vcpu *v = vcpu_of(d, a->vcpu);
	int rc;

	if (!v || !(a->flags & BOTH))
		return -EINVAL;
	rc = bitmap_give(a->flags, XEN_VCPUAFFINITY_HARD, &a->cpumap_hard,
			 v->sched.hard);
	return rc ? rc
		  : bitmap_give(a->flags, XEN_VCPUAFFINITY_SOFT,
				&a->cpumap_soft, v->sched.soft);
}

int control_affinity_set(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	struct vcpu *v = vcpu_of(d, a->vcpu);
	uint64_t hard, soft;
	int rc = 0;

	if (!v || !(a->flags & BOTH))
		return -EINVAL;
	hard = v->sched.hard;
	soft = v->sched.soft;
	if (a->flags & XEN_VCPUAFFINITY_HARD)
		rc = bitmap_get(&a->cpumap_hard, &hard);
	if (!rc && (a->flags & XEN_VCPUAFFINITY_SOFT))
		rc = bitmap_get(&a->cpumap_soft, &soft);
	if (!rc)
		rc = sched_affinity_set(v, hard, soft);
	/* What is in effect now. */
	if (!rc)
		rc = bitmap_give(a->flags, XEN_VCPUAFFINITY_HARD,
				 &a->cpumap_hard, hard);
	return rc ? rc
		  : bitmap_give(a->flags, XEN_VCPUAFFINITY_SOFT,
				&a->cpumap_soft, hard & soft);
}

/* There is one node. */
int control_nodes_get(struct domain *d, struct xen_domctl *op)
{
	(void)d;
	return control_bitmap_put(&op->u.nodeaffinity.nodemap, 1);
}

int control_nodes_set(struct domain *d, struct xen_domctl *op)
{
	uint64_t nodes;
	int rc = bitmap_get(&op->u.nodeaffinity.nodemap, &nodes);

	(void)d;
	return rc ? rc : nodes & 1 ? 0 : -EINVAL;
}

/* ---- what is sent to it ---- */

/* The others are buttons of machines that have buttons. */
int control_trigger(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = vcpu_of(d, op->u.sendtrigger.vcpu);

	switch (op->u.sendtrigger.trigger) {
	case XEN_DOMCTL_SENDTRIGGER_NMI:
		if (!v)
			return -EINVAL;
		atomic32_or(&v->work, VCPU_WORK_NMI);
		event_kick(v);
		return 0;
	case XEN_DOMCTL_SENDTRIGGER_POWER:
	case XEN_DOMCTL_SENDTRIGGER_SLEEP:
		return -EINVAL;
	default:
		return -ENOSYS;
	}
}

/* ---- a debugger's ---- */

int control_debug_pause(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = vcpu_of(d, op->u.gdbsx_pauseunp_vcpu.vcpu);

	if (!v)
		return -EINVAL;
	sched_stop(v, VCPU_DEBUGGED);
	return 0;
}

int control_debug_unpause(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = vcpu_of(d, op->u.gdbsx_pauseunp_vcpu.vcpu);

	if (!v || !sched_is_stopped(v, VCPU_DEBUGGED))
		return -EINVAL;
	sched_start(v, VCPU_DEBUGGED);
	return 0;
}

int control_debug_status(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_gdbsx_domstatus *s = &op->u.gdbsx_domstatus;

	*s = (struct xen_domctl_gdbsx_domstatus){
		.paused = atomic32_load(&d->sched.held) != 0,
		.vcpu_id = ~0U,
	};
	return 0;
}
