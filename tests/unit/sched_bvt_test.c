/* SPDX-License-Identifier: MIT */
/*
 * The scheduler on a clock of its own: shares by weight, wakers soon, no
 * ticks while nobody waits, and runstates that add up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"
#include "host/host.h"
#include "sched/sched.h"
#include "time/time.h"

#define MS 1000000UL
#define S  (1000 * MS)

static struct domain *dom[4];
static struct vcpu *current;

static void vcpu_add(unsigned int i, uint32_t weight)
{
	dom[i] = host_domain_make(8, 1, false);
	dom[i]->sched.weight = weight;
	assert_int_equal(event_domain_init(dom[i]), 0);
	assert_int_equal(timer_reserve(TIMERS_PER_VCPU), 0);
	time_vcpu_init(dom[i]->vcpu[0]);
	sched_vcpu_init(dom[i]->vcpu[0]);
}

static int setup(void **state)
{
	(void)state;
	host_init(128, 1);
	time_init();
	sched_init();
	current = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

static struct vcpu *v(unsigned int i)
{
	return dom[i]->vcpu[0];
}

/* What the way back to the guest does of softirqs. */
static void softirqs(void)
{
	uint32_t s;

	while ((s = atomic32_xchg(&host_cpus[0].softirqs, 0))) {
		if (s & SOFTIRQ_TIMER)
			event_timers_run();
		if (s & SOFTIRQ_SCHED)
			current = sched_pick();
	}
}

/* Lets time pass, in steps at which the hardware's timer may fire. */
static void run_until(uint64_t end)
{
	softirqs();
	while (time_now_ns() < end) {
		uint64_t next = MIN(host_timer_deadline(0), end);
		uint64_t now = time_now_ns();

		host_clock_advance(next > now ? next - now + 1 : 1);
		softirqs();
	}
}

/* Has the running vcpu be charged up to now. */
static void settle(void)
{
	cpu_raise(&host_cpus[0], SOFTIRQ_SCHED);
	softirqs();
}

static void shares_follow_weights(void **state)
{
	static const uint32_t weights[] = { 256, 512, 1024 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		vcpu_add(i, weights[i]);
		sched_start(v(i), VCPU_DOWN);
	}
	run_until(10 * S);
	settle();
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t want = 10 * S * weights[i] / (256 + 512 + 1024);

		/* within two slices of what is due */
		assert_in_range(v(i)->sched.ran_ns, want - 20 * MS,
				want + 20 * MS);
	}
}

static void one_alone_gets_no_ticks(void **state)
{
	(void)state;
	vcpu_add(0, 256);
	sched_start(v(0), VCPU_DOWN);
	softirqs();
	assert_ptr_equal(current, v(0));
	assert_int_equal(host_timer_deadline(0), UINT64_MAX);
	sched_stop(v(0), VCPU_BLOCKED);
	softirqs();
	assert_null(current);
	sched_start(v(0), VCPU_BLOCKED);
	softirqs();
	assert_ptr_equal(current, v(0));
}

/* One that mostly sleeps gets the CPU when it wakes, however heavy the
 * others are, and takes no more than its share for it. */
static void sleeper_runs_soon(void **state)
{
	uint64_t latest = 0;

	(void)state;
	vcpu_add(0, 256);
	vcpu_add(1, 1024);
	vcpu_add(2, 1024);
	sched_start(v(1), VCPU_DOWN);
	sched_start(v(2), VCPU_DOWN);
	sched_start(v(0), VCPU_DOWN);
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t woke;

		sched_stop(v(0), VCPU_BLOCKED);
		run_until(time_now_ns() + 30 * MS + host_random() % MS);
		woke = time_now_ns();
		sched_start(v(0), VCPU_BLOCKED);
		softirqs();
		while (current != v(0))
			run_until(time_now_ns() + MS / 10);
		latest = MAX(latest, time_now_ns() - woke);
		run_until(time_now_ns() + MS / 2); /* its work */
		assert_ptr_equal(current, v(0));
	}
	assert_true(latest <= MS);
}

