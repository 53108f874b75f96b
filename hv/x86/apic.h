/* SPDX-License-Identifier: MIT */
/* The local APIC: this CPU's interrupts, its timer, and pokes at others. */
#ifndef LODGE_X86_APIC_H
#define LODGE_X86_APIC_H

#include "types.h"

/*
 * On the boot CPU, once: masks the 8259s and finds the local APICs. Then
 * apic_init() on each CPU, boot CPU first. Needs ACPI and arch_tsc_hz().
 */
void apic_setup(void);
/* Sets up this CPU's local APIC and fills its apic_id; interrupts are off. */
void apic_init(void);
/* This interrupt is done: let the next one come. */
void apic_eoi(void);
/* The I/O APICs and what comes from them: on the boot CPU, when there are
 * timers. */
void apic_devices_init(void);
/* An interrupt of any vector from 32 on: does its work, or notes it. */
void apic_interrupt(unsigned int vector);

#endif
