/* SPDX-License-Identifier: MIT */
/*
 * Division of 64-bit numbers, which the compiler calls by these names: there
 * is no library of its own in a guest. One bit a step, as on paper.
 */
#include "lodger.h"

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest)
{
	uint64_t quotient = 0;
	uint64_t left = 0;
	int bit;

	for (bit = 63; bit >= 0; bit--) {
		left = left << 1 | (n >> bit & 1);
		if (left >= d) {
			left -= d;
			quotient |= (uint64_t)1 << bit;
		}
	}
	if (rest)
		*rest = left;
	return quotient;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
	return __udivmoddi4(n, d, NULL);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
	uint64_t rest;

	__udivmoddi4(n, d, &rest);
	return rest;
}
