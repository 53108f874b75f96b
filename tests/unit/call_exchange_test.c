/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange as a guest calls it: a unit is exchanged or not, the count
 * tells, frames that are in use stay, and whatever fails or pauses leaves as
 * many frames as there were, each in one place (the oracle looks).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "host/host.h"
#include "log/log.h"
#include "mm/mm.h"
#include "pte.h"
#include "model/oracle.h"

#define PAGES 40
#define MINE  64 /* frames that nothing maps */
#define ARG   host_guest_va(0)
#define IN    host_guest_va(1)
#define OUT   host_guest_va(2)

static struct host_guest g;
static struct vcpu *v;
static uint64_t mine[MINE];

static int setup(void **state)
{
	struct frame *f;

	(void)state;
	host_init(1024, 1);
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_guest_make(&g, PAGES, 1, false);
	g.d->frames.max_pages = PAGES + MINE; /* all that it has */
	v = g.d->vcpu[0];
	host_vcpu_enter(v);
	host_copy_scrambles = false;
	for (unsigned int i = 0; i < MINE; i++) {
		assert_int_equal(frame_alloc_domain(g.d, 0, &f), 0);
		mine[i] = frame_mfn(f).v;
		mm_m2p_set(f, 500 + i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(g.d->frames.tot_pages, PAGES + MINE);
	if (oracle_check())
		fail_msg("%s", oracle_report());
	host_fini();
	return 0;
}

static void poke(uint64_t va, const void *src, size_t n)
{
	assert_int_equal(host_guest_write(va, src, n), 0);
}

static uint64_t word_at(uint64_t va)
{
	uint64_t word;

	assert_int_equal(host_guest_read(va, &word, 8), 0);
	return word;
}

static void set_word(uint64_t va, uint64_t word)
{
	poke(va, &word, 8);
}

/* The argument; the lists are the callers'. */
static struct xen_memory_exchange argument(uint64_t in, unsigned int in_order,
					   uint64_t out, unsigned int out_order)
{
	struct xen_memory_exchange x = {
		.in = { .nr_extents = in,
			.extent_order = in_order,
			.domid = DOMID_SELF },
		.out = { .nr_extents = out,
			 .extent_order = out_order,
			 .domid = DOMID_SELF },
	};

	x.in.extent_start.p = (xen_pfn_t *)IN;
	x.out.extent_start.p = (xen_pfn_t *)OUT;
	return x;
}

static uint64_t done;
static unsigned int pauses;

static long call(const struct xen_memory_exchange *x)
{
	struct call_args a = { .a = { XENMEM_exchange, ARG } };
	struct xen_memory_exchange after;
	long rc;

	poke(ARG, x, sizeof(*x));
	pauses = 0;
	while ((rc = hc_memory_op(v, &a)) == -ERESTART)
		assert_true(++pauses < 10000);
	assert_int_equal(host_guest_read(ARG, &after, sizeof(after)), 0);
	done = after.nr_exchanged;
	return rc;
}

static void lists_fill(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		set_word(IN + i * 8, mine[i]);
		set_word(OUT + i * 8, 700 + i);
	}
}

static bool is_free(uint64_t m)
{
	return !(atomic64_load(&frame_of(mfn(m))->refs) & FRAME_COUNT_MASK);
}

static void one_by_one(void **state)
{
	struct xen_memory_exchange x = argument(8, 0, 8, 0);

	(void)state;
	lists_fill(8);
	assert_int_equal(call(&x), 0);
	assert_int_equal(done, 8);
	/* Given last, so that no later one has got it. */
	assert_int_equal(arch_m2p32[mine[7]], (uint32_t)M2P_INVALID);
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t m = word_at(OUT + i * 8);

		assert_int_equal(frame_of(mfn(m))->owner, g.d->id);
		assert_int_equal(arch_m2p[m], 700 + i);
		assert_int_equal(arch_m2p32[m], 700 + i);
		assert_int_not_equal(m, mine[i]);
	}
}

