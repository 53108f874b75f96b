/* SPDX-License-Identifier: MIT */
/*
 * Shadow tables and the log of written pages. The test that counts: whatever
 * a guest and we do to its memory, a page whose contents differ from the copy
 * that was made when it was last reported is reported again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/control.h"
#include "errno.h"
#include "event/event.h"
#include "host/host.h"
#include "mm/mm.h"
#include "model/oracle.h"
#include "model/update.h"
#include "processor.h"
#include "pte.h"

#define PAGES 40

static struct host_guest g;
static uint64_t bits[DIRTY_LEAF_BITS / 64];
static uint8_t copy[PAGES][PAGE_SIZE];

static void oracle(void)
{
	if (oracle_check())
		fail_msg("%s", oracle_report());
}

static void start(bool log)
{
	int rc;

	host_vcpu_enter(NULL);
	while ((rc = mm_shadow_start(g.d, log)) == -ERESTART)
		oracle();
	assert_int_equal(rc, 0);
	host_vcpu_enter(g.d->vcpu[0]);
}

static int setup(void **state)
{
	(void)state;
	host_init(1024, 2);
	host_guest_make(&g, PAGES, 2, false);
	host_vcpu_enter(g.d->vcpu[0]);
	return 0;
}

/* A 32-bit guest, whose modes have one root. */
static int setup_narrow(void **state)
{
	(void)state;
	host_init(1024, 2);
	host_width = WIDTH_32;
	host_guest_make(&g, PAGES, 2, false);
	host_vcpu_enter(g.d->vcpu[0]);
	return 0;
}

/* The guest runs on companions of the shadows' roots. */
static int setup_separated(void **state)
{
	int rc;

	host_separates_roots = true;
	rc = setup(state);
	host_separates_roots = false;
	return rc;
}

static int teardown(void **state)
{
	(void)state;
	oracle();
	host_fini();
	return 0;
}

static uint64_t va_of(unsigned int i)
{
	return host_guest_va(i);
}

static uint64_t l1_entry(unsigned int i)
{
	return ((const uint64_t *)frame_ptr(g.l1))[i];
}

static bool reported(unsigned int pfn)
{
	return bits[pfn / 64] >> (pfn % 64) & 1;
}

static void take(bool clear)
{
	assert_int_equal(mm_dirty_take(g.d, 0, bits, clear), 0);
	oracle();
}

static int update(unsigned int i, uint64_t value)
{
	struct mm_locked m = mm_lock(g.d);
	uint64_t at = frame_mfn(g.l1).v << PAGE_SHIFT | i * 8;
	int rc = mm_update_one(m, g.d, at, value);

	mm_unlock(m);
	return rc;
}

/* ---- what the guest sees ---- */

static void test_guest_sees_its_own(void **state)
{
	uint64_t word = 0x1234, back = 0;

	(void)state;
	start(false);
	assert_int_equal(host_guest_write(va_of(3) + 8, &word, 8), 0);
	oracle();
	assert_int_equal(host_guest_read(va_of(3) + 8, &back, 8), 0);
	assert_int_equal(back, word);
	assert_true(l1_entry(3) & PTE_D);
	/* Read-only is read-only, absent is absent. */
	assert_int_equal(host_guest_write(va_of(PAGES - 1), &word, 8), -EFAULT);
	assert_int_equal(host_guest_read(va_of(PAGES), &back, 8), -EFAULT);
	assert_int_equal(mm_dirty_take(g.d, 0, bits, true), -EINVAL);
}

