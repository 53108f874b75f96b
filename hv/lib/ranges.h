/* SPDX-License-Identifier: MIT */
/*
 * A set of numbers as ranges: what frames, ports or interrupts a domain may
 * use. Both ends of a range belong to it, so that the last number there is
 * can be in one. A set of zeroes is empty. Whoever shares a set has a lock.
 */
#ifndef LODGE_RANGES_H
#define LODGE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define RANGES_MAX 64

struct range {
	uint64_t first, last;
};

struct ranges {
	uint32_t nr;
	struct range r[RANGES_MAX]; /* ascending, never next to each other */
};

/*
 * Enters first to last in the set, or takes them out of it, whatever of them
 * was there before. -EINVAL: last is before first. -ENOSPC: it would fall
 * into more than RANGES_MAX ranges. Then nothing has changed.
 */
[[nodiscard]] int ranges_add(struct ranges *s, uint64_t first, uint64_t last);
[[nodiscard]] int ranges_remove(struct ranges *s, uint64_t first,
				uint64_t last);
/* True when all of first to last is in the set. */
bool ranges_contain(const struct ranges *s, uint64_t first, uint64_t last);

#endif
