/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_acquire_resource: a builder asks for frames that belong to a domain
 * but are in no list of its memory, so that it can map them: those of its
 * grant table, which it fills with the first entries, and of its statuses.
 *
 * The table grows for it, with pauses; then the numbers are told at once,
 * which are no more than a table may have frames.
 */
#include "argument.h"
#include "arch.h"
#include "call/memory.h"
#include "grant/grant.h"

#define STATUSES_PER_FRAME (GRANT_STATUSES / GRANT_ENTRIES_V2)

static long tell(const struct vcpu *v, struct domain *d,
		 const struct xen_mem_acquire_resource *r)
{
	uint64_t list = (uint64_t)r->frame_list.p, some[32];

	for (uint32_t i = 0; i < r->nr_frames;) {
		uint32_t n = MIN(r->nr_frames - i, (uint32_t)ARRAY_SIZE(some));

		if (!grant_frames_list(d, r->id, (uint32_t)r->frame + i, n,
				       some))
			return -EINVAL;
		for (uint32_t j = 0; j < n; j++, i++) {
			struct frame_number m = { some[j] };

			if (arg_write_frame_number(
				    v, list + i * arg_bytes_frame_number(v),
				    &m))
				return -EFAULT;
		}
	}
	return 0;
}

/* How many there may be, of statuses for all frames of the table. */
static uint32_t most(const struct domain *d, bool status)
{
	uint32_t frames = d->grant.max.frames;

	return status ? ROUND_UP(frames, STATUSES_PER_FRAME) /
				STATUSES_PER_FRAME
		      : frames;
}

static long acquire(const struct vcpu *v, struct domain *d,
		    const struct xen_mem_acquire_resource *r)
{
	uint64_t end = r->frame + r->nr_frames, frames = end;
	struct grant_size size;
	int rc;

	if (end < r->frame || end > most(d, r->id))
		return -EINVAL;
	grant_size_get(d, &size);
	if (r->id) {
		if (size.version != 2)
			return -EINVAL;
		frames = (end - 1) * STATUSES_PER_FRAME + 1;
	}
	rc = grant_grow(d, (uint32_t)frames);
	return rc ? rc : tell(v, d, r);
}

long memory_acquire(struct vcpu *v, uint64_t arg)
{
	struct xen_mem_acquire_resource r;
	struct domain *d;

	if (arg_read_acquire_resource(v, &r, arg))
		return -EFAULT;
	if (r.pad)
		return -EINVAL;
	d = domain_find(r.domid);
	if (!d || domain_is_dying(d))
		return -ESRCH;
	/* What is one's own is told by GNTTABOP_setup_table. */
	if (!v->domain->privileged || d == v->domain)
		return -EPERM;
	if (r.type != XENMEM_resource_grant_table)
		return -EOPNOTSUPP;
	if (r.id > XENMEM_resource_grant_table_id_status)
		return -EINVAL;
	if (r.frame_list.p)
		return r.nr_frames ? acquire(v, d, &r) : -EINVAL;
	if (r.nr_frames)
		return -EINVAL;
	r.nr_frames = most(d, r.id);
	return arg_write_acquire_resource(v, arg, &r);
}
