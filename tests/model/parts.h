/* SPDX-License-Identifier: MIT */
/* The parts of the oracle, between its files. */
#ifndef MODEL_PARTS_H
#define MODEL_PARTS_H

#include "host/host.h"
#include "pte.h"

/* What the frame table should say of a frame. */
struct expected {
	uint64_t refs;
	uint64_t uses[FRAME_SEGDESC + 1];
	bool listed; /* on its owner's list */
	bool free;   /* inside a free block */
};

/* Records a violation. */
void oracle_fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Counts what entries of page tables hold, and checks each (tables.c). */
void oracle_tables(struct expected *e);
/* Lists of domains and free blocks (lists.c). */
void oracle_lists(struct expected *e);
/* A domain's shadow tables, if it has any (shadow.c). */
void oracle_shadow(const struct domain *d);
/* Cached translations, loaded roots and descriptor tables (cached.c). */
void oracle_cached(void);

static inline uint64_t oracle_count(uint64_t word)
{
	return word & FRAME_COUNT_MASK;
}

static inline enum frame_type oracle_type(const struct frame *f)
{
	return (enum frame_type)(f->type.v >> FRAME_TYPE_SHIFT);
}

static inline bool oracle_is_table(enum frame_type t)
{
	return t >= FRAME_L1 && t <= FRAME_L4;
}

static inline bool oracle_allocated(const struct frame *f)
{
	return oracle_count(f->refs.v) != 0;
}

#endif
