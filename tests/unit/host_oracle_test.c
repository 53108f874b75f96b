/* SPDX-License-Identifier: MIT */
/*
 * The oracle itself: a world made by the shipped functions satisfies it, and
 * each law that is broken by hand is reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "mm/mm.h"
#include "pte.h"
#include "model/oracle.h"

static struct host_guest a, b;

static int setup(void **state)
{
	(void)state;
	host_init(128, 2);
	host_guest_make(&a, 16, 1, false);
	host_guest_make(&b, 16, 1, false);
	host_vcpu_enter(a.d->vcpu[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

static uint64_t *l1_entry(unsigned int i)
{
	return (uint64_t *)frame_ptr(a.l1) + i;
}

static void good_world(void **state)
{
	(void)state;
	host_tlb_cache_upper = true;
	host_tlb_fill(0);
	if (oracle_check())
		fail_msg("%s", oracle_report());
}

/* The oracle complains, and says that. */
static void expect(const char *what)
{
	if (!oracle_check())
		fail_msg("the oracle saw nothing");
	if (!strstr(oracle_report(), what))
		fail_msg("not \"%s\" but: %s", what, oracle_report());
}

static void sees_wrong_counts(void **state)
{
	(void)state;
	a.frame[0]->refs.v++;
	expect("2 references expected, 3 found");
	a.frame[0]->refs.v -= 2;
	expect("2 references expected, 1 found");
	a.frame[0]->refs.v++;
	a.frame[0]->type.v++;
	expect("1 uses as 1 expected, 2 found");
	a.frame[0]->type.v--;
	assert_int_equal(oracle_check(), 0);
}

static void sees_a_table_mapped_writable(void **state)
{
	(void)state;
	*l1_entry(15) |= PTE_RW;
	expect("writable, which has type 2");
}

static void sees_a_foreign_frame(void **state)
{
	uint64_t to = frame_mfn(b.frame[3]).v;

	(void)state;
	*l1_entry(3) = (*l1_entry(3) & ~PTE_ADDR) | to << PAGE_SHIFT;
	expect("of dom2");
}

static void sees_our_frame(void **state)
{
	uint64_t to = frame_mfn(frame_alloc_hv(0)).v;

	(void)state;
	*l1_entry(3) = (*l1_entry(3) & ~PTE_ADDR) | to << PAGE_SHIFT;
	expect("our frame");
}

static void sees_a_hypervisor_slot(void **state)
{
	(void)state;
	((uint64_t *)frame_ptr(a.l4))[260] |= PTE_US;
	expect("not ours");
}

static void sees_a_global_entry(void **state)
{
	(void)state;
	*l1_entry(2) |= PTE_G;
	expect("L1");
}

static void sees_wrong_structure(void **state)
{
	uint64_t *l2 = (uint64_t *)frame_ptr(a.l2) + pte_index(HOST_VA, 2);

	(void)state;
	*l2 = (*l2 & ~PTE_ADDR) | frame_mfn(a.l3).v << PAGE_SHIFT;
	expect("L2");
}

static void sees_a_stale_writable_translation(void **state)
{
	char byte = 0;

	(void)state;
	assert_int_equal(host_guest_write(host_guest_va(0), &byte, 1), 0);
	*l1_entry(0) = 0;
	a.frame[0]->refs.v--;
	a.frame[0]->type.v = (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT;
	assert_int_equal(oracle_check(), 0);
	a.frame[0]->type.v = (uint64_t)FRAME_L1 << FRAME_TYPE_SHIFT;
	expect("cpu 0 can write");
	arch_flush_page_local(host_guest_va(0));
	assert_int_equal(oracle_check(), 0);
}

static void sees_a_stale_translation_of_another_owner(void **state)
{
	struct frame *f = b.frame[0];
	char byte;

	(void)state;
	assert_int_equal(host_guest_read(host_guest_va(15), &byte, 1), 0);
	*l1_entry(15) = 0;
	a.l1->refs.v--;
	assert_int_equal(oracle_check(), 0);
	a.l1->owner = f->owner;
	expect("was dom1's and is dom2's");
}

static void sees_a_stale_upper_entry(void **state)
{
	uint64_t *l2 = (uint64_t *)frame_ptr(a.l2) + pte_index(HOST_VA, 2);
	char byte;

	(void)state;
	host_tlb_cache_upper = true;
	assert_int_equal(host_guest_read(host_guest_va(0), &byte, 1), 0);
	*l2 = 0;
	a.l1->type.v = (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT;
	expect("as a table of level 1");
}

static void sees_lists_that_lie(void **state)
{
	struct frame *f = frame_of(mfn(a.d->frames.first));

	(void)state;
	a.d->frames.tot_pages++;
	expect("tot_pages");
	a.d->frames.tot_pages--;
	a.d->frames.first = f->next;
	expect("not on its owner's list");
	a.d->frames.first = (uint32_t)frame_mfn(f).v;
	assert_int_equal(oracle_check(), 0);
	f = frame_alloc_hv(0);
	f->refs.v = 0;
	expect("lost");
}

static void sees_a_root_that_is_no_root(void **state)
{
	(void)state;
	arch_root_load(frame_mfn(b.l4));
	expect("loaded, its vcpu has");
}

static void sees_what_tests_declare(void **state)
{
	(void)state;
	assert_true(frame_get_writable(a.frame[1], a.d));
	expect("2 references expected, 3 found");
	oracle_expect(frame_mfn(a.frame[1]).v, 1, FRAME_WRITABLE, 1);
	assert_int_equal(oracle_check(), 0);
	oracle_forget();
	frame_put_writable(a.frame[1]);
	assert_int_equal(oracle_check(), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(good_world),
		TEST(sees_wrong_counts),
		TEST(sees_a_table_mapped_writable),
		TEST(sees_a_foreign_frame),
		TEST(sees_our_frame),
		TEST(sees_a_hypervisor_slot),
		TEST(sees_a_global_entry),
		TEST(sees_wrong_structure),
		TEST(sees_a_stale_writable_translation),
		TEST(sees_a_stale_translation_of_another_owner),
		TEST(sees_a_stale_upper_entry),
		TEST(sees_lists_that_lie),
		TEST(sees_a_root_that_is_no_root),
		TEST(sees_what_tests_declare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
