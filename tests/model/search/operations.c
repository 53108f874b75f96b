/* SPDX-License-Identifier: MIT */
/*
 * What the guests of a small world may try, as a list: each operation with
 * each argument that makes a difference. Most of them are refused in most
 * states; that they are, and leave no trace, is half of what is searched.
 *
 * They go in where a guest's go in: through the table of hypercalls, with
 * arguments in memory. Names are what a counterexample is told in.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "errno.h"
#include "mm/mm.h"
#include "pte.h"
#include "world.h"

struct op ops[MAX_OPS];
unsigned int nr_ops;

/* Frames that arguments name. */
enum target {
	S0,		      /* to S3: spare pages of the first domain */
	R0 = S0 + MAX_SPARES, /* the second's */
	T1,
	T2,
	T3,
	T4, /* the actor's first tables */
	NOTHING,
};

static const char *const target_names[] = { "S0", "S1", "S2", "S3", "R0",
					    "T1", "T2", "T3", "T4", "0" };

enum right { NONE, RO, RW };

static const char *const right_names[] = { "none", "ro", "rw" };

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

/* Words 0-63 of the window are CPU 0's, and so on: two call at once. */
static uint64_t *words(enum actor a)
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
static long op_map(const struct op *op, struct call_args *args)
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
static long op_write(const struct op *op, struct call_args *args)
{
	request(op->actor, 0, op->x, op->idx, entry(op->actor, op->y, op->how));
	return update(op, args, 1, DOMID_SELF);
}

/* Entries 0 and 1 of frame x become y, and then y and nothing. */
static long op_batch(const struct op *op, struct call_args *args)
{
	uint64_t e = entry(op->actor, op->y, RW);

	request(op->actor, 0, op->x, 0, e);
	request(op->actor, 1, op->x, 1, e);
	request(op->actor, 2, op->x, 1, 0);
	return update(op, args, 3, DOMID_SELF);
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

static long op_pin(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_PIN_L1_TABLE + op->how - 1,
		   target_mfn(op->actor, op->x), 0);
}

static long op_unpin(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_UNPIN_TABLE, target_mfn(op->actor, op->x),
		   0);
}

static long op_root(const struct op *op, struct call_args *args)
{
	return ext(op, args, op->how, target_mfn(op->actor, op->x), 0);
}

static long op_flush(const struct op *op, struct call_args *args)
{
	return ext(op, args, op->how, host_guest_va(op->x), 0);
}

static long op_page(const struct op *op, struct call_args *args)
{
	return ext(op, args, op->how, target_mfn(op->actor, op->x),
		   target_mfn(op->actor, op->y));
}

/* What SYSRET to a user program and back does with roots. */
static long op_mode(const struct op *op, struct call_args *args)
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

static long reservation(const struct op *op, struct call_args *args,
			unsigned int cmd, uint64_t number)
{
	struct xen_memory_reservation *r = (void *)words(op->actor);

	memset(r, 0, sizeof(*r));
	r->nr_extents = 1;
	r->domid = DOMID_SELF;
	r->extent_start.p = (xen_pfn_t *)(words_va(op->actor) + 256);
	words(op->actor)[32] = number;
	if (begins(args)) {
		args->a[0] = cmd;
		args->a[1] = words_va(op->actor);
	}
	return call(op, __HYPERVISOR_memory_op, args);
}

static long op_decrease(const struct op *op, struct call_args *args)
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

/* A new frame takes the place of the first spare that is gone. */
static long op_populate(const struct op *op, struct call_args *args)
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
		g->frame[i] = frame_of(mfn(words(op->actor)[32]));
	return rc;
}

/* ---- descriptor tables ---- */

static long op_gdt(const struct op *op, struct call_args *args)
{
	words(op->actor)[0] = target_mfn(op->actor, op->x);
	args->a[0] = words_va(op->actor);
	args->a[1] = op->x == NOTHING ? 0 : 512;
	return call(op, __HYPERVISOR_set_gdt, args);
}

static long op_ldt(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_SET_LDT, host_guest_va(op->x), op->y);
}

