/* SPDX-License-Identifier: MIT */
/*
 * What control software settles for a domain beside its limits: its clock,
 * and what of the machine it may use. Nobody gives what he has not himself.
 */
#include "arch.h"
#include "control/control.h"
#include "log/log.h"
#include "time/time.h"

#define NS_PER_S 1000000000L

/* ---- time ---- */

/* 2^33 s are 272 years. */
int control_set_time_offset(struct domain *d, struct xen_domctl *op)
{
	int64_t s = op->u.settimeoffset.time_offset_seconds;

	if (s > 1L << 33 || s < -(1L << 33))
		return -EINVAL;
	d->time_offset_ns = s * NS_PER_S;
	time_update_wallclock(d);
	return 0;
}

/* <xen/../tsc_mode>: what a guest's RDTSC gives. */
enum { TSC_DEFAULT, TSC_EMULATE, TSC_NATIVE };

int control_tsc_get(struct domain *d, struct xen_domctl *op)
{
	op->u.tsc_info = (struct xen_domctl_tsc_info){
		.tsc_mode = d->tsc_mode,
		.gtsc_khz = (uint32_t)(arch_tsc_hz() / 1000),
		.incarnation = d->tsc_incarnation,
	};
	return 0;
}

/*
 * A guest has this machine's TSC, whatever rate it knew elsewhere: its clock
 * goes by the time page, which is this machine's too.
 */
int control_tsc_set(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_tsc_info *t = &op->u.tsc_info;

	if (t->tsc_mode != TSC_DEFAULT && t->tsc_mode != TSC_NATIVE) {
		log_warn("domain %u: RDTSC is not emulated: tsc_mode= may be "
			 "default or native",
			 d->id);
		return t->tsc_mode == TSC_EMULATE ? -EOPNOTSUPP : -EINVAL;
	}
	d->tsc_mode = (uint8_t)t->tsc_mode;
	d->tsc_incarnation = t->incarnation;
	return 0;
}

/* ---- what of the machine is its ---- */

static struct domain *caller(void)
{
	return current_vcpu()->domain;
}

int control_irq_permit(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_irq_permission *p = &op->u.irq_permission;

	if (p->pirq >= EVENT_NR_PIRQS)
		return -EINVAL;
	if (!domain_may_use(caller(), &caller()->access.irqs, p->pirq, p->pirq))
		return -EPERM;
	return domain_set_use(d, &d->access.irqs, p->pirq, p->pirq,
			      p->allow_access);
}

int control_memory_permit(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
	uint64_t last = p->first_mfn + p->nr_mfns - 1;

	if (last < p->first_mfn || last >> (52 - PAGE_SHIFT))
		return -EINVAL;
	if (!domain_may_use(caller(), &caller()->access.memory, p->first_mfn,
			    last))
		return -EPERM;
	return domain_set_use(d, &d->access.memory, p->first_mfn, last,
			      p->allow_access);
}

#define PORTS 0x10000UL

int control_ports_permit(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;
	uint64_t last = (uint64_t)p->first_port + p->nr_ports - 1;

	if (p->first_port >= PORTS || last >= PORTS)
		return p->nr_ports ? -EINVAL : 0;
	if (!p->nr_ports)
		return 0;
	if (!domain_may_use(caller(), &caller()->access.ports, p->first_port,
			    last))
		return -EPERM;
	return domain_set_use(d, &d->access.ports, p->first_port, last,
			      p->allow_access);
}
