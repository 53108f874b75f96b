/* SPDX-License-Identifier: MIT */
/*
 * Frames come and go: given back, populated, exchanged, claimed; and the end
 * of a domain.
 */
#include "errno.h"
#include "mm/mm.h"
#include "operations.h"

/* Where in the window lists are, in words. */
#define LIST_AT 32
#define OUT_AT	40

/* One extent: what is not done is refused, whatever the reason. */
static long reservation(const struct op *op, struct call_args *args,
			unsigned int cmd, uint64_t number)
{
	const struct extents_of e = {
		.list = LIST_AT, .nr = 1, .order = op->how, .domid = DOMID_SELF
	};
	long rc;

	extents_put(op->actor, 0, &e);
	list_put(op->actor, LIST_AT, 0, number);
	if (begins(args)) {
		args->a[0] = cmd;
		args->a[1] = words_va(op->actor);
	}
	rc = call(op, __HYPERVISOR_memory_op, args);
	return rc == 0 ? -EINVAL : rc;
}

long op_decrease(const struct op *op, struct call_args *args)
{
	return reservation(op, args, XENMEM_decrease_reservation,
			   target_mfn(op->actor, op->x));
}

static bool owns(const struct host_guest *g, const struct frame *f)
{
	uint64_t refs = f->refs.v;

	return (refs & FRAME_OWNED) && (refs & FRAME_COUNT_MASK) &&
	       f->owner == g->d->id;
}

static bool is_empty(const uint64_t *page)
{
	for (unsigned int i = 0; i < 512; i++)
		if (page[i])
			return false;
	return true;
}

/* The frame that the guest was told to have in place of its spare i; another
 * vcpu may have written it if that was not just now. */
static void take(const struct op *op, unsigned int i, uint64_t m, bool now)
{
	struct host_guest *g = world_guest(op->actor);

	g->frame[i] = frame_of(mfn(m));
	/* In a race the other vcpu may have made it a table by now. */
	if (now && !ops_race && !is_empty(frame_ptr(g->frame[i])))
		host_fail("a new frame is not empty");
}

/* A new frame takes the place of the first spare that is gone. */
long op_populate(const struct op *op, struct call_args *args)
{
	struct host_guest *g = world_guest(op->actor);
	unsigned int i = 0;
	long rc;

	while (i + 4 < g->nr && owns(g, g->frame[i]))
		i++;
	if (i + 4 >= g->nr)
		return -ENOENT;
	rc = reservation(op, args, XENMEM_populate_physmap, i);
	if (rc == 1)
		take(op, i, list_get(op->actor, LIST_AT, 0), true);
	return rc;
}

/*
 * x and y, as extents of one frame, for others at the same places: of the
 * same size, or, if how is 1, for one extent of two.
 */
long op_exchange(const struct op *op, struct call_args *args)
{
	unsigned int n = op->y == NOTHING ? 1 : 2;
	const unsigned int spare[] = { op->x, op->y };
	struct extents_of in = { .list = LIST_AT,
				 .nr = n,
				 .domid = DOMID_SELF };
	struct extents_of out = { .list = OUT_AT,
				  .nr = n >> op->how,
				  .order = op->how,
				  .domid = DOMID_SELF };
	bool now = begins(args);
	long rc;

	if (now) {
		extents_put(op->actor, 0, &in);
		extents_put(op->actor, 1, &out);
		for (unsigned int i = 0; i < n; i++) {
			list_put(op->actor, LIST_AT, i,
				 target_mfn(op->actor, spare[i]));
			list_put(op->actor, OUT_AT, i, spare[i]);
		}
		args->a[0] = XENMEM_exchange;
		args->a[1] = words_va(op->actor);
	}
	rc = call(op, __HYPERVISOR_memory_op, args);
	if (rc == -ERESTART)
		return rc;
	for (unsigned int i = 0; i < exchanged_get(op->actor); i++)
		take(op, spare[i] % MAX_SPARES,
		     list_get(op->actor, OUT_AT, i >> op->how) + (i & op->how),
		     now);
	return rc;
}

/* Frames kept for the other domain, so that it can have x in all. */
long op_claim(const struct op *op, struct call_args *args)
{
	const struct extents_of e = { .nr = op->x, .domid = guests.g[0].d->id };

	extents_put(op->actor, 0, &e);
	args->a[0] = XENMEM_claim_pages;
	args->a[1] = words_va(op->actor);
	return call(op, __HYPERVISOR_memory_op, args);
}

/* A's end, from its beginning or some way on; other domains go on meanwhile. */
long op_die(const struct op *op, struct call_args *args)
{
	struct domain *d = guests.g[0].d;
	int rc;

	(void)op;
	(void)args;
	if (!domain_is_dying(d)) {
		for (unsigned int i = 0; i < B0; i++) {
			host_cpu_select(i);
			host_vcpu_enter(NULL);
			guests.pending[i].op = 0;
		}
		guests.apart = 0;
		atomic32_store(&d->state, DOMAIN_DYING);
		(void)!frame_claim(d, 0);
		return 0;
	}
	rc = mm_domain_teardown(d);
	if (!rc)
		rc = grants_end(d);
	if (rc && rc != -ERESTART)
		host_fail("a domain does not end: %d", rc);
	return rc ? 1 : 0;
}
