/* SPDX-License-Identifier: MIT */
/*
 * The worlds. Each is a small machine with one subject, so that what can
 * happen in it is few enough to be tried entirely:
 *
 *   CPU 0  domain A, vcpu 0     A: four first tables, spare pages S0, S1...
 *   CPU 1  domain A, vcpu 1
 *   CPU 2  domain B, vcpu 0     B: four first tables, a spare page R0
 *
 * A spare page starts as data, mapped writable in its owner's first L1. What
 * it becomes is the guest's business. Arguments of calls lie in a window that
 * every CPU can read whatever the guest's tables say (host.h).
 */
#include <stdio.h>
#include <string.h>

#include "errno.h"
#include "mm/mm.h"
#include "world.h"

const struct world_kind world_kinds[] = {
	{ .name = "tables",
	  .spares = 2,
	  .ops = OPS_MAP | OPS_CROSS | OPS_TABLE | OPS_PIN | OPS_TOP },
	{ .name = "levels",
	  .spares = 3,
	  .ops = OPS_MAP | OPS_TABLE | OPS_PIN | OPS_BATCH,
	  .before = "A0 write S1[0] S0 rw, A0 write S1[511] S0 rw, "
		    "A0 write S2[0] S1 rw, A0 write S2[511] S1 rw, "
		    "A0 map S0 ro, A0 map S1 ro, A0 map S2 ro" },
	{ .name = "orphans",
	  .spares = 3,
	  .ops = OPS_MAP | OPS_PIN | OPS_ROOT | OPS_TABLE,
	  .before = "A0 write S1[0] S0 rw, A0 write S1[511] S0 rw, "
		    "A0 write S2[0] S0 rw, A0 write S2[511] S0 rw, "
		    "A0 map S0 ro, A0 map S1 ro, A0 map S2 ro, "
		    "A0 pin S1 L2, A0 pin S2 L2" },
	{ .name = "roots",
	  .spares = 2,
	  .second_vcpu = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_ROOT | OPS_TABLE | OPS_RUN,
	  .before = "A0 map S0 ro, A0 map S1 ro" },
	{ .name = "stale",
	  .spares = 2,
	  .free = 1,
	  .second_vcpu = true,
	  .second_domain = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_FLUSH | OPS_BALLOON | OPS_WRITE |
		 OPS_RUN,
	  .ops_other = OPS_MAP | OPS_BALLOON },
	{ .name = "handover",
	  .spares = 1,
	  .second_domain = true,
	  .ops = OPS_MAP | OPS_CROSS | OPS_FLUSH | OPS_BALLOON | OPS_PIN |
		 OPS_WRITE,
	  .ops_other = OPS_MAP | OPS_BALLOON | OPS_PIN,
	  .before = "A0 store S0[0] T1 rw, A0 map S0 ro, A0 flush, "
		    "B0 map R0 none, B0 decrease R0" },
	{ .name = "segments",
	  .spares = 2,
	  .free = 1,
	  .second_vcpu = true,
	  .ops = OPS_MAP | OPS_SEGMENT | OPS_PAGE | OPS_WRITE | OPS_BALLOON },
	{ .name = "foreign",
	  .spares = 2,
	  .free = 1,
	  .second_domain = true,
	  .privileged = true,
	  .ops = OPS_MAP | OPS_CROSS | OPS_PIN | OPS_BALLOON | OPS_DIE,
	  .ops_other = OPS_MAP | OPS_FOREIGN | OPS_BALLOON },
	{ .name = "narrow",
	  .spares = 3,
	  .narrow = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_ROOT | OPS_TABLE | OPS_NARROW |
		 OPS_BATCH,
	  .before = "A0 write S1[0] S0 rw, A0 write S2[0] S1 rw, "
		    "A0 map S0 ro, A0 map S1 ro, A0 map S2 ro" },
	{ .name = "narrow-calls",
	  .spares = 2,
	  .free = 1,
	  .narrow = true,
	  .second_vcpu = true,
	  .ops = OPS_MAP | OPS_BATCH | OPS_SEGMENT | OPS_BALLOON |
		 OPS_EXCHANGE | OPS_WRITE },
	{ .name = "separated",
	  .spares = 2,
	  .free = 12, /* for companions */
	  .separated = true,
	  .second_vcpu = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_ROOT | OPS_TABLE | OPS_RUN | OPS_TOP,
	  .before = "A0 map S0 ro, A0 map S1 ro" },
	{ .name = "exchange",
	  .spares = 2,
	  .free = 2,
	  .second_vcpu = true,
	  .second_domain = true,
	  .ops = OPS_MAP | OPS_EXCHANGE | OPS_PIN | OPS_WRITE | OPS_DIE |
		 OPS_FLUSH,
	  .ops_other = OPS_MAP | OPS_BALLOON,
	  .before = "A0 map S0 ro, A0 flush all, A0 map S0 none, "
		    "B0 map R0 none, B0 decrease R0" },
	{ .name = "claims",
	  .spares = 2,
	  .free = 2,
	  .second_domain = true,
	  .privileged = true,
	  .ops = OPS_MAP | OPS_BALLOON | OPS_DIE,
	  .ops_other = OPS_CLAIM | OPS_MAP | OPS_BALLOON },
	{ .name = "log",
	  .frames = 160,
	  .spares = 2,
	  .free = 96, /* for shadow tables */
	  .second_vcpu = true,
	  .second_domain = true,
	  .privileged = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_TOUCH | OPS_WRITE | OPS_RUN | OPS_TOP,
	  .ops_other = OPS_SHADOW },
	{ .name = "narrow-log",
	  .frames = 160,
	  .spares = 3,
	  .free = 96,
	  .narrow = true,
	  .second_domain = true,
	  .privileged = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_ROOT | OPS_TABLE | OPS_TOUCH |
		 OPS_NARROW | OPS_DIE,
	  .ops_other = OPS_SHADOW,
	  .before = "A0 write S1[0] S0 rw, A0 write S2[0] S1 rw, "
		    "A0 map S0 ro, A0 map S1 ro, A0 map S2 ro, B0 log on" },
	{ .name = "grants",
	  .frames = 80,
	  .spares = 1,
	  .free = 3, /* two of them for handles */
	  .second_domain = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_BALLOON | OPS_LEND | OPS_DIE,
	  .ops_other = OPS_BORROW | OPS_FLUSH | OPS_PIN,
	  .before = "A0 lend S0 rw" },
	{ .name = "endings",
	  .spares = 3,
	  .second_vcpu = true,
	  .ops = OPS_PIN | OPS_ROOT | OPS_TOP | OPS_DIE | OPS_TABLE | OPS_MAP,
	  .before = "A0 write S1[0] S0 rw, A0 write S2[0] S1 rw, "
		    "A0 map S0 ro, A0 map S1 ro, A0 map S2 ro" },
	{ .name = "race-pages",
	  .spares = 1,
	  .free = 1,
	  .second_vcpu = true,
	  .races = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_BALLOON | OPS_SEGMENT | OPS_PAGE },
	{ .name = "race-owners",
	  .spares = 1,
	  .free = 0,
	  .second_domain = true,
	  .privileged = true,
	  .races = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_BALLOON,
	  .ops_other = OPS_FOREIGN | OPS_BALLOON | OPS_FLUSH,
	  .before = "A0 map S0 ro, B0 foreign S0 rw, B0 flush" },
	{ .name = "race-segments",
	  .spares = 1,
	  .second_vcpu = true,
	  .races = true,
	  .ops = OPS_SEGMENT | OPS_MAP,
	  .before = "A0 map S0 ro, A1 gdt S0" },
	{ .name = "race-exchange",
	  .spares = 1,
	  .free = 1,
	  .second_vcpu = true,
	  .races = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_EXCHANGE | OPS_BALLOON,
	  .before = "A0 map S0 none" },
	{ .name = "race-log",
	  .frames = 160,
	  .spares = 1,
	  .free = 96,
	  .second_domain = true,
	  .privileged = true,
	  .races = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_TOUCH,
	  .ops_other = OPS_SHADOW | OPS_FOREIGN,
	  .before = "B0 log on" },
	{ .name = "race-grants",
	  .frames = 80,
	  .spares = 1,
	  .free = 3,
	  .second_domain = true,
	  .races = true,
	  .ops = OPS_MAP | OPS_PIN | OPS_BALLOON | OPS_LEND,
	  .ops_other = OPS_BORROW | OPS_FLUSH,
	  .before = "A0 lend S0 rw, B0 borrow rw, A0 map S0 none" },
	{ .name = "race-tables",
	  .spares = 2,
	  .second_vcpu = true,
	  .races = true,
	  .ops = OPS_PIN | OPS_TABLE | OPS_ROOT | OPS_MAP,
	  .before = "A0 map S0 ro, A0 map S1 ro" },
};
const unsigned int nr_world_kinds = ARRAY_SIZE(world_kinds);

