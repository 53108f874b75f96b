/* SPDX-License-Identifier: MIT */
/*
 * Sets of ranges against a set of bits: the same answers after every change,
 * and the form that makes them comparable (ascending, apart). Then the ends
 * of the numbers, and a set that is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "lib/ranges.h"

#define NUMBERS 200

static struct ranges set;
static bool in[NUMBERS];

static int setup(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	memset(in, 0, sizeof(in));
	return 0;
}

static void same_as_the_bits(void)
{
	uint32_t at = 0;

	for (unsigned int i = 0; i < NUMBERS; i++)
		assert_int_equal(ranges_contain(&set, i, i), in[i]);
	for (unsigned int i = 0; i < NUMBERS; i++) {
		unsigned int first = i;

		if (!in[i])
			continue;
		while (i < NUMBERS && in[i])
			i++;
		assert_true(at < set.nr);
		assert_int_equal(set.r[at].first, first);
		assert_int_equal(set.r[at].last, i - 1);
		at++;
	}
	assert_int_equal(at, set.nr);
}

static void random_changes(void **state)
{
	(void)state;
	srand(1);
	for (unsigned int n = 0; n < 20000; n++) {
		unsigned int first = (unsigned int)rand() % NUMBERS;
		unsigned int last =
			first + (unsigned int)rand() % (n % 50 ? 8 : NUMBERS);
		bool add = rand() % 2, all = true;
		struct ranges before = set;
		int rc;

		last = last < NUMBERS ? last : NUMBERS - 1;
		for (unsigned int i = first; i <= last; i++)
			all = all && in[i];
		assert_int_equal(ranges_contain(&set, first, last), all);
		rc = add ? ranges_add(&set, first, last)
			 : ranges_remove(&set, first, last);
		if (rc) {
			assert_int_equal(rc, -ENOSPC);
			assert_memory_equal(&before, &set, sizeof(set));
			continue;
		}
		memset(&in[first], add, last - first + 1);
		same_as_the_bits();
	}
}

static void ends_of_the_numbers(void **state)
{
	(void)state;
	assert_int_equal(ranges_add(&set, 2, 1), -EINVAL);
	assert_int_equal(ranges_remove(&set, ~0UL, 0), -EINVAL);
	assert_int_equal(ranges_add(&set, 0, ~0UL), 0);
	assert_true(ranges_contain(&set, 0, ~0UL));
	assert_false(ranges_contain(&set, ~0UL, 0));
	assert_int_equal(ranges_add(&set, ~0UL, ~0UL), 0);
	assert_int_equal(set.nr, 1);
	assert_int_equal(ranges_remove(&set, ~0UL, ~0UL), 0);
	assert_int_equal(ranges_remove(&set, 0, 0), 0);
	assert_int_equal(set.nr, 1);
	assert_true(ranges_contain(&set, 1, ~0UL - 1));
	assert_false(ranges_contain(&set, 0, 1));
	assert_false(ranges_contain(&set, 1, ~0UL));
	assert_int_equal(ranges_remove(&set, 0, ~0UL), 0);
	assert_int_equal(set.nr, 0);
	assert_false(ranges_contain(&set, 0, 0));
}

static void a_full_set_refuses(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < RANGES_MAX; i++)
		assert_int_equal(ranges_add(&set, 4 * i + 1, 4 * i + 3), 0);
	assert_int_equal(ranges_add(&set, 4 * RANGES_MAX + 1, ~0UL), -ENOSPC);
	assert_int_equal(ranges_remove(&set, 2, 2), -ENOSPC);
	assert_true(ranges_contain(&set, 1, 3));
	assert_int_equal(ranges_add(&set, 4, 4), 0);
	assert_int_equal(ranges_remove(&set, 4, 4), 0);
	assert_int_equal(set.nr, RANGES_MAX);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(random_changes),
		TEST(ends_of_the_numbers),
		TEST(a_full_set_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
