/* SPDX-License-Identifier: MIT */
/*
 * What the guests of a small world may try of their page tables: entries,
 * pins, roots, flushes, one by one and in batches.
 */
#include "errno.h"
#include "mm/mm.h"
#include "operations.h"

#define UVMF_NO_FLUSH 0

/* Slot x of the first L1: page y with that right; idx: how it is flushed. */
long op_map(const struct op *op, struct call_args *args)
{
	static const uint64_t flush[] = { UVMF_NO_FLUSH,
					  UVMF_TLB_FLUSH | UVMF_ALL,
					  UVMF_INVLPG };

	entry_args(op->actor, args, op->x, entry(op->actor, op->y, op->how),
		   flush[op->idx]);
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
	return call_with_words(op, __HYPERVISOR_mmu_update, n, domains, args);
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

#define PIN_AT 32

/* Page x read-only, and then pinned, in one go. */
long op_multicall(const struct op *op, struct call_args *args)
{
	struct call_args map = { { 0 } };
	struct call_args pin = { { words_va(op->actor) + 8 * PIN_AT, 1, 0,
				   DOMID_SELF } };

	if (begins(args)) {
		entry_args(op->actor, &map, op->x, entry(op->actor, op->x, RO),
			   UVMF_NO_FLUSH);
		multicall_put(op->actor, 0, __HYPERVISOR_update_va_mapping,
			      &map);
		multicall_put(op->actor, 1, __HYPERVISOR_mmuext_op, &pin);
		ext_put(op->actor, PIN_AT, 0, MMUEXT_PIN_L1_TABLE + op->how - 1,
			target_mfn(op->actor, op->x), 0);
	}
	return call_with_words(op, __HYPERVISOR_multicall, 2, 0, args);
}

static long ext(const struct op *op, struct call_args *args, unsigned int cmd,
		uint64_t arg1, uint64_t arg2)
{
	ext_put(op->actor, 0, 0, cmd, arg1, arg2);
	return call_with_words(op, __HYPERVISOR_mmuext_op, 1, DOMID_SELF, args);
}

/* x as a table of that level, and then y as one of the next. */
long op_pins(const struct op *op, struct call_args *args)
{
	unsigned int cmd = MMUEXT_PIN_L1_TABLE + op->how;

	ext_put(op->actor, 0, 0, cmd - 1, target_mfn(op->actor, op->x), 0);
	ext_put(op->actor, 0, 1, cmd, target_mfn(op->actor, op->y), 0);
	return call_with_words(op, __HYPERVISOR_mmuext_op, 2, DOMID_SELF, args);
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

long op_ldt(const struct op *op, struct call_args *args)
{
	return ext(op, args, MMUEXT_SET_LDT, host_guest_va(op->x), op->y);
}

/* What SYSRET to a user program and back does with roots. */
long op_mode(const struct op *op, struct call_args *args)
{
	struct vcpu *v = world_actor(op->actor);

	(void)args;
	if (v->trap.kernel_mode && !v->mm.root_user)
		return -ENOENT;
	v->trap.kernel_mode = !v->trap.kernel_mode;
	mm_root_activate(v);
	return 0;
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
	ext_put(op->actor, 0, 0, op->how, target_mfn(op->actor, op->x), 0);
	return call_with_words(op, __HYPERVISOR_mmuext_op, 1,
			       foreign_domain(op), args);
}