static void test_accessed_and_dirty(void **state)
{
	uint64_t word;

	(void)state;
	((uint64_t *)frame_ptr(g.l1))[5] &= ~(PTE_A | PTE_D);
	start(true);
	assert_int_equal(host_guest_read(va_of(5), &word, 8), 0);
	assert_int_equal(l1_entry(5) & (PTE_A | PTE_D), PTE_A);
	assert_int_equal(host_guest_write(va_of(5), &word, 8), 0);
	assert_int_equal(l1_entry(5) & (PTE_A | PTE_D), PTE_A | PTE_D);
	/* Cleared by the guest, it is set by the next write again. */
	assert_int_equal(update(5, l1_entry(5) & ~(PTE_A | PTE_D)), 0);
	arch_flush_local();
	assert_int_equal(host_guest_read(va_of(5), &word, 8), 0);
	assert_false(l1_entry(5) & PTE_D);
	assert_int_equal(host_guest_write(va_of(5), &word, 8), 0);
	assert_true(l1_entry(5) & PTE_D);
}

static void test_fault_error(void **state)
{
	uint32_t error = PF_USER | PF_WRITE;
	struct vcpu *v = g.d->vcpu[0];

	(void)state;
	start(true);
	assert_false(mm_shadow_fault(v, va_of(PAGES - 1), &error));
	assert_int_equal(error, PF_USER | PF_WRITE | PF_PRESENT);
	assert_false(mm_shadow_fault(v, va_of(PAGES), &error));
	assert_int_equal(error, PF_USER | PF_WRITE);
	assert_false(mm_shadow_fault(v, ABI_HV_START, &error));
	assert_int_equal(update(6, l1_entry(6) | PTE_NX), 0);
	error = PF_USER | PF_FETCH;
	assert_false(mm_shadow_fault(v, va_of(6), &error));
	assert_int_equal(error, PF_USER | PF_FETCH | PF_PRESENT);
	error = PF_USER;
	assert_true(mm_shadow_fault(v, va_of(6), &error));
}

#define L2_AT	(pte_index(HOST_VA, 2) + 1U)
#define L2_VA	(HOST_VA + 0x200000)
#define L4_AT	(pte_index(HOST_VA, 4) + 1U)
#define L4_VA	(HOST_VA + (1UL << 39))
#define TABLE	30 /* a page that is a table now and then */
#define ROOT	31 /* a second L4 */
#define SEGDESC 29

static uint64_t entry(unsigned int i, uint64_t flags)
{
	return frame_mfn(g.frame[i]).v << PAGE_SHIFT | PTE_P | PTE_US | flags;
}

static int update_table(const struct frame *table, unsigned int idx,
			uint64_t value)
{
	struct mm_locked m = mm_lock(g.d);
	uint64_t at = frame_mfn(table).v << PAGE_SHIFT | idx * 8;
	int rc;

	while ((rc = mm_update_one(m, g.d, at, value)) == -ERESTART)
		;
	mm_unlock(m);
	return rc;
}

static int ext(unsigned int cmd, unsigned int i, unsigned int src)
{
	struct mmuext_op op = { .cmd = cmd };
	int rc;

	op.arg1.mfn = frame_mfn(g.frame[i]).v;
	op.arg2.src_mfn = frame_mfn(g.frame[src]).v;
	while ((rc = mm_ext_one(g.d->vcpu[0], g.d, &op)) == -ERESTART)
		;
	return rc;
}

/* The page is a table, then data, then another table. */
static void test_table_comes_again(void **state)
{
	uint64_t *table = frame_ptr(g.frame[TABLE]), word = 7, back = 0;

	(void)state;
	start(true);
	for (unsigned int to = 1; to < 4; to++) {
		assert_int_equal(update(TABLE, 0), 0);
		arch_flush_page_local(va_of(TABLE));
		table[0] = entry(to, PTE_RW);
		table[9] = entry(to, 0);
		assert_int_equal(update_table(g.l2, L2_AT, entry(TABLE, PTE_RW)),
				 0);
		assert_int_equal(host_guest_write(L2_VA, &to, sizeof(to)), 0);
		assert_int_equal(host_guest_read(va_of(to), &back, sizeof(to)),
				 0);
		assert_int_equal(back, to);
		oracle();
		assert_int_equal(host_guest_read(L2_VA + 9 * PAGE_SIZE, &back,
						 sizeof(to)),
				 0);
		assert_int_equal(back, to);
		assert_int_equal(update_table(g.l2, L2_AT, 0), 0);
		arch_flush_local();
		assert_int_equal(host_guest_read(L2_VA, &back, 8), -EFAULT);
		assert_int_equal(update(TABLE, entry(TABLE, PTE_RW)), 0);
		assert_int_equal(host_guest_write(va_of(TABLE), &word, 8), 0);
		table[9] = 0;
		oracle();
	}
}