#define FRAMES 56 /* if a world does not say */

struct guests guests;
const struct world_kind *kind;

struct host_guest *world_guest(enum actor a)
{
	return &guests.g[a == B0];
}

struct vcpu *world_actor(enum actor a)
{
	return host_cpus[a].current;
}

static void run_on(enum actor a, struct vcpu *v)
{
	host_cpu_select(a);
	host_vcpu_enter(v);
	host_cpu_select(0);
}

static void apply_by_names(const char *names)
{
	char one[OP_NAME_MAX];

	while (names && *names) {
		size_t n = strcspn(names, ",");
		unsigned int i = 0;

		snprintf(one, sizeof(one), "%.*s", (int)n, names);
		while (i < nr_ops && strcmp(ops[i].name, one))
			i++;
		if (i == nr_ops || world_apply(&ops[i]) < 0)
			host_fail("world %s: cannot begin with %s", kind->name,
				  one);
		names += n;
		names += strspn(names, ", ");
	}
}

void world_make(const struct world_kind *k)
{
	struct host_guest *a = &guests.g[0], *b = &guests.g[1];
	struct frame *window;

	kind = k;
	memset(&guests, 0, sizeof(guests));
	host_init(k->frames ? k->frames : FRAMES, NR_ACTORS);
	host_separates_roots = k->separated;
	window = frame_alloc_hv(0);
	if (k->privileged)
		host_guest_make(b, 5, 1, true);
	host_width = k->narrow ? WIDTH_32 : WIDTH_64;
	host_guest_make(a, k->spares + 4, 2, false);
	host_width = WIDTH_64;
	if (k->second_domain && !k->privileged)
		host_guest_make(b, 5, 1, false);
	for (unsigned int i = 0; (k->ops & OPS_LEND) && i < 2; i++)
		grants_make(guests.g[i].d);
	host_tlb_cache_upper = true;
	host_tlb_all = true;
	run_on(A0, a->d->vcpu[0]);
	if (k->second_vcpu) {
		host_cpu_select(A1);
		host_vcpu_enter(a->d->vcpu[1]);
		if (mm_root_set(a->d->vcpu[1], false,
				guest_mfn(frame_mfn(a->root).v)))
			host_fail("no root for the second vcpu");
	}
	if (k->second_domain)
		run_on(B0, b->d->vcpu[0]);
	host_cpu_select(0);
	while (frame_free_pages() > k->free && frame_alloc_hv(0))
		;
	host_window_mfn = frame_mfn(window).v;
	ops_list(k);
	apply_by_names(k->before);
	for (unsigned int i = 0; i < NR_ACTORS; i++)
		host_tlb_fill(i);
}

