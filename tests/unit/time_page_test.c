/* SPDX-License-Identifier: MIT */
/*
 * What guests compute from their time page is host time, to the nanosecond;
 * the scales are right for every rate of the TSC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "time/scale.h"
#include "time/time.h"

static struct host_guest g;

static int setup(void **state)
{
	(void)state;
	host_init(64, 1);
	time_init();
	host_guest_make(&g, 16, 2, false);
	assert_int_equal(timer_reserve(2 * TIMERS_PER_VCPU), 0);
	time_vcpu_init(g.d->vcpu[0]);
	time_vcpu_init(g.d->vcpu[1]);
	host_vcpu_enter(g.d->vcpu[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

/* The rule of <xen/xen.h>, as a guest applies it. */
static uint64_t guest_time(const struct vcpu_time_info *t)
{
	uint64_t delta = arch_tsc() - t->tsc_timestamp;

	assert_int_equal(t->version & 1, 0);
	assert_true(t->version);
	if (t->tsc_shift >= 0)
		delta <<= t->tsc_shift;
	else
		delta >>= -t->tsc_shift;
	return t->system_time +
	       (uint64_t)((__uint128_t)delta * t->tsc_to_system_mul >> 32);
}

static void guests_agree_with_the_host(void **state)
{
	struct vcpu *a = g.d->vcpu[0], *b = g.d->vcpu[1];

	(void)state;
	time_update_vcpu(a);
	for (unsigned int i = 0; i < 1000; i++) {
		host_clock_advance(host_random() % 1000000000000UL);
		if (i == 500)
			time_update_vcpu(b); /* starts later: the same clock */
		assert_int_equal(guest_time(&a->info->time), time_now_ns());
		if (i >= 500)
			assert_int_equal(guest_time(&b->info->time),
					 time_now_ns());
	}
}

static void page_is_written_only_when_wrong(void **state)
{
	struct vcpu_time_info *t = &g.d->vcpu[0]->info->time;
	uint32_t version;

	(void)state;
	time_update_vcpu(g.d->vcpu[0]);
	version = t->version;
	host_clock_advance(1000);
	time_update_vcpu(g.d->vcpu[0]);
	assert_int_equal(t->version, version);
	t->tsc_to_system_mul ^= 1;
	time_update_vcpu(g.d->vcpu[0]);
	assert_int_not_equal(t->version, version);
	assert_int_equal(guest_time(t), time_now_ns());
	t->version = UINT32_MAX; /* left odd, and about to wrap */
	time_update_vcpu(g.d->vcpu[0]);
	assert_int_equal(guest_time(t), time_now_ns());
}

static void guests_own_copy(void **state)
{
	struct vcpu_time_info t;

	(void)state;
	time_update_vcpu(g.d->vcpu[0]);
	assert_int_equal(time_secondary_set(g.d->vcpu[0], host_guest_va(1)), 0);
	assert_int_equal(host_guest_read(host_guest_va(1), &t, sizeof(t)), 0);
	host_clock_advance(123456);
	assert_int_equal(guest_time(&t), time_now_ns());
	assert_int_equal(time_secondary_set(g.d->vcpu[0], 0x1000), -14);
}

static void scales(void **state)
{
	static const uint64_t hz[] = { 1193182,	   99999999,   800000000,
				       1000000000, 1000000001, 2400000123,
				       3999999999, 5000000000, 12345678901 };

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		struct time_scale s = scale_make(hz[i], 1000000000);
		struct time_scale back = scale_make(1000000000, hz[i]);
		uint64_t day = 86400 * hz[i];
		uint64_t ns = scale(s, day), want = 86400000000000UL;

		assert_true(s.mul >> 31);
		assert_true(ns <= want && want - ns <= want >> 30);
		ns = scale(back, 1000000000);
		assert_true(ns <= hz[i] && hz[i] - ns <= (hz[i] >> 29) + 1);
	}
}

static void tsc_of_a_deadline(void **state)
{
	(void)state;
	host_clock_advance(30 * 86400 * 1000000000UL);
	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t ahead = host_random() % 10000000000UL, error;
		uint64_t tsc = time_tsc_of_ns(time_now_ns() + ahead);

		error = (ahead >> 29) + 2;
		assert_true(tsc - arch_tsc() <= arch_tsc_hz() * 11);
		host_clock_advance(0);
		assert_true(tsc >= arch_tsc());
		ahead = (uint64_t)((__uint128_t)ahead * arch_tsc_hz() /
				   1000000000);
		error = (uint64_t)((__uint128_t)error * arch_tsc_hz() /
				   1000000000) +
			2;
		assert_in_range(tsc - arch_tsc(), ahead - MIN(ahead, error),
				ahead + error);
	}
	assert_int_equal(time_tsc_of_ns(1), arch_tsc());
}

static void wallclock(void **state)
{
	struct shared_info *s = g.d->shared;
	uint64_t base = arch_wallclock_boot_ns();

	(void)state;
	time_update_wallclock(g.d);
	assert_int_equal(s->wc_version & 1, 0);
	assert_int_equal(((uint64_t)s->wc_sec_hi << 32 | s->wc_sec) *
					 1000000000UL +
				 s->wc_nsec,
			 base);
	g.d->time_offset_ns = -3600 * 1000000000L;
	time_set_wallclock(6000000000UL * 1000000000UL + 7, 1000000000UL);
	time_update_wallclock(g.d);
	assert_int_equal((uint64_t)s->wc_sec_hi << 32 | s->wc_sec,
			 6000000000UL - 1 - 3600);
	assert_int_equal(s->wc_nsec, 7);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(guests_agree_with_the_host),
		TEST(page_is_written_only_when_wrong),
		TEST(guests_own_copy),
		TEST(scales),
		TEST(tsc_of_a_deadline),
		TEST(wallclock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
