/* SPDX-License-Identifier: MIT */
/*
 * Places in our text where other bytes are written at boot, each of a kind.
 * The section .patch lists them: address, kind, target of a jump.
 *
 *	STAC, CLAC	three bytes of nothing become that instruction
 *	GUARD		the first bytes of an instruction become a jump to
 *			guard.S, which carries that instruction out as well
 *	the others	a jump over a sequence of guard.S becomes nothing
 */
#ifndef LODGE_X86_PATCH_H
#define LODGE_X86_PATCH_H

#define PATCH_STAC	 0
#define PATCH_CLAC	 1
#define PATCH_GUARD	 2
#define PATCH_ROOTS	 3  /* the guest's root and ours are two */
#define PATCH_RSB	 4  /* in: 16 returns are overwritten */
#define PATCH_RSB_MORE	 5  /* and 16 more */
#define PATCH_PREDICTORS 6  /* in: one of IBPB, BHB, CTRL */
#define PATCH_IBPB	 7  /* a barrier */
#define PATCH_BHB	 8  /* the branch history is overwritten */
#define PATCH_CTRL	 9  /* in and out: MSR_SPEC_CTRL is written */
#define PATCH_LEAVING	 10 /* out: one of CTRL, VERW */
#define PATCH_VERW	 11 /* buffers are emptied */

#ifndef __ASSEMBLY__
#include <stdint.h>

/* Writes the places of each kind whose bit (1 << PATCH_*) is set. Before any
 * guest runs, and before other processors do. */
void patch_apply(uint32_t kinds);
/* Where something of our text can be written at boot. */
void *patch_writable(uint64_t at);
#endif

#endif
