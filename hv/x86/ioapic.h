/* SPDX-License-Identifier: MIT */
/* The I/O APICs: where devices' interrupts go. */
#ifndef LODGE_X86_IOAPIC_H
#define LODGE_X86_IOAPIC_H

#include "types.h"

/*
 * Maps the I/O APICs that ACPI names and masks all their inputs. All of this
 * header is the boot CPU's alone.
 */
void ioapic_init(void);
/* Sends an input to a CPU as a vector, unmasked. -ENODEV: no such input. */
[[nodiscard]] int ioapic_route(uint32_t gsi, unsigned int vector,
			       uint32_t apic_id, bool level, bool low);
/* The same for an ISA interrupt (0-15), as the firmware wired it. */
[[nodiscard]] int ioapic_route_isa(uint8_t irq, unsigned int vector,
				   uint32_t apic_id);
/* The input that an ISA interrupt arrives at. */
uint32_t ioapic_gsi_of_isa(uint8_t irq);

#endif
