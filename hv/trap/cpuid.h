/* SPDX-License-Identifier: MIT */
/* Inside trap/: the policy of CPUID as a function of the machine's values. */
#ifndef LODGE_TRAP_CPUID_H
#define LODGE_TRAP_CPUID_H

#include "trap/state.h"
#include "types.h"

#define XCR0_COMPONENTS 64

/* What the guest's view depends on besides the machine's own values. */
struct cpuid_context {
	uint32_t vcpu_id;
	bool privileged;
	uint8_t width; /* enum domain_width */
	bool fsgsbase; /* guests may use it: CR4.FSGSBASE */
	bool invariant_tsc;
	bool rdtscp;
	uint64_t xcr0_mask; /* what guests may enable; 0: no XSAVE */
	uint64_t xcr0;	    /* what this one has enabled */
	uint32_t tsc_khz, tsc_mul;
	int8_t tsc_shift;
	uint8_t address_bits; /* of a machine address */
	/* Only for leaf 0xd: of each extended-state component. */
	struct {
		uint32_t size, offset;
		bool aligned;
	} xstate[XCR0_COMPONENTS];
};

/* What leaf 1 says of the vcpu, in the answer of the policy of a privileged
 * domain; no other leaf does. */
void trap_cpuid_own(uint32_t vcpu_id, bool privileged, uint32_t out[4]);
/* The same for leaf 0x80000001: by the width of its guest. */
void trap_cpuid_width(uint8_t width, uint32_t out[4]);

/*
 * The guest's view of a leaf whose values on this machine are raw. Leaves
 * that are not known to be good for a guest give zeros.
 */
void trap_cpuid_mask(uint32_t leaf, uint32_t subleaf, const uint32_t raw[4],
		     const struct cpuid_context *c, uint32_t out[4]);

/* ---- a domain's policy: the most that a guest can have, or less ---- */

/* The line of a leaf; CPUID_LINES: it has none. */
unsigned int trap_cpuid_line(uint32_t leaf, uint32_t subleaf);
/*
 * The line is to be as in says, as far as this machine goes. 1: features that
 * it has not were left out. -EINVAL: a leaf behind this machine's last one.
 */
[[nodiscard]] int trap_cpuid_take(struct domain_cpuid *p, unsigned int line,
				  const uint32_t in[4]);
/* The lines are filled: makes the features fit each other and p->xcr0. */
void trap_cpuid_fit(struct domain_cpuid *p, uint64_t xcr0_mask);

#endif
