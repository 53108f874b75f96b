/* SPDX-License-Identifier: MIT */
/*
 * sysctl: what control software asks of the machine as a whole. Only a
 * privileged domain may; the caller (call/control.c) has seen to that and to
 * the interface's version.
 *
 * Lists are copied to the caller as they are made, without locks: domains and
 * CPUs do not go away under us, and what is told is as old as its copy. They
 * are as long as there are domains or CPUs, whatever the caller says.
 */
#include "control/control.h"
#include "frame/frame.h"
#include "log/log.h"

static int domain_list(struct xen_sysctl_getdomaininfolist *l)
{
	struct domain *d = domain_next((int)l->first_domain - 1);
	struct xen_domctl_getdomaininfo info;

	for (l->num_domains = 0; d && l->num_domains < l->max_domains;
	     d = domain_next(d->id)) {
		control_domain_info(d, &info);
		if (guest_copy_to((uint64_t)l->buffer.p +
					  l->num_domains++ * sizeof(info),
				  &info, sizeof(info)))
			return -EFAULT;
	}
	return 0;
}

/*
 * The log, from its oldest text or from where the caller's last call ended.
 * To clear it is to forget what has been read; what did not fit stays.
 */
static int read_console(struct xen_sysctl_readconsole *r)
{
	uint64_t at = log_position(r->incremental ? &r->index : NULL);
	uint32_t done = 0;
	char text[256];
	size_t n;

	while ((n = log_read(&at, text,
			     MIN(sizeof(text), (size_t)(r->count - done))))) {
		if (guest_copy_to((uint64_t)r->buffer.p + done, text, n))
			return -EFAULT;
		done += (uint32_t)n;
	}
	if (r->clear)
		log_forget(at);
	r->index = (uint32_t)at;
	r->count = done;
	return 0;
}

int control_sysctl(struct vcpu *v, struct xen_sysctl *op)
{
	switch (op->cmd) {
	case XEN_SYSCTL_readconsole:
		return read_console(&op->u.readconsole);
	case XEN_SYSCTL_physinfo:
		return control_physinfo(&op->u.physinfo);
	case XEN_SYSCTL_sched_id:
		op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
		return 0;
	case XEN_SYSCTL_getdomaininfolist:
		return domain_list(&op->u.getdomaininfolist);
	case XEN_SYSCTL_debug_keys:
		return control_debug_keys(&op->u.debug_keys);
	case XEN_SYSCTL_getcpuinfo:
		return control_cpuinfo(&op->u.getcpuinfo);
	case XEN_SYSCTL_availheap:
		return control_availheap(&op->u.availheap);
	case XEN_SYSCTL_cputopoinfo:
		return control_cpu_topology(&op->u.cputopoinfo);
	case XEN_SYSCTL_numainfo:
		return control_numa(&op->u.numainfo);
	case XEN_SYSCTL_pcitopoinfo:
		return control_pci_topology(&op->u.pcitopoinfo);
	case XEN_SYSCTL_cpupool_op:
		return control_cpupool(v, &op->u.cpupool_op);
	case XEN_SYSCTL_scheduler_op:
		return control_scheduler(&op->u.scheduler_op);
	case XEN_SYSCTL_get_cpu_levelling_caps:
		op->u.cpu_levelling_caps.caps = 0;
		return 0;
	case XEN_SYSCTL_get_cpu_featureset:
		return control_featureset(&op->u.cpu_featureset);
	case XEN_SYSCTL_get_cpu_policy:
		return control_policy_of_machine(&op->u.cpu_policy);
	case XEN_SYSCTL_get_pmstat:
	case XEN_SYSCTL_psr_cmt_op:
	case XEN_SYSCTL_psr_alloc:
		return -ENODEV;
	case XEN_SYSCTL_cpu_hotplug:
	case XEN_SYSCTL_coverage_op:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}