static long op_ldt_fault(const struct op *op, struct call_args *args)
{
	(void)args;
	return mm_ldt_fault(world_actor(op->actor), 0) ? 0 : -EFAULT;
}

#define CODE_SEGMENT 0x00affb000000ffffUL
#define CALL_GATE    0x0000ec0000100000UL

static long op_descriptor(const struct op *op, struct call_args *args)
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
static long op_store(const struct op *op, struct call_args *args)
{
	struct cached c = { .cpu = op->actor,
			    .mfn = target_mfn(op->actor, op->x) };
	uint64_t *page = arch_frame_ptr(mfn(c.mfn));

	(void)args;
	host_tlb_each(find_writable, &c);
	if (!c.found)
		return -ENOENT;
	page[op->idx] = op->how == RW + 1 ? CALL_GATE
					  : entry(op->actor, op->y, op->how);
	return 0;
}

static long op_idle(const struct op *op, struct call_args *args)
{
	struct vcpu *v = guests.g[0].d->vcpu[op->actor];

	(void)args;
	if (host_in_fiber() || domain_is_dying(v->domain))
		return -ENOENT;
	host_vcpu_enter(world_actor(op->actor) ? NULL : v);
	return 0;
}

/* A's end, from its beginning or some way on; other domains go on meanwhile. */
static long op_die(const struct op *op, struct call_args *args)
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

static long foreign_domains(void)
{
	return guests.g[0].d->id;
}

/* Slot x of its own first L1 maps the other's page y. */
static long op_foreign_map(const struct op *op, struct call_args *args)
{
	request(op->actor, 0, T1, op->x, entry(op->actor, op->y, op->how));
	return update(op, args, 1, (uint64_t)foreign_domains());
}

/* A table of the other's. */
static long op_foreign_write(const struct op *op, struct call_args *args)
{
	uint64_t tables = (uint64_t)foreign_domains() + 1;

	request(op->actor, 0, op->x, op->idx, entry(op->actor, op->y, op->how));
	return update(op, args, 1, tables << 16 | (uint64_t)foreign_domains());
}

static long op_foreign_pin(const struct op *op, struct call_args *args)
{
	if (begins(args))
		args->a[3] = 0;
	(void)op;
	args->a[0] = words_va(op->actor);
	args->a[1] = args->a[1] ? args->a[1] : 1;
	args->a[3] = (uint64_t)foreign_domains();
	words(op->actor)[0] = op->how;
	words(op->actor)[1] = target_mfn(op->actor, op->x);
	words(op->actor)[2] = 0;
	return call(op, __HYPERVISOR_mmuext_op, args);
}

/* ---- the list ---- */

static struct op *add(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static struct op *add(const char *fmt, ...)
{
	struct op *op = &ops[nr_ops++];
	va_list list;

	if (nr_ops > MAX_OPS)
		host_fail("too many operations");
	memset(op, 0, sizeof(*op));
	va_start(list, fmt);
	vsnprintf(op->name, sizeof(op->name), fmt, list);
	va_end(list);
	return op;
}

static const char *const actor_names[] = { "A0", "A1", "B0" };

#define ADD(a, fn, X, Y, IDX, HOW, ...)            \
	do {                                       \
		struct op *op_ = add(__VA_ARGS__); \
		op_->actor = (a);                  \
		op_->run = (fn);                   \
		op_->x = (uint8_t)(X);             \
		op_->y = (uint8_t)(Y);             \
		op_->idx = (uint8_t)(IDX);         \
		op_->how = (uint8_t)(HOW);         \
	} while (0)

struct lister {
	enum actor a;
	const char *name;
	unsigned int first, spares; /* targets that are its own spare pages */
	uint32_t ops;
};

static void list_map(const struct lister *l)
{
	static const char *const flushes[] = { "", " flush", " invlpg" };

	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int t = l->first + i;

		for (unsigned int r = NONE; r <= RW; r++)
			ADD(l->a, op_map, i, t, 0, r, "%s map %s %s", l->name,
			    target_names[t], right_names[r]);
		for (unsigned int f = 1; f < 3; f++)
			if (l->ops & OPS_FLUSH)
				ADD(l->a, op_map, i, t, f, NONE,
				    "%s map %s none%s", l->name,
				    target_names[t], flushes[f]);
	}
}

