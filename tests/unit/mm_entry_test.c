/* SPDX-License-Identifier: MIT */
/*
 * Entries that are not present. On most processors they are the guest's own
 * affair: Linux keeps swap places in them. Where speculation follows them
 * (L1TF), one that could name memory is refused: whatever its level, whatever
 * address bits a cache may ignore, and as a superpage too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/host.h"
#include "mm/mm.h"
#include "model/oracle.h"
#include "model/update.h"
#include "pte.h"

static struct host_guest g;

static int setup(void **state)
{
	(void)state;
	host_init(96, 1);
	host_guest_make(&g, 16, 1, false);
	host_vcpu_enter(g.d->vcpu[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

/* Writes an unused entry of the table; what stood there is back after. */
static int write_absent(const struct frame *table, uint64_t value)
{
	uint64_t at = (frame_mfn(table).v << PAGE_SHIFT) + 500 * 8;
	struct mm_locked m = mm_lock(g.d);
	int rc = mm_update_one(m, g.d, at, value), back;

	if (!rc)
		assert_int_equal(((uint64_t *)frame_ptr(table))[500], value);
	back = mm_update_one(m, g.d, at, 0);
	mm_unlock(m);
	assert_int_equal(back, 0);
	return rc;
}

static const uint64_t named[] = {
	0x5UL << PAGE_SHIFT,
	0x5UL << PAGE_SHIFT | PTE_RW | PTE_US,
	/* a 46-bit address that differs from memory's above bit 43 only */
	1UL << 44 | 0x5UL << PAGE_SHIFT,
	/* and one beyond all that a processor may have */
	1UL << 51 | 0x5UL << PAGE_SHIFT,
};

static void absent_entries_are_the_guests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		assert_int_equal(write_absent(g.l1, named[i]), 0);
		assert_int_equal(write_absent(g.l3, named[i] | PTE_PSE), 0);
	}
	assert_int_equal(oracle_check(), 0);
}

static void none_names_memory_where_it_leaks(void **state)
{
	const struct frame *tables[] = { g.l1, g.l2, g.l3, g.l4 };

	(void)state;
	host_leaks_nonpresent = true;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (size_t i = 0; i < ARRAY_SIZE(named); i++)
			assert_int_equal(write_absent(tables[t], named[i]),
					 -EINVAL);
	assert_int_equal(oracle_check(), 0);
}

static void none_is_a_superpage_where_it_leaks(void **state)
{
	(void)state;
	host_leaks_nonpresent = true;
	/* of the first gigabyte, and of the one that memory ends in */
	assert_int_equal(write_absent(g.l3, PTE_PSE), -EINVAL);
	assert_int_equal(write_absent(g.l2, PTE_PSE), -EINVAL);
	assert_int_equal(
		write_absent(g.l3, frame_limit << PAGE_SHIFT | PTE_PSE),
		-EINVAL);
	/* In an L1 the bit means something else. */
	assert_int_equal(write_absent(g.l1, PTE_PAT), 0);
}

/* What Linux writes there: addresses turned upside down. */
static void inverted_addresses_stay_allowed(void **state)
{
	(void)state;
	host_leaks_nonpresent = true;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			write_absent(g.l1, ~(i << PAGE_SHIFT) & PTE_ADDR), 0);
	assert_int_equal(write_absent(g.l1, PTE_RW | PTE_A), 0);
	assert_int_equal(write_absent(g.l3, 1UL << 9), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(absent_entries_are_the_guests),
		TEST(none_names_memory_where_it_leaks),
		TEST(none_is_a_superpage_where_it_leaks),
		TEST(inverted_addresses_stay_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