/* An interrupted call keeps its registers: it may be resumed, or not. */
static long apply(const struct op *op)
{
	struct pending *p = &guests.pending[op->actor];
	const struct op *what = op;
	struct call_args args = { { 0 } };
	uint64_t kept[WORDS];
	long rc;

	memcpy(kept, words(op->actor), sizeof(kept));
	if (!op->run) { /* the one that resumes */
		if (!p->op)
			return -ENOENT;
		what = &ops[p->op - 1];
		args = p->args;
	}
	if (!world_actor(op->actor) && !what->without_cpu)
		return -ENOENT;
	if (op->run)
		memset(words(op->actor), 0, WORDS * 8);
	rc = what->run(what, &args);
	if (rc == -ENOENT) { /* and what was interrupted waits on */
		memcpy(words(op->actor), kept, sizeof(kept));
		return rc;
	}
	if (op->run && p->op)
		guests.given_up = true;
	p->op = rc == -ERESTART ? (uint8_t)(what - ops + 1) : 0;
	memset(&p->args, 0, sizeof(p->args));
	if (p->op)
		p->args = args;
	return rc;
}

long world_apply(const struct op *op)
{
	long rc;

	if (host_in_fiber())
		return apply(op);
	host_cpu_select(op->actor);
	host_copy_begin();
	rc = apply(op);
	host_cpu_select(0);
	return rc;
}
