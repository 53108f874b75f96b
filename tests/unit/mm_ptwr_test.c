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
#define TABLE                                                          \
	host_guest_va(PAGES - 1) /* the first L1, as the guest sees it \
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
static const uint8_t or [] = { 0xf0, 0x48, 0x09, 0x07 };

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

static void entry_set(unsigned int i, uint64_t value)
{
	struct mm_locked m = mm_lock(g.d);
	uint64_t at = (frame_mfn(g.l1).v << PAGE_SHIFT) + 8 * i;

	assert_int_equal(mm_update_one(m, g.d, at, value), 0);
	mm_unlock(m);
}

/* One path: 1 when the instruction has to be executed again. */
static unsigned int marked_meanwhile(bool more)
{
	uint64_t flags = more ? 0 : PTE_RW;
	bool again;

	entry_set(5, entry(5, flags));
	host_explore_on();
	host_third_actor(true);
	assert_true(execute(more ? or : and, 4, TABLE + 40,
			    more ? PTE_RW : ~PTE_RW, TABLE + 40));
	host_third_actor(false);
	again = g.d->vcpu[0]->regs->rip == CODE;
	assert_true(!again || (l1()[5] & PTE_RW) == flags);
	host_choose_nothing();
	if (oracle_check())
		fail_msg("%s", oracle_report());
	return again;
}

/*
 * The processor marks the entry while its write bit is being set or cleared
 * with a locked instruction: either the mark came first, and is kept, or
 * nothing has happened, and the instruction is executed again.
 */
static void marks_of_the_processor_are_kept(void **state)
{
	unsigned int again[2] = { 0 };

	(void)state;
	/* Few other paths for the processor to mark. */
	for (unsigned int i = 1; i < PAGES - 1; i++)
		entry_set(i, 0);
	for (unsigned int seed = 1; seed < 40; seed++) {
		host_choose_random(seed);
		host_explore_begin(1U << HOST_SET_AD, 1);
		do
			again[seed & 1] += marked_meanwhile(seed & 1);
		while (host_explore_next());
	}
	assert_true(again[0] > 0 && again[1] > 0);
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
