/* SPDX-License-Identifier: MIT */
/*
 * Direct writes to page tables that must not be carried out as they stand:
 * what crosses an entry, what writes elsewhere than where it faulted, and
 * what saw an entry that is no longer there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "mm/mm.h"
#include "model/oracle.h"
#include "model/update.h"
#include "pte.h"

#define PAGES 24
#define CODE  host_guest_va(0)
#define TABLE host_guest_va(PAGES - 1) /* the first L1, as the guest sees it \
					*/

static struct host_guest g;

static int setup(void **state)
{
	(void)state;
	host_init(128, 1);
	host_guest_make(&g, PAGES, 1, false);
	host_vcpu_enter(g.d->vcpu[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (oracle_check())
		fail_msg("%s", oracle_report());
	host_fini();
	return 0;
}

static uint64_t entry(unsigned int page, uint64_t flags)
{
	return frame_mfn(g.frame[page]).v << PAGE_SHIFT | PTE_P | PTE_US |
	       flags;
}

static uint64_t *l1(void)
{
	return frame_ptr(g.l1);
}

/* The instruction at CODE, with %rdi and %rax; a fault at that address. */
static bool execute(const void *code, size_t n, uint64_t rdi, uint64_t rax,
		    uint64_t fault)
{
	struct cpu_user_regs *regs = g.d->vcpu[0]->regs;

	assert_int_equal(host_guest_write(CODE, code, n), 0);
	regs->rip = CODE;
	regs->rdi = rdi;
	regs->rax = rax;
	return mm_ptwr_fault(g.d->vcpu[0], fault);
}

static const uint8_t mov[] = { 0x48, 0x89, 0x07 }; /* %rax,(%rdi) */
static const uint8_t mov_long[] = { 0x89, 0x07 };  /* %eax,(%rdi) */
static const uint8_t and[] = { 0xf0, 0x48, 0x21, 0x07 };

static void ordinary_writes_are_done(void **state)
{
	(void)state;
	assert_true(execute(mov, 3, TABLE + 40, entry(6, 0), TABLE + 40));
	assert_true(g.d->vcpu[0]->regs->rip == CODE + 3);
	assert_true((l1()[5] & ~(PTE_A | PTE_D)) == entry(6, 0));
}

static void what_crosses_an_entry_is_refused(void **state)
{
	uint64_t before[2] = { l1()[5], l1()[6] };

	(void)state;
	for (unsigned int i = 1; i < 8; i++)
		assert_false(
			execute(mov, 3, TABLE + 40 + i, 0, TABLE + 40 + i));
	assert_false(execute(mov_long, 2, TABLE + 45, 0, TABLE + 45));
	assert_true(execute(mov_long, 2, TABLE + 44, 0, TABLE + 44));
	assert_true(l1()[5] == (before[0] & UINT32_MAX));
	assert_true(l1()[6] == before[1]);
}

static void what_writes_elsewhere_is_refused(void **state)
{
	uint64_t before = l1()[5];

	(void)state;
	assert_false(execute(mov, 3, host_guest_va(3) + 40, 0, TABLE + 40));
	assert_true(l1()[5] == before);
	assert_true(g.d->vcpu[0]->regs->rip == CODE);
}

/*
 * The processor marks the entry while its write bit is being cleared with
 * `lock and`: either the mark came first, and is kept, or the instruction is
 * executed again; it is not lost.
 */
static void marks_of_the_processor_are_kept(void **state)
{
	unsigned int again = 0, seed = 1;
	struct mm_locked m;

	(void)state;
	for (; seed < 40; seed++) {
		host_choose_random(seed);
		host_explore_begin(1U << HOST_SET_AD, 1);
		do {
			bool marked;

			m = mm_lock(g.d);
			assert_int_equal(
				mm_update_one(
					m, g.d,
					(frame_mfn(g.l1).v << PAGE_SHIFT) + 40,
					entry(5, PTE_RW)),
				0);
			mm_unlock(m);
			assert_int_equal(host_guest_write(CODE, and, 4), 0);
			host_explore_on();
			host_third_actor(true);
			assert_true(execute(and, 4, TABLE + 40, ~PTE_RW,
					    TABLE + 40));
			host_third_actor(false);
			marked = host_choices_made(HOST_SET_AD) &&
				 g.d->vcpu[0]->regs->rip == CODE;
			again += marked;
			if (marked)
				assert_true(l1()[5] & PTE_RW);
			host_choose_nothing();
		} while (host_explore_next());
	}
	assert_true(again > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ordinary_writes_are_done, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			what_crosses_an_entry_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_writes_elsewhere_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(marks_of_the_processor_are_kept,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