static void into_large_ones(void **state)
{
	struct xen_memory_exchange x = argument(16, 0, 2, 3);

	(void)state;
	lists_fill(16);
	set_word(OUT, 704);
	set_word(OUT + 8, 760);
	assert_int_equal(call(&x), 0);
	assert_int_equal(done, 16);
	for (unsigned int i = 0; i < 16; i++) {
		uint64_t m = word_at(OUT + i / 8 * 8);

		assert_int_equal(m % 8, 0);
		assert_int_equal(arch_m2p[m + i % 8],
				 (i < 8 ? 704 : 760) + i % 8);
	}
	assert_int_equal(word_at(OUT + 16), 702); /* untouched */
}

static void into_small_ones(void **state)
{
	struct xen_memory_exchange x = argument(1, 3, 8, 0);
	struct frame *f;

	(void)state;
	g.d->frames.max_pages += 8;
	assert_int_equal(frame_alloc_domain(g.d, 3, &f), 0);
	lists_fill(8);
	set_word(IN, frame_mfn(f).v);
	assert_int_equal(call(&x), 0);
	assert_int_equal(done, 1);
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t m = word_at(OUT + i * 8);

		assert_int_equal(arch_m2p[m], 700 + i);
		assert_int_equal(mm_decrease(g.d, guest_mfn(m), 0), 0);
	}
}

/* What is kept below 4 GiB goes to who must have it there, or is privileged. */
static void kept(void **state)
{
	struct xen_memory_exchange x = argument(1, 0, 1, 0);

	(void)state;
	frame_low_kept = frame_free_low_pages();
	lists_fill(1);
	assert_int_equal(call(&x), -ENOMEM);
	assert_int_equal(done, 0);
	x.out.mem_flags = XENMEMF_address_bits(32);
	assert_int_equal(call(&x), 0);
	x.out.mem_flags = 0;
	set_word(IN, mine[1]);
	g.d->privileged = true;
	assert_int_equal(call(&x), 0);
	assert_int_equal(done, 1);
}

/* Nothing that anybody uses can go, nor what is not the guest's. */
static void in_use(void **state)
{
	const uint64_t bad[] = { frame_mfn(g.frame[0]).v,
				 frame_mfn(g.l4).v,
				 frame_mfn(g.d->shared_frame).v,
				 frame_limit,
				 ~0UL,
				 1 };
	struct xen_memory_exchange x = argument(4, 0, 4, 0);

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		lists_fill(4);
		set_word(IN + 16, bad[i]);
		assert_int_equal(call(&x), -EINVAL);
		assert_int_equal(done, 2);
		assert_int_equal(word_at(OUT + 16), 702);
		mine[0] = word_at(OUT);
		mine[1] = word_at(OUT + 8);
	}
	/* In one unit with good ones: none of them goes. */
	x = argument(4, 0, 1, 2);
	lists_fill(4);
	set_word(IN + 24, mine[1]);
	assert_int_equal(call(&x), -EINVAL);
	assert_int_equal(done, 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(arch_m2p[mine[i]], i < 2 ? 700 + i : 500 + i);
}

static void arguments(void **state)
{
	struct xen_memory_exchange x;

	(void)state;
	lists_fill(8);
	x = argument(2, 0, 1, 0);
	assert_int_equal(call(&x), -EINVAL);
	x = argument(4, 0, 1, 3);
	assert_int_equal(call(&x), -EINVAL);
	x = argument(1UL << 60, 4, 0, 0); /* equal after they overflow */
	assert_int_equal(call(&x), -EINVAL);
	x = argument(1, 10, 1, 10);
	assert_int_equal(call(&x), -EPERM);
	x = argument(1, 0, 1, 64);
	assert_int_equal(call(&x), -EPERM);
	x = argument(1, 0, 1, 0);
	x.out.domid = g.d->id;
	assert_int_equal(call(&x), -EINVAL);
	x.in.domid = 77;
	x.out.domid = 77;
	assert_int_equal(call(&x), -EPERM);
	x = argument(1, 0, 1, 0);
	x.nr_exchanged = 2;
	assert_int_equal(call(&x), -EINVAL);
	x = argument(8, 0, 1, 3);
	x.nr_exchanged = 3; /* within a unit */
	assert_int_equal(call(&x), -EINVAL);
	x.nr_exchanged = 8;
	assert_int_equal(call(&x), 0);
	x = argument(0, 0, 0, 0);
	assert_int_equal(call(&x), 0);
	x = argument(2, 0, 2, 0);
	x.nr_exchanged = 1;
	assert_int_equal(call(&x), 0);
	assert_int_equal(word_at(OUT), 700);
	assert_int_not_equal(word_at(OUT + 8), 701);
	mine[1] = word_at(OUT + 8);
	x = argument(1, 0, 1, 0);
	x.out.mem_flags = XENMEMF_address_bits(13);
	assert_int_equal(call(&x), -ENOMEM);
	assert_int_equal(frame_of(mfn(mine[0]))->owner, g.d->id);
	x = argument(1, 0, 1, 0);
	x.out.extent_start.p = (xen_pfn_t *)ABI_HV_START;
	assert_int_equal(call(&x), -EFAULT);
	x.out.extent_start.p = (xen_pfn_t *)OUT;
	x.in.extent_start.p = (xen_pfn_t *)(ABI_HV_END - 8);
	assert_int_equal(call(&x), -EFAULT);
	assert_false(is_free(mine[0]));
}

