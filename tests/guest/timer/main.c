/* SPDX-License-Identifier: MIT */
/*
 * Timers and sleep.
 *
 * Each vCPU has a one-shot timer with an absolute deadline in system time, and
 * a periodic timer; both raise VIRQ_TIMER. They are never early. How late they
 * may be depends on the machine, so this page only asks for "soon". A deadline
 * in the past fires at once; with VCPU_SSHOTTMR_future a hypervisor may answer
 * -ETIME instead and set nothing, but may ignore the flag too (Xen does). The
 * old call set_timer_op is the same one-shot timer; deadline 0 stops it. Every
 * vCPU starts with a periodic timer of 10 ms, which modern kernels stop first.
 * It ticks for a vCPU that runs: Xen lets it rest while the vCPU is blocked.
 *
 * Three calls give the processor away. yield returns when it is this vCPU's
 * turn again. block sleeps until an event is pending and unmasks events while
 * it does: without that, an event between the last look and the sleep would
 * be slept over. poll sleeps until one of the named ports is pending, masked
 * or not, or until a system time; it calls no handler and clears nothing.
 *
 * Built in both widths.
 */
#include "lodger.h"

#define LATE (300 * MILLISECOND)

static volatile unsigned int ticks;
static unsigned int port;

static void on_tick(unsigned int p, void *argument)
{
	(void)p;
	(void)argument;
	ticks++;
}

/* Waits for a tick by sleeping; returns when it came. */
static uint64_t wait_tick(void)
{
	events_off();
	while (!ticks) {
		event_block();
		TEST_RESULT(vcpu_info->evtchn_upcall_mask, 0);
		events_off();
	}
	events_on();
	ticks = 0;
	return clock_now();
}

/* Waits for a tick by spinning. */
static void spin_tick(void)
{
	uint64_t end = clock_now() + 2 * SECOND;

	while (!ticks && clock_now() < end)
		barrier();
	TEST_ASSERT(ticks, "no tick");
	ticks = 0;
}

static void expect(uint64_t when, uint64_t deadline)
{
	TEST_ASSERT(when >= deadline, "%lu ns early",
		    (unsigned long)(deadline - when));
	TEST_ASSERT(when < deadline + LATE, "%lu ns late",
		    (unsigned long)(when - deadline));
}

static void single_shot(void)
{
	static const unsigned long delays[] = {
		0, 1, 1000, MILLISECOND, 10 * MILLISECOND, 50 * MILLISECOND
	};
	uint64_t start;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		start = clock_now();
		TEST_RESULT(timer_set(start + delays[i], 0), 0);
		expect(wait_tick(), start + delays[i]);
	}
	/* Long past, and zero, are past: at once. */
	start = clock_now();
	TEST_RESULT(timer_set(1, 0), 0);
	expect(wait_tick(), start);
	/* Setting again replaces; stopping stops. */
	start = clock_now();
	TEST_RESULT(timer_set(start + 5 * SECOND, 0), 0);
	TEST_RESULT(timer_set(start + 10 * MILLISECOND, 0), 0);
	expect(wait_tick(), start + 10 * MILLISECOND);
	TEST_RESULT(timer_set(clock_now() + 10 * MILLISECOND, 0), 0);
	TEST_RESULT(timer_stop(), 0);
	clock_spin(40 * MILLISECOND);
	TEST_RESULT(ticks, 0);
	TEST_RESULT(timer_stop(), 0);
}

static void past_deadlines(void)
{
	uint64_t start = clock_now();
	long error = timer_set(start - 1, VCPU_SSHOTTMR_future);

	if (!error)
		expect(wait_tick(), start);
	else
		TEST_RESULT(error, -XEN_ETIME);
	clock_spin(20 * MILLISECOND);
	TEST_RESULT(ticks, 0);
	TEST_RESULT(timer_set(clock_now() + SECOND / 2, VCPU_SSHOTTMR_future),
		    0);
	TEST_RESULT(timer_stop(), 0);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_set_singleshot_timer, 0,
				       HYPERVISOR_VIRT_START - 4096),
		    -XEN_EFAULT);
}

