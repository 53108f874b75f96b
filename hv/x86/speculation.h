/* SPDX-License-Identifier: MIT */
/* What we do against leaks by speculation on this processor. */
#ifndef LODGE_X86_SPECULATION_H
#define LODGE_X86_SPECULATION_H

#include "boot/boot.h"
#include "x86/features.h"

/* MSR_SPEC_CTRL */
#define SPEC_CTRL_IBRS	    (1U << 0)
#define SPEC_CTRL_STIBP	    (1U << 1)
#define SPEC_CTRL_SSBD	    (1U << 2)
#define SPEC_CTRL_PSFD	    (1U << 7)
#define SPEC_CTRL_BHI_DIS_S (1U << 10)

/* Leaks that we know of and have no means against: old microcode. */
enum spec_open {
	SPEC_OPEN_BRANCHES = 1 << 0, /* targets that a guest trained */
	SPEC_OPEN_RETURNS = 1 << 1,  /* the same of returns */
	SPEC_OPEN_BUFFERS = 1 << 2,  /* what lies in the core's buffers */
};

struct speculation {
	/* MSR_SPEC_CTRL while we run, and while a guest does */
	uint32_t ctrl_hv, ctrl_guest;
	bool ctrl;	  /* has to be set at all */
	bool ctrl_switch; /* is written at each way in and out */
	bool auto_ibrs;	  /* EFER's bit does IBRS's work */

	bool ibpb_entry;  /* on the way in: forget all trained branches */
	bool rsb;	  /* on the way in: overwrite the return stack */
	bool rsb_deep;	  /* of 32 places, not 16 */
	bool bhb;	  /* on the way in: overwrite the branch history */
	bool bhb_deep;	  /* of later processors, which is longer */
	bool verw;	  /* on the way out: empty the core's buffers */
	bool ibpb_switch; /* between domains: forget trained branches */
	bool l1d_flush;	  /* between domains: empty the first cache */
	/* guests run on tables without our pages */
	bool separate_dom0, separate_domu;

	uint32_t open; /* SPEC_OPEN_* */
};

/*
 * Chooses by the processor's features, MSR_ARCH_CAPABILITIES (0: it has none)
 * and the command line. A pure function (speculation_choose.c).
 */
struct speculation speculation_choose(const struct cpu_features *f,
				      uint64_t capabilities,
				      const struct spec_options *o);

/* The same in words, for the log. */
void speculation_describe(const struct speculation *s, char *text, size_t room);

#endif
