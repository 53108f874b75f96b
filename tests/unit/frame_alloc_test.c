/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: blocks split and merge, what is handed out is clean
 * and counted, limits hold, and a refusal leaves everything as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "model/oracle.h"

#define FRAMES 1024

static int setup(void **state)
{
	(void)state;
	host_init(FRAMES, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

static void good(void)
{
	if (oracle_check())
		fail_msg("%s", oracle_report());
}

static bool is_zero(const struct frame *f, unsigned int order)
{
	const uint64_t *p = frame_ptr(f);

	for (uint64_t i = 0; i < (PAGE_SIZE << order) / 8; i++)
		if (p[i])
			return false;
	return true;
}

static void all_memory_is_free_at_first(void **state)
{
	(void)state;
	assert_int_equal(frame_free_pages(), FRAMES - HOST_RESERVED_FRAMES);
	good();
}

static void blocks_are_aligned_and_clean(void **state)
{
	(void)state;
	for (unsigned int order = 0; order < 9; order++) {
		uint64_t before = frame_free_pages();
		struct frame *f = frame_alloc_hv(order);

		assert_non_null(f);
		assert_int_equal(frame_mfn(f).v & ((1UL << order) - 1), 0);
		assert_int_equal(frame_free_pages(), before - (1UL << order));
		assert_true(is_zero(f, order));
		memset(frame_ptr(f), 0xa5, PAGE_SIZE << order);
		good();
		frame_free_hv(f, order);
		assert_int_equal(frame_free_pages(), before);
		good();
		f = frame_alloc_hv(order);
		assert_true(is_zero(f, order));
		frame_free_hv(f, order);
	}
}

static void one_page_splits_a_block_and_it_merges_again(void **state)
{
	struct frame *big = frame_alloc_hv(9), *f[4], *again;

	(void)state;
	assert_non_null(big);
	assert_null(frame_alloc_hv(9));
	frame_free_hv(big, 9);
	/* A page out of each block that can be had, so that all are split. */
	for (unsigned int i = 0; i < 4; i++)
		f[i] = frame_alloc_hv(0);
	good();
	for (unsigned int i = 0; i < 4; i++)
		frame_free_hv(f[(i + 2) % 4], 0);
	good();
	again = frame_alloc_hv(9);
	assert_ptr_equal(again, big);
	frame_free_hv(again, 9);
}

static void memory_runs_out(void **state)
{
	struct frame *f[FRAMES];
	unsigned int n = 0;

	(void)state;
	while ((f[n] = frame_alloc_hv(0)))
		n++;
	assert_int_equal(n, FRAMES - HOST_RESERVED_FRAMES);
	assert_int_equal(frame_free_pages(), 0);
	assert_null(frame_alloc_hv(0));
	assert_null(frame_alloc_hv(FRAME_MAX_ORDER));
	assert_null(frame_alloc_bytes(1));
	good();
	/* Every second first: nothing to merge until the others come. */
	for (unsigned int i = 0; i < n; i += 2)
		frame_free_hv(f[i], 0);
	assert_null(frame_alloc_hv(1));
	good();
	for (unsigned int i = 1; i < n; i += 2)
		frame_free_hv(f[i], 0);
	good();
	assert_non_null(frame_alloc_hv(9));
}

static void random_orders_stay_consistent(void **state)
{
	struct {
		struct frame *f;
		unsigned int order;
	} held[64] = { 0 };

	(void)state;
	host_choose_random(7);
	for (unsigned int i = 0; i < 5000; i++) {
		unsigned int k = (unsigned int)(host_random() % 64);

		if (held[k].f) {
			frame_free_hv(held[k].f, held[k].order);
			held[k].f = NULL;
		} else {
			held[k].order = (unsigned int)(host_random() % 6);
			held[k].f = frame_alloc_hv(held[k].order);
		}
		if (i % 50 == 0)
			good();
	}
	for (unsigned int k = 0; k < 64; k++)
		if (held[k].f)
			frame_free_hv(held[k].f, held[k].order);
	assert_int_equal(frame_free_pages(), FRAMES - HOST_RESERVED_FRAMES);
	good();
}

static void domains_pages_are_on_its_list(void **state)
{
	struct domain *d = host_domain_make(20, 0, false);
	uint64_t before = frame_free_pages();
	struct frame *f;

	(void)state;
	assert_int_equal(frame_alloc_domain(d, 3, &f), 0);
	assert_int_equal(d->frames.tot_pages, 8);
	assert_true(is_zero(f, 3));
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(f[i].owner, d->id);
		assert_int_equal(f[i].refs.v & ((1UL << 48) - 1),
				 FRAME_OWNED | 1);
		assert_int_equal(arch_m2p[frame_mfn(f).v + i], M2P_INVALID);
	}
	good();
	/* One by one and out of order. */
	for (unsigned int i = 0; i < 8; i++)
		assert_true(frame_disown(&f[(i * 5) % 8]));
	assert_int_equal(d->frames.tot_pages, 0);
	assert_int_equal(d->frames.first, FRAME_NIL);
	assert_int_equal(frame_free_pages(), before);
	good();
}

static void limit_of_pages_holds(void **state)
{
	struct domain *d = host_domain_make(5, 0, false);
	struct frame *f, *g;

	(void)state;
	assert_int_equal(frame_alloc_domain(d, 3, &f), -ENOMEM);
	assert_int_equal(frame_alloc_domain(d, 2, &f), 0);
	assert_int_equal(frame_alloc_domain(d, 1, &g), -ENOMEM);
	assert_int_equal(frame_alloc_domain(d, 0, &g), 0);
	assert_int_equal(frame_alloc_domain(d, 0, &g), -ENOMEM);
	assert_int_equal(d->frames.tot_pages, 5);
	good();
	d->frames.max_pages = ~0UL;
	assert_int_equal(frame_alloc_domain(d, FRAME_MAX_ORDER, &g), -ENOMEM);
	assert_int_equal(d->frames.tot_pages, 5);
	good();
}

static void dying_domain_gets_nothing(void **state)
{
	struct domain *d = host_domain_make(5, 0, false);
	struct frame *f;

	(void)state;
	d->state.v = DOMAIN_DYING;
	assert_int_equal(frame_alloc_domain(d, 0, &f), -ENOMEM);
	good();
}

static void shared_frame_is_apart_from_the_reservation(void **state)
{
	struct domain *d = host_domain_make(1, 0, false);
	uint64_t before = frame_free_pages();
	struct frame *f;

	(void)state;
	assert_int_equal(frame_alloc_shared(d, &f), 0);
	assert_int_equal(d->frames.tot_pages, 0);
	assert_int_equal(frame_get_type(f, FRAME_L1), -EBUSY);
	good();
	/* The guest still maps it when it is taken back. */
	assert_true(frame_get_writable(f, d));
	frame_free_shared(f);
	assert_int_equal(frame_free_pages(), before - 1);
	frame_put_writable(f);
	assert_int_equal(frame_free_pages(), before);
	good();
}

static void refusals_change_nothing(void **state)
{
	static const uint8_t fail_first[] = { 1 };
	struct domain *d = host_domain_make(5, 0, false);
	uint64_t before = frame_free_pages();
	struct frame *f;

	(void)state;
	host_choose_script(fail_first, 1);
	assert_int_equal(frame_alloc_domain(d, 0, &f), -ENOMEM);
	host_choose_script(fail_first, 1);
	assert_int_equal(frame_alloc_shared(d, &f), -ENOMEM);
	host_choose_script(fail_first, 1);
	assert_null(frame_alloc_bytes(100));
	assert_int_equal(frame_free_pages(), before);
	assert_int_equal(d->frames.tot_pages, 0);
	good();
}

static void bytes_of_any_size(void **state)
{
	uint64_t before = frame_free_pages();

	(void)state;
	for (size_t size = 1; size < 200000; size = size * 3 + 1) {
		uint8_t *p = frame_alloc_bytes(size);

		assert_non_null(p);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0x5a, size);
		frame_free_bytes(p, size);
		assert_int_equal(frame_free_pages(), before);
	}
	assert_null(frame_alloc_bytes(0));
	assert_null(frame_alloc_bytes(~0UL));
	frame_free_bytes(NULL, 5);
	good();
}

static void numbers_from_guests_are_checked(void **state)
{
	(void)state;
	assert_null(frame_lookup(guest_mfn(FRAMES)));
	assert_null(frame_lookup(guest_mfn(~0UL)));
	assert_ptr_equal(frame_lookup(guest_mfn(FRAMES - 1)),
			 frame_of(mfn(FRAMES - 1)));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_memory_is_free_at_first),
		TEST(blocks_are_aligned_and_clean),
		TEST(one_page_splits_a_block_and_it_merges_again),
		TEST(memory_runs_out),
		TEST(random_orders_stay_consistent),
		TEST(domains_pages_are_on_its_list),
		TEST(limit_of_pages_holds),
		TEST(dying_domain_gets_nothing),
		TEST(shared_frame_is_apart_from_the_reservation),
		TEST(refusals_change_nothing),
		TEST(bytes_of_any_size),
		TEST(numbers_from_guests_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
