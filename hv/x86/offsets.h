/* SPDX-License-Identifier: MIT */
/* Offsets that assembly uses; traps.c asserts that they are true. */
#ifndef LODGE_X86_OFFSETS_H
#define LODGE_X86_OFFSETS_H

#define REGS_BYTES  200 /* struct cpu_user_regs */
#define REGS_R11    48
#define REGS_R10    56
#define REGS_R9	    64
#define REGS_R8	    72
#define REGS_RAX    80
#define REGS_RCX    88
#define REGS_RDX    96
#define REGS_RSI    104
#define REGS_RDI    112
#define REGS_ERROR  120 /* .error_code; .entry_vector follows */
#define REGS_RIP    128
#define REGS_CS	    136
#define REGS_RFLAGS 144
#define REGS_RSP    152
#define REGS_SS	    160
#define REGS_HW_END 168 /* what the processor pushes ends here */
#define ARGS_BYTES  48	/* struct call_args */
#define FLAG_TF	    0x100
#define FLAG_RF	    0x10000

/* The CPU's block, which the guest's registers lie below: struct cpu, and for
 * entry.S the SYSCALL scratch word, where it puts the guest's rsp. */
#define BLOCK_CR3_GUEST 104 /* where roots are separated, else 0: */
#define BLOCK_CR3_OURS	112 /* what the guest runs on, and we */
#define BLOCK_SCRATCH	120

/* struct cpu, struct vcpu, struct vcpu_info */
#define CPU_CURRENT	 8
#define CPU_SOFTIRQS	 16
#define VCPU_WORK	 4
#define VCPU_INFO	 8
#define VCPU_KERNEL_MODE 32
#define INFO_PENDING	 0
#define INFO_MASK	 1

#define SEL_HV_CS 0xe008
#define SEL_HV_DS 0xe010
#define SEL_TSS	  0xe040
#define SEL_LDT	  0xe050

#define IST_DF	1
#define IST_NMI 2
#define IST_MC	3
#define IST_DB	4

#endif
