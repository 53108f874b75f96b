/* SPDX-License-Identifier: MIT */
/*
 * Frames under two or three CPUs: every interleaving of a few operations of
 * hostile guests. After each the oracle counts everything.
 *
 * A guest may try any frame number at any time. So whatever the allocator
 * hands out may be counted, mapped and given back before the one who asked
 * for it has even looked at it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/update.h"
#include "host/host.h"
#include "mm/mm.h"
#include "pte.h"
#include "model/oracle.h"

#define FRAMES 96

static struct host_guest a;
static struct frame *victim;
static bool stale;
static void (*after)(void); /* what else to look at in the end; or NULL */

static void world_make(void)
{
	host_init(FRAMES, 3);
	host_guest_make(&a, 16, 1, false);
	a.d->frames.max_pages++;
	host_vcpu_enter(a.d->vcpu[0]);
}

/* The frame that the allocator gives next, without a flush to wait for. */
static struct frame *next_frame(unsigned int order)
{
	struct frame *f = frame_alloc_hv(order);

	assert_non_null(f);
	frame_free_hv(f, order);
	for (unsigned int i = 0; i < host_nr_cpus; i++) {
		host_cpu_select(i);
		arch_flush_local();
	}
	host_cpu_select(0);
	return f;
}

static void cpus_run(void *arg)
{
	(void)arg;
	host_cpus_go();
}

/*
 * Runs fn[i] as CPU i, in a world that begin() makes, in all interleavings
 * with up to two switches that nobody had to make.
 */
static void explore(void (*begin)(void), void (*const fn[])(void *),
		    unsigned int n)
{
	host_explore_begin(1U << HOST_SWITCH, 2);
	do {
		world_make();
		stale = false;
		begin();
		host_explore_on();
		for (unsigned int i = 0; i < n; i++)
			host_cpu_run(i, fn[i], NULL);
		if (host_fails(cpus_run, NULL))
			fail_msg("%s", host_failure());
		host_choose_nothing();
		if (after)
			after();
		if (oracle_check())
			fail_msg("%s", oracle_report());
		assert_false(stale);
		host_fini();
	} while (host_explore_next());
}

/* ---- a frame is had before its allocation is at an end ---- */

static void know_the_next(void)
{
	victim = next_frame(0);
}

static void allocate(void *arg)
{
	struct frame *f;

	(void)arg;
	if (frame_alloc_domain(a.d, 0, &f))
		host_fail("no memory");
}

static void give_back(void *arg)
{
	(void)arg;
	(void)!mm_decrease(a.d, guest_mfn(frame_mfn(victim).v), 0);
}

static void given_back_while_it_is_allocated(void **state)
{
	void (*const fn[])(void *) = { allocate, give_back };

	(void)state;
	explore(know_the_next, fn, 2);
}

/* ---- our own frame is freed while a guest tries its number ---- */

static void use_our_own(void *arg)
{
	struct frame *f = frame_alloc_hv(1);

	(void)arg;
	if (!f)
		host_fail("no memory");
	frame_free_hv(f, 1);
}

static void try_the_number(void *arg)
{
	(void)arg;
	if (frame_get(victim, a.d))
		host_fail("a guest has our frame");
}

static void know_the_next_two(void)
{
	victim = next_frame(1) + 1;
}

static void our_frame_is_tried_while_it_is_freed(void **state)
{
	void (*const fn[])(void *) = { use_our_own, try_the_number };

	(void)state;
	explore(know_the_next_two, fn, 2);
}

/* ---- an old page table is written while another CPU walks it ---- */

static void see_stale(unsigned int cpu, const struct host_tlb_entry *e,
		      void *arg)
{
	(void)cpu;
	(void)arg;
	if (e->level > 1 && e->mfn == frame_mfn(victim).v)
		stale = true;
}

/* Has the frame as memory: nobody may walk it any more. */
static void have_it_to_write(void *arg)
{
	(void)arg;
	if (!frame_get_writable(victim, a.d))
		return;
	host_tlb_each(see_stale, NULL);
	frame_put_writable(victim);
}

