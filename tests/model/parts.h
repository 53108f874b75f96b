/* SPDX-License-Identifier: MIT */
/* The parts of the oracle, between its files. */
#ifndef MODEL_PARTS_H
#define MODEL_PARTS_H

#include "host/host.h"
#include "pte.h"

/* What the frame table should say of a frame. */
struct expected {
	uint64_t refs;
	uint64_t uses[FRAME_L3_ROOT + 1];
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
/* What a domain's handles hold, and its table (grants.c). */
void oracle_grants(struct expected *e, const struct domain *d);
/* True when a handle of d's allows it to map that frame of another's. */
bool oracle_lent(const struct domain *d, uint64_t mfn, bool writable);
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
	return (t >= FRAME_L1 && t <= FRAME_L4) || t == FRAME_L2_HV ||
	       t == FRAME_L3_ROOT;
}

/* The level of a table, 1 to 4. */
static inline unsigned int oracle_level(enum frame_type t)
{
	static const uint8_t levels[] = {
		[FRAME_L1] = 1, [FRAME_L2] = 2,	   [FRAME_L3] = 3,
		[FRAME_L4] = 4, [FRAME_L2_HV] = 2, [FRAME_L3_ROOT] = 3,
	};

	return levels[t];
}

static inline bool oracle_allocated(const struct frame *f)
{
	return oracle_count(f->refs.v) != 0;
}

#endif
