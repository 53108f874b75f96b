/* SPDX-License-Identifier: MIT */
/*
 * Time of day without an exit.
 *
 * The hypervisor publishes, in each vCPU's record, a point (TSC value, system
 * time) and a slope (multiplier and shift); the guest computes the time from
 * the TSC. The version is odd while the record is being written. System time
 * counts nanoseconds from the boot of the hypervisor and never runs
 * backwards, whatever the hypervisor recalibrates, and whether the guest spun,
 * slept, or made calls in between. It is there before the guest's first
 * instruction.
 *
 * The wall clock is the date at system time zero, in the shared page, under a
 * version of its own: the date now is that plus system time.
 */
#include "lodger.h"

static void monotonic(void)
{
	unsigned long last = clock_now();
	unsigned long now;
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		if (i % 16 == 0)
			HYPERVISOR_xen_version(XENVER_version, NULL);
		if (i % 64 == 0)
			HYPERVISOR_sched_op(SCHEDOP_yield, 0);
		now = clock_now();
		TEST_ASSERT(now >= last, "back by %lu ns", last - now);
		last = now;
	}
}

/* Over some time, system time and scaled TSC agree to a part in 1000. */
static void slope(void)
{
	unsigned long t0 = read_tsc();
	unsigned long n0 = clock_now();
	unsigned long nanoseconds, scaled, error;

	clock_spin(200 * MILLISECOND);
	nanoseconds = clock_now() - n0;
	scaled = clock_scale(read_tsc() - t0);
	error = nanoseconds > scaled ? nanoseconds - scaled
				     : scaled - nanoseconds;
	TEST_ASSERT(error < nanoseconds / 1000 + MILLISECOND,
		    "%lu ns by the clock, %lu by the TSC", nanoseconds, scaled);
}

static void record(void)
{
	const vcpu_time_info_t *t = &vcpu_info->time;

	TEST_ASSERT(!(t->version & 1), "version %u", t->version);
	TEST_ASSERT(t->tsc_to_system_mul >= 0x80000000U, "multiplier %x",
		    t->tsc_to_system_mul);
	TEST_ASSERT(t->tsc_shift > -32 && t->tsc_shift < 32, "shift %d",
		    t->tsc_shift);
	TEST_ASSERT(t->tsc_timestamp <= read_tsc(), "a point in the future");
	TEST_ASSERT(clock_now() > 0 && clock_now() < 3600 * SECOND,
		    "booted %lu ns ago", clock_now());
}

static void wall(void)
{
	unsigned long nanoseconds, seconds, start;

	/* Between 2020 and 2100, and it moves with system time. */
	seconds = clock_wall(&nanoseconds);
	TEST_ASSERT(seconds > 1577836800UL && seconds < 4102444800UL,
		    "the date is %lu", seconds);
	TEST_ASSERT(shared_info->wc_nsec < SECOND, "wc_nsec %u",
		    shared_info->wc_nsec);
	start = clock_now();
	clock_spin(1100 * MILLISECOND);
	TEST_ASSERT(clock_wall(NULL) - seconds >= 1 &&
			    clock_wall(NULL) - seconds <=
				    2 + (clock_now() - start) / SECOND,
		    "the date stands");
}

void test_main(void)
{
	record();
	monotonic();
	slope();
	wall();
	record();
}
