/* SPDX-License-Identifier: MIT */
/* What a vcpu has registered for traps, and its virtual processor state. */
#ifndef LODGE_TRAP_STATE_H
#define LODGE_TRAP_STATE_H

#include "abi.h"
#include "types.h"

/*
 * One gate of the guest's trap table, or a callback's entry point, of which
 * only the address counts; 0: none. A 32-bit guest's have cs:eip and always 0
 * for the address: the ways into a 64-bit kernel need no test of the width,
 * only of the gate (see width.h).
 */
struct trap_gate {
	uint64_t address;
	uint16_t cs;
	uint8_t dpl;	    /* least privileged ring that may `int` here */
	bool masks_upcalls; /* events are masked on entry */
	uint32_t eip;
};

enum cpuid_register {
	CPUID_EAX,
	CPUID_EBX,
	CPUID_ECX,
	CPUID_EDX,
};

#define CPUID_LINES 21

/*
 * What CPUID tells a domain: a line for each leaf that cpuid.c's table has,
 * without what is of one vcpu. Written under the mm lock, until the domain
 * runs; read without it by the domain's vcpus.
 */
struct domain_cpuid {
	bool is_set;   /* no: the machine's, asked anew each time */
	uint64_t xcr0; /* what it may enable */
	uint32_t line[CPUID_LINES + 1][4]; /* the last one: zeros */
};

/* Only the CPU that runs the vcpu, or anyone while it is stopped. */
struct vcpu_trap {
	bool kernel_mode; /* the guest is in its kernel (x86/entry.S) */
	bool nmi_masked;  /* until the iret that ends it */
	bool nmi_pending; /* one came while masked */
	uint8_t iopl;
	uint32_t callback_masks; /* bit n: callback n masks events */
	uint64_t kernel_sp;	 /* stack of the guest's kernel: stack_switch */
	uint64_t kernel_ss;
	/* virtual control registers */
	bool task_switched; /* guest's CR0.TS */
	uint64_t cr4;	    /* what the guest sees */
	uint64_t debugreg[8];
	uint64_t tsc_aux;	 /* in the processor while the vcpu runs */
	uint64_t port_bitmap_va; /* PHYSDEVOP_set_iobitmap */
	uint32_t port_bitmap_bits;
	/* indexed by CALLBACKTYPE_*: event, failsafe, syscall, nmi, ... */
	struct trap_gate callbacks[8];
	struct trap_gate gates[256];
};

#endif
