/* SPDX-License-Identifier: MIT */
/*
 * The laws of page tables, one by one: what may be a table, what an entry may
 * refer to, how we change what the guest wrote; and that interruption at any
 * point, and a processor that sets bits meanwhile, make no difference.
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

static struct host_guest g, h;

static void world(void)
{
	host_init(128, 2);
	host_guest_make(&g, 24, 2, false);
	host_guest_make(&h, 12, 1, false);
	host_vcpu_enter(g.d->vcpu[0]);
}

static int setup(void **state)
{
	(void)state;
	world();
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

static uint64_t mfn_of(const struct frame *f)
{
	return frame_mfn(f).v;
}

static uint64_t entry(const struct frame *f, uint64_t flags)
{
	return mfn_of(f) << PAGE_SHIFT | PTE_P | flags;
}

static uint64_t read_entry(const struct frame *f, unsigned int i)
{
	return ((const uint64_t *)frame_ptr(f))[i];
}

static int ext(unsigned int cmd, uint64_t m)
{
	struct mmuext_op op = { .cmd = cmd };
	int rc;

	op.arg1.mfn = m;
	while ((rc = mm_ext_one(g.d->vcpu[0], g.d, &op)) == -ERESTART)
		if (oracle_check())
			fail_msg("%s", oracle_report());
	return rc;
}

static int pin(const struct frame *f, unsigned int level)
{
	return ext(MMUEXT_PIN_L1_TABLE + level - 1, mfn_of(f));
}

static int unpin(const struct frame *f)
{
	return ext(MMUEXT_UNPIN_TABLE, mfn_of(f));
}

static int update(const struct frame *f, unsigned int i, uint64_t value)
{
	struct mm_locked m;
	int rc;

	do {
		m = mm_lock(g.d);
		rc = mm_update_one(m, g.d, (mfn_of(f) << PAGE_SHIFT) + i * 8,
				   value);
		mm_unlock(m);
	} while (rc == -ERESTART);
	return rc;
}

/* Page i is no longer mapped writable, so that it can be a table. */
static struct frame *protect(unsigned int i)
{
	assert_int_equal(update(g.l1, i, entry(g.frame[i], PTE_A)), 0);
	return g.frame[i];
}

/* Writes into a page as the guest would, before it is a table. */
static void set(const struct frame *f, unsigned int i, uint64_t value)
{
	assert_int_equal(update(f, i, value), 0);
	assert_true(read_entry(f, i) == value);
}

/* ---- what may be a table ---- */

static void page_that_is_mapped_writable_is_no_table(void **state)
{
	(void)state;
	for (unsigned int level = 1; level <= 4; level++)
		assert_int_equal(pin(g.frame[0], level), -EINVAL);
	protect(0);
	assert_int_equal(pin(g.frame[0], 1), 0);
	assert_int_equal(update(g.l1, 0, entry(g.frame[0], PTE_RW)), -EINVAL);
	assert_int_equal(unpin(g.frame[0]), 0);
	assert_int_equal(update(g.l1, 0, entry(g.frame[0], PTE_RW)), 0);
}

static void table_has_one_level(void **state)
{
	(void)state;
	for (unsigned int level = 1; level <= 4; level++) {
		struct frame *f = protect(level);

		assert_int_equal(pin(f, level), 0);
		assert_int_equal(pin(f, level), -EINVAL); /* one pin */
		for (unsigned int k = 1; k <= 4; k++)
			if (k != level)
				assert_int_equal(pin(f, k), -EINVAL);
		assert_int_equal(unpin(f), 0);
		assert_int_equal(unpin(f), -EINVAL);
	}
}

static void others_frames_are_no_tables(void **state)
{
	(void)state;
	assert_int_equal(pin(h.frame[0], 1), -EINVAL);
	assert_int_equal(pin(h.l1, 1), -EINVAL);
	assert_int_equal(unpin(h.l1), -EINVAL);
	assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, 1000000), -EINVAL);
	assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, 0), -EINVAL);
	assert_int_equal(pin(g.d->shared_frame, 1), -EINVAL);
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, mfn_of(h.l4)), -EINVAL);
}

