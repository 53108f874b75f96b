/* SPDX-License-Identifier: MIT */
/*
 * Lines of devices: whose they are, when they are masked, what becomes of
 * them when drivers or domains die.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "event/event.h"
#include "host/host.h"
#include "irq/irq.h"
#include "sched/sched.h"
#include "time/time.h"

#define EDGE	8
#define LEVEL	17
#define CONSOLE 4

static struct domain *a, *b;

static struct domain *domain_make(void)
{
	struct domain *d = host_domain_make(8, 1, false);

	d->sched.weight = SCHED_WEIGHT_DEFAULT;
	assert_int_equal(event_domain_init(d), 0);
	assert_int_equal(timer_reserve(TIMERS_PER_VCPU + WATCHDOGS), 0);
	assert_int_equal(domain_set_use(d, &d->access.irqs, 1, 18, true), 0);
	time_vcpu_init(d->vcpu[0]);
	sched_vcpu_init(d->vcpu[0]);
	return d;
}

static int setup(void **state)
{
	(void)state;
	host_init(256, 1);
	time_init();
	sched_init();
	irq_init();
	irq_reserve(0x82);
	irq_reserve_gsi(ARCH_VECTOR_FIRST, CONSOLE);
	a = domain_make();
	b = domain_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host_locks_held(0), 0);
	host_fini();
	return 0;
}

/* Runs what interrupts and timers have left to do, as the way back does. */
static void softirqs(void)
{
	uint32_t s;

	while ((s = atomic32_xchg(&host_cpus[0].softirqs, 0)) != 0) {
		if (s & SOFTIRQ_TIMER)
			event_timers_run();
		if (s & SOFTIRQ_IRQ)
			irq_run();
	}
}

/* The line interrupts, and it is dealt with. False: it is masked. */
static bool interrupt(uint32_t gsi)
{
	uint64_t done = host_irqs_done;
	bool came = host_gsi_raise(gsi);

	softirqs();
	assert_int_equal(host_irqs_done, done + came);
	return came;
}

/* True, once, when the port is pending. */
static bool heard(struct domain *d, uint32_t port)
{
	bool is = shared_clear_bit(d->shared->evtchn_pending, port);

	if (is) {
		d->vcpu[0]->info->evtchn_upcall_pending = 0;
		d->vcpu[0]->info->evtchn_pending_sel = 0;
	}
	return is;
}

static uint32_t bound(struct domain *d, uint32_t gsi)
{
	int pirq = (int)gsi;
	uint32_t port;

	assert_int_equal(irq_map_gsi(d, gsi, &pirq), 0);
	assert_int_equal(pirq, gsi);
	assert_int_equal(irq_bind(d, gsi, &port), 0);
	return port;
}

static void an_edge_is_told_each_time(void **state)
{
	uint32_t port = bound(a, EDGE), flags;

	(void)state;
	assert_false(host_gsis[EDGE].wiring.level);
	assert_false(heard(a, port));
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(interrupt(EDGE));
		assert_true(heard(a, port));
		assert_false(host_gsis[EDGE].masked);
	}
	assert_int_equal(irq_status(a, EDGE, &flags), 0);
	assert_int_equal(flags, 0);
	assert_int_equal(irq_eoi(a, EDGE), 0);
}

static void a_level_waits_for_its_eoi(void **state)
{
	uint32_t port = bound(a, LEVEL), flags;

	(void)state;
	assert_true(host_gsis[LEVEL].wiring.level);
	assert_int_equal(irq_status(a, LEVEL, &flags), 0);
	assert_int_equal(flags, XENIRQSTAT_needs_eoi);
	assert_true(interrupt(LEVEL));
	assert_true(heard(a, port));
	assert_true(host_gsis[LEVEL].masked);
	assert_int_equal(irq_eoi(b, LEVEL), 0); /* not his: nothing */
	assert_true(host_gsis[LEVEL].masked);
	assert_int_equal(irq_eoi(a, LEVEL), 0);
	assert_true(interrupt(LEVEL));
	assert_true(heard(a, port));
	assert_int_equal(irq_eoi(a, EVENT_NR_PIRQS), -EINVAL);
}

