/* SPDX-License-Identifier: MIT */
/* Addresses of entry text, which is linked for the trampoline slot. */
#ifndef LODGE_X86_ENTRY_H
#define LODGE_X86_ENTRY_H

#include "abi.h"

extern const struct entry_points {
	uint64_t vectors; /* 16 bytes each, 256 of them */
	uint64_t syscall_stub, syscall32_stub, syscall_stub_end;
	uint64_t hypercall32;
	uint64_t resume_iret, syscall_iret; /* those that return to a guest */
	void (*iret_fault)(struct cpu_user_regs *regs); /* does not return */
	uint64_t guard_values; /* struct guard_values (speculation.c) */
	uint64_t bytes;	       /* of all entry text */
} entry_points;

#endif
