/* SPDX-License-Identifier: MIT */
/*
 * What the guests of a small world may try. It goes in where a guest's calls
 * go in: through the table of hypercalls, with arguments in memory.
 */
#include <string.h>

#include "errno.h"
#include "mm/mm.h"
#include "pte.h"
#include "operations.h"

static struct frame *target(enum actor a, unsigned int t)
{
	struct host_guest *g = world_guest(a);

	switch (t) {
	case R0:
		return guests.g[1].frame[0];
	case T1:
		return g->l1;
	case T2:
		return g->l2;
	case T3:
		return g->l3;
	case T4:
		return g->l4;
	default:
		return guests.g[0].frame[t];
	}
}

static uint64_t target_mfn(enum actor a, unsigned int t)
{
	return t == NOTHING ? 0 : frame_mfn(target(a, t)).v;
}

/* Accessed and dirty from the start: what a fill sets makes no new state. */
static uint64_t entry(enum actor a, unsigned int t, unsigned int right)
{
	uint64_t e = PTE_P | PTE_US | PTE_A | PTE_D;

	if (right == NONE || t == NOTHING)
		return 0;
	return target_mfn(a, t) << PAGE_SHIFT | e | (right == RW ? PTE_RW : 0);
}

/* ---- calls ---- */

static void *window(void)
{
	return arch_frame_ptr(mfn(host_window_mfn));
}

uint64_t *words(enum actor a)
{
	return (uint64_t *)window() + 64 * a;
}

static uint64_t words_va(enum actor a)
{
	return HOST_WINDOW_VA + 512 * (uint64_t)a;
}

static long call(const struct op *op, unsigned int number,
		 struct call_args *args)
{
	return call_dispatch(world_actor(op->actor), number, args);
}

static bool begins(const struct call_args *args)
{
	return !(args->a[0] | args->a[1] | args->a[2] | args->a[3]);
}

#define UVMF_NO_FLUSH 0

/* Slot x of the first L1: page y with that right; idx: how it is flushed. */
long op_map(const struct op *op, struct call_args *args)
{
	static const uint64_t flush[] = { UVMF_NO_FLUSH,
					  UVMF_TLB_FLUSH | UVMF_ALL,
					  UVMF_INVLPG };

	args->a[0] = host_guest_va(op->x);
	args->a[1] = entry(op->actor, op->y, op->how);
	args->a[2] = flush[op->idx];
	return call(op, __HYPERVISOR_update_va_mapping, args);
}

static void request(enum actor a, unsigned int n, unsigned int table,
		    unsigned int idx, uint64_t value)
{
	words(a)[2 * n] = target_mfn(a, table) << PAGE_SHIFT | idx * 8;
	words(a)[2 * n + 1] = value;
}

/* mmu_update of the first n requests; frames and tables of those domains. */
static long update(const struct op *op, struct call_args *args, unsigned int n,
		   uint64_t domains)
{
	if (begins(args)) {
		args->a[0] = words_va(op->actor);
		args->a[1] = n;
		args->a[3] = domains;
	}
	return call(op, __HYPERVISOR_mmu_update, args);
}

/* Entry idx of frame x becomes y, with that right. */
long op_write(const struct op *op, struct call_args *args)
{
	request(op->actor, 0, op->x, op->idx, entry(op->actor, op->y, op->how));
	return update(op, args, 1, DOMID_SELF);
}

/* Entries 0 and 1 of frame x become y, and then y and nothing. */
long op_batch(const struct op *op, struct call_args *args)
{
	uint64_t e = entry(op->actor, op->y, RW);

	request(op->actor, 0, op->x, 0, e);
	request(op->actor, 1, op->x, 1, e);
	request(op->actor, 2, op->x, 1, 0);
	return update(op, args, 3, DOMID_SELF);
}

/* Page x read-only, and then pinned, in one go. */
long op_multicall(const struct op *op, struct call_args *args)
{
	struct multicall_entry *e = (void *)words(op->actor);
	struct mmuext_op *pin = (void *)(words(op->actor) + 32);

	if (begins(args)) {
		e[0].op = __HYPERVISOR_update_va_mapping;
		e[0].args[0] = host_guest_va(op->x);
		e[0].args[1] = entry(op->actor, op->x, RO);
		e[1].op = __HYPERVISOR_mmuext_op;
		e[1].args[0] = words_va(op->actor) + 256;
		e[1].args[1] = 1;
		e[1].args[3] = DOMID_SELF;
		pin->cmd = MMUEXT_PIN_L1_TABLE + op->how - 1;
		pin->arg1.mfn = target_mfn(op->actor, op->x);
		args->a[0] = words_va(op->actor);
		args->a[1] = 2;
	}
	return call(op, __HYPERVISOR_multicall, args);
}

static long ext(const struct op *op, struct call_args *args, unsigned int cmd,
		uint64_t arg1, uint64_t arg2)
{
	struct mmuext_op *e = (struct mmuext_op *)words(op->actor);

	memset(e, 0, sizeof(*e));
	e->cmd = cmd;
	e->arg1.mfn = arg1;
	e->arg2.src_mfn = arg2;
	if (begins(args)) {
		args->a[0] = words_va(op->actor);
		args->a[1] = 1;
		args->a[3] = DOMID_SELF;
	}
	return call(op, __HYPERVISOR_mmuext_op, args);
}