static void wiring_is_said_once(void **state)
{
	const struct gsi_wiring level = { .level = true }, edge = { 0 };
	uint32_t port;

	(void)state;
	assert_int_equal(irq_gsi_setup(24, &level), -EINVAL);
	assert_int_equal(irq_gsi_setup(UINT32_MAX, &level), -EINVAL);
	assert_int_equal(irq_gsi_setup(9, &level), 0);
	assert_int_equal(irq_gsi_setup(9, &edge), -EEXIST);
	port = bound(a, 9);
	assert_true(host_gsis[9].wiring.level);
	assert_false(host_gsis[9].wiring.low);
	assert_true(interrupt(9));
	assert_true(heard(a, port));
	assert_true(host_gsis[9].masked);
	(void)bound(a, EDGE);
	assert_int_equal(irq_gsi_setup(EDGE, &level), -EEXIST);
	assert_int_equal(irq_gsi_setup(CONSOLE, &level), -EEXIST);
}

static void a_gsi_has_one_domain(void **state)
{
	int pirq = LEVEL, other = 40;
	uint32_t port;

	(void)state;
	(void)bound(a, LEVEL);
	assert_int_equal(irq_map_gsi(b, LEVEL, &pirq), -EBUSY);
	assert_int_equal(irq_bind(b, LEVEL, &port), -EPERM);
	assert_int_equal(irq_map_gsi(a, LEVEL, &pirq), 0); /* again */
	assert_int_equal(irq_map_gsi(a, LEVEL, &other), -EEXIST);
	assert_int_equal(irq_map_gsi(a, EDGE, &pirq), -EEXIST);
	assert_int_equal(irq_bind(a, LEVEL, &port), -EEXIST);
	other = 19; /* given to it by somebody, but it may not */
	assert_int_equal(irq_map_gsi(a, 19, &other), 0);
	assert_int_equal(irq_bind(a, 19, &port), -EPERM);
	assert_int_equal(irq_unmap(b, LEVEL), -EINVAL);
	assert_int_equal(irq_unmap(a, LEVEL), 0);
	assert_int_equal(irq_unmap(a, LEVEL), -EINVAL);
	assert_true(host_gsis[LEVEL].masked);
	(void)bound(b, LEVEL);
}

static void the_console_keeps_its_line(void **state)
{
	int pirq = CONSOLE;
	uint32_t port;

	(void)state;
	assert_int_equal(irq_map_gsi(a, CONSOLE, &pirq), 0);
	assert_int_equal(irq_map_gsi(a, CONSOLE, &pirq), 0);
	assert_int_equal(irq_map_gsi(b, CONSOLE, &pirq), 0);
	assert_int_equal(irq_bind(a, CONSOLE, &port), -EBUSY);
	assert_int_equal(irq_unmap(a, CONSOLE), 0);
	assert_int_equal(irq_bind(b, CONSOLE, &port), -EBUSY);
	assert_int_equal(irq_bind(a, CONSOLE, &port), -EPERM);
}

static void nobody_listens(void **state)
{
	uint32_t port = bound(a, EDGE);

	(void)state;
	assert_int_equal(event_close(a, port), 0);
	assert_true(interrupt(EDGE));
	assert_true(host_gsis[EDGE].masked);
	assert_int_equal(irq_bind(a, EDGE, &port), 0);
	assert_true(interrupt(EDGE));
	assert_true(heard(a, port));
}

static void a_storm_pauses(void **state)
{
	uint32_t port = bound(a, EDGE);
	unsigned int n = 0;

	(void)state;
	while (n < 1000 && interrupt(EDGE))
		n++;
	assert_in_range(n, 16, 999);
	assert_true(heard(a, port));
	host_clock_advance(4000000);
	softirqs();
	assert_true(host_gsis[EDGE].masked);
	host_clock_advance(2000000);
	softirqs();
	assert_false(host_gsis[EDGE].masked);
	/* What came in the pause is made up for. */
	assert_true(heard(a, port));
	assert_true(interrupt(EDGE));
	assert_true(heard(a, port));
	/* One that is listened to never pauses. */
	for (unsigned int i = 0; i < 1000; i++) {
		assert_true(interrupt(EDGE));
		if (i % 10 == 0)
			assert_true(heard(a, port));
	}
	/* A pausing one may go away. */
	while (interrupt(EDGE))
		;
	irq_domain_exit(a);
	host_clock_advance(6000000);
	softirqs();
	assert_true(host_gsis[EDGE].masked);
}

