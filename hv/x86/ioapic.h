/* SPDX-License-Identifier: MIT */
/* The I/O APICs: where devices' interrupts go. */
#ifndef LODGE_X86_IOAPIC_H
#define LODGE_X86_IOAPIC_H

#include "types.h"

/* Maps the I/O APICs that ACPI names and masks all their inputs: at boot. The
 * rest of it is the seam's. */
void ioapic_init(void);
/* The input that an ISA interrupt arrives at. */
uint32_t ioapic_gsi_of_isa(uint8_t irq);

#endif