/* x as a table of that level, and then y as one of the next. */
long op_pins(const struct op *op, struct call_args *args)
{
	struct mmuext_op *e = (struct mmuext_op *)words(op->actor);

	e[0].cmd = MMUEXT_PIN_L1_TABLE + op->how - 1;
	e[0].arg1.mfn = target_mfn(op->actor, op->x);
	e[1].cmd = MMUEXT_PIN_L1_TABLE + op->how;
	e[1].arg1.mfn = target_mfn(op->actor, op->y);
	if (begins(args)) {
		args->a[0] = words_va(op->actor);
		args->a[1] = 2;
		args->a[3] = DOMID_SELF;
	}
	return call(op, __HYPERVISOR_mmuext_op, args);
}

long op_pin(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_PIN_L1_TABLE + op->how - 1,
		   target_mfn(op->actor, op->x), 0);
}

long op_unpin(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_UNPIN_TABLE, target_mfn(op->actor, op->x),
		   0);
}

long op_root(const struct op *op, struct call_args *args)
{
	return ext(op, args, op->how, target_mfn(op->actor, op->x), 0);
}

long op_flush(const struct op *op, struct call_args *args)
{
	return ext(op, args, op->how, host_guest_va(op->x), 0);
}

long op_page(const struct op *op, struct call_args *args)
{
	return ext(op, args, op->how, target_mfn(op->actor, op->x),
		   target_mfn(op->actor, op->y));
}

/* What SYSRET to a user program and back does with roots. */
long op_mode(const struct op *op, struct call_args *args)
{
	struct vcpu *v = world_actor(op->actor);

	(void)args;
	if (v->trap.kernel_mode && !v->mm.root_user)
		return -ENOENT;
	v->trap.kernel_mode = !v->trap.kernel_mode;
	mm_root_switch(v);
	return 0;
}

/* ---- frames come and go ---- */

/* One extent: what is not done is refused, whatever the reason. */
static long reservation(const struct op *op, struct call_args *args,
			unsigned int cmd, uint64_t number)
{
	long rc;
	struct xen_memory_reservation *r = (void *)words(op->actor);

	memset(r, 0, sizeof(*r));
	r->nr_extents = 1;
	r->extent_order = op->how;
	r->domid = DOMID_SELF;
	r->extent_start.p = (xen_pfn_t *)(words_va(op->actor) + 256);
	words(op->actor)[32] = number;
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
	if (rc != 1)
		return rc;
	g->frame[i] = frame_of(mfn(words(op->actor)[32]));
	if (!is_empty(frame_ptr(g->frame[i])))
		host_fail("a new frame is not empty");
	return rc;
}

/* ---- descriptor tables ---- */

long op_gdt(const struct op *op, struct call_args *args)
{
	words(op->actor)[0] = target_mfn(op->actor, op->x);
	args->a[0] = words_va(op->actor);
	args->a[1] = op->x == NOTHING ? 0 : 512;
	return call(op, __HYPERVISOR_set_gdt, args);
}

long op_ldt(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_SET_LDT, host_guest_va(op->x), op->y);
}

long op_ldt_fault(const struct op *op, struct call_args *args)
{
	(void)args;
	return mm_ldt_fault(world_actor(op->actor), 0) ? 0 : -EFAULT;
}

#define CODE_SEGMENT 0x00affb000000ffffUL
#define CALL_GATE    0x0000ec0000100000UL

long op_descriptor(const struct op *op, struct call_args *args)
{
	args->a[0] = target_mfn(op->actor, op->x) << PAGE_SHIFT;
	args->a[1] = op->how ? CALL_GATE : CODE_SEGMENT;
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

long op_idle(const struct op *op, struct call_args *args)
{
	struct vcpu *v = guests.g[0].d->vcpu[op->actor];

	(void)args;
	if (host_in_fiber() || domain_is_dying(v->domain))
		return -ENOENT;
	host_vcpu_enter(world_actor(op->actor) ? NULL : v);
	return 0;
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
		atomic32_store(&d->state, DOMAIN_DYING);
		return 0;
	}
	rc = mm_domain_teardown(d);
	if (rc && rc != -ERESTART)
		host_fail("a domain does not end: %d", rc);
	return rc ? 1 : 0;
}

/* ---- a privileged domain and another's frames ---- */

/* The other domain's id. */
static uint64_t foreign_domain(const struct op *op)
{
	return guests.g[op->actor != B0].d->id;
}

/* Slot x of its own first L1 maps the other's page y. */
long op_foreign_map(const struct op *op, struct call_args *args)
{
	request(op->actor, 0, T1, op->x, entry(op->actor, op->y, op->how));
	return update(op, args, 1, foreign_domain(op));
}

/* A table of the other's. */
long op_foreign_write(const struct op *op, struct call_args *args)
{
	uint64_t tables = foreign_domain(op) + 1;

	request(op->actor, 0, op->x, op->idx, entry(op->actor, op->y, op->how));
	return update(op, args, 1, tables << 16 | foreign_domain(op));
}

long op_foreign_pin(const struct op *op, struct call_args *args)
{
	args->a[0] = words_va(op->actor);
	args->a[1] = args->a[1] ? args->a[1] : 1;
	args->a[3] = foreign_domain(op);
	words(op->actor)[0] = op->how;
	words(op->actor)[1] = target_mfn(op->actor, op->x);
	words(op->actor)[2] = 0;
	return call(op, __HYPERVISOR_mmuext_op, args);
}
