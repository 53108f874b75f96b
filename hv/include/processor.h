/* SPDX-License-Identifier: MIT */
/*
 * The processor's numbers that a guest meets: flags, control registers,
 * vectors, model-specific registers. Names as in the processor manuals.
 */
#ifndef LODGE_PROCESSOR_H
#define LODGE_PROCESSOR_H

#include "abi.h"
#include "types.h"

#define EFLAGS_ONE	  (1UL << 1) /* always set */
#define EFLAGS_TF	  (1UL << 8)
#define EFLAGS_IF	  (1UL << 9)
#define EFLAGS_DF	  (1UL << 10)
#define EFLAGS_IOPL	  (3UL << 12)
#define EFLAGS_IOPL_SHIFT 12
#define EFLAGS_NT	  (1UL << 14)
#define EFLAGS_RF	  (1UL << 16)
#define EFLAGS_VM	  (1UL << 17)
#define EFLAGS_AC	  (1UL << 18)
/* What a guest may set: CF PF AF ZF SF TF DF OF RF AC ID. */
#define EFLAGS_GUEST 0x250dd5UL

/* Flat segments of a 32-bit guest that its foreign header does not name. */
#define FLAT_USER_CS_X86_32 0xe02b
#define FLAT_USER_SS_X86_32 0xe033

#define CR0_MP (1UL << 1)
#define CR0_TS (1UL << 3)

#define CR4_TSD	       (1UL << 2)
#define CR4_DE	       (1UL << 3)
#define CR4_PAE	       (1UL << 5)
#define CR4_MCE	       (1UL << 6)
#define CR4_OSFXSR     (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_FSGSBASE   (1UL << 16)
#define CR4_OSXSAVE    (1UL << 18)

#define DR6_STEP	   (1UL << 14)
#define DR6_INIT	   0xffff0ff0UL
#define DR7_INIT	   0x400UL
#define DR7_GENERAL_DETECT (1UL << 13)

enum vector {
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_BP = 3,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_DF = 8,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_AC = 17,
	VECTOR_CP = 21,
};

/* A page fault's error code. */
#define PF_PRESENT  (1U << 0)
#define PF_WRITE    (1U << 1)
#define PF_USER	    (1U << 2)
#define PF_RESERVED (1U << 3)
#define PF_FETCH    (1U << 4)

/* A selector's error code: it came through the IDT. */
#define SELECTOR_ERROR_MASK 3U
#define SELECTOR_ERROR_IDT  2U

/* An address of the hypervisor's range. */
static inline bool address_is_ours(uint64_t va)
{
	return va >> ABI_HV_SHIFT == ABI_HV_START >> ABI_HV_SHIFT;
}

/* An address that the processor can hold: bits 63-47 are the same. */
static inline bool address_is_canonical(uint64_t va)
{
	return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

#endif
