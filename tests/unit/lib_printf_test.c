/* SPDX-License-Identifier: MIT */
/* Our formatted text against the C library's: the same for every format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>

int lodge_snprintf(char *buf, size_t size, const char *fmt, ...);

static char ours[512], theirs[512];

#define SAME(...)                                                        \
	do {                                                             \
		int a = lodge_snprintf(ours, sizeof(ours), __VA_ARGS__); \
		int b = snprintf(theirs, sizeof(theirs), __VA_ARGS__);   \
		assert_string_equal(ours, theirs);                       \
		assert_int_equal(a, b);                                  \
	} while (0)

/* The compiler cannot check formats that are put together here. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

static const char *const flags[] = { "",  "-",	"0",  "+",  " ",
				     "#", "-0", "+0", "#0", "-#" };
static const char *const widths[] = { "", "1", "8", "20" };
static const char *const precisions[] = { "", ".0", ".1", ".9" };
static const long values[] = { 0,	1,	  -1,	    7,
			       255,	-256,	  65537,    INT_MAX,
			       INT_MIN, LONG_MAX, LONG_MIN, 0x123456789abcdef };

static void number_formats(const char *length, char conv)
{
	char fmt[32];

	for (size_t f = 0; f < 10; f++)
		for (size_t w = 0; w < 4; w++)
			for (size_t p = 0; p < 4; p++) {
				snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s%c>",
					 flags[f], widths[w], precisions[p],
					 length, conv);
				for (size_t v = 0; v < 12; v++)
					SAME(fmt, values[v]);
			}
}

static void numbers_are_as_in_c(void **state)
{
	static const char *const lengths[] = { "", "hh", "h", "l", "ll", "z" };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		for (const char *c = "diuxX"; *c; c++)
			number_formats(lengths[i], *c);
}

static void text_is_as_in_c(void **state)
{
	(void)state;
	SAME("plain");
	SAME("%s|%10s|%-10s|%.2s|%-5.1s|%.0s", "abc", "abc", "abc", "abc",
	     "abc", "abc");
	SAME("%c%3c%-3c|", 'x', 'y', 'z');
	SAME("100%% of %*d and %-*d and %.*s", 5, 1, 5, 2, 2, "xyz");
	SAME("%*d|%.*d", -6, 3, -1, 0);
	SAME("%p %p", (void *)0x1000, (void *)theirs);
}

/* What a C library does with these is its own affair: ours says so. */
static void mistakes_show(void **state)
{
	(void)state;
	lodge_snprintf(ours, sizeof(ours), "%s", (char *)NULL);
	assert_string_equal(ours, "(null)");
	lodge_snprintf(ours, sizeof(ours), "%5q %");
	assert_string_equal(ours, "%5q %");
}

static void buffer_is_never_exceeded(void **state)
{
	(void)state;
	for (size_t size = 0; size < 12; size++) {
		char *buf = malloc(size ? size : 1);

		assert_int_equal(
			lodge_snprintf(buf, size, "%d-%s", 12345, "abc"), 9);
		if (size) {
			assert_int_equal(strlen(buf), size <= 9 ? size - 1 : 9);
			assert_memory_equal(buf, "12345-abc", strlen(buf));
		}
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_as_in_c),
		cmocka_unit_test(text_is_as_in_c),
		cmocka_unit_test(mistakes_show),
		cmocka_unit_test(buffer_is_never_exceeded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
