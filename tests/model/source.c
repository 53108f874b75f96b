/* SPDX-License-Identifier: MIT */
/*
 * Decisions of hostile guests. Numbers that are merely random are refused at
 * the first check; what is interesting is wrong in one place only.
 */
#include "pte.h"
#include "source.h"

struct source source;

unsigned int pick(unsigned int n)
{
	unsigned int v = 0;

	if (!source.bytes) {
		source.state = source.state * 6364136223846793005 +
			       1442695040888963407;
		return (unsigned int)((source.state >> 33) % n);
	}
	for (uint64_t have = 1; have < n && source.left; have <<= 8) {
		v = v << 8 | *source.bytes++;
		source.left--;
	}
	return v % n;
}

bool one_in(unsigned int n)
{
	return pick(n) == n - 1;
}

uint64_t pick_word(void)
{
	return (uint64_t)pick(1U << 31) << 33 ^ (uint64_t)pick(1U << 31) << 3 ^
	       pick(8);
}

bool source_lasts(void)
{
	return !source.bytes || source.left;
}

uint64_t pick_mfn(const struct host_guest *g, const struct host_guest *other)
{
	if (one_in(24))
		g = other;
	switch (pick(64)) {
	case 0:
		return pick((unsigned int)frame_limit + 4);
	case 1:
		return frame_mfn(g->d->shared_frame).v;
	case 2:
		return 1UL << 40 | pick(16);
	case 3:
		return pick(2) ? 0 : frame_limit + pick(HOST_DEVICES + 1);
	default:
		return frame_mfn(g->frame[pick(g->nr)]).v;
	}
}

unsigned int pick_index(void)
{
	static const uint16_t favourites[] = { 0,   1,	 2,   2,   3,  255,
					       256, 271, 272, 510, 511 };

	return one_in(16) ? pick(512)
			  : favourites[pick(ARRAY_SIZE(favourites))];
}

uint64_t pick_flags(void)
{
	static const uint64_t rare[] = { PTE_G,	   PTE_PSE,   PTE_PWT,
					 PTE_PCD,  PTE_NX,    PTE_D,
					 1UL << 9, 1UL << 62, 1UL << 49 };
	uint64_t flags = PTE_P | PTE_US | PTE_A;

	if (pick(2))
		flags |= PTE_RW;
	if (one_in(8))
		flags &= ~PTE_P;
	if (one_in(8))
		flags &= ~PTE_US;
	if (one_in(6))
		flags |= rare[pick(ARRAY_SIZE(rare))];
	return flags;
}

uint64_t pick_entry(const struct host_guest *g, const struct host_guest *other)
{
	if (one_in(5))
		return 0;
	return pick_mfn(g, other) << PAGE_SHIFT | pick_flags();
}

uint64_t pick_va(const struct host_guest *g)
{
	uint64_t va;

	if (pick(3))
		return host_guest_va(pick(g->nr + 2));
	va = (uint64_t)pick_index() << 39 | (uint64_t)pick_index() << 30 |
	     (uint64_t)pick_index() << 21 | (uint64_t)pick_index() << 12;
	return va >> 47 & 1 ? va | 0xffffUL << 48 : va;
}
