/* SPDX-License-Identifier: MIT */
/*
 * Exchange of units as the interface has it: ((in << shift) * mul) >> 32, the
 * shift a right one when negative. 32 bits of mul are exact to 2^-31: right
 * for the distance to a deadline, and by definition right for guest time.
 */
#ifndef LODGE_TIME_SCALE_H
#define LODGE_TIME_SCALE_H

#include "types.h"

struct time_scale {
	uint32_t mul;
	int8_t shift;
};

/* The scale by which from units become to units: both in 1 to 2^62, to less
 * than 2^32 times from. */
struct time_scale scale_make(uint64_t from, uint64_t to);

static inline uint64_t scale(struct time_scale s, uint64_t in)
{
	in = s.shift >= 0 ? in << s.shift : in >> -s.shift;
	return (uint64_t)((unsigned __int128)in * s.mul >> 32);
}

#endif
