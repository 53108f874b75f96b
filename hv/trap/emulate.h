/* SPDX-License-Identifier: MIT */
/*
 * Inside trap/: the parts of privileged-instruction emulation. Each returns
 * 0: done, rip is still at the instruction; -ERESTART: not finished, the
 * guest executes the same instruction again; -EFAULT: the guest has been
 * sent its own page fault; any other error: the guest gets #GP.
 */
#ifndef LODGE_TRAP_EMULATE_H
#define LODGE_TRAP_EMULATE_H

#include "decode/decode.h"
#include "domain/domain.h"

/*
 * Copies between the guest's memory and a small buffer as an instruction of
 * the guest would. On failure the guest has got its page fault: -EFAULT.
 */
[[nodiscard]] int emulate_load(struct vcpu *v, uint64_t va, void *to,
			       unsigned int bytes);
[[nodiscard]] int emulate_store(struct vcpu *v, uint64_t va, const void *from,
				unsigned int bytes);

/* MOV CR, MOV DR, LMSW, CLTS, XSETBV (control.c). */
[[nodiscard]] int emulate_control(struct vcpu *v, const struct insn *insn);
/* IN, OUT, INS, OUTS (port.c), in the guest's kernel or user mode. */
[[nodiscard]] int emulate_port(struct vcpu *v, const struct insn *insn);

/* Whether the guest's kernel may use ports and the interrupt flag. */
bool trap_kernel_has_iopl(const struct vcpu *v);
/* CR4 bits that a guest may own because this processor has the feature. */
uint64_t trap_cr4_of_host(void);
/* Is value one that XCR0 can hold where mask is what the machine allows. */
bool xcr0_is_valid(uint64_t value, uint64_t mask);
/* CR0 as the guest's kernel reads it. */
uint64_t trap_cr0(const struct vcpu *v);
/* Bits of MXCSR that the processor does not fault on. */
#define MXCSR_VALID 0xffffU
/* The x87 and SSE registers of a vcpu that does not run, as FXSAVE has them. */
void trap_fpu_get(const struct vcpu *v, void *legacy);
void trap_fpu_set(struct vcpu *v, const void *legacy);

#endif
