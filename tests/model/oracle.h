/* SPDX-License-Identifier: MIT */
/*
 * The slow oracle: counts from scratch what the frame table says of every
 * machine frame, and holds the world to the laws of guest memory (DESIGN.md,
 * section 3). It may be asked whenever no operation is under way; it changes
 * nothing. See oracle.c for what it counts.
 */
#ifndef MODEL_ORACLE_H
#define MODEL_ORACLE_H

#include <stdint.h>

/*
 * Checks everything; returns the number of violations, 0 for a good world.
 * Each is described by frame, what was expected and what was found.
 */
unsigned int oracle_check(void);
/* The descriptions from the last check, a line each. */
const char *oracle_report(void);

/*
 * Uses that the oracle cannot find on its own (a test holds them): counted
 * as references, and as uses of that type when type is not FRAME_NONE, until
 * oracle_forget().
 */
void oracle_expect(uint64_t mfn, unsigned int refs, unsigned int type,
		   unsigned int uses);
void oracle_forget(void);

#endif
