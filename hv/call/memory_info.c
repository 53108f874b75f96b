/* SPDX-License-Identifier: MIT */
/*
 * memory_op's questions: how much memory there is, where the tables that all
 * may read lie, what the machine's memory and a guest's looks like to its
 * kernel; and claims. What only guests have whose addresses the hypervisor
 * translates is refused as Xen refuses it.
 */
#include "argument.h"
#include "arch.h"
#include "call/memory.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "mm/mm.h"

/* By the width of the guest. */
static const struct form {
	uint32_t max_pfn_at, max_pfn_high; /* in shared_info; bits of its
					      second word */
	uint64_t m2p_start, m2p_end;	   /* where it sees the table */
	uint64_t m2p_frames;		   /* that have room there */
	uint32_t m2p_bytes;		   /* of an entry */
} forms[] = {
	[WIDTH_64] = { offsetof(struct shared_info, arch.max_pfn), UINT32_MAX,
		       MACH2PHYS_VIRT_START, MACH2PHYS_VIRT_END, ~0UL,
		       sizeof(uint64_t) },
	[WIDTH_32] = { offsetof(struct shared_info_x86_32, arch.max_pfn), 0,
		       ABI_HV32_START, ABI_HV32_END,
		       (ABI_HV32_END - ABI_HV32_START) / sizeof(uint32_t),
		       sizeof(uint32_t) },
};

/* As the guest says it. */
static uint64_t max_pfn(const struct domain *d)
{
	const struct form *form = &forms[d->width];
	const uint32_t *words =
		(const uint32_t *)((const char *)d->shared + form->max_pfn_at);
	uint64_t high = shared_load32(&words[1]) & form->max_pfn_high;

	return high << 32 | shared_load32(&words[0]);
}

static long domain_pages(struct vcpu *v, unsigned int operation, uint64_t arg)
{
	struct xen_memory_domain m;
	struct domain *d;
	int error;
	long n;

	if (guest_copy_from(&m, arg, sizeof(m)))
		return -EFAULT;
	d = domain_from_arg(v, m.domid, &error);
	if (!d)
		return error;
	if (operation == XENMEM_maximum_gpfn) {
		n = (long)max_pfn(d);
		return n ? n - 1 : 0;
	}
	spin_lock(&d->frames.lock);
	n = (long)(operation == XENMEM_current_reservation
			   ? d->frames.tot_pages
			   : d->frames.max_pages);
	spin_unlock(&d->frames.lock);
	return n;
}

static long machphys_mapping(const struct vcpu *v, uint64_t arg)
{
	const struct form *form = &forms[v->domain->width];
	const struct xen_machphys_mapping m = {
		.v_start = form->m2p_start,
		.v_end = form->m2p_end,
		.max_mfn = MIN(frame_limit, form->m2p_frames) - 1,
	};

	return arg_write_machphys_mapping(v, arg, &m);
}

/* In which frames the table is that it sees: FRAME_SHOWN's, to be mapped. */
static long machphys_list(const struct vcpu *v, uint64_t arg)
{
	enum domain_width width = v->domain->width;
	uint64_t bytes = frame_limit * forms[width].m2p_bytes;
	struct xen_machphys_mfn_list l;

	if (arg_read_machphys_list(v, &l, arg))
		return -EFAULT;
	for (l.nr_extents = 0; l.nr_extents < l.max_extents &&
			       (uint64_t)l.nr_extents << ARCH_M2P_SHIFT < bytes;
	     l.nr_extents++) {
		struct frame_number m = { arch_m2p_extent(width,
							  l.nr_extents) };

		if (arg_write_frame_number(
			    v,
			    (uint64_t)l.extent_start.p +
				    l.nr_extents * arg_bytes_frame_number(v),
			    &m))
			return -EFAULT;
	}
	return arg_write_machphys_list(v, arg, &l);
}

/* Answers with as many of the n ranges as there is room for. */
static long ranges_tell(const struct vcpu *v, uint64_t arg,
			struct xen_memory_map *map,
			const struct memory_range_info *ranges, unsigned int n)
{
	map->nr_entries = MIN(map->nr_entries, n);
	if (guest_copy_to((uint64_t)map->buffer.p, ranges,
			  map->nr_entries * sizeof(*ranges)) ||
	    arg_write_memory_map(v, arg, map))
		return -EFAULT;
	return 0;
}

/* Without a buffer only how many there are. */
static long machine_map(struct vcpu *v, uint64_t arg)
{
	const struct memory_range_info *ranges;
	unsigned int n = arch_memory_map(&ranges);
	struct xen_memory_map map;

	if (!v->domain->privileged)
		return -EPERM;
	if (arg_read_memory_map(v, &map, arg))
		return -EFAULT;
	if (!map.buffer.p) {
		map.nr_entries = n;
		return arg_write_memory_map(v, arg, &map);
	}
	return map.nr_entries < n ? -EINVAL
				  : ranges_tell(v, arg, &map, ranges, n);
}

