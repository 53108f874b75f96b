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
	NOTHING,
};

enum right { NONE, RO, RW };

/* A descriptor that no guest may have, as a right: for op_store(). */
#define GATE (RW + 1)

typedef long operation(const struct op *op, struct call_args *args);
operation op_batch, op_decrease, op_descriptor, op_die, op_flush,
	op_foreign_map, op_foreign_pin, op_foreign_write, op_gdt, op_idle,
	op_ldt, op_ldt_fault, op_map, op_mode, op_multicall, op_page, op_pin,
	op_pins, op_populate, op_root, op_store, op_unpin, op_write;

#endif
