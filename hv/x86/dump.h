/* SPDX-License-Identifier: MIT */
/* What we say when the hypervisor itself has failed. */
#ifndef LODGE_X86_DUMP_H
#define LODGE_X86_DUMP_H

#include "abi.h"
#include "types.h"

/* Option panic=reboot: a panic resets the machine and does not wait. */
extern bool panic_reboots;

/*
 * panic() for a fault in the hypervisor: dumps the registers as they were
 * then, and the stack from there, not our own.
 */
_Noreturn void panic_at(const struct cpu_user_regs *regs, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* To the log: these registers and the control registers. */
void dump_registers(const struct cpu_user_regs *regs);
/* The stack from sp up: words, and what could be return addresses. */
void dump_stack(uint64_t sp);
/* Writes "symbol+offset" for an address in our text, else just its number. */
void dump_address(char *buf, size_t size, uint64_t address);

#endif
