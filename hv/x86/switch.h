/* SPDX-License-Identifier: MIT */
/* A CPU's own tables, and what happens on it when vcpus change. */
#ifndef LODGE_X86_SWITCH_H
#define LODGE_X86_SWITCH_H

#include "abi.h"
#include "types.h"

/* Where the registers of the guest on this CPU's stack are. */
struct cpu_user_regs *guest_frame(void);
/* Sets up GDT, TSS, IDT and SYSCALL of this CPU, whose area is mapped. */
void segments_init(void);
/* Makes the flat segments in this CPU's GDT, and the end of the addresses
 * that are copied, those of such a guest. */
void segments_width_load(enum domain_width width);
/* Reads the data segment registers into a frame. */
void switch_data_segments_read(struct cpu_user_regs *regs);

#endif
