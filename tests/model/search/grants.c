/* SPDX-License-Identifier: MIT */
/*
 * Loans: the first domain writes an entry of its grant table, whenever it
 * likes and whatever it likes; the second maps what is lent, ends loans that
 * it has and those that it has not, and copies.
 */
#include "errno.h"
#include "grant/entry.h"
#include "operations.h"

#define REF 8 /* the first that is not reserved */

void grants_make(struct domain *d)
{
	const struct grant_limits limits = { .frames = 1,
					     .maptrack_frames = 1,
					     .version = 1 };

	grant_domain_init(d, &limits);
	if (grant_grow(d, 1))
		host_fail("no memory for a grant table");
}

/* Its own loans end with its page tables. */
int grants_end(struct domain *d)
{
	return d->grant.map ? grant_domain_exit(d) : 0;
}

/* The entry: page x for the other domain with that right, or nothing. */
long op_lend(const struct op *op, struct call_args *args)
{
	struct domain *d = world_guest(op->actor)->d;
	struct grant_entry_v1 *e = &d->grant.page[0].v1[REF];

	(void)args;
	e->domid = guests.g[1].d->id;
	e->frame = (uint32_t)target_mfn(op->actor, op->x);
	e->flags = op->how == NONE ? 0
		   : op->how == RO ? GTF_permit_access | GTF_readonly
				   : GTF_permit_access;
	return 0;
}

/* What a refusal is called differs; that it is one counts here. */
static long answer(long rc, int status)
{
	return rc ? rc : status < 0 ? -EINVAL : 0;
}

static long grant_op(const struct op *op, unsigned int cmd,
		     struct call_args *args)
{
	if (begins(args)) {
		args->a[0] = cmd;
		args->a[1] = words_va(op->actor);
		args->a[2] = 1;
	}
	return call(op, __HYPERVISOR_grant_table_op, args);
}

/* At slot x. */
long op_borrow(const struct op *op, struct call_args *args)
{
	struct gnttab_map_grant_ref *m = (void *)words(op->actor);
	bool dying = domain_is_dying(guests.g[0].d);
	long rc;

	if (begins(args))
		*m = (struct gnttab_map_grant_ref){
			.host_addr = host_guest_va(op->x),
			.flags = GNTMAP_host_map |
				 (op->how == RW ? 0 : GNTMAP_readonly),
			.ref = REF,
			.dom = guests.g[0].d->id,
		};
	rc = grant_op(op, GNTTABOP_map_grant_ref, args);
	rc = answer(rc, m->status);
	if (dying && !rc)
		host_fail("a dying domain lends");
	return rc;
}

/* The loan of handle y at slot x, or nowhere. */
long op_return(const struct op *op, struct call_args *args)
{
	struct gnttab_unmap_grant_ref *u = (void *)words(op->actor);
	long rc;

	if (begins(args))
		*u = (struct gnttab_unmap_grant_ref){
			.host_addr = op->x ? host_guest_va(op->x) : 0,
			.handle = op->y,
		};
	rc = grant_op(op, GNTTABOP_unmap_grant_ref, args);
	return answer(rc, u->status);
}

/* A word between page x, by its number, and what is lent: how is RW when that
 * is written. */
long op_grant_copy(const struct op *op, struct call_args *args)
{
	struct gnttab_copy *c = (void *)words(op->actor);
	const struct gnttab_copy_ptr own = {
		.u.gmfn = target_mfn(op->actor, op->x),
		.domid = DOMID_SELF,
		.offset = 8 * 300,
	};
	const struct gnttab_copy_ptr lent = { .u.ref = REF,
					      .domid = guests.g[0].d->id,
					      .offset = 8 * 300 };
	long rc;

	if (begins(args))
		*c = (struct gnttab_copy){
			.source = op->how == RW ? own : lent,
			.dest = op->how == RW ? lent : own,
			.len = 8,
			.flags = op->how == RW ? GNTCOPY_dest_gref
					       : GNTCOPY_source_gref,
		};
	rc = grant_op(op, GNTTABOP_copy, args);
	return answer(rc, c->status);
}
