/* SPDX-License-Identifier: MIT */
/*
 * Host time is the TSC, scaled
 *
 * Guests compute their system time from the TSC with the factor and the base
 * in their time page. Ours is computed with the same factor and base, by the
 * same rule, and no other: so host time and all guests' times are one clock,
 * exactly, at every moment and on every vcpu, and a time page never grows
 * stale (page.c). The base is the moment of time_init().
 */
#include "arch.h"
#include "bug.h"
#include "time/clock.h"
#include "time/time.h"

#define NS_PER_S 1000000000UL

struct time_base time_base;

/* Nanoseconds to TSC ticks; used for distances only, see time_tsc_of_ns(). */
static struct time_scale ticks_of_ns;

/* Farther deadlines than this are as good as never; scale() stays exact. */
#define DISTANCE_MAX_NS (1UL << 55)

/*
 * Long division: to / from = mul / 2^bits, with bits as many as make mul fill
 * its 32 bits. Exact but for the last of them, at any rate.
 */
struct time_scale scale_make(uint64_t from, uint64_t to)
{
	uint64_t mul = to / from, rest = to % from;
	int bits = 0;

	BUG_ON(mul >> 32);
	while (mul >> 31 == 0) {
		rest <<= 1;
		mul = mul << 1 | (rest >= from);
		if (rest >= from)
			rest -= from;
		bits++;
	}
	return (struct time_scale){ .mul = (uint32_t)mul,
				    .shift = (int8_t)(32 - bits) };
}

void time_init(void)
{
	uint64_t hz = arch_tsc_hz();

	BUG_ON(hz == 0);
	time_base.ns_of_ticks = scale_make(hz, NS_PER_S);
	ticks_of_ns = scale_make(NS_PER_S, hz);
	time_base.tsc = arch_tsc();
	timer_init_heaps();
	time_set_wallclock(arch_wallclock_boot_ns(), 0);
}

uint64_t time_now_ns(void)
{
	return scale(time_base.ns_of_ticks, arch_tsc() - time_base.tsc);
}

uint64_t time_tsc_of_ns(uint64_t ns)
{
	uint64_t tsc = arch_tsc();
	uint64_t now = scale(time_base.ns_of_ticks, tsc - time_base.tsc);

	if (ns <= now)
		return tsc;
	/* One tick more: rather late by a tick than early, and then again. */
	return tsc + 1 + scale(ticks_of_ns, MIN(ns - now, DISTANCE_MAX_NS));
}

uint64_t guest_now_ns(const struct vcpu *v)
{
	(void)v;
	return time_now_ns();
}