/* ---- what an entry may refer to ---- */

static void writable_entries_for_data_only(void **state)
{
	struct frame *ours = frame_alloc_hv(0);

	(void)state;
	assert_int_equal(update(g.l1, 0, entry(g.l1, PTE_RW)), -EINVAL);
	assert_int_equal(update(g.l1, 0, entry(g.l4, PTE_RW)), -EINVAL);
	assert_int_equal(update(g.l1, 0, entry(g.l4, 0)), 0);
	for (unsigned int rw = 0; rw <= PTE_RW; rw += PTE_RW) {
		assert_int_equal(update(g.l1, 0, entry(h.frame[0], rw)),
				 -EINVAL);
		assert_int_equal(update(g.l1, 0, entry(ours, rw)), -EINVAL);
		assert_int_equal(
			update(g.l1, 0, frame_limit << PAGE_SHIFT | PTE_P | rw),
			-EINVAL);
	}
	assert_int_equal(update(g.l1, 0, entry(g.d->shared_frame, PTE_RW)), 0);
	frame_free_hv(ours, 0);
}

static void tables_lead_one_level_down(void **state)
{
	struct frame *t[5] = { NULL };

	(void)state;
	for (unsigned int level = 1; level <= 4; level++) {
		t[level] = protect(level);
		assert_int_equal(pin(t[level], level), 0);
	}
	for (unsigned int above = 2; above <= 4; above++) {
		for (unsigned int below = 1; below <= 4; below++) {
			int rc = update(t[above], 7, entry(t[below], PTE_RW));

			assert_int_equal(rc, below + 1 == above ? 0 : -EINVAL);
		}
		assert_int_equal(update(t[above], 7, 0), 0);
	}
	assert_int_equal(update(t[2], 7, entry(h.l1, 0)), -EINVAL);
	/* A page that is data now, and one that would be a bad table. */
	assert_int_equal(update(t[2], 7, entry(g.frame[9], 0)), -EINVAL);
	set(g.frame[9], 0, entry(h.frame[0], 0));
	protect(9);
	assert_int_equal(update(t[2], 7, entry(g.frame[9], 0)), -EINVAL);
}

static void tables_do_not_contain_themselves(void **state)
{
	struct frame *f = g.frame[0];

	(void)state;
	for (unsigned int level = 2; level <= 4; level++) {
		set(f, 5, entry(f, 0));
		protect(0);
		assert_int_equal(pin(f, level), -EINVAL);
		assert_int_equal(update(g.l1, 0, entry(f, PTE_RW)), 0);
		set(f, 5, 0);
		protect(0);
		assert_int_equal(pin(f, level), 0);
		assert_int_equal(update(f, 5, entry(f, 0)), -EINVAL);
		assert_int_equal(unpin(f), 0);
		assert_int_equal(update(g.l1, 0, entry(f, PTE_RW)), 0);
	}
	assert_int_equal(update(g.l4, 5, entry(g.l4, 0)), -EINVAL);
}

static void superpages_and_reserved_bits_are_refused(void **state)
{
	(void)state;
	assert_int_equal(update(g.l2, 9, entry(g.frame[0], PTE_PSE)), -EINVAL);
	assert_int_equal(update(g.l2, 9, entry(g.l1, PTE_PSE)), -EINVAL);
	assert_int_equal(update(g.l3, 9, entry(g.l2, PTE_PSE)), -EINVAL);
	assert_int_equal(update(g.l4, 9, entry(g.l3, PTE_PSE)), -EINVAL);
	for (unsigned int bit = 48; bit < 52; bit++)
		assert_int_equal(update(g.l1, 0, entry(g.frame[0], 1UL << bit)),
				 -EINVAL);
}

