/* SPDX-License-Identifier: MIT */
/*
 * A guest test: test_main() states what the interface promises and returns.
 * The verdict is one line on the console, one of
 *
 *	TEST PASS name
 *	TEST FAIL name: why
 *	TEST SKIP name: reason
 *
 * and after it the guest powers itself off.
 */
#ifndef LODGER_TEST_H
#define LODGER_TEST_H

#include "print.h"

/* The folder's name; the build makes it. */
extern const char test_name[];

void test_main(void);
void test_pass(void) __attribute__((noreturn));
void test_fail(const char *format, ...) __attribute__((noreturn))
PRINTF_LIKE(1, 2);
void test_skip(const char *reason) __attribute__((noreturn));

#define TEST_ASSERT(condition, ...)             \
	do {                                    \
		if (!(condition))               \
			test_fail(__VA_ARGS__); \
	} while (0)

/* The commonest assertion: a call returns what it should. */
#define TEST_RESULT(call, want) \
	test_check_result(#call, (long)(call), (long)(want), __LINE__)

/* A call must answer an error, whichever, but not "no such call". */
#define TEST_REFUSED(call) test_check_refused(#call, (long)(call), __LINE__)

void test_check_result(const char *call, long got, long want, int line);
void test_check_refused(const char *call, long got, int line);

#endif
