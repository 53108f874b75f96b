/* SPDX-License-Identifier: MIT */
/* A guest's registers and code, as the decoder wants them. */
#ifndef LODGE_MM_INSN_H
#define LODGE_MM_INSN_H

#include "decode/decode.h"
#include "domain/domain.h"

/* Registers of the vcpu that runs here, and back. */
void insn_regs_load(struct vcpu *v, struct insn_regs *out);
void insn_regs_store(struct vcpu *v, const struct insn_regs *in);
/* The bytes of code at rip: how many could be had, 0 to 15. */
size_t insn_fetch(uint64_t rip, uint8_t bytes[INSN_MAX_LENGTH]);

#endif