/* Entries of the root, and another root. */
static void test_roots(void **state)
{
	uint64_t *l4 = frame_ptr(g.frame[ROOT]), back;

	(void)state;
	assert_int_equal(update(ROOT, 0), 0);
	memcpy(l4, frame_ptr(g.l4), PAGE_SIZE);
	start(true);
	assert_int_equal(update_table(g.l4, L4_AT,
				      entry(PAGES - 3, PTE_RW)), 0);
	assert_int_equal(host_guest_read(L4_VA, &back, 8), 0);
	oracle();
	assert_int_equal(update_table(g.l4, L4_AT, 0), 0);
	oracle();
	arch_flush_local();
	assert_int_equal(host_guest_read(L4_VA, &back, 8), -EFAULT);
	assert_int_equal(update_table(g.l4, L4_AT,
				      entry(PAGES - 3, PTE_RW)), 0);
	assert_int_equal(host_guest_read(L4_VA, &back, 8), 0);
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, ROOT, 0), 0);
	oracle();
	assert_int_equal(host_guest_read(L4_VA, &back, 8), -EFAULT);
	assert_int_equal(host_guest_read(va_of(1), &back, 8), 0);
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, PAGES - 4, 0), 0);
	assert_int_equal(host_guest_read(L4_VA, &back, 8), 0);
}

/* A root of four entries, and another one. */
static void test_narrow_roots(void **state)
{
	uint64_t *l3 = frame_ptr(g.frame[ROOT]), back;
	uint32_t error = 0;

	(void)state;
	assert_int_equal(update(ROOT, 0), 0);
	memcpy(l3, frame_ptr(g.l3), PAGE_SIZE);
	start(true);
	assert_int_equal(host_guest_read(va_of(1), &back, 8), 0);
	assert_int_equal(update_table(g.l3, 1, entry(PAGES - 2, 0)), 0);
	assert_int_equal(host_guest_read(va_of(1) + (1UL << 30), &back, 8), 0);
	oracle();
	/* The hypervisor's range: there after one fault, and no more faults. */
	assert_true(mm_shadow_fault(g.d->vcpu[0], ABI_HV32_START, &error));
	assert_false(mm_shadow_fault(g.d->vcpu[0], ABI_HV32_START, &error));
	oracle();
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, ROOT, 0), 0);
	oracle();
	assert_int_equal(host_guest_read(va_of(1) + (1UL << 30), &back, 8),
			 -EFAULT);
	assert_int_equal(host_guest_read(va_of(1), &back, 8), 0);
	assert_true(mm_shadow_fault(g.d->vcpu[0], ABI_HV32_START, &error));
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, PAGES - 3, 0), 0);
	assert_int_equal(host_guest_read(va_of(1) + (1UL << 30), &back, 8), 0);
}

/* ---- the log ---- */