static void list_cross(const struct lister *l)
{
	static const uint8_t what[] = { S0 + 1, T1, T2, T4, R0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(what); i++)
		for (unsigned int r = RO; r <= RW; r++)
			ADD(l->a, op_map, 0, what[i], 0, r, "%s alias %s %s",
			    l->name, target_names[what[i]], right_names[r]);
}

static void list_table(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_write, x, NOTHING, 0, NONE, "%s write %s[0] 0",
		    l->name, target_names[x]);
		for (unsigned int y = l->first; y < l->first + l->spares; y++)
			for (unsigned int r = RO; r <= RW; r++)
				ADD(l->a, op_write, x, y, 0, r,
				    "%s write %s[0] %s %s", l->name,
				    target_names[x], target_names[y],
				    right_names[r]);
		ADD(l->a, op_write, x, NOTHING, 511, NONE, "%s write %s[511] 0",
		    l->name, target_names[x]);
		ADD(l->a, op_write, x, T1, 511, RW, "%s write %s[511] T1 rw",
		    l->name, target_names[x]);
		ADD(l->a, op_write, x, l->first, 511, RW,
		    "%s write %s[511] S0 rw", l->name, target_names[x]);
	}
}

static void list_top(const struct lister *l)
{
	for (unsigned int t = T2; t <= T4; t++) {
		ADD(l->a, op_write, t, NOTHING, 1, NONE, "%s write %s[1] 0",
		    l->name, target_names[t]);
		for (unsigned int y = l->first; y < l->first + l->spares; y++)
			ADD(l->a, op_write, t, y, 1, RW, "%s write %s[1] %s rw",
			    l->name, target_names[t], target_names[y]);
	}
	ADD(l->a, op_write, T4, l->first, 256, RW, "%s write T4[256] S0 rw",
	    l->name);
}

static void list_pin(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		for (unsigned int level = 1; level <= 4; level++)
			ADD(l->a, op_pin, x, 0, 0, level, "%s pin %s L%u",
			    l->name, target_names[x], level);
		ADD(l->a, op_unpin, x, 0, 0, 0, "%s unpin %s", l->name,
		    target_names[x]);
	}
}

static void list_root(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_root, x, 0, 0, MMUEXT_NEW_BASEPTR, "%s root %s",
		    l->name, target_names[x]);
		ADD(l->a, op_root, x, 0, 0, MMUEXT_NEW_USER_BASEPTR,
		    "%s user root %s", l->name, target_names[x]);
	}
	ADD(l->a, op_root, T4, 0, 0, MMUEXT_NEW_BASEPTR, "%s root T4", l->name);
	ADD(l->a, op_root, NOTHING, 0, 0, MMUEXT_NEW_USER_BASEPTR,
	    "%s user root 0", l->name);
	ADD(l->a, op_mode, 0, 0, 0, 0, "%s other mode", l->name);
}

static void list_flush(const struct lister *l)
{
	ADD(l->a, op_flush, 0, 0, 0, MMUEXT_TLB_FLUSH_LOCAL, "%s flush",
	    l->name);
	ADD(l->a, op_flush, 0, 0, 0, MMUEXT_TLB_FLUSH_ALL, "%s flush all",
	    l->name);
	ADD(l->a, op_flush, 0, 0, 0, MMUEXT_INVLPG_ALL, "%s invlpg all",
	    l->name);
}

static void list_balloon(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_decrease, l->first + i, 0, 0, 0, "%s decrease %s",
		    l->name, target_names[l->first + i]);
	ADD(l->a, op_populate, 0, 0, 0, 0, "%s populate", l->name);
}

static void list_segment(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_gdt, x, 0, 0, 0, "%s gdt %s", l->name,
		    target_names[x]);
		ADD(l->a, op_ldt, i, 1, 0, 0, "%s ldt %s", l->name,
		    target_names[x]);
		ADD(l->a, op_descriptor, x, 0, 0, 0, "%s descriptor %s",
		    l->name, target_names[x]);
		ADD(l->a, op_descriptor, x, 0, 0, 1, "%s gate %s", l->name,
		    target_names[x]);
	}
	ADD(l->a, op_gdt, NOTHING, 0, 0, 0, "%s gdt 0", l->name);
	ADD(l->a, op_ldt, 0, 0, 0, 0, "%s ldt 0", l->name);
	ADD(l->a, op_ldt_fault, 0, 0, 0, 0, "%s ldt fault", l->name);
}

