/* SPDX-License-Identifier: MIT */
/*
 * How the guests of a small world make their calls: through the table of
 * hypercalls of their width, with arguments in a window of memory that every
 * CPU can read, laid out as their width has them.
 */
#include <string.h>

#include "errno.h"
#include "layout32.h"
#include "pte.h"
#include "operations.h"

#define INT_BYTES 2

static bool is_narrow(enum actor a)
{
	return world_guest(a)->d->width == WIDTH_32;
}

struct frame *target(enum actor a, unsigned int t)
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
	case ROOT:
		return g->root;
	default:
		return guests.g[0].frame[t];
	}
}

uint64_t target_mfn(enum actor a, unsigned int t)
{
	return t == NOTHING ? 0 : frame_mfn(target(a, t)).v;
}

/* Accessed and dirty from the start: what a fill sets makes no new state. */
uint64_t entry(enum actor a, unsigned int t, unsigned int right)
{
	uint64_t e = PTE_P | PTE_US | PTE_A | PTE_D;

	if (right == NONE || t == NOTHING)
		return 0;
	return target_mfn(a, t) << PAGE_SHIFT | e | (right == RW ? PTE_RW : 0);
}

/* ---- the window ---- */

static void *window(void)
{
	return arch_frame_ptr(mfn(host_window_mfn));
}

uint64_t *words(enum actor a)
{
	return (uint64_t *)window() + WORDS * a;
}

uint64_t words_va(enum actor a)
{
	return HOST_WINDOW_VA + 8 * WORDS * (uint64_t)a;
}

void list_put(enum actor a, unsigned int at, unsigned int i, uint64_t m)
{
	if (is_narrow(a))
		((uint32_t *)(words(a) + at))[i] = (uint32_t)m;
	else
		words(a)[at + i] = m;
}

uint64_t list_get(enum actor a, unsigned int at, unsigned int i)
{
	return is_narrow(a) ? ((uint32_t *)(words(a) + at))[i]
			    : words(a)[at + i];
}

/* ---- the call ---- */

bool begins(const struct call_args *args)
{
	return !(args->a[0] | args->a[1] | args->a[2] | args->a[3]);
}

/* In registers, as `int $0x82` finds them and leaves them. */
static long call32(struct vcpu *v, unsigned int number, struct call_args *args)
{
	struct cpu_user_regs *r = v->regs;
	uint64_t *const reg[] = { &r->rbx, &r->rcx, &r->rdx,
				  &r->rsi, &r->rdi, &r->rbp };

	r->rip = INT_BYTES;
	r->rax = number;
	for (unsigned int i = 0; i < ARRAY_SIZE(reg); i++)
		*reg[i] = args->a[i];
	call_hypercall32(v);
	if (r->rip)
		return (int32_t)r->rax;
	for (unsigned int i = 0; i < ARRAY_SIZE(reg); i++)
		args->a[i] = *reg[i];
	return -ERESTART;
}

long call(const struct op *op, unsigned int number, struct call_args *args)
{
	struct vcpu *v = world_actor(op->actor);

	return is_narrow(op->actor) ? call32(v, number, args)
				    : call_dispatch(v, number, args);
}

long call_with_words(const struct op *op, unsigned int number, unsigned int n,
		     uint64_t domains, struct call_args *args)
{
	if (begins(args)) {
		args->a[0] = words_va(op->actor);
		args->a[1] = n;
		args->a[3] = domains;
	}
	return call(op, number, args);
}

/* ---- structures ---- */

void entry_args(enum actor a, struct call_args *args, unsigned int slot,
		uint64_t value, uint64_t flags)
{
	args->a[0] = host_guest_va(slot);
	args->a[1] = value;
	args->a[2] = flags;
	if (!is_narrow(a))
		return;
	args->a[1] = (uint32_t)value;
	args->a[2] = value >> 32;
	args->a[3] = flags;
}

void ext_put(enum actor a, unsigned int at, unsigned int n, unsigned int cmd,
	     uint64_t arg1, uint64_t arg2)
{
	struct mmuext_op *wide = (struct mmuext_op *)(words(a) + at) + n;
	struct mmuext_op32 *narrow = (struct mmuext_op32 *)(words(a) + at) + n;

	if (is_narrow(a)) {
		*narrow = (struct mmuext_op32){ cmd, (uint32_t)arg1,
						(uint32_t)arg2 };
		return;
	}
	memset(wide, 0, sizeof(*wide));
	wide->cmd = cmd;
	wide->arg1.mfn = arg1;
	wide->arg2.src_mfn = arg2;
}

void multicall_put(enum actor a, unsigned int n, unsigned int number,
		   const struct call_args *args)
{
	struct multicall_entry *wide = (struct multicall_entry *)words(a) + n;
	uint32_t *narrow = (uint32_t *)words(a) + 8 * n;

	if (is_narrow(a)) {
		narrow[0] = number;
		for (unsigned int i = 0; i < 6; i++)
			narrow[2 + i] = (uint32_t)args->a[i];
		return;
	}
	wide->op = number;
	memcpy(wide->args, args->a, sizeof(wide->args));
}

void extents_put(enum actor a, unsigned int at, const struct extents_of *e)
{
	uint64_t list = e->list ? words_va(a) + 8 * e->list : 0;
	struct xen_memory_reservation wide = { .nr_extents = e->nr,
					       .extent_order = e->order,
					       .domid = e->domid };
	const struct memory_reservation32 narrow = {
		.extent_start = (uint32_t)list,
		.nr_extents = (uint32_t)e->nr,
		.extent_order = e->order,
		.domid = e->domid,
	};

	wide.extent_start.p = (xen_pfn_t *)list;
	if (is_narrow(a))
		memcpy((char *)words(a) + at * sizeof(narrow), &narrow,
		       sizeof(narrow));
	else
		memcpy((char *)words(a) + at * sizeof(wide), &wide,
		       sizeof(wide));
}

uint64_t exchanged_get(enum actor a)
{
	const char *at = (const char *)words(a);

	return is_narrow(a)
		       ? ((const struct memory_exchange32 *)at)->nr_exchanged
		       : ((const struct xen_memory_exchange *)at)->nr_exchanged;
}