/* What we write, by whichever way. */
static void test_log_of_our_writes(void **state)
{
	uint64_t *segments = frame_ptr(g.frame[SEGDESC]), *t;
	uint64_t at = frame_mfn(g.frame[3]).v << PAGE_SHIFT;
	uint64_t gdt = frame_mfn(g.frame[SEGDESC]).v;
	struct mm_locked m;

	(void)state;
	assert_int_equal(update(SEGDESC, 0), 0);
	assert_int_equal(update(TABLE, 0), 0);
	segments[1] = 0x00cf93000000ffff; /* DPL 0: becomes 3 */
	t = frame_ptr(g.frame[TABLE]);
	t[5] = entry(5, PTE_G);
	start(true);
	assert_int_equal(ext(MMUEXT_CLEAR_PAGE, 1, 0), 0);
	assert_int_equal(ext(MMUEXT_COPY_PAGE, 2, 4), 0);
	assert_int_equal(mm_descriptor_update(g.d, at, 0), 0);
	m = mm_lock(g.d);
	assert_int_equal(mm_update_one(m, g.d, at + 4096, 5), 0);
	mm_unlock(m);
	assert_int_equal(mm_gdt_set(g.d->vcpu[0], &gdt, 512), 0);
	assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, TABLE, 0), 0);
	take(true);
	assert_true(reported(1) && reported(2) && reported(3) && reported(4));
	assert_true(reported(SEGDESC) && reported(TABLE));
	assert_false(reported(5));
	assert_int_equal(event_vcpu_info_move(g.d->vcpu[0],
						 guest_mfn(frame_mfn(g.frame[6]).v), 0),
			 0);
	for (unsigned int i = 0; i < 3; i++) {
		take(true);
		assert_true(reported(6));
	}
}

static void test_log(void **state)
{
	uint64_t word = 1;

	(void)state;
	start(true);
	assert_int_equal(host_guest_write(va_of(1), &word, 8), 0);
	assert_int_equal(host_guest_read(va_of(2), &word, 8), 0);
	assert_int_equal(guest_copy_to(va_of(4), &word, 8), 0);
	take(false);
	assert_true(reported(1) && reported(4));
	assert_false(reported(2));
	take(true);
	assert_true(reported(1) && reported(4));
	take(true);
	assert_false(reported(1) || reported(4));
	assert_int_equal(host_guest_write(va_of(1), &word, 8), 0);
	take(true);
	assert_true(reported(1));
	dirty_put_back(g.d, 0, bits);
	take(true);
	assert_true(reported(1));
}

/* Whoever asks for some pages takes nothing of the others. */
static void test_log_in_part(void **state)
{
	struct xen_domctl op = {
		.u.shadow_op = { .op = XEN_DOMCTL_SHADOW_OP_CLEAN, .pages = 3 },
	};
	uint64_t word = 1;

	(void)state;
	start(true);
	op.u.shadow_op.dirty_bitmap.p = (uint8_t *)va_of(10);
	for (unsigned int i = 1; i < 6; i++)
		assert_int_equal(host_guest_write(va_of(i), &word, 8), 0);
	assert_int_equal(control_shadow(g.d, &op), 0);
	assert_int_equal(op.u.shadow_op.stats.dirty_count, 2);
	take(true);
	assert_false(reported(1) || reported(2));
	assert_true(reported(3) && reported(4) && reported(5));
}

static void test_log_of_tables(void **state)
{
	(void)state;
	start(true);
	take(true);
	assert_int_equal(update(7, l1_entry(7) & ~PTE_RW), 0);
	take(true);
	assert_true(reported(PAGES - 1));
	assert_false(reported(7));
}

/* Other contents come to a place of the guest's without a write. */
static void test_log_of_places(void **state)
{
	uint64_t at = frame_mfn(g.frame[3]).v << PAGE_SHIFT;
	struct mm_locked m;

	(void)state;
	start(true);
	take(true);
	m = mm_lock(g.d);
	assert_int_equal(mm_update_one(m, g.d, at | MMU_MACHPHYS_UPDATE, 77),
			 0);
	mm_unlock(m);
	take(true);
	assert_true(reported(77));
	assert_false(reported(3));
}

