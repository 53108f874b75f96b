/* SPDX-License-Identifier: MIT */
/*
 * The heap of timers against an array that is searched: whatever is set,
 * moved and cancelled, timers expire in order, each once, none early.
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
#include "time/time.h"

#define NR 700 /* more than one page of slots */

static struct timer timers[NR];
static uint64_t expected[NR]; /* deadline, 0: not set */

static int setup(void **state)
{
	(void)state;
	host_init(256, 2);
	time_init();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

static void timers_make(unsigned int n)
{
	assert_int_equal(timer_reserve(n), 0);
	for (unsigned int i = 0; i < n; i++)
		timer_init(&timers[i], TIMER_VCPU_SINGLESHOT);
	memset(expected, 0, sizeof(expected));
}

static uint64_t earliest(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < NR; i++)
		if (expected[i] && expected[i] < least)
			least = expected[i];
	return least;
}

/* Takes all that has expired, and compares with the array. */
static unsigned int drain(void)
{
	struct timer *t;
	unsigned int n = 0;

	while ((t = timer_expired())) {
		uint64_t *e = &expected[t - timers];

		assert_int_equal(*e, earliest());
		assert_int_equal(t->deadline_ns, *e);
		assert_true(*e <= time_now_ns());
		assert_false(timer_is_set(t));
		*e = 0;
		n++;
	}
	assert_true(earliest() > time_now_ns());
	assert_int_equal(host_timer_deadline(0), earliest());
	return n;
}

static void expire_in_order(void **state)
{
	unsigned int expired = 0;

	(void)state;
	timers_make(NR);
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i = (unsigned int)(host_random() % NR);

		if (host_random() % 4) {
			expected[i] =
				time_now_ns() + 1 + host_random() % 1000000;
			timer_set(&timers[i], expected[i]);
		} else {
			timer_cancel(&timers[i]);
			expected[i] = 0;
		}
		assert_int_equal(timer_is_set(&timers[i]), expected[i] != 0);
		assert_true(host_timer_deadline(0) <= earliest());
		if (step % 16 == 0) {
			host_clock_advance(host_random() % 20000);
			expired += drain();
		}
	}
	assert_true(expired > 1000);
}

static void past_deadline_fires_at_once(void **state)
{
	(void)state;
	timers_make(1);
	host_clock_advance(1000000);
	timer_set(&timers[0], 5);
	assert_int_equal(host_timer_deadline(0), 5);
	host_clock_advance(0);
	assert_true(atomic32_load(&host_cpus[0].softirqs) & SOFTIRQ_TIMER);
	assert_ptr_equal(timer_expired(), &timers[0]);
	assert_null(timer_expired());
	assert_int_equal(host_timer_deadline(0), UINT64_MAX);
}

/* Moving the first timer away is the hot path: it costs no programming. */
static void later_deadline_leaves_hardware_alone(void **state)
{
	(void)state;
	timers_make(1);
	timer_set(&timers[0], 1000000);
	timer_set(&timers[0], 2000000);
	assert_int_equal(host_timer_deadline(0), 1000000);
	host_clock_advance(1500000);
	assert_null(timer_expired());
	assert_int_equal(host_timer_deadline(0), 2000000);
}

static void timer_follows_the_cpu_that_sets_it(void **state)
{
	(void)state;
	host_cpu_select(1);
	assert_int_equal(timer_cpu_init(), 0);
	host_cpu_select(0);
	timers_make(2);
	timer_set(&timers[0], 1000);
	timer_set(&timers[1], 3000);
	host_cpu_select(1);
	timer_set(&timers[0], 2000);
	assert_int_equal(host_timer_deadline(1), 2000);
	host_clock_advance(2500);
	assert_ptr_equal(timer_expired(), &timers[0]);
	assert_null(timer_expired());
	timer_cancel(&timers[1]); /* on the other CPU's heap */
	host_clock_advance(1000);
	host_cpu_select(0);
	assert_null(timer_expired());
}

static bool refuse(unsigned int n)
{
	host_choose_random(1);
	host_choose_rate(HOST_ALLOC_FAIL, 1000);
	return timer_reserve(n) != 0;
}

static void reserving_fails_without_memory(void **state)
{
	(void)state;
	assert_true(refuse(100000));
	host_choose_nothing();
	timers_make(NR);
	for (unsigned int i = 0; i < NR; i++)
		timer_set(&timers[i], expected[i] = 1 + i);
	host_clock_advance(2 * NR);
	assert_int_equal(drain(), NR);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(expire_in_order),
		TEST(past_deadline_fires_at_once),
		TEST(later_deadline_leaves_hardware_alone),
		TEST(timer_follows_the_cpu_that_sets_it),
		TEST(reserving_fails_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
