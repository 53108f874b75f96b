/* SPDX-License-Identifier: MIT */
/*
 * The scheduler as control software knows it: credit2, in one pool of all
 * CPUs.
 *
 * The tools ask for the scheduler by its number and speak to it in weights.
 * Ours is another (sched/bvt.c), but a weight means the same to it: the share
 * of a domain's vcpus beside others'. What would have no effect is refused: a
 * cap, another scheduler, a pool beside the one there is.
 */
#include "arch.h"
#include "control/control.h"
#include "frame/frame.h"
#include "sched/sched.h"

#define US 1000UL

/* ---- pools ---- */

#define MAP_BYTES 512 /* of a caller's bitmap, at most */

int control_bitmap_put(const struct xenctl_bitmap *map, uint64_t bits)
{
	uint64_t bytes = MIN((map->nr_bits + 7UL) / 8, (uint64_t)MAP_BYTES);
	uint8_t all[MAP_BYTES] = { 0 };

	for (unsigned int i = 0; i < sizeof(bits); i++)
		all[i] = (uint8_t)(bits >> 8 * i);
	return guest_copy_to((uint64_t)map->bitmap.p, all, bytes);
}

static int pool_info(struct xen_sysctl_cpupool_op *op)
{
	op->sched_id = XEN_SCHEDULER_CREDIT2;
	op->n_dom = 0;
	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		op->n_dom++;
	return control_bitmap_put(&op->cpumap, ~0UL >> (64 - arch_nr_cpus()));
}

static int pool_create(const struct xen_sysctl_cpupool_op *op)
{
	if (op->cpupool_id == 0)
		return -EEXIST;
	return op->sched_id == XEN_SCHEDULER_CREDIT2 ? -EOPNOTSUPP : -ENOENT;
}

/* All CPUs are in the pool: none is free, and none can leave its domains. */
static int pool_cpu(const struct xen_sysctl_cpupool_op *op, int all_taken)
{
	if (op->cpu != XEN_SYSCTL_CPUPOOL_PAR_ANY && op->cpu >= arch_nr_cpus())
		return -EINVAL;
	return all_taken;
}

static int pool_move(const struct vcpu *v,
		     const struct xen_sysctl_cpupool_op *op)
{
	if (op->domid == v->domain->id)
		return -EPERM;
	if (op->domid > UINT16_MAX || !domain_find((uint16_t)op->domid))
		return -ESRCH;
	return op->cpupool_id ? -ENOENT : 0;
}

int control_cpupool(struct vcpu *v, struct xen_sysctl_cpupool_op *op)
{
	switch (op->op) {
	case XEN_SYSCTL_CPUPOOL_OP_CREATE:
		return pool_create(op);
	case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
		return pool_move(v, op);
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
		return control_bitmap_put(&op->cpumap, 0);
	case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
		return op->cpupool_id ? -ENOENT : -EBUSY;
	case XEN_SYSCTL_CPUPOOL_OP_INFO:
		return op->cpupool_id ? -ENOENT : pool_info(op);
	case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
		return op->cpupool_id ? -ENOENT : pool_cpu(op, -ENODEV);
	case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
		return op->cpupool_id ? -ENOENT : pool_cpu(op, -EBUSY);
	default:
		return -ENOSYS;
	}
}

/* ---- the scheduler ---- */

/* Its one parameter: for how long nobody takes the CPU from a runner. */
int control_scheduler(struct xen_sysctl_scheduler_op *op)
{
	uint32_t *us = &op->u.sched_credit2.ratelimit_us;

	if (op->cpupool_id)
		return -ESRCH;
	if (op->sched_id != XEN_SCHEDULER_CREDIT2)
		return -EINVAL;
	switch (op->cmd) {
	case XEN_SYSCTL_SCHEDOP_getinfo:
		*us = (uint32_t)(sched_allowance_ns() / US);
		return 0;
	case XEN_SYSCTL_SCHEDOP_putinfo:
		if (*us && (*us < XEN_SYSCTL_SCHED_RATELIMIT_MIN ||
			    *us > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
			return -EINVAL;
		sched_allowance_set(*us * US);
		return 0;
	default:
		return -EINVAL;
	}
}

int control_domain_scheduler(struct domain *d,
			     struct xen_domctl_scheduler_op *op)
{
	struct xen_domctl_sched_credit2 *c = &op->u.credit2;

	if (op->sched_id != XEN_SCHEDULER_CREDIT2)
		return -EINVAL;
	switch (op->cmd) {
	case XEN_DOMCTL_SCHEDOP_getinfo:
		c->weight = (uint16_t)shared_load32(&d->sched.weight);
		c->cap = 0;
		return 0;
	case XEN_DOMCTL_SCHEDOP_putinfo:
		if (c->cap)
			return -EOPNOTSUPP;
		if (c->weight) /* else it stays */
			shared_store32(&d->sched.weight, c->weight);
		return 0;
	default:
		return -EINVAL; /* vcpus have none of their own */
	}
}
