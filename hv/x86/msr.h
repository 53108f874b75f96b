/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers that must exist where we use them. For those that
 * may not, there are arch_msr_read() and arch_msr_write().
 */
#ifndef LODGE_X86_MSR_H
#define LODGE_X86_MSR_H

#ifndef __ASSEMBLY__
#include <stdint.h>
#endif

#define MSR_APIC_BASE	      0x1b
#define MSR_SPEC_CTRL	      0x48
#define MSR_PRED_CMD	      0x49  /* 1: forget all trained branches */
#define MSR_FLUSH_CMD	      0x10b /* 1: empty the first data cache */
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_PAT		      0x277
#define MSR_SYSENTER_CS	      0x174
#define MSR_TSC_DEADLINE      0x6e0
/* the register at offset o of the page of registers is MSR_X2APIC + o / 16 */
#define MSR_X2APIC	   0x800
#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SYSCALL_MASK   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX	   0xc0000103

#define EFER_SCE       (1UL << 0)
#define EFER_NXE       (1UL << 11)
#define EFER_AUTO_IBRS (1UL << 21)

#ifndef __ASSEMBLY__
static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void msr_write(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}
#endif

#endif
