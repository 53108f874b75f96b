/* SPDX-License-Identifier: MIT */
/*
 * The explorer and its CPUs: all paths are taken once, interleavings reach
 * what a race can reach, who waits for ever is told, and the lock witness
 * sees an order that could deadlock before it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"

static int setup(void **state)
{
	(void)state;
	host_init(32, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

/* ---- choices ---- */

static void nothing_is_chosen_by_default(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(host_choose(HOST_PREEMPT, 2), 0);
	assert_false(arch_preempt_pending());
	assert_false(arch_alloc_may_fail());
}

static void script_is_followed(void **state)
{
	static const uint8_t script[] = { 1, 0, 7, 255 };

	(void)state;
	host_choose_script(script, sizeof(script));
	assert_int_equal(host_choose(HOST_PREEMPT, 2), 1);
	assert_int_equal(host_choose(HOST_PREEMPT, 2), 0);
	assert_int_equal(host_choose(HOST_SWITCH, 4), 3);
	assert_int_equal(host_choose(HOST_SWITCH, 1), 0);
	assert_int_equal(host_choose(HOST_SWITCH, 10), 5);
	assert_int_equal(host_choose(HOST_PREEMPT, 2), 0);
	assert_int_equal(host_choices_made(HOST_PREEMPT), 1);
}

static void rates_are_kept_and_seeds_repeat(void **state)
{
	unsigned int first[3] = { 0 }, again[3] = { 0 };

	(void)state;
	for (unsigned int run = 0; run < 2; run++) {
		unsigned int *n = run ? again : first;

		host_choose_random(11);
		host_choose_rate(HOST_PREEMPT, 250);
		host_choose_rate(HOST_SWITCH, 1000);
		for (unsigned int i = 0; i < 4000; i++) {
			n[0] += host_choose(HOST_PREEMPT, 2);
			n[1] += host_choose(HOST_SWITCH, 2);
			n[2] += host_choose(HOST_ALLOC_FAIL, 2);
		}
	}
	assert_memory_equal(first, again, sizeof(first));
	assert_in_range(first[0], 850, 1150);
	assert_int_equal(first[1], 4000);
	assert_int_equal(first[2], 0);
}

/* Three questions of two and three answers: every combination, once. */
static void all_paths_are_taken_once(void **state)
{
	unsigned int seen[2][3][2] = { 0 }, paths = 0;

	(void)state;
	host_explore_begin(1U << HOST_PREEMPT | 1U << HOST_SWITCH, 3);
	do {
		unsigned int a, b, c;

		host_explore_on();
		a = host_choose(HOST_PREEMPT, 2);
		b = host_choose(HOST_SWITCH, 3);
		c = host_choose(HOST_PREEMPT, 2);
		assert_int_equal(host_choose(HOST_ALLOC_FAIL, 2), 0);
		seen[a][b][c]++;
		paths++;
		host_choose_nothing();
	} while (host_explore_next());
	assert_int_equal(paths, 12);
	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(seen[i / 6][i / 2 % 3][i % 2], 1);
}

static void budget_bounds_the_paths(void **state)
{
	unsigned int paths = 0;

	(void)state;
	host_explore_begin(1U << HOST_PREEMPT, 1);
	do {
		unsigned int n = 0;

		host_explore_on();
		for (unsigned int i = 0; i < 20; i++)
			n += host_choose(HOST_PREEMPT, 2);
		assert_in_range(n, 0, 1);
		paths++;
		host_choose_nothing();
	} while (host_explore_next());
	assert_int_equal(paths, 21);
}

/* ---- CPUs ---- */

static atomic32_t word;

static void add_badly(void *arg)
{
	(void)arg;
	atomic32_store(&word, atomic32_load(&word) + 1);
}

static void add_well(void *arg)
{
	(void)arg;
	atomic32_add(&word, 1);
}

/* The values that word can have after two CPUs did fn, as bits. */
static unsigned int outcomes(void (*fn)(void *))
{
	unsigned int seen = 0;

	host_explore_begin(1U << HOST_SWITCH, 2);
	do {
		word.v = 0;
		host_explore_on();
		host_cpu_run(0, fn, NULL);
		host_cpu_run(2, fn, NULL);
		host_cpus_go();
		seen |= 1U << word.v;
		host_choose_nothing();
	} while (host_explore_next());
	return seen;
}

static void races_are_found(void **state)
{
	(void)state;
	assert_int_equal(outcomes(add_badly), 1U << 1 | 1U << 2);
	assert_int_equal(outcomes(add_well), 1U << 2);
}

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_PAGES);

static void add_under_lock(void *arg)
{
	(void)arg;
	spin_lock(&lock);
	atomic32_store(&word, atomic32_load(&word) + 1);
	spin_unlock(&lock);
}