static void old_call(void)
{
	uint64_t start = clock_now();

	TEST_RESULT(HYPERVISOR_set_timer_op(start + 10 * MILLISECOND), 0);
	expect(wait_tick(), start + 10 * MILLISECOND);
	TEST_RESULT(HYPERVISOR_set_timer_op(clock_now() + 10 * MILLISECOND), 0);
	TEST_RESULT(HYPERVISOR_set_timer_op(0), 0);
	clock_spin(40 * MILLISECOND);
	TEST_RESULT(ticks, 0);
}

static void periodic(void)
{
	uint64_t start = clock_now();
	unsigned int i;

	TEST_RESULT(timer_set_period(10 * MILLISECOND), 0);
	for (i = 0; i < 5; i++)
		spin_tick();
	TEST_ASSERT(clock_now() - start >= 40 * MILLISECOND,
		    "5 ticks in %lu ns", (unsigned long)(clock_now() - start));
	TEST_ASSERT(clock_now() - start < 50 * MILLISECOND + 5 * LATE,
		    "5 ticks in %lu ns", (unsigned long)(clock_now() - start));
	TEST_RESULT(timer_set_period(0), 0);
	ticks = 0;
	clock_spin(40 * MILLISECOND);
	TEST_ASSERT(ticks <= 1, "%u ticks after the stop", ticks);
	ticks = 0;
	/* Less than a millisecond is refused: it would flood the machine. */
	TEST_RESULT(timer_set_period(1000), -XEN_EINVAL);
}

static long poll(unsigned int *ports, unsigned int n, uint64_t timeout)
{
	sched_poll_t p;

	memset(&p, 0, sizeof(p));
	set_xen_guest_handle(p.ports, ports);
	p.nr_ports = n;
	p.timeout = timeout;
	return HYPERVISOR_sched_op(SCHEDOP_poll, &p);
}

static void polling(void)
{
	long ipi = event_bind_ipi(0);
	unsigned int ports[2];
	uint64_t start;

	ports[0] = port;
	ports[1] = (unsigned int)ipi;
	start = clock_now();
	TEST_RESULT(poll(NULL, 0, start + 20 * MILLISECOND), 0);
	expect(clock_now(), start + 20 * MILLISECOND);
	/* A port that is masked wakes the poll all the same. */
	event_mask(port);
	start = clock_now();
	TEST_RESULT(timer_set(start + 20 * MILLISECOND, 0), 0);
	TEST_RESULT(poll(ports, 2, start + 20 * SECOND), 0);
	expect(clock_now(), start + 20 * MILLISECOND);
	TEST_RESULT(event_is_pending(port), 1);
	TEST_RESULT(ticks, 0);
	/* Pending already, or too late already: no sleep at all. */
	TEST_RESULT(poll(ports, 2, 0), 0);
	event_clear(port);
	TEST_RESULT(poll(ports, 2, 1), 0);
	TEST_RESULT(event_unmask(port), 0);
	ports[0] = 4000;
	TEST_RESULT(poll(ports, 1, 1), -XEN_EINVAL);
	TEST_RESULT(poll((unsigned int *)(HYPERVISOR_VIRT_START - 4096), 1, 1),
		    -XEN_EFAULT);
	TEST_RESULT(poll(ports, 1000, 1), -XEN_EINVAL);
	TEST_RESULT(event_close(ports[1]), 0);
}

static void sleep_over_nothing(void)
{
	/* Pending while masked: block must not sleep. */
	events_off();
	TEST_RESULT(timer_set(clock_now(), 0), 0);
	clock_spin(20 * MILLISECOND);
	event_block();
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 0);
	TEST_RESULT(ticks, 1);
	ticks = 0;
	TEST_RESULT(HYPERVISOR_sched_op(SCHEDOP_yield, 0), 0);
	TEST_RESULT(HYPERVISOR_sched_op(99, 0), -XEN_ENOSYS);
}

void test_main(void)
{
	long p = event_bind_virq(VIRQ_TIMER, 0);

	TEST_ASSERT(p > 0, "bind_virq: %ld", p);
	port = (unsigned int)p;
	event_set_handler(port, on_tick, NULL);
	TEST_RESULT(event_unmask(port), 0);
	/* The periodic timer that a vCPU is born with. */
	spin_tick();
	TEST_RESULT(timer_set_period(0), 0);
	event_clear(port);
	ticks = 0;
	single_shot();
	past_deadlines();
	old_call();
	periodic();
	polling();
	sleep_over_nothing();
}
