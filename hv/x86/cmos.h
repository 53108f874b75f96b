/* SPDX-License-Identifier: MIT */
/* The battery-backed clock. */
#ifndef LODGE_X86_CMOS_H
#define LODGE_X86_CMOS_H

#include "types.h"

/* Its registers as they stand. */
struct cmos_time {
	uint8_t second, minute, hour, day, month, year;
	uint8_t century; /* 0: the machine has no such register */
	uint8_t status_b;
};

/*
 * Seconds since 1970 (the clock runs in UTC). -EINVAL when the registers do
 * not make a date. A pure function.
 */
[[nodiscard]] int cmos_decode(const struct cmos_time *t, uint64_t *seconds);
/* Reads the clock, century from that register; seconds since 1970, or 0. */
uint64_t cmos_read_seconds(uint8_t century_register);

#endif