static void test_pfns_beyond(void **state)
{
	uint64_t word = 1;

	(void)state;
	mm_m2p_set(g.frame[1], DIRTY_PFNS);
	mm_m2p_set(g.frame[2], M2P_INVALID);
	mm_m2p_set(g.frame[3], DIRTY_PFNS - 1);
	start(true);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(host_guest_write(va_of(i), &word, 8), 0);
	assert_int_equal(mm_dirty_take(g.d, DIRTY_LEAVES, bits, true), -EINVAL);
	assert_int_equal(mm_dirty_take(g.d, DIRTY_LEAVES - 1, bits, true), 0);
	assert_true(reported(DIRTY_LEAF_BITS - 1));
}

static void test_no_memory_for_the_log(void **state)
{
	uint64_t word = 1;

	(void)state;
	start(true);
	host_choose_random(1);
	host_choose_rate(HOST_ALLOC_FAIL, 1000);
	assert_int_equal(host_guest_write(va_of(1), &word, 8), 0);
	host_choose_nothing();
	assert_int_equal(mm_dirty_take(g.d, 0, bits, true), -ENOMEM);
}

/* ---- on and off ---- */

static void test_busy(void **state)
{
	(void)state;
	assert_int_equal(mm_shadow_start(g.d, true), -EBUSY);
	start(true);
	assert_int_equal(mm_shadow_pages(g.d), 64 + 4 * 2);
	assert_int_equal(mm_shadow_start(g.d, true), -EEXIST);
	assert_int_equal(mm_shadow_stop(g.d), -EBUSY);
	host_vcpu_enter(NULL);
	assert_int_equal(mm_shadow_stop(g.d), 0);
	assert_int_equal(mm_shadow_stop(g.d), 0);
	assert_int_equal(mm_dirty_take(g.d, 0, bits, true), -EINVAL);
}

/* As in the guest's own roots. */
static void test_programs_see_no_m2p(void **state)
{
	const uint64_t *user, *kernel;

	(void)state;
	start(false);
	user = frame_ptr(g.d->vcpu[1]->mm.shadow_root[0]);
	kernel = frame_ptr(g.d->vcpu[1]->mm.shadow_root[1]);
	assert_int_equal(user[ABI_HV_SLOT_FIRST], 0);
	assert_int_not_equal(kernel[ABI_HV_SLOT_FIRST], 0);
}

/* Its end may be past the point where this would be taken apart. */
static void test_dying(void **state)
{
	uint64_t before = frame_free_pages();

	(void)state;
	host_vcpu_enter(NULL);
	atomic32_store(&g.d->state, DOMAIN_DYING);
	assert_int_equal(mm_shadow_start(g.d, true), -ESRCH);
	assert_int_equal(frame_free_pages(), before);
}

/* Memory may run out at every step, and everything may be interrupted. */
static void test_start_fails_whole(void **state)
{
	uint64_t before = frame_free_pages();
	unsigned int failed = 0;

	(void)state;
	host_vcpu_enter(NULL);
	for (unsigned int seed = 0; seed < 300; seed++) {
		int rc;

		host_choose_random(seed);
		host_choose_rate(HOST_ALLOC_FAIL, 20);
		host_choose_rate(HOST_PREEMPT, 300);
		while ((rc = mm_shadow_start(g.d, false)) == -ERESTART)
			oracle();
		host_choose_rate(HOST_ALLOC_FAIL, 0);
		oracle();
		if (rc) {
			assert_int_equal(rc, -ENOMEM);
			failed++;
		} else {
			while ((rc = mm_shadow_stop(g.d)) == -ERESTART)
				oracle();
			assert_int_equal(rc, 0);
		}
		assert_int_equal(frame_free_pages(), before);
	}
	host_choose_nothing();
	assert_in_range(failed, 1, 299);
}

/* ---- whatever happens ---- */

static void *page_at(unsigned int pfn)
{
	return frame_ptr(g.frame[pfn]);
}