static void hypervisors_slots_are_ours(void **state)
{
	struct frame *f = g.frame[0];

	(void)state;
	set(f, ABI_HV_SLOT_FIRST, entry(h.frame[0], PTE_RW));
	set(f, ABI_HV_SLOT_LAST, ~0UL);
	protect(0);
	assert_int_equal(pin(f, 4), 0);
	for (unsigned int i = ABI_HV_SLOT_FIRST; i <= ABI_HV_SLOT_LAST; i++) {
		assert_int_equal(update(f, i, 0), -EINVAL);
		assert_int_equal(update(f, i, entry(g.l3, 0)), -EINVAL);
	}
	assert_int_equal(update(f, ABI_HV_SLOT_FIRST - 1, entry(g.l3, 0)), 0);
	assert_int_equal(update(f, ABI_HV_SLOT_LAST + 1, entry(g.l3, 0)), 0);
	assert_int_equal(oracle_check(), 0);
	/* Given back, nothing of ours is left in it. */
	assert_int_equal(unpin(f), 0);
	assert_int_equal(read_entry(f, ABI_HV_SLOT_FIRST), 0);
}

static void bits_become_as_the_laws_say(void **state)
{
	uint64_t cache = PTE_PWT | PTE_PCD | PTE_PAT, free_bits = 7UL << 9;
	uint64_t e;

	(void)state;
	assert_int_equal(
		update(g.l1, 0,
		       entry(g.frame[0], PTE_G | cache | free_bits | PTE_NX)),
		0);
	e = read_entry(g.l1, 0);
	assert_true(e == entry(g.frame[0], PTE_US | free_bits | PTE_NX));
	assert_int_equal(update(g.l2, 9, entry(g.l1, PTE_G | PTE_PCD)), 0);
	assert_true(read_entry(g.l2, 9) == entry(g.l1, PTE_US));
	/* A change of flags alone goes the short way: the same there. */
	assert_int_equal(update(g.l1, 0, entry(g.frame[0], PTE_G | PTE_A)), 0);
	assert_true(read_entry(g.l1, 0) == entry(g.frame[0], PTE_US | PTE_A));
	assert_int_equal(update(g.l1, 0, entry(g.frame[0], 1UL << 51)),
			 -EINVAL);
	/* And in tables that were written before they were tables. */
	set(g.frame[1], 3, entry(g.frame[2], PTE_G | PTE_RW));
	protect(1);
	assert_int_equal(pin(g.frame[1], 1), 0);
	assert_true(read_entry(g.frame[1], 3) ==
		    entry(g.frame[2], PTE_US | PTE_RW));
}

static void refused_entry_changes_nothing(void **state)
{
	uint64_t before = read_entry(g.l1, 0);
	uint64_t refs = g.frame[0]->refs.v, type = g.frame[0]->type.v;

	(void)state;
	assert_int_equal(update(g.l1, 0, entry(h.frame[0], PTE_RW)), -EINVAL);
	assert_int_equal(update(g.l1, 0, entry(g.l2, PTE_RW)), -EINVAL);
	assert_true(read_entry(g.l1, 0) == before);
	assert_true(g.frame[0]->refs.v == refs && g.frame[0]->type.v == type);
}

/* A table is good up to its last entry: all that was taken is given back. */
static void refused_table_gives_all_back(void **state)
{
	struct frame *f = g.frame[0];

	(void)state;
	for (unsigned int i = 0; i < 511; i++)
		set(f, i, entry(g.frame[1 + i % 8], i % 2 ? PTE_RW : 0));
	set(f, 511, entry(h.frame[0], 0));
	protect(0);
	assert_int_equal(pin(f, 1), -EINVAL);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(update(g.l1, 0, entry(f, PTE_RW)), 0);
	set(f, 511, 0);
	protect(0);
	assert_int_equal(pin(f, 1), 0);
	assert_int_equal(g.frame[2]->type.v & FRAME_COUNT_MASK, 65);
	assert_int_equal(unpin(f), 0);
}