static void list_page(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_page, l->first + i, l->first, 0, MMUEXT_CLEAR_PAGE,
		    "%s clear %s", l->name, target_names[l->first + i]);
	if (l->spares > 1)
		ADD(l->a, op_page, l->first, l->first + 1, 0, MMUEXT_COPY_PAGE,
		    "%s copy to S0 S1", l->name);
}

static void list_store(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_store, x, NOTHING, 0, NONE, "%s store %s[0] 0",
		    l->name, target_names[x]);
		ADD(l->a, op_store, x, T1, 0, RW, "%s store %s[0] T1 rw",
		    l->name, target_names[x]);
		if (l->ops & OPS_SEGMENT)
			ADD(l->a, op_store, x, NOTHING, 0, RW + 1,
			    "%s store %s[0] gate", l->name, target_names[x]);
	}
}

static void list_batch(const struct lister *l)
{
	for (unsigned int i = 0; i + 1 < l->spares; i++)
		ADD(l->a, op_batch, l->first + i + 1, l->first + i, 0, 0,
		    "%s batch %s %s", l->name, target_names[l->first + i + 1],
		    target_names[l->first + i]);
}

static void list_foreign(const struct lister *l)
{
	for (unsigned int i = 0; i < kind->spares; i++) {
		for (unsigned int r = NONE; r <= RW; r++)
			ADD(l->a, op_foreign_map, i + 1, S0 + i, 0, r,
			    "%s foreign %s %s", l->name, target_names[S0 + i],
			    right_names[r]);
		ADD(l->a, op_foreign_pin, S0 + i, 0, 0, MMUEXT_PIN_L1_TABLE,
		    "%s foreign pin %s L1", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_pin, S0 + i, 0, 0, MMUEXT_PIN_L2_TABLE,
		    "%s foreign pin %s L2", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_pin, S0 + i, 0, 0, MMUEXT_UNPIN_TABLE,
		    "%s foreign unpin %s", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_write, S0 + i, S0, 0, RW,
		    "%s foreign write %s[0] S0", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_write, S0 + i, NOTHING, 0, NONE,
		    "%s foreign write %s[0] 0", l->name, target_names[S0 + i]);
	}
}

static void list_actor(const struct lister *l)
{
	static void (*const lists[])(const struct lister *) = {
		list_map,     list_cross, list_table, list_top,
		list_pin,     list_root,  list_flush, list_balloon,
		list_segment, list_page,  list_store, list_batch,
	};

	add("%s go on", l->name)->actor = l->a;
	for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
		if (l->ops & 1U << i)
			lists[i](l);
	if ((l->ops & OPS_RUN) && l->a == A1)
		ADD(l->a, op_idle, 0, 0, 0, 0, "%s idle", l->name);
	if (l->ops & OPS_FOREIGN)
		list_foreign(l);
	for (unsigned int i = nr_ops; i--;)
		if (ops[i].run == op_idle || ops[i].run == op_die)
			ops[i].without_cpu = true;
}

void ops_list(const struct world_kind *k)
{
	struct lister l = { .spares = k->spares, .ops = k->ops };

	nr_ops = 0;
	for (l.a = A0; l.a <= (k->second_vcpu ? A1 : A0); l.a++) {
		l.name = actor_names[l.a];
		list_actor(&l);
	}
	if (k->ops & OPS_DIE) {
		ADD(A0, op_die, 0, 0, 0, 0, "A dies");
		ops[nr_ops - 1].without_cpu = true;
	}
	if (k->second_domain) {
		l = (struct lister){ .a = B0,
				     .name = actor_names[B0],
				     .first = R0,
				     .spares = 1,
				     .ops = k->ops_other };
		list_actor(&l);
	}
}