static void the_end_frees_all(void **state)
{
	uint32_t stale = bound(a, LEVEL), port;
	unsigned int vector = host_gsis[LEVEL].vector;

	(void)state;
	(void)bound(a, EDGE);
	assert_true(host_gsi_raise(LEVEL)); /* on its way */
	irq_domain_exit(a);
	softirqs();
	assert_int_equal(host_irqs_done, 1);
	assert_false(heard(a, stale));
	assert_true(host_gsis[LEVEL].masked);
	assert_true(host_gsis[EDGE].masked);
	irq_note(vector); /* a stray one */
	softirqs();
	assert_int_equal(host_irqs_done, 2);
	port = bound(b, LEVEL);
	assert_true(interrupt(LEVEL));
	assert_true(heard(b, port));
}

static void numbers(void **state)
{
	uint32_t first, second, top;
	int pirq = -1;

	(void)state;
	assert_int_equal(irq_promise(a, true, &first), 0);
	assert_int_equal(irq_promise(a, true, &second), 0);
	assert_int_equal(irq_promise(a, false, &top), 0);
	assert_int_equal(first, 24); /* below are those of the same name */
	assert_int_equal(second, 25);
	assert_int_equal(top, EVENT_NR_PIRQS - 1);
	assert_int_equal(irq_map_gsi(a, EDGE, &pirq), 0);
	assert_int_equal(pirq, 26);
	pirq = (int)first; /* as promised */
	assert_int_equal(irq_map_gsi(a, LEVEL, &pirq), 0);
	assert_int_equal(irq_unmap(a, second), 0);
	assert_int_equal(irq_promise(a, true, &second), 0);
	assert_int_equal(second, 25);
	pirq = EVENT_NR_PIRQS;
	assert_int_equal(irq_map_gsi(a, 3, &pirq), -EINVAL);
	pirq = 3;
	assert_int_equal(irq_map_gsi(a, 24, &pirq), -EINVAL);
	while (irq_promise(a, false, &top) == 0)
		;
	pirq = -1;
	assert_int_equal(irq_map_gsi(a, 3, &pirq), -ENOSPC);
	a->state.v = DOMAIN_DYING;
	pirq = 3;
	assert_int_equal(irq_map_gsi(a, 3, &pirq), -EINVAL);
}

static void the_eoi_page(void **state)
{
	struct frame *f, *wrong;
	uint32_t port = bound(a, LEVEL);
	const uint64_t *bits;

	(void)state;
	assert_int_equal(frame_alloc_domain(a, 0, &f), 0);
	assert_int_equal(frame_alloc_domain(b, 0, &wrong), 0);
	bits = frame_ptr(f);
	assert_int_equal(irq_eoi_page(a, guest_mfn(frame_limit), true),
			 -EINVAL);
	assert_int_equal(irq_eoi_page(a, guest_mfn(frame_mfn(wrong).v), true),
			 -EINVAL);
	assert_int_equal(irq_eoi_page(a, guest_mfn(frame_mfn(f).v), true), 0);
	assert_int_equal(irq_eoi_page(a, guest_mfn(frame_mfn(f).v), true),
			 -EBUSY);
	assert_int_equal(bits[0], 1UL << LEVEL);
	(void)bound(a, 18);
	(void)bound(a, EDGE);
	assert_int_equal(bits[0], 3UL << LEVEL);
	assert_int_equal(irq_unmap(a, 18), 0);
	assert_int_equal(bits[0], 1UL << LEVEL);
	/* As version 1 has it, the port is unmasked, too. */
	shared_set_bit(a->shared->evtchn_mask, port);
	assert_true(interrupt(LEVEL));
	assert_int_equal(a->vcpu[0]->info->evtchn_upcall_pending, 0);
	assert_int_equal(irq_eoi(a, LEVEL), 0);
	assert_int_equal(a->vcpu[0]->info->evtchn_upcall_pending, 1);
	assert_int_equal(irq_eoi(a, 77), 0);
	irq_domain_exit(a);
	assert_true(frame_get(f, a)); /* ours again: no use is left */
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_edge_is_told_each_time),
		TEST(a_level_waits_for_its_eoi),
		TEST(wiring_is_said_once),
		TEST(a_gsi_has_one_domain),
		TEST(the_console_keeps_its_line),
		TEST(nobody_listens),
		TEST(a_storm_pauses),
		TEST(the_end_frees_all),
		TEST(numbers),
		TEST(the_eoi_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
