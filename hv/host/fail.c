/* SPDX-License-Identifier: MIT */
/*
 * How a test ends when something is wrong: panic() is the core's complaint
 * about itself, host_fail() the machine's about the core. Both abort, unless
 * the test expects them (host_fails): then control returns there, with the
 * message kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/host.h"

static jmp_buf expecting;
static bool expected;
static char message[512];

_Noreturn void host_fail_resume(void)
{
	if (!expected) {
		fprintf(stderr, "%s\n", message);
		abort();
	}
	longjmp(expecting, 1);
}

static _Noreturn void fail(void)
{
	if (expected && host_in_fiber())
		host_fiber_abandon();
	host_fail_resume();
}

_Noreturn void host_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	fail();
}

_Noreturn void panic(const char *fmt, ...)
{
	va_list args;
	int n;

	n = snprintf(message, sizeof(message), "panic: ");
	va_start(args, fmt);
	vsnprintf(message + n, sizeof(message) - (size_t)n, fmt, args);
	va_end(args);
	fail();
}

_Noreturn void arch_panic(void)
{
	host_fail("arch_panic");
}

_Noreturn void arch_machine_off(void)
{
	host_fail("machine off");
}

uint16_t host_off_by[2];

void arch_machine_off_by(uint16_t pm1a, uint16_t pm1b)
{
	host_off_by[0] = pm1a;
	host_off_by[1] = pm1b;
}

_Noreturn void arch_machine_reboot(void)
{
	host_fail("machine reboot");
}

bool host_fails(void (*fn)(void *arg), void *arg)
{
	message[0] = '\0';
	if (setjmp(expecting) == 0) {
		expected = true;
		fn(arg);
		expected = false;
		return false;
	}
	expected = false;
	return true;
}

const char *host_failure(void)
{
	return message;
}
