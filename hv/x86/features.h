/* SPDX-License-Identifier: MIT */
/* What this processor can do, from CPUID alone: pure functions. */
#ifndef LODGE_X86_FEATURES_H
#define LODGE_X86_FEATURES_H

#include "types.h"

/* XCR0's components that we let guests have */
#define XCR0_X87    (1UL << 0)
#define XCR0_SSE    (1UL << 1)
#define XCR0_AVX    (1UL << 2)
#define XCR0_AVX512 (7UL << 5) /* masks, upper halves, registers 16-31 */

struct cpu_features {
	char vendor[13];
	char hypervisor[13]; /* its signature; empty: none that says so */
	uint8_t family, model, stepping; /* extended parts included */
	uint8_t phys_bits, virt_bits;

	bool apic, x2apic, tsc, tsc_deadline, invariant_tsc, pae, pge, pat;
	bool fxsr, sse2, mce, nx, long_mode, syscall, gbpages, fsgsbase;
	bool cx16; /* CMPXCHG16B */
	bool smep, smap, umip, xsave, xsaveopt, avx, avx512;
	bool rtm;
	bool arch_capabilities; /* the MSR of that name exists */
	/* FXSAVE and XRSTOR leave the last x87 operation's addresses alone */
	bool x87_keeps_addresses;
	bool tcg; /* QEMU's emulator, not a processor */

	/* words about speculation, as CPUID has them (speculation_choose.c) */
	uint32_t leaf_7_edx, leaf_7_2_edx, leaf_ext8_ebx, leaf_ext21_eax;

	uint64_t xcr0;	      /* components to enable; 0: no XSAVE */
	uint32_t xsave_bytes; /* area for all of these, standard format;
			       * without XSAVE FXSAVE's 512 */

	/* leaves 0x15 and 0x16: what they say, 0 where they do not */
	uint64_t tsc_hz_exact;	 /* crystal times ratio */
	uint64_t tsc_hz_nominal; /* base frequency, rounded to MHz */
};

/* Asks CPUID: EAX, EBX, ECX, EDX in that order. */
typedef void cpuid_fn(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* Reads all features through that function. */
void features_read(struct cpu_features *f, cpuid_fn *cpuid);
/* The name of a feature that we cannot do without and is missing, or NULL. */
const char *features_missing(const struct cpu_features *f);
/*
 * True unless the processor is known not to let speculation follow entries
 * that are not present (L1TF). capabilities: the MSR, 0 if it has none.
 */
bool features_leak_nonpresent(const struct cpu_features *f,
			      uint64_t capabilities);
/* True unless it is known not to read our pages with a guest's eyes before
 * the fault comes (Meltdown). */
bool features_leak_supervisor(const struct cpu_features *f,
			      uint64_t capabilities);
/* True for an Atom that executes in order, and speculates about nothing. */
bool features_in_order(const struct cpu_features *f);
/* True for family 6 of Intel's and one of these models (0 ends them). */
bool features_is_model(const struct cpu_features *f, const uint8_t *models);
bool features_is_amd(const struct cpu_features *f); /* or Hygon */

#endif
