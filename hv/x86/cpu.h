/* SPDX-License-Identifier: MIT */
/* The processor's control registers as we run with them. */
#ifndef LODGE_X86_CPU_H
#define LODGE_X86_CPU_H

#include "arch.h" /* and the core's header named cpu.h */
#include "x86/features.h"

#define CR0_PE (1UL << 0)
#define CR0_MP (1UL << 1)
#define CR0_TS (1UL << 3)
#define CR0_ET (1UL << 4)
#define CR0_NE (1UL << 5)
#define CR0_WP (1UL << 16)
#define CR0_PG (1UL << 31)

#define CR4_TSD	       (1UL << 2)
#define CR4_DE	       (1UL << 3)
#define CR4_PAE	       (1UL << 5)
#define CR4_MCE	       (1UL << 6)
#define CR4_PGE	       (1UL << 7)
#define CR4_OSFXSR     (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_FSGSBASE   (1UL << 16)
#define CR4_OSXSAVE    (1UL << 18)
#define CR4_SMEP       (1UL << 20)
#define CR4_SMAP       (1UL << 21)

struct spec_options;

/* Of the boot processor; every other one must have them too. */
extern struct cpu_features cpu_features;
extern uint64_t cpu_capabilities; /* MSR_ARCH_CAPABILITIES, or 0 */

/*
 * Reads cpu_features and switches on what cpu_init() does. Stops the machine
 * with a message when the processor lacks what we cannot do without.
 */
void cpu_detect(void);
/* Sets this processor's CR0, CR4, EFER, XCR0 and PAT. After cpu_detect(). */
void cpu_init(void);
/*
 * Defences against speculation (speculation.c). prepare: chooses for this
 * machine; arch_separates_roots() has its answer then. init: with exceptions
 * working, before any guest, does what was chosen, as far as there are
 * registers for it, and says so in the log.
 */
void speculation_prepare(const struct spec_options *o);
void speculation_init(void);
/* A vcpu of d begins to run on this CPU. */
void speculation_domain_comes(const struct domain *d);
/* CR4 as cpu_init() sets it: a vcpu's own bits are added to these. */
uint64_t cpu_cr4(void);

static inline uint64_t cr0_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static inline void cr0_write(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}

static inline uint64_t cr2_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static inline uint64_t cr3_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline void cr3_write(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static inline uint64_t cr4_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static inline void cr4_write(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

static inline void xcr0_write(uint64_t v)
{
	__asm__ volatile("xsetbv"
			 :
			 : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

#endif