/* a's only L1 is no longer in the L2, but CPU 2 remembers that it was. */
static void unhook_the_l1(void)
{
	uint64_t at =
		(frame_mfn(a.l2).v << PAGE_SHIFT) + pte_index(HOST_VA, 2) * 8;
	struct mm_locked m;

	host_tlb_cache_upper = true;
	victim = a.l1;
	host_cpu_select(2);
	arch_root_load(frame_mfn(a.l4));
	host_tlb_fill(2);
	host_cpu_select(0);
	m = mm_lock(a.d);
	assert_int_equal(mm_update_one(m, a.d, at, 0), 0);
	mm_unlock(m);
	assert_int_equal(frame_type_of(victim), FRAME_L1);
	host_tlb_each(see_stale, NULL);
	assert_true(stale); /* or the test shows nothing */
	stale = false;
}

static void leave_the_root(void *arg)
{
	(void)arg;
	arch_root_load(mfn(0));
}

static void old_table_is_written_after_the_flush(void **state)
{
	void (*const fn[])(void *) = { have_it_to_write, have_it_to_write,
				       leave_the_root };

	(void)state;
	explore(unhook_the_l1, fn, 3);
}

/* ---- a frame is exchanged while others use it, or exchange it too ---- */

static void loose_frame(void)
{
	if (frame_alloc_domain(a.d, 0, &victim))
		fail_msg("no memory");
}

static void exchange(void *arg)
{
	struct frame_exchange x;

	(void)arg;
	frame_exchange_begin(&x, a.d, 0);
	if (frame_exchange_want(&x, ~0UL, 5))
		host_fail("no memory");
	if (frame_exchange_give(&x, victim))
		frame_exchange_commit(&x);
	else
		frame_exchange_undo(&x);
}

static void exchange_and_undo(void *arg)
{
	struct frame_exchange x;

	(void)arg;
	frame_exchange_begin(&x, a.d, 0);
	(void)frame_exchange_give(&x, victim);
	frame_exchange_undo(&x);
}

static void use_it(void *arg)
{
	(void)arg;
	if (!frame_get_writable(victim, a.d))
		return;
	/* While it is used it is the domain's, whoever wants it. */
	if (!(atomic64_load(&victim->refs) & FRAME_OWNED))
		host_fail("a frame in use was exchanged");
	frame_put_writable(victim);
}

static void exchanged_while_it_is_used(void **state)
{
	void (*const fn[])(void *) = { exchange, use_it, exchange_and_undo };

	(void)state;
	explore(loose_frame, fn, 3);
}

static void exchanged_twice(void **state)
{
	void (*const fn[])(void *) = { exchange, exchange, give_back };

	(void)state;
	explore(loose_frame, fn, 3);
}

/* ---- a builder gives a domain frames while it dies ---- */

static struct domain *other;

static void make_another(void)
{
	other = host_domain_make(8, 1, false);
	atomic32_store(&other->state, DOMAIN_ALIVE);
	(void)!frame_claim(other, 4);
}

static void give_it_frames(void *arg)
{
	struct frame *f;

	(void)arg;
	(void)!frame_alloc_extent(other, 1, ~0UL, &f);
	(void)!frame_claim(other, 6);
}

static void end_it(void *arg)
{
	(void)arg;
	atomic32_store(&other->state, DOMAIN_DYING);
	while (mm_domain_teardown(other))
		;
	stale = false;
}

/* The other CPU has done what it does: nothing may be left. */
static void nothing_is_left(void)
{
	stale |= other->frames.tot_pages != 0 || other->frames.claimed != 0;
}

static void fed_while_it_dies(void **state)
{
	void (*const fn[])(void *) = { give_it_frames, end_it };

	(void)state;
	after = nothing_is_left;
	explore(make_another, fn, 2);
	after = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_back_while_it_is_allocated),
		cmocka_unit_test(our_frame_is_tried_while_it_is_freed),
		cmocka_unit_test(old_table_is_written_after_the_flush),
		cmocka_unit_test(exchanged_while_it_is_used),
		cmocka_unit_test(exchanged_twice),
		cmocka_unit_test(fed_while_it_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