/* Sleeping a little, often, earns nothing. */
static void napping_is_no_trick(void **state)
{
	uint64_t start;

	(void)state;
	vcpu_add(0, 256);
	vcpu_add(1, 256);
	sched_start(v(0), VCPU_DOWN);
	sched_start(v(1), VCPU_DOWN);
	run_until(S);
	start = v(1)->sched.ran_ns;
	while (time_now_ns() < 11 * S) {
		run_until(time_now_ns() + 2 * MS);
		if (current != v(0))
			continue;
		sched_stop(v(0), VCPU_BLOCKED);
		run_until(time_now_ns() + MS / 20);
		sched_start(v(0), VCPU_BLOCKED);
	}
	assert_true(v(1)->sched.ran_ns - start > 49 * S / 10);
}

/* Who slept for long takes no more than the others when it is awake. */
static void sleep_earns_no_credit(void **state)
{
	uint64_t before;

	(void)state;
	vcpu_add(0, 256);
	vcpu_add(1, 256);
	sched_start(v(0), VCPU_DOWN);
	sched_start(v(1), VCPU_DOWN);
	run_until(S);
	sched_stop(v(0), VCPU_BLOCKED);
	run_until(6 * S);
	settle();
	before = v(1)->sched.ran_ns;
	sched_start(v(0), VCPU_BLOCKED);
	run_until(7 * S);
	settle();
	assert_in_range(v(1)->sched.ran_ns - before, S / 2 - 20 * MS,
			S / 2 + 20 * MS);
}

static void yield_lets_an_equal_run(void **state)
{
	(void)state;
	vcpu_add(0, 256);
	vcpu_add(1, 256);
	sched_start(v(0), VCPU_DOWN);
	softirqs();
	sched_vcpu_yield(v(0)); /* nobody there */
	assert_int_equal(atomic32_load(&host_cpus[0].softirqs), 0);
	sched_start(v(1), VCPU_DOWN);
	softirqs();
	for (unsigned int i = 0; i < 100; i++) {
		struct vcpu *before = current;

		sched_vcpu_yield(current);
		softirqs();
		assert_ptr_not_equal(current, before);
		host_clock_advance(1000);
	}
}

static void stopped_and_started_before_the_pick(void **state)
{
	(void)state;
	vcpu_add(0, 256);
	sched_start(v(0), VCPU_DOWN);
	softirqs();
	sched_stop(v(0), VCPU_BLOCKED);
	sched_start(v(0), VCPU_BLOCKED);
	softirqs();
	assert_ptr_equal(current, v(0));
	sched_stop(v(0), VCPU_BLOCKED | VCPU_PAUSED);
	softirqs();
	assert_null(current);
	sched_start(v(0), VCPU_BLOCKED); /* one reason is left */
	softirqs();
	assert_null(current);
	sched_start(v(0), VCPU_PAUSED);
	softirqs();
	assert_ptr_equal(current, v(0));
}

static void runstates_add_up(void **state)
{
	struct vcpu_runstate_info r;
	uint64_t born, sum = 0;

	(void)state;
	born = time_now_ns();
	vcpu_add(0, 256);
	vcpu_add(1, 256);
	run_until(time_now_ns() + 5 * MS);
	sched_start(v(0), VCPU_DOWN);
	run_until(time_now_ns() + 7 * MS);
	sched_start(v(1), VCPU_DOWN);
	run_until(time_now_ns() + 60 * MS);
	sched_stop(v(0), VCPU_BLOCKED | VCPU_PAUSED);
	run_until(time_now_ns() + 3 * MS);
	sched_runstate_get(v(0), &r);
	assert_int_equal(r.state, RUNSTATE_blocked);
	for (unsigned int i = 0; i < 4; i++)
		sum += r.time[i];
	assert_int_equal(sum, time_now_ns() - born);
	assert_in_range(r.time[RUNSTATE_offline], 5 * MS, 5 * MS + 10);
	assert_in_range(r.time[RUNSTATE_blocked], 3 * MS, 3 * MS + 10);
	assert_in_range(r.time[RUNSTATE_running], 30 * MS, 45 * MS);
	assert_int_equal(r.time[RUNSTATE_running], v(0)->sched.ran_ns);
	sched_start(v(0), VCPU_BLOCKED);
	sched_runstate_get(v(0), &r);
	assert_int_equal(r.state, RUNSTATE_offline);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(shares_follow_weights),
		TEST(one_alone_gets_no_ticks),
		TEST(sleeper_runs_soon),
		TEST(napping_is_no_trick),
		TEST(sleep_earns_no_credit),
		TEST(yield_lets_an_equal_run),
		TEST(stopped_and_started_before_the_pick),
		TEST(runstates_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