/* Pages that are not reported are what they were. */
static void compare(bool clear)
{
	take(clear);
	for (unsigned int i = 0; i < PAGES; i++) {
		if (reported(i))
			memcpy(copy[i], page_at(i), PAGE_SIZE);
		else if (memcmp(copy[i], page_at(i), PAGE_SIZE))
			fail_msg("page %u was written unnoticed", i);
	}
}

static unsigned int any(unsigned int n)
{
	return (unsigned int)(host_random() % n);
}

/* A page that few entries map, so that it can be a table now and then. */
static unsigned int any_table(void)
{
	return TABLE - any(4);
}

static void step(void)
{
	unsigned int i = any(PAGES), to = any(PAGES);
	uint64_t word = any(2) ? host_random() : 0;
	uint64_t flags = PTE_P | (any(3) ? PTE_RW : 0) | (any(2) ? PTE_D : 0);
	int rc = 0;

	switch (any(10)) {
	case 0:
	case 1:
		rc = host_guest_write(va_of(i) + 8 * any(512), &word, 8);
		break;
	case 2:
		rc = host_guest_read(va_of(any(2 * PAGES)), &word, 8);
		break;
	case 3:
		rc = guest_copy_to(va_of(i) + 8 * any(511) + 3, &word, 8);
		break;
	case 4:
		/* Not so many that nothing can be a table any more. */
		rc = update(i, any(4) ? frame_mfn(g.frame[to]).v << PAGE_SHIFT |
						flags
				      : 0);
		arch_flush_page_local(va_of(i));
		break;
	case 5:
		rc = ext(any(2) ? MMUEXT_PIN_L1_TABLE : MMUEXT_UNPIN_TABLE,
			 any_table(), 0);
		break;
	case 6:
		rc = update_table(g.l2, L2_AT, any(3) ? entry(any_table(), PTE_RW)
						    : 0);
		break;
	case 7:
		rc = host_guest_write(L2_VA + 4096UL * any(PAGES), &word, 8);
		break;
	case 8:
		rc = ext(any(2) ? MMUEXT_COPY_PAGE : MMUEXT_CLEAR_PAGE, i, to);
		break;
	default:
		compare(any(4));
		break;
	}
	(void)rc; /* any answer will do: the oracle and compare() judge */
}

static void test_nothing_is_missed(void **state)
{
	(void)state;
	start(true);
	host_choose_random(7);
	host_choose_rate(HOST_PREFETCH, 50);
	host_choose_rate(HOST_SET_AD, 50);
	host_tlb_cache_upper = true;
	for (unsigned int i = 0; i < PAGES; i++)
		memcpy(copy[i], page_at(i), PAGE_SIZE);
	for (unsigned int n = 0; n < 20000; n++) {
		step();
		if (n % 16 == 0)
			oracle();
	}
	host_tlb_cache_upper = false;
	host_choose_nothing();
	compare(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define S(name) \
	cmocka_unit_test_setup_teardown(name, setup_separated, teardown)
#define N(name) \
	cmocka_unit_test_setup_teardown(name, setup_narrow, teardown)
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_guest_sees_its_own),    T(test_accessed_and_dirty),
		T(test_fault_error),	       T(test_log),
		T(test_table_comes_again),     T(test_roots),
		T(test_log_of_our_writes),
		T(test_log_in_part),
		T(test_log_of_tables),     T(test_log_of_places),
			       T(test_pfns_beyond),
		T(test_no_memory_for_the_log), T(test_busy),
		T(test_start_fails_whole),     T(test_nothing_is_missed),
		N(test_guest_sees_its_own),    N(test_accessed_and_dirty),
		N(test_narrow_roots),	       N(test_table_comes_again),
		N(test_busy),		       N(test_start_fails_whole),
		N(test_nothing_is_missed),
		T(test_programs_see_no_m2p),   S(test_programs_see_no_m2p),
		T(test_dying),
		S(test_guest_sees_its_own),    S(test_roots),
		S(test_start_fails_whole),     S(test_nothing_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
