/* SPDX-License-Identifier: MIT */
/* The time-stamp counter's rate, and waiting by it. */
#ifndef LODGE_X86_TSC_H
#define LODGE_X86_TSC_H

#include <stdint.h>

/*
 * Measures the rate that arch_tsc_hz() tells from then on. Needs ACPI for
 * the better of the clocks to measure by. Takes some 50 ms.
 */
void tsc_calibrate(void);
/* Waits that long; roughly, before tsc_calibrate(). */
void tsc_delay_us(uint64_t us);

#endif