/* ---- interruption ---- */

/*
 * Frames 0-5 become an L4 with two L3s, an L2 under each, one L1 for both;
 * bad: the last entry of the second L3 is refused.
 */
static void tree_write(bool bad)
{
	set(g.frame[5], 0, entry(g.frame[8], PTE_RW));
	set(g.frame[5], 300, entry(g.frame[9], 0));
	set(g.frame[3], 1, entry(g.frame[5], PTE_RW));
	set(g.frame[4], 511, entry(g.frame[5], PTE_RW));
	set(g.frame[1], 0, entry(g.frame[3], PTE_RW));
	set(g.frame[2], 2, entry(g.frame[4], PTE_RW));
	if (bad)
		set(g.frame[2], 3, entry(h.l2, PTE_RW));
	set(g.frame[0], 0, entry(g.frame[1], PTE_RW));
	set(g.frame[0], 511, entry(g.frame[2], PTE_RW));
	for (unsigned int i = 0; i < 6; i++)
		protect(i);
}

static void check_is_data_again(void)
{
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(g.frame[i]->type.v & FRAME_COUNT_MASK, 0);
	assert_int_equal(g.frame[8]->type.v & FRAME_COUNT_MASK, 1);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(update(g.l1, i, entry(g.frame[i], PTE_RW)), 0);
}

/* unpin() reports success when the rest is left to be settled later. */
static void settle(void)
{
	while (update(g.l1, 20, read_entry(g.l1, 20)))
		;
	while (g.d->mm.orphan)
		assert_int_equal(update(g.l1, 20, read_entry(g.l1, 20)), 0);
}

static void interrupted_anywhere(bool bad)
{
	unsigned int paths = 0;

	host_fini();
	host_explore_begin(1U << HOST_PREEMPT, 3);
	do {
		world();
		tree_write(bad);
		host_explore_on();
		assert_int_equal(pin(g.frame[0], 4), bad ? -EINVAL : 0);
		if (!bad) {
			assert_int_equal(oracle_check(), 0);
			assert_int_equal(unpin(g.frame[0]), 0);
		}
		settle();
		host_choose_nothing();
		check_is_data_again();
		if (oracle_check())
			fail_msg("path %u: %s", paths, oracle_report());
		host_fini();
		paths++;
	} while (host_explore_next());
	assert_true(paths > 20);
	world();
}

static void good_tree_interrupted_anywhere(void **state)
{
	(void)state;
	interrupted_anywhere(false);
}

static void bad_tree_interrupted_anywhere(void **state)
{
	(void)state;
	interrupted_anywhere(true);
}

/* It is never resumed: other uses of the parts are right all the same. */
static void half_a_tree_is_used_otherwise(void **state)
{
	struct mmuext_op op = { .cmd = MMUEXT_PIN_L4_TABLE };
	unsigned int paths = 0;

	(void)state;
	host_fini();
	host_explore_begin(1U << HOST_PREEMPT, 1);
	do {
		world();
		tree_write(false);
		host_explore_on();
		op.arg1.mfn = mfn_of(g.frame[0]);
		(void)!mm_ext_one(g.d->vcpu[0], g.d, &op);
		host_choose_nothing();
		assert_int_equal(oracle_check(), 0);
		/* Part of it or not, each is a table of its level only. */
		assert_int_equal(pin(g.frame[5], 1), 0);
		assert_int_equal(pin(g.frame[3], 2), 0);
		assert_int_equal(pin(g.frame[2], 3), 0);
		assert_int_equal(update(g.l1, 0, entry(g.frame[0], PTE_RW)),
				 -EINVAL);
		assert_int_equal(oracle_check(), 0);
		host_vcpu_enter(NULL);
		while (mm_domain_teardown(g.d) == -ERESTART)
			;
		assert_int_equal(g.d->frames.tot_pages, 0);
		assert_int_equal(oracle_check(), 0);
		host_fini();
		paths++;
	} while (host_explore_next());
	assert_true(paths > 5);
	world();
}

