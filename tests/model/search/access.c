/* SPDX-License-Identifier: MIT */
/*
 * What a small world's guests do with what they have: stores through cached
 * translations, accesses that fault, descriptor tables; and the log of
 * written pages, which somebody else turns on and takes.
 */
#include "errno.h"
#include "mm/mm.h"
#include "operations.h"

/* ---- descriptor tables ---- */

long op_gdt(const struct op *op, struct call_args *args)
{
	list_put(op->actor, 0, 0, target_mfn(op->actor, op->x));
	args->a[0] = words_va(op->actor);
	args->a[1] = op->x == NOTHING ? 0 : 512;
	return call(op, __HYPERVISOR_set_gdt, args);
}

long op_ldt_fault(const struct op *op, struct call_args *args)
{
	(void)args;
	return mm_ldt_fault(world_actor(op->actor), 0) ? 0 : -EFAULT;
}

#define CODE_SEGMENT 0x00affb000000ffffUL
#define CALL_GATE    0x0000ec0000100000UL

/* One that any guest may have: a 32-bit one's has no L bit. */
#define CODE_SEGMENT_32 0x00cffb000000ffffUL

long op_descriptor(const struct op *op, struct call_args *args)
{
	bool narrow = world_guest(op->actor)->d->width == WIDTH_32;
	uint64_t at = target_mfn(op->actor, op->x) << PAGE_SHIFT;
	uint64_t d = op->how  ? CALL_GATE
		     : narrow ? CODE_SEGMENT_32
			      : CODE_SEGMENT;

	args->a[0] = at;
	args->a[1] = d;
	if (narrow)
		*args = (struct call_args){ { (uint32_t)at, at >> 32,
					      (uint32_t)d, d >> 32 } };
	return call(op, __HYPERVISOR_update_descriptor, args);
}

/* ---- what needs no hypercall ---- */

struct cached {
	unsigned int cpu;
	uint64_t mfn;
	bool found;
};

static void find_writable(unsigned int cpu, const struct host_tlb_entry *e,
			  void *arg)
{
	struct cached *c = arg;

	if (cpu == c->cpu && e->level == 1 && e->writable && e->mfn == c->mfn)
		c->found = true;
}

/* A store of the guest's own, through a translation that its CPU holds. */
long op_store(const struct op *op, struct call_args *args)
{
	struct cached c = { .cpu = op->actor,
			    .mfn = target_mfn(op->actor, op->x) };
	uint64_t *page = arch_frame_ptr(mfn(c.mfn));

	(void)args;
	host_tlb_each(find_writable, &c);
	if (!c.found)
		return -ENOENT;
	page[op->idx] =
		op->how == GATE ? CALL_GATE : entry(op->actor, op->y, op->how);
	return 0;
}

#define UNUSED_WORD 200

/* An access as an instruction makes it, at slot x: how it may be repaired by
 * the hypervisor is its own affair. What is written was there before. */
long op_touch(const struct op *op, struct call_args *args)
{
	uint64_t va = host_guest_va(op->x) + 8 * UNUSED_WORD, zero = 0;

	(void)args;
	return op->how == RW ? host_guest_write(va, &zero, sizeof(zero))
			     : host_guest_read(va, &zero, sizeof(zero));
}

long op_idle(const struct op *op, struct call_args *args)
{
	struct vcpu *v = guests.g[0].d->vcpu[op->actor];

	(void)args;
	if (host_in_fiber() || domain_is_dying(v->domain) || guests.apart)
		return -ENOENT;
	host_vcpu_enter(world_actor(op->actor) ? NULL : v);
	return 0;
}

/* ---- shadow tables and the log of written pages ---- */

/* As control/ has it: A's vcpus are kept away until it is done. */
static void keep_apart(void)
{
	for (unsigned int i = 0; i < B0; i++) {
		if (!host_cpus[i].current)
			continue;
		host_cpu_select(i);
		host_vcpu_enter(NULL);
		guests.apart |= 1U << i;
	}
}

static void let_go(void)
{
	for (unsigned int i = 0; i < B0; i++) {
		if (!(guests.apart >> i & 1))
			continue;
		host_cpu_select(i);
		host_vcpu_enter(guests.g[0].d->vcpu[i]);
	}
	guests.apart = 0;
}

/* On (how: with the log) or off. */
long op_shadow(const struct op *op, struct call_args *args)
{
	struct domain *d = guests.g[0].d;
	long rc;

	(void)args;
	if (host_in_fiber())
		return -ENOENT;
	keep_apart();
	rc = op->x ? mm_shadow_start(d, op->how) : mm_shadow_stop(d);
	if (rc != -ERESTART)
		let_go();
	return rc;
}

/* All that was written, and none of it any more. */
long op_log_take(const struct op *op, struct call_args *args)
{
	static uint64_t bits[DIRTY_LEAF_BITS / 64];

	(void)op;
	(void)args;
	return mm_dirty_take(guests.g[0].d, 0, bits, true);
}
