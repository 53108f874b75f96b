/* SPDX-License-Identifier: MIT */
/* The verdict, and the end of the guest. */
#include "lodger.h"

static void power_off(void)
{
	sched_shutdown_t shutdown;

	shutdown.reason = SHUTDOWN_poweroff;
	for (;;)
		HYPERVISOR_sched_op(SCHEDOP_shutdown, &shutdown);
}

void test_pass(void)
{
	printf("TEST PASS %s\n", test_name);
	power_off();
	for (;;)
		;
}

void test_fail(const char *format, ...)
{
	char why[384];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	printf("TEST FAIL %s: %s\n", test_name, why);
	power_off();
	for (;;)
		;
}

void test_skip(const char *reason)
{
	printf("TEST SKIP %s: %s\n", test_name, reason);
	power_off();
	for (;;)
		;
}

void test_check_result(const char *call, long got, long want, int line)
{
	if (got != want)
		test_fail("line %d: %s is %ld (0x%lx), not %ld", line, call,
			  got, (unsigned long)got, want);
}

void test_check_refused(const char *call, long got, int line)
{
	if (got >= 0 || got == -XEN_ENOSYS)
		test_fail("line %d: %s is %ld (0x%lx), and not refused", line,
			  call, got, (unsigned long)got);
}
