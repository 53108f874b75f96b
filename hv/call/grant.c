/* SPDX-License-Identifier: MIT */
/*
 * grant_table_op(cmd, array, count): the decoders. What one entry of the
 * array does is in grant/; its answer is a GNTST_* in the entry. Negative
 * results are for the call: an array that cannot be read or written, an
 * operation that there is not.
 *
 * How far a batch has come is in the arguments themselves: array and count
 * go on with the rest. A guest that changes them changes its own batch.
 */
#include "argument.h"
#include "arch.h"
#include "call/call.h"
#include "frame/frame.h"
#include "grant/grant.h"

/*
 * The domain that a table's owner or its builder names. Returns GNTST_*.
 */
static int table_of(struct vcpu *v, domid_t id, struct domain **out)
{
	struct domain *d = id == DOMID_SELF ? v->domain : domain_find(id);

	if (!d || domain_is_dying(d))
		return GNTST_bad_domain;
	if (d != v->domain && !v->domain->privileged)
		return GNTST_permission_denied;
	*out = d;
	return GNTST_okay;
}

/* ---- the table: one structure each ---- */

/* Writes n numbers of the table's frames to a guest's list. */
static int frames_tell(struct vcpu *v, struct domain *d, uint32_t n,
		       uint64_t list)
{
	for (uint32_t i = 0; i < n; i++) {
		struct frame_number m;

		if (!grant_frames_list(d, false, i, 1, &m.v))
			return GNTST_general_error;
		if (arg_write_frame_number(
			    v, list + i * arg_bytes_frame_number(v), &m))
			return GNTST_bad_virt_addr;
	}
	return GNTST_okay;
}

static int setup_table(struct vcpu *v, uint64_t va)
{
	struct gnttab_setup_table op;
	struct domain *d;
	int rc;

	if (arg_read_setup_table(v, &op, va))
		return -EFAULT;
	op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status) {
		rc = grant_grow(d, op.nr_frames);
		if (rc == -ERESTART)
			return rc;
		op.status =
			(int16_t)(rc ? GNTST_general_error
				     : frames_tell(v, d, op.nr_frames,
						   (uint64_t)op.frame_list.p));
	}
	return arg_write_setup_table(v, va, &op);
}

static int query_size(struct vcpu *v, uint64_t va)
{
	struct gnttab_query_size op;
	struct grant_size size;
	struct domain *d;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status) {
		/* The first frame comes with the first question. */
		(void)!grant_grow(d, 1);
		grant_size_get(d, &size);
		op.nr_frames = size.frames;
		op.max_nr_frames = d->grant.max.frames;
	}
	return guest_copy_to(va, &op, sizeof(op));
}

/* The number that is in effect is told whatever comes of it. */
static int set_version(struct vcpu *v, uint64_t va)
{
	struct gnttab_set_version op;
	struct grant_size size;
	int rc;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	rc = grant_version_set(v->domain, op.version);
	if (rc == -ERESTART)
		return rc;
	grant_size_get(v->domain, &size);
	op.version = size.version;
	return guest_copy_to(va, &op, sizeof(op)) ? -EFAULT : rc;
}

static int get_version(struct vcpu *v, uint64_t va)
{
	struct gnttab_get_version op;
	struct grant_size size;
	struct domain *d;
	int rc;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	rc = table_of(v, op.dom, &d);
	if (rc)
		return rc == GNTST_bad_domain ? -ESRCH : -EPERM;
	grant_size_get(d, &size);
	op.version = size.version;
	return guest_copy_to(va, &op, sizeof(op));
}

/* Their numbers have 64 bits in both widths. */
static int statuses_tell(struct domain *d, uint32_t n, uint64_t list)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t m;

		if (!grant_frames_list(d, true, i, 1, &m))
			return GNTST_general_error;
		if (guest_copy_to(list + i * sizeof(m), &m, sizeof(m)))
			return GNTST_bad_virt_addr;
	}
	return GNTST_okay;
}

static int get_status_frames(struct vcpu *v, uint64_t va)
{
	struct gnttab_get_status_frames op;
	struct grant_size size;
	struct domain *d;

	if (arg_read_status_frames(v, &op, va))
		return -EFAULT;
	op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status) {
		grant_size_get(d, &size);
		op.status =
			(int16_t)(size.version != 2 ||
						  op.nr_frames >
							  size.status_frames
					  ? GNTST_general_error
					  : statuses_tell(
						    d, op.nr_frames,
						    (uint64_t)op.frame_list.p));
	}
	return arg_write_status_frames(v, va, &op);
}

/* ---- the call ---- */

/* One entry, at va; with `alone` the array has one. */
struct grant_op {
	int (*one)(struct vcpu *v, uint64_t va);
	bool alone;
	uint8_t bytes[2]; /* of an entry, by the guest's width */
};

static const struct grant_op ops[] = {
	[GNTTABOP_setup_table] = { setup_table, true },
	[GNTTABOP_query_size] = { query_size, true },
	[GNTTABOP_set_version] = { set_version, true },
	[GNTTABOP_get_status_frames] = { get_status_frames, true },
	[GNTTABOP_get_version] = { get_version, true },
};

long hc_grant_table_op(struct vcpu *v, struct call_args *args)
{
	uint32_t cmd = (uint32_t)args->a[0], count = (uint32_t)args->a[2];
	const struct grant_op *op;

	if (count > INT32_MAX)
		return -EINVAL;
	if (cmd >= ARRAY_SIZE(ops) || !ops[cmd].one)
		return -ENOSYS;
	op = &ops[cmd];
	if (op->alone)
		return count == 1 ? op->one(v, args->a[1]) : -EINVAL;
	return -ENOSYS;
}