/* ---- a processor that sets bits meanwhile ---- */

static void bits_set_meanwhile_are_kept(void **state)
{
	uint64_t ptr = mfn_of(g.l1) << PAGE_SHIFT | MMU_PT_UPDATE_PRESERVE_AD;
	uint64_t value = entry(g.frame[0], PTE_US | 1UL << 9);
	unsigned int kept = 0, paths = 0;

	(void)state;
	host_explore_begin(1U << HOST_SET_AD, 1);
	do {
		uint64_t *e = frame_ptr(g.l1);
		struct mm_locked m;

		/* The only entry that can be reached. */
		for (unsigned int i = 1; i < g.nr; i++)
			e[i] &= ~PTE_P;
		e[0] = entry(g.frame[0], PTE_US | PTE_RW);
		host_third_actor(true);
		host_explore_on();
		m = mm_lock(g.d);
		assert_int_equal(mm_update_one(m, g.d, ptr, value), 0);
		mm_unlock(m);
		host_third_actor(false);
		paths++;
		if (host_choices_made(HOST_SET_AD)) {
			assert_true(e[0] & PTE_A);
			kept++;
		}
		assert_true((e[0] & ~(PTE_A | PTE_D)) == value);
		host_choose_nothing();
		assert_int_equal(update(g.l1, 0, entry(g.frame[0], PTE_RW)), 0);
		for (unsigned int i = 1; i < g.nr; i++)
			e[i] |= PTE_P;
	} while (host_explore_next());
	assert_true(paths > 3 && kept == paths - 1);
}

/* mov %rax,(%rdi), executed until it is done, on the entry of page 5. */
static void emulate_mov(uint64_t value)
{
	struct cpu_user_regs *regs = g.d->vcpu[0]->regs;
	unsigned int tries = 0;

	regs->rip = host_guest_va(0);
	regs->rdi = host_guest_va(23) + 5 * 8;
	regs->rax = value;
	while (regs->rip == host_guest_va(0)) {
		assert_true(mm_ptwr_fault(g.d->vcpu[0], regs->rdi));
		assert_true(++tries < 5);
	}
	assert_true(regs->rip == host_guest_va(0) + 3);
}

/*
 * The emulated instruction saw an entry that changes before it is replaced:
 * what was taken for the new entry is given back, and it is executed again.
 */
static void emulated_write_races_with_bits(void **state)
{
	static const uint8_t mov[] = { 0x48, 0x89, 0x07 };
	uint64_t *e = frame_ptr(g.l1), value = entry(g.frame[6], PTE_US);
	unsigned int again = 0;

	(void)state;
	assert_int_equal(host_guest_write(host_guest_va(0), mov, 3), 0);
	for (unsigned int i = 1; i < g.nr - 1; i++)
		if (i != 5)
			assert_int_equal(update(g.l1, i, 0), 0);
	host_choose_random(3);
	for (unsigned int round = 0; round < 10; round++) {
		host_explore_begin(1U << HOST_SET_AD, 1);
		do {
			e[5] &= ~(PTE_A | PTE_D);
			host_third_actor(true);
			host_explore_on();
			emulate_mov(value);
			host_third_actor(false);
			again += host_choices_made(HOST_SET_AD);
			host_choose_nothing();
			assert_true((e[5] & ~(PTE_A | PTE_D)) == value);
			assert_int_equal(oracle_check(), 0);
			assert_int_equal(
				update(g.l1, 5, entry(g.frame[5], PTE_RW)), 0);
		} while (host_explore_next());
	}
	assert_true(again > 10);
}

/* ---- roots ---- */