static void locks_exclude(void **state)
{
	(void)state;
	assert_int_equal(outcomes(add_under_lock), 1U << 2);
}

static void flush_others(void *arg)
{
	(void)arg;
	arch_flush_cpus(1U << 1 | 1U << 2, false, 0);
	assert_int_equal(host_tlb_size(1), 0);
	assert_int_equal(host_tlb_size(2), 0);
	atomic32_store(&word, 1);
}

static void spin_until_word(void *arg)
{
	(void)arg;
	while (!atomic32_load(&word))
		arch_relax();
}

/* One CPU is busy and answers when it pauses, the other one is in a guest. */
static void flushes_are_answered(void **state)
{
	struct host_tlb_entry e = { .va = 0x1000, .mfn = 5, .level = 1 };

	(void)state;
	word.v = 0;
	host_tlb_insert(1, &e);
	host_tlb_insert(2, &e);
	host_cpu_run(0, flush_others, NULL);
	host_cpu_run(1, spin_until_word, NULL);
	host_cpus_go();
	assert_int_equal(word.v, 1);
}

static void go(void *arg)
{
	(void)arg;
	host_cpus_go();
}

static void waiting_for_ever_is_noticed(void **state)
{
	(void)state;
	word.v = 0;
	host_cpu_run(0, spin_until_word, NULL);
	assert_true(host_fails(go, NULL));
	host_cpu_run(0, spin_until_word, NULL);
	host_cpu_run(1, spin_until_word, NULL);
	assert_true(host_fails(go, NULL));
	assert_non_null(strstr(host_failure(), "for ever"));
}

static void keep_lock(void *arg)
{
	spin_lock(arg);
}

static void lock_is_not_kept_outside(void **state)
{
	static struct spinlock l = SPINLOCK_INIT(LOCK_RANK_LOG);

	(void)state;
	host_cpu_run(1, keep_lock, &l);
	assert_true(host_fails(go, NULL));
	assert_non_null(strstr(host_failure(), "left the core"));
}

/* ---- the witness ---- */

static void lock_two(void *arg)
{
	struct spinlock **l = arg;

	spin_lock(l[0]);
	spin_lock(l[1]);
	spin_unlock(l[0]);
	spin_unlock(l[1]);
}

static void order_of_locks_is_kept(void **state)
{
	struct spinlock outer = SPINLOCK_INIT(LOCK_RANK_MM);
	struct spinlock inner = SPINLOCK_INIT(LOCK_RANK_HEAP);
	struct spinlock never = { 0 };
	struct spinlock *good[] = { &outer, &inner };
	struct spinlock *bad[] = { &inner, &outer };
	struct spinlock *twice[] = { &inner, &inner };
	struct spinlock *fresh[] = { &outer, &never };

	(void)state;
	assert_false(host_fails(lock_two, good));
	assert_int_equal(host_locks_held(0), 0);
	assert_true(host_fails(lock_two, bad));
	host_locks_forget();
	inner.held.v = outer.held.v = 0;
	assert_true(host_fails(lock_two, twice));
	assert_non_null(strstr(host_failure(), "twice"));
	host_locks_forget();
	outer.held.v = 0;
	assert_true(host_fails(lock_two, fresh));
	assert_non_null(strstr(host_failure(), "never initialised"));
}

static void two_domains_in_order_of_ids(void **state)
{
	struct domain *a = host_domain_make(1, 0, false);
	struct domain *b = host_domain_make(1, 0, false);
	struct spinlock *good[] = { &a->event.lock, &b->event.lock };
	struct spinlock *bad[] = { &b->event.lock, &a->event.lock };

	(void)state;
	assert_false(host_fails(lock_two, good));
	assert_true(host_fails(lock_two, bad));
}

static void drop(void *arg)
{
	spin_unlock(arg);
}

static void only_who_holds_it_drops_it(void **state)
{
	struct spinlock l = SPINLOCK_INIT(LOCK_RANK_MM);

	(void)state;
	spin_lock(&l);
	host_cpu_select(1);
	assert_true(host_fails(drop, &l));
	host_cpu_select(0);
	assert_true(!spin_trylock(&l));
	spin_unlock(&l);
	assert_true(spin_trylock(&l));
	spin_unlock(&l);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_chosen_by_default),
		TEST(script_is_followed),
		TEST(rates_are_kept_and_seeds_repeat),
		TEST(all_paths_are_taken_once),
		TEST(budget_bounds_the_paths),
		TEST(races_are_found),
		TEST(locks_exclude),
		TEST(flushes_are_answered),
		TEST(waiting_for_ever_is_noticed),
		TEST(lock_is_not_kept_outside),
		TEST(order_of_locks_is_kept),
		TEST(two_domains_in_order_of_ids),
		TEST(only_who_holds_it_drops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
