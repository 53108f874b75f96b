/* SPDX-License-Identifier: MIT */
/*
 * Sets of ranges. A change replaces the ranges that it touches (i to j - 1)
 * by none, one or two others; the rest moves. Ends are compared without sums
 * that could run over: the numbers are whatever a guest passed.
 */
#include "lib/ranges.h"
#include "errno.h"
#include "lib/string.h"

/* Ranges i to j - 1 give way to nr others. */
static int replace(struct ranges *s, uint32_t i, uint32_t j,
		   const struct range *with, uint32_t nr)
{
	if (s->nr - (j - i) + nr > RANGES_MAX)
		return -ENOSPC;
	memmove(&s->r[i + nr], &s->r[j], (s->nr - j) * sizeof(s->r[0]));
	memcpy(&s->r[i], with, nr * sizeof(s->r[0]));
	s->nr = s->nr - (j - i) + nr;
	return 0;
}

int ranges_add(struct ranges *s, uint64_t first, uint64_t last)
{
	struct range all = { first, last };
	uint32_t i = 0, j;

	if (last < first)
		return -EINVAL;
	while (i < s->nr && s->r[i].last < first && first - s->r[i].last > 1)
		i++;
	for (j = i; j < s->nr; j++) {
		if (s->r[j].first > last && s->r[j].first - last > 1)
			break;
		if (s->r[j].first < all.first)
			all.first = s->r[j].first;
		if (s->r[j].last > all.last)
			all.last = s->r[j].last;
	}
	return replace(s, i, j, &all, 1);
}

int ranges_remove(struct ranges *s, uint64_t first, uint64_t last)
{
	struct range rest[2];
	uint32_t i = 0, j, nr = 0;

	if (last < first)
		return -EINVAL;
	while (i < s->nr && s->r[i].last < first)
		i++;
	for (j = i; j < s->nr && s->r[j].first <= last; j++) {
		if (s->r[j].first < first)
			rest[nr++] = (struct range){ s->r[j].first, first - 1 };
		if (s->r[j].last > last)
			rest[nr++] = (struct range){ last + 1, s->r[j].last };
	}
	return replace(s, i, j, rest, nr);
}

bool ranges_contain(const struct ranges *s, uint64_t first, uint64_t last)
{
	const struct range *r = s->r, *end = r + s->nr;

	while (r < end && r->last < last)
		r++;
	return r < end && r->first <= first && first <= last;
}
