/* SPDX-License-Identifier: MIT */
/*
 * What the machine has: CPUs and how they belong together, memory, one node.
 *
 * Where a CPU sits follows from its APIC id, whose low bits number the thread
 * in a core and the next ones the core in a package; how many bits those are
 * is what processors say in a leaf of their own, or once said in three others.
 */
#include "arch.h"
#include "control/control.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "trap/trap.h"

#define NODE_DISTANCE 10 /* of a node from itself */
#define RAM	      1	 /* a type of the memory map */
#define LOW_BITS      32 /* the allocator's lower zone ends there */

/* ---- CPUs ---- */

struct shifts {
	unsigned int core, package;
};

static unsigned int bits_of(uint32_t n)
{
	return n > 1 ? 32 - (unsigned int)__builtin_clz(n - 1) : 0;
}

static struct shifts shifts(void)
{
	uint32_t r[4], threads, cores;
	struct shifts s;

	trap_host_leaf(0xb, 0, r);
	if (r[CPUID_EBX] & 0xffff) {
		s.core = r[CPUID_EAX] & 31;
		trap_host_leaf(0xb, 1, r);
		s.package = r[CPUID_EAX] & 31;
		return s;
	}
	trap_host_leaf(1, 0, r);
	threads = r[CPUID_EDX] >> 28 & 1 ? r[CPUID_EBX] >> 16 & 0xff : 1;
	trap_host_leaf(4, 0, r);
	cores = (r[CPUID_EAX] >> 26) + 1;
	trap_host_leaf(0x80000008, 0, r);
	cores = MAX(cores, (r[CPUID_ECX] & 0xff) + 1);
	s.package = MAX(bits_of(threads), bits_of(cores));
	s.core = s.package - bits_of(cores);
	return s;
}

struct xen_sysctl_cputopo control_cpu_place(unsigned int cpu)
{
	uint32_t id = arch_apic_id(cpu);
	struct shifts s = shifts();

	return (struct xen_sysctl_cputopo){
		.core = (uint32_t)((id & ((1UL << s.package) - 1)) >> s.core),
		.socket = (uint32_t)((uint64_t)id >> s.package),
	};
}

int control_cpu_topology(struct xen_sysctl_cputopoinfo *t)
{
	unsigned int n = arch_nr_cpus();

	if (!t->cputopo.p) {
		t->num_cpus = n;
		return 0;
	}
	t->num_cpus = MIN(t->num_cpus, n);
	for (unsigned int i = 0; i < t->num_cpus; i++) {
		struct xen_sysctl_cputopo place = control_cpu_place(i);

		if (guest_copy_to((uint64_t)t->cputopo.p + i * sizeof(place),
				  &place, sizeof(place)))
			return -EFAULT;
	}
	return 0;
}

int control_cpuinfo(struct xen_sysctl_getcpuinfo *c)
{
	c->nr_cpus = MIN(c->max_cpus, arch_nr_cpus());
	for (unsigned int i = 0; i < c->nr_cpus; i++) {
		struct xen_sysctl_cpuinfo info = {
			.idletime = sched_idle_ns(i),
		};

		if (guest_copy_to((uint64_t)c->info.p + i * sizeof(info), &info,
				  sizeof(info)))
			return -EFAULT;
	}
	return 0;
}

/* The first package stands for the others, as the interface has it. */
static void count_siblings(struct xen_sysctl_physinfo *p)
{
	struct xen_sysctl_cputopo first = control_cpu_place(0);
	uint32_t threads = 1, package = 1; /* itself */

	for (unsigned int i = 1; i < p->nr_cpus; i++) {
		struct xen_sysctl_cputopo place = control_cpu_place(i);

		package += place.socket == first.socket;
		threads += place.socket == first.socket &&
			   place.core == first.core;
	}
	p->threads_per_core = threads;
	p->cores_per_socket = package / threads;
}

/* ---- memory ---- */

static uint64_t ram_pages(void)
{
	const struct memory_range_info *ranges;
	unsigned int n = arch_memory_map(&ranges);
	uint64_t pages = 0;

	for (unsigned int i = 0; i < n; i++)
		if (ranges[i].type == RAM)
			pages += ranges[i].bytes >> PAGE_SHIFT;
	return pages;
}

/* Widths as far as the allocator's zones go: below and above 4 GiB. */
int control_availheap(struct xen_sysctl_availheap *h)
{
	uint32_t max = h->max_bitwidth ? h->max_bitwidth : 64;
	uint64_t low = frame_free_low_pages(), pages = 0;

	if (h->node == 0 || h->node == -1) {
		if (h->min_bitwidth < LOW_BITS && max >= LOW_BITS)
			pages = low;
		if (max > LOW_BITS)
			pages += frame_free_pages() - low;
	}
	h->avail_bytes = pages << PAGE_SHIFT;
	return 0;
}

int control_numa(struct xen_sysctl_numainfo *n)
{
	const struct xen_sysctl_meminfo memory = {
		.memsize = frame_limit << PAGE_SHIFT,
		.memfree = frame_free_pages() << PAGE_SHIFT,
	};
	const uint32_t distance = NODE_DISTANCE;

	if (!n->meminfo.p && !n->distance.p) {
		n->num_nodes = 1;
		return 0;
	}
	n->num_nodes = MIN(n->num_nodes, 1U);
	if (!n->num_nodes)
		return 0;
	if ((n->meminfo.p &&
	     guest_copy_to((uint64_t)n->meminfo.p, &memory, sizeof(memory))) ||
	    (n->distance.p && guest_copy_to((uint64_t)n->distance.p, &distance,
					    sizeof(distance))))
		return -EFAULT;
	return 0;
}

/* So many at once: the answer says how many that were. */
#define DEVICES_AT_ONCE 1024

/* There is one node, and no device says that it is of that. */
int control_pci_topology(struct xen_sysctl_pcitopoinfo *t)
{
	const uint32_t node = XEN_INVALID_NODE_ID;

	if (!t->num_devs || !t->devs.p || !t->nodes.p)
		return -EINVAL;
	t->num_devs = MIN(t->num_devs, (uint32_t)DEVICES_AT_ONCE);
	for (uint32_t i = 0; i < t->num_devs; i++)
		if (guest_copy_to((uint64_t)t->nodes.p + i * sizeof(node),
				  &node, sizeof(node)))
			return -EFAULT;
	return 0;
}

/* What stands for HVM, devices passed through and the like is not there. */
int control_physinfo(struct xen_sysctl_physinfo *p)
{
	unsigned int cpus = arch_nr_cpus();

	*p = (struct xen_sysctl_physinfo){
		.nr_cpus = cpus,
		.max_cpu_id = cpus - 1,
		.nr_nodes = 1,
		.cpu_khz = (uint32_t)(arch_tsc_hz() / 1000),
		.capabilities = XEN_SYSCTL_PHYSCAP_pv |
				XEN_SYSCTL_PHYSCAP_gnttab_v1 |
				XEN_SYSCTL_PHYSCAP_gnttab_v2,
		.total_pages = ram_pages(),
		.free_pages = frame_free_pages(),
		.outstanding_pages = frame_claimed_pages(),
		.max_mfn = frame_limit - 1,
	};
	count_siblings(p);
	for (unsigned int i = 0; i < ARRAY_SIZE(p->hw_cap); i++)
		p->hw_cap[i] = control_feature_word(NULL, i);
	return 0;
}
