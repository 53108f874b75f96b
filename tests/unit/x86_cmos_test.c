/* SPDX-License-Identifier: MIT */
/* The CMOS clock's registers, in all the ways that they can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../hv/x86/cmos.c"

#define B24 B_24_HOURS
#define BIN (B_24_HOURS | B_BINARY)

static const struct {
	struct cmos_time t; /* s m h, d m y, century, status B */
	int64_t seconds;    /* -1: not a time */
} examples[] = {
	{ { 0x00, 0x00, 0x00, 0x01, 0x01, 0x70, 0x19, B24 }, 0 },
	{ { 0x59, 0x59, 0x23, 0x31, 0x12, 0x99, 0x19, B24 }, 946684799 },
	{ { 0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x20, B24 }, 946684800 },
	{ { 0x40, 0x46, 0x01, 0x09, 0x09, 0x01, 0x20, B24 }, 1000000000 },
	{ { 40, 46, 1, 9, 9, 1, 20, BIN }, 1000000000 },
	{ { 0x08, 0x14, 0x03, 0x19, 0x01, 0x38, 0x20, B24 }, 2147483648 },
	/* leap days */
	{ { 0, 0, 0, 0x29, 0x02, 0x24, 0x20, B24 }, 1709164800 },
	{ { 0, 0, 0, 0x01, 0x03, 0x24, 0x20, B24 }, 1709251200 },
	{ { 0, 0, 0, 0x29, 0x02, 0x23, 0x20, B24 }, -1 },
	{ { 0, 0, 0, 0x29, 0x02, 0x00, 0x21, B24 }, -1 },
	{ { 0, 0, 0, 0x28, 0x02, 0x00, 0x21, B24 }, 4107456000 },
	/* twelve hours: midnight is 12 am, noon 12 pm */
	{ { 0, 0, 0x12, 0x01, 0x01, 0x00, 0x20, 0 }, 946684800 },
	{ { 0, 0, 0x01, 0x01, 0x01, 0x00, 0x20, 0 }, 946684800 + 3600 },
	{ { 0, 0, 0x92, 0x01, 0x01, 0x00, 0x20, 0 }, 946684800 + 43200 },
	{ { 0, 0, 0x91, 0x01, 0x01, 0x00, 0x20, 0 }, 946684800 + 82800 },
	{ { 0, 0, 0x8b, 1, 1, 0, 20, B_BINARY }, 946684800 + 82800 },
	{ { 0, 0, 0x00, 0x01, 0x01, 0x00, 0x20, 0 }, -1 },
	{ { 0, 0, 0x13, 0x01, 0x01, 0x00, 0x20, 0 }, -1 },
	/* no century, or not one */
	{ { 0, 0, 0, 0x01, 0x01, 0x70, 0, B24 }, 3155760000 },
	{ { 0, 0, 0, 0x01, 0x01, 0x26, 0, B24 }, 1767225600 },
	{ { 0, 0, 0, 0x01, 0x01, 0x80, 0, B24 }, 315532800 },
	{ { 0, 0, 0, 0x01, 0x01, 0x26, 0xff, B24 }, 1767225600 },
	/* not a time */
	{ { 0x60, 0x60, 0x00, 0x01, 0x01, 0x00, 0x20, B24 }, -1 },
	{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, -1 },
	{ { 0, 0, 0, 0, 0, 0, 0, 0 }, -1 },
	{ { 0, 0, 0x24, 0x01, 0x01, 0x00, 0x20, B24 }, -1 },
	{ { 0, 0, 0, 0x01, 0x13, 0x00, 0x20, B24 }, -1 },
	{ { 0, 0, 0, 0x32, 0x01, 0x00, 0x20, B24 }, -1 },
	{ { 0, 0, 0, 0x00, 0x01, 0x00, 0x20, B24 }, -1 },
	{ { 0, 0, 0, 0x01, 0x01, 0x69, 0x19, B24 }, -1 },
};

static void times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		uint64_t seconds = 0;
		int err = cmos_decode(&examples[i].t, &seconds);

		if (examples[i].seconds < 0)
			assert_int_equal(err, -EINVAL);
		else if (err || seconds != (uint64_t)examples[i].seconds)
			fail_msg("example %zu: %d, %lu", i, err, seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
