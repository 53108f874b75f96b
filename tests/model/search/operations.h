/* SPDX-License-Identifier: MIT */
/* The operations themselves, and what their arguments name. */
#ifndef MODEL_SEARCH_OPERATIONS_H
#define MODEL_SEARCH_OPERATIONS_H

#include "world.h"

/* Frames that arguments name. */
enum target {
	S0,		      /* to S3: spare pages of the first domain */
	R0 = S0 + MAX_SPARES, /* the second's */
	T1,
	T2,
	T3,
	T4, /* the actor's first tables */
	ROOT,
	NOTHING,
};

enum right { NONE, RO, RW };

/* A descriptor that no guest may have, as a right: for op_store(). */
#define GATE (RW + 1)

typedef long operation(const struct op *op, struct call_args *args);
operation op_batch, op_borrow, op_claim, op_decrease, op_descriptor, op_die,
	op_exchange, op_flush, op_foreign_map, op_foreign_pin, op_foreign_write,
	op_gdt, op_grant_copy, op_idle, op_ldt, op_ldt_fault, op_lend,
	op_log_take, op_map, op_mode, op_multicall, op_page, op_pin, op_pins,
	op_populate, op_return, op_root, op_shadow, op_store, op_touch,
	op_unpin, op_write;

/* ---- arguments in the actor's width (call.c) ---- */

struct frame *target(enum actor a, unsigned int t);
uint64_t target_mfn(enum actor a, unsigned int t);
/* An entry for that page, with that right. */
uint64_t entry(enum actor a, unsigned int t, unsigned int right);
/* The address of words(a). */
uint64_t words_va(enum actor a);
/* The i-th number of a list of frames in the actor's words from at on. */
void list_put(enum actor a, unsigned int at, unsigned int i, uint64_t m);
uint64_t list_get(enum actor a, unsigned int at, unsigned int i);
/* Not resumed: nothing is in its arguments yet. */
bool begins(const struct call_args *args);
/* Makes the call: its result, or -ERESTART with the progress in args. */
long call(const struct op *op, unsigned int number, struct call_args *args);
/* The same for a call that takes n structures in words(), and domains. */
long call_with_words(const struct op *op, unsigned int number, unsigned int n,
		     uint64_t domains, struct call_args *args);
/* update_va_mapping's arguments. */
void entry_args(enum actor a, struct call_args *args, unsigned int slot,
		uint64_t value, uint64_t flags);
/* The n-th mmuext_op from word at on; the n-th entry of a multicall. */
void ext_put(enum actor a, unsigned int at, unsigned int n, unsigned int cmd,
	     uint64_t arg1, uint64_t arg2);
void multicall_put(enum actor a, unsigned int n, unsigned int number,
		   const struct call_args *args);
/* The at-th struct xen_memory_reservation of the window: two of them begin
 * a struct xen_memory_exchange, whose count of what is done follows. */
struct extents_of {
	unsigned int list; /* in words; 0: none */
	uint64_t nr;
	unsigned int order;
	domid_t domid;
};
void extents_put(enum actor a, unsigned int at, const struct extents_of *e);
uint64_t exchanged_get(enum actor a);

#endif
