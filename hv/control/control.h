/* SPDX-License-Identifier: MIT */
/*
 * What control software asks of domains. Decoders: an operation is checked
 * here and done by a lower room.
 */
#ifndef LODGE_CONTROL_H
#define LODGE_CONTROL_H

#include "domain/domain.h"

/*
 * One domctl of v's privileged domain, copied in; one CPU at a time. op is to
 * be copied back whatever the result. -ERESTART: again, with op as it is now.
 */
[[nodiscard]] int control_domctl(struct vcpu *v, struct xen_domctl *op);

/* An operation on d, which is found and not dying; reads and fills op->u. */
typedef int control_fn(struct domain *d, struct xen_domctl *op);

/* create.c */
[[nodiscard]] int control_create(struct xen_domctl *op);
control_fn control_max_vcpus, control_max_mem, control_set_address_size,
	control_get_address_size;
/* shadow.c */
control_fn control_shadow;
/* context.c */
control_fn control_context_set, control_context_get, control_ext_context_set,
	control_ext_context_get, control_xstate_set, control_xstate_get,
	control_msrs_set, control_msrs_get;
/* vcpu.c */
control_fn control_vcpu_info, control_affinity_set, control_affinity_get,
	control_nodes_set, control_nodes_get, control_trigger,
	control_debug_pause, control_debug_unpause, control_debug_status;
/* settings.c */
control_fn control_set_time_offset, control_tsc_set, control_tsc_get,
	control_irq_permit, control_memory_permit, control_ports_permit;
/* pages.c */
control_fn control_page_types, control_hypercall_page, control_debug_memory;

/* XEN_DOMCTL_getdomaininfo, and the entries of sysctl's list (info.c). */
void control_domain_info(struct domain *d,
			 struct xen_domctl_getdomaininfo *out);

/*
 * One sysctl of v's privileged domain, copied in: 0 and op is to be copied
 * back, or an error. -ERESTART: again, with op as it is now.
 */
[[nodiscard]] int control_sysctl(struct vcpu *v, struct xen_sysctl *op);

/* XEN_SYSCTL_*, as <xen/sysctl.h> has them: what the machine has (machine.c) */
[[nodiscard]] int control_physinfo(struct xen_sysctl_physinfo *p);
[[nodiscard]] int control_cpuinfo(struct xen_sysctl_getcpuinfo *c);
[[nodiscard]] int control_availheap(struct xen_sysctl_availheap *h);
[[nodiscard]] int control_cpu_topology(struct xen_sysctl_cputopoinfo *t);
[[nodiscard]] int control_numa(struct xen_sysctl_numainfo *n);
[[nodiscard]] int control_pci_topology(struct xen_sysctl_pcitopoinfo *t);
/* Debug keys: what is known, to the log (keys.c). -ERESTART. */
[[nodiscard]] int control_debug_keys(struct xen_sysctl_debug_keys *op);
/* its scheduler (pool.c), */
[[nodiscard]] int control_cpupool(struct vcpu *v,
				  struct xen_sysctl_cpupool_op *op);
[[nodiscard]] int control_scheduler(struct xen_sysctl_scheduler_op *op);
/* its processor (policy.c). */
[[nodiscard]] int control_featureset(struct xen_sysctl_cpu_featureset *op);
[[nodiscard]] int control_policy_of_machine(struct xen_sysctl_cpu_policy *op);
/* One platform_op of a privileged domain, copied in: 0 and op is to be copied
 * back, or an error (platform.c). XENPF_getidletime is apart. */
[[nodiscard]] int control_platform(struct domain *d,
				   struct xen_platform_op *op);
[[nodiscard]] int control_idle_times(struct xenpf_getidletime *t);
/* XEN_MC_physcpuinfo: of each CPU, where, what and how many banks of errors;
 * without a place to write: how many. -EFAULT. */
[[nodiscard]] int control_mc_cpus(struct xen_mc_physcpuinfo *p);
/* Where a CPU sits (machine.c). */
struct xen_sysctl_cputopo control_cpu_place(unsigned int cpu);
/* A word of a policy's featureset; NULL: of the machine's own. */
uint32_t control_feature_word(const struct domain_cpuid *p, unsigned int n);

/* XEN_DOMCTL_scheduler_op: of a domain (pool.c). */
[[nodiscard]] int control_domain_scheduler(struct domain *d,
					   struct xen_domctl_scheduler_op *op);
/* XEN_DOMCTL_get_cpu_policy and set_cpu_policy (policy.c). */
[[nodiscard]] int control_policy_get(struct domain *d,
				     struct xen_domctl_cpu_policy *op);
[[nodiscard]] int control_policy_set(struct domain *d,
				     struct xen_domctl_cpu_policy *op);
/* Bits for a caller's bitmap, as many as it has room for (pool.c). */
[[nodiscard]] int control_bitmap_put(const struct xenctl_bitmap *map,
				     uint64_t bits);

#endif
