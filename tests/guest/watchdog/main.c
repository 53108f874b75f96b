/* SPDX-License-Identifier: MIT */
/*
 * SCHEDOP_watchdog: a guest that may hang has itself ended.
 *
 * The call with id 0 sets up a watchdog with a timeout in seconds and answers
 * its id, above 0. The same call with that id says that the guest is well, and
 * sets the time anew; with timeout 0 it takes the watchdog away, and the id is
 * nobody's then. An id that was never given out is refused. There are two for
 * each guest. When the time runs out, the domain ends, though all its vCPUs
 * sleep: with the word "expire" on its command line the guest shows that to a
 * test from outside. (With id 0 and timeout 0 it ends at once.)
 */
#include "lodger.h"

/* The result is an int's: some hypervisors leave the upper half empty. */
static long watchdog(unsigned int id, unsigned int seconds)
{
	sched_watchdog_t op;

	memset(&op, 0, sizeof(op));
	op.id = id;
	op.timeout = seconds;
	return (int)HYPERVISOR_sched_op(SCHEDOP_watchdog, &op);
}

void test_main(void)
{
	long first, second;

	if (option("expire")) {
		timer_set_period(0);
		watchdog(0, 1);
		for (;;)
			event_block();
	}
	TEST_RESULT(HYPERVISOR_sched_op(SCHEDOP_watchdog, 0x10000000000UL),
		    -XEN_EFAULT);
	TEST_REFUSED(watchdog(1, 10));
	TEST_REFUSED(watchdog(1, 0));
	TEST_REFUSED(watchdog(3, 10));
	TEST_REFUSED(watchdog(0xffffffffU, 10));
	first = watchdog(0, 3);
	TEST_ASSERT(first > 0, "no first watchdog: %ld", first);
	second = watchdog(0, 1000000);
	TEST_ASSERT(second > 0 && second != first, "no second: %ld", second);
	TEST_REFUSED(watchdog(0, 10));
	clock_spin(1800 * MILLISECOND);
	TEST_RESULT(watchdog((unsigned int)first, 3), 0);
	clock_spin(1800 * MILLISECOND);
	TEST_RESULT(watchdog((unsigned int)first, 0), 0);
	TEST_REFUSED(watchdog((unsigned int)first, 1));
	clock_spin(1800 * MILLISECOND);
	TEST_RESULT(watchdog(0, 10), first);
	TEST_RESULT(watchdog((unsigned int)first, 0), 0);
	TEST_RESULT(watchdog((unsigned int)second, 0), 0);
}