static void roots_change_and_are_held(void **state)
{
	struct vcpu *v = g.d->vcpu[0];
	struct frame *f = g.frame[0];
	char byte;

	(void)state;
	set(f, 0, entry(g.l3, 0));
	protect(0);
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, mfn_of(f)), 0);
	assert_int_equal(host_root(0), mfn_of(f));
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(host_guest_read(host_guest_va(0), &byte, 1), 0);
	/* The old one is nobody's now, the new one cannot be written. */
	assert_int_equal(g.l4->type.v & FRAME_COUNT_MASK, 0);
	assert_int_equal(update(g.l1, 0, entry(f, PTE_RW)), -EINVAL);
	assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, mfn_of(g.l4)), 0);
	assert_int_equal(host_root(0), mfn_of(f));
	v->trap.kernel_mode = false;
	mm_root_activate(v);
	assert_int_equal(oracle_check(), 0);
	/* The root it translates by does not go. */
	assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, 0), -EINVAL);
	v->trap.kernel_mode = true;
	mm_root_activate(v);
	assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, 0), -EINVAL);
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, mfn_of(g.frame[3])), -EINVAL);
	assert_int_equal(host_root(0), mfn_of(f));
}

/* ---- giving memory back ---- */

static void extent_is_given_back_or_not(void **state)
{
	uint64_t pages = g.d->frames.tot_pages;
	struct frame *f;

	(void)state;
	g.d->frames.max_pages += 4;
	assert_int_equal(frame_alloc_domain(g.d, 2, &f), 0);
	assert_true(frame_disown(&f[3]));
	assert_int_equal(g.d->frames.tot_pages, pages + 3);
	assert_int_equal(mm_decrease(g.d, guest_mfn(mfn_of(f)), 2), -EINVAL);
	assert_int_equal(g.d->frames.tot_pages, pages + 3);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(mm_decrease(g.d, guest_mfn(mfn_of(f)), 1), 0);
	assert_int_equal(mm_decrease(g.d, guest_mfn(mfn_of(f)), 1), -EINVAL);
	assert_int_equal(mm_decrease(g.d, guest_mfn(mfn_of(f) + 2), 0), 0);
	assert_int_equal(g.d->frames.tot_pages, pages);
	assert_int_equal(mm_decrease(g.d, guest_mfn(mfn_of(h.frame[0])), 0),
			 -EINVAL);
	assert_int_equal(
		mm_decrease(g.d, guest_mfn(mfn_of(g.d->shared_frame)), 0),
		-EINVAL);
	assert_int_equal(mm_decrease(g.d, guest_mfn(-1UL), 9), -EINVAL);
}

static void page_given_back_lives_while_it_is_mapped(void **state)
{
	uint64_t m = mfn_of(g.frame[3]);
	char byte = 1;

	(void)state;
	assert_int_equal(mm_decrease(g.d, guest_mfn(m), 0), 0);
	assert_int_equal(mm_decrease(g.d, guest_mfn(m), 0), -EINVAL);
	assert_int_equal(host_guest_write(host_guest_va(3), &byte, 1), 0);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(update(g.l1, 3, 0), 0);
	assert_int_equal(update(g.l1, 3, m << PAGE_SHIFT | PTE_P), -EINVAL);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(page_that_is_mapped_writable_is_no_table),
		TEST(table_has_one_level),
		TEST(others_frames_are_no_tables),
		TEST(writable_entries_for_data_only),
		TEST(tables_lead_one_level_down),
		TEST(tables_do_not_contain_themselves),
		TEST(superpages_and_reserved_bits_are_refused),
		TEST(hypervisors_slots_are_ours),
		TEST(bits_become_as_the_laws_say),
		TEST(refused_entry_changes_nothing),
		TEST(refused_table_gives_all_back),
		TEST(good_tree_interrupted_anywhere),
		TEST(bad_tree_interrupted_anywhere),
		TEST(half_a_tree_is_used_otherwise),
		TEST(bits_set_meanwhile_are_kept),
		TEST(emulated_write_races_with_bits),
		TEST(roots_change_and_are_held),
		TEST(extent_is_given_back_or_not),
		TEST(page_given_back_lives_while_it_is_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