/* Memory is short, or a copy faults, at any place: all or nothing. */
static void fails_anywhere(void **state)
{
	(void)state;
	host_choose_random(11);
	for (unsigned int i = 0; i < 400; i++) {
		struct xen_memory_exchange x =
			i & 1 ? argument(8, 0, 1, 3) : argument(8, 0, 8, 0);
		long rc;

		host_choose_rate(HOST_ALLOC_FAIL, 0);
		host_choose_rate(HOST_COPY_FAULT, 0);
		lists_fill(8);
		poke(ARG, &x, sizeof(x));
		host_choose_rate(HOST_PREEMPT, 300);
		host_choose_rate(HOST_ALLOC_FAIL, 60);
		host_choose_rate(HOST_COPY_FAULT, 30);
		do {
			struct call_args a = { .a = { XENMEM_exchange, ARG } };

			rc = hc_memory_op(v, &a);
		} while (rc == -ERESTART);
		host_choose_rate(HOST_ALLOC_FAIL, 0);
		host_choose_rate(HOST_COPY_FAULT, 0);
		assert_int_equal(g.d->frames.tot_pages, PAGES + MINE);
		if (oracle_check())
			fail_msg("%s", oracle_report());
		/* What is there now, from the frames' own words. */
		for (unsigned int k = 0, at = g.d->frames.first;
		     k < MINE && at != FRAME_NIL; at = frame_of(mfn(at))->next)
			if (atomic64_load(&frame_of(mfn(at))->refs) ==
			    ((uint64_t)g.d->id << FRAME_OWNER_SHIFT |
			     FRAME_OWNED | 1))
				mine[k++] = at;
	}
}

/* A domain that dies meanwhile: nothing comes after its memory was taken. */
static void dies_meanwhile(void **state)
{
	struct frame_exchange x;
	uint64_t free = frame_free_pages();

	(void)state;
	for (unsigned int commit = 0; commit < 2; commit++) {
		atomic32_store(&g.d->state, DOMAIN_ALIVE);
		frame_exchange_begin(&x, g.d, 1);
		for (unsigned int i = 0; i < 4; i++) {
			assert_int_equal(frame_exchange_want(&x, ~0UL, i), 0);
			for (unsigned int j = 0; j < 2; j++)
				assert_true(frame_exchange_give(
					&x, frame_of(mfn(mine[commit * 8 +
							      i * 2 + j]))));
		}
		atomic32_store(&g.d->state, DOMAIN_DYING);
		if (commit)
			frame_exchange_commit(&x);
		else
			frame_exchange_undo(&x);
		assert_int_equal(frame_free_pages(), free + 8 * (commit + 1));
		assert_int_equal(g.d->frames.tot_pages,
				 PAGES + MINE - 8 * (commit + 1));
	}
	if (oracle_check())
		fail_msg("%s", oracle_report());
	atomic32_store(&g.d->state, DOMAIN_ALIVE);
	for (unsigned int i = 0; i < 16; i++) {
		struct frame *f;

		assert_int_equal(frame_alloc_domain(g.d, 0, &f), 0);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_by_one),      TEST(into_large_ones),
		TEST(into_small_ones), TEST(in_use),
		TEST(arguments),       TEST(fails_anywhere),
		TEST(dies_meanwhile),  TEST(kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