/* Ranges from there on: no copy to a guest is made under the lock. */
static unsigned int ranges_copy(struct domain *d, unsigned int from,
				struct memory_range_info *out, unsigned int n)
{
	struct mm_locked m = mm_lock(d);

	n = from < d->mm.nr_ranges ? MIN(d->mm.nr_ranges - from, n) : 0;
	if (n)
		memcpy(out, d->mm.ranges + from, n * sizeof(*out));
	mm_unlock(m);
	return n;
}

static long memory_map(struct vcpu *v, uint64_t arg)
{
	struct memory_range_info some[32];
	struct xen_memory_map map;
	unsigned int at = 0, n;

	if (arg_read_memory_map(v, &map, arg))
		return -EFAULT;
	if (!ranges_copy(v->domain, 0, some, 1))
		return -ENOSYS;
	while (at < map.nr_entries &&
	       (n = ranges_copy(v->domain, at, some, ARRAY_SIZE(some)))) {
		n = MIN(n, map.nr_entries - at);
		if (guest_copy_to((uint64_t)map.buffer.p + at * sizeof(*some),
				  some, n * sizeof(*some)))
			return -EFAULT;
		at += n;
	}
	map.nr_entries = at;
	return arg_write_memory_map(v, arg, &map);
}

static long set_memory_map(struct vcpu *v, uint64_t arg)
{
	struct xen_foreign_memory_map f;
	struct memory_range_info *ranges = NULL;
	struct domain *d;
	int error = 0;
	size_t bytes;

	if (!v->domain->privileged)
		return -EPERM;
	if (arg_read_foreign_memory_map(v, &f, arg))
		return -EFAULT;
	if (f.map.nr_entries > MEMORY_MAP_MAX)
		return -EINVAL;
	d = domain_from_arg(v, f.domid, &error);
	if (!d)
		return error;
	bytes = f.map.nr_entries * sizeof(*ranges);
	if (bytes) {
		ranges = frame_alloc_bytes(bytes);
		if (!ranges)
			return -ENOMEM;
	}
	if (guest_copy_from(ranges, (uint64_t)f.map.buffer.p, bytes)) {
		frame_free_bytes(ranges, bytes);
		return -EFAULT;
	}
	mm_memory_map_set(d, ranges, f.map.nr_entries);
	return 0;
}

static long claim(struct vcpu *v, uint64_t arg)
{
	struct xen_memory_reservation r;
	struct domain *d;

	if (!v->domain->privileged)
		return -EPERM;
	if (arg_read_memory_reservation(v, &r, arg))
		return -EFAULT;
	/* By its number: there is no claiming for oneself. */
	d = domain_find(r.domid);
	if (!d || r.extent_start.p || r.extent_order || r.mem_flags)
		return -EINVAL;
	return frame_claim(d, r.nr_extents);
}

/*
 * Where a frame appears in a guest's memory is the guest's own affair, and
 * nothing is populated on demand: refused, once it is clear of whom. All of
 * these arguments begin with the domain but pod_target, which ends with it.
 */
static long translated_only(struct vcpu *v, uint64_t domid_va, int refusal)
{
	domid_t id;
	int error;

	if (guest_copy_from(&id, domid_va, sizeof(id)))
		return -EFAULT;
	return domain_from_arg(v, id, &error) ? refusal : error;
}

long memory_info(struct vcpu *v, unsigned int operation, uint64_t arg)
{
	switch (operation) {
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return domain_pages(v, operation, arg);
	case XENMEM_maximum_ram_page:
		return (long)frame_limit - 1;
	case XENMEM_machphys_mapping:
		return machphys_mapping(v, arg);
	case XENMEM_machphys_mfn_list:
		return machphys_list(v, arg);
	case XENMEM_machphys_compat_mfn_list:
		return -EOPNOTSUPP;
	case XENMEM_machine_memory_map:
		return machine_map(v, arg);
	case XENMEM_memory_map:
		return memory_map(v, arg);
	case XENMEM_set_memory_map:
		return set_memory_map(v, arg);
	case XENMEM_claim_pages:
		return claim(v, arg);
	case XENMEM_add_to_physmap:
	case XENMEM_add_to_physmap_batch:
	case XENMEM_remove_from_physmap:
		return translated_only(v, arg, -EACCES);
	case XENMEM_set_pod_target:
	case XENMEM_get_pod_target:
		return translated_only(
			v, arg + offsetof(struct xen_pod_target, domid),
			-EINVAL);
	case XENMEM_get_sharing_freed_pages:
	case XENMEM_get_sharing_shared_pages:
		return 0; /* no page is shared */
	case XENMEM_get_vnumainfo:
		return -EOPNOTSUPP; /* no guest has nodes */
	default:
		return -ENOSYS;
	}
}
