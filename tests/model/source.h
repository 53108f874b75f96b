/* SPDX-License-Identifier: MIT */
/*
 * Where a storm's guests have their decisions from: a seed, or the bytes of a
 * fuzzer. Kept apart from the explorer's, so that an interrupted operation
 * can be done again with the same arguments.
 */
#ifndef MODEL_SOURCE_H
#define MODEL_SOURCE_H

#include "host/host.h"

struct source {
	uint64_t state;
	const uint8_t *bytes; /* NULL: from the state */
	size_t left;
};
extern struct source source;

/* A number below n. */
unsigned int pick(unsigned int n);
bool one_in(unsigned int n);
uint64_t pick_word(void);
/* False when the bytes are used up. */
bool source_lasts(void);

/* Arguments that are often nearly right: g asks, other is the other guest. */
uint64_t pick_mfn(const struct host_guest *g, const struct host_guest *other);
unsigned int pick_index(void);
uint64_t pick_flags(void);
uint64_t pick_entry(const struct host_guest *g, const struct host_guest *other);
uint64_t pick_va(const struct host_guest *g);

#endif
