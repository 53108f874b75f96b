/* SPDX-License-Identifier: MIT */
/*
 * The adversary's memory: a guest's accesses go through tables and a TLB
 * that forgets nothing on its own; copies fault where the explorer says,
 * and what was read once is not there a second time.
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

static struct host_guest g;

static int setup(void **state)
{
	(void)state;
	host_init(64, 2);
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

static uint64_t *l1_entry(unsigned int i)
{
	return (uint64_t *)frame_ptr(g.l1) + i;
}

static void guest_reads_what_it_wrote(void **state)
{
	char out[] = "across a page", in[sizeof(out)];

	(void)state;
	assert_int_equal(
		host_guest_write(host_guest_va(1) - 5, out, sizeof(out)), 0);
	assert_int_equal(host_guest_read(host_guest_va(1) - 5, in, sizeof(in)),
			 0);
	assert_string_equal(in, out);
	assert_memory_equal((char *)frame_ptr(g.frame[0]) + PAGE_SIZE - 5, out,
			    5);
	assert_true(*l1_entry(0) & PTE_D);
}

static void tables_cannot_be_written(void **state)
{
	uint64_t e = 0;

	(void)state;
	assert_int_equal(host_guest_read(host_guest_va(15), &e, 8), 0);
	assert_int_equal(e, *l1_entry(0));
	assert_int_equal(host_guest_write(host_guest_va(15), &e, 8), -EFAULT);
	assert_int_equal(host_fault_va, host_guest_va(15));
	assert_int_equal(host_guest_read(host_guest_va(16), &e, 8), -EFAULT);
	assert_int_equal(host_guest_read(ABI_HV_START, &e, 8), -EFAULT);
}

static void stale_translation_lives_until_flushed(void **state)
{
	uint64_t old = *l1_entry(0);
	char byte = 1;

	(void)state;
	assert_int_equal(host_guest_write(host_guest_va(0), &byte, 1), 0);
	*l1_entry(0) = 0;
	assert_int_equal(host_guest_write(host_guest_va(0), &byte, 1), 0);
	arch_flush_page_local(host_guest_va(1));
	assert_int_equal(host_guest_write(host_guest_va(0), &byte, 1), 0);
	arch_flush_page_local(host_guest_va(0));
	assert_int_equal(host_guest_write(host_guest_va(0), &byte, 1), -EFAULT);
	*l1_entry(0) = old;
}

static void clean_page_is_looked_up_again_for_writing(void **state)
{
	uint64_t old = *l1_entry(0);
	char byte;

	(void)state;
	*l1_entry(0) &= ~PTE_D;
	assert_int_equal(host_guest_read(host_guest_va(0), &byte, 1), 0);
	*l1_entry(0) &= ~PTE_RW;
	assert_int_equal(host_guest_write(host_guest_va(0), &byte, 1), -EFAULT);
	*l1_entry(0) = old;
}

static void upper_levels_are_cached_when_asked(void **state)
{
	uint64_t *l2 = (uint64_t *)frame_ptr(g.l2) + pte_index(HOST_VA, 2);
	uint64_t old = *l2;
	char byte;

	(void)state;
	host_tlb_cache_upper = true;
	assert_int_equal(host_guest_read(host_guest_va(0), &byte, 1), 0);
	*l2 = 0;
	assert_int_equal(host_guest_read(host_guest_va(1), &byte, 1), 0);
	arch_flush_page_local(host_guest_va(9));
	assert_int_equal(host_guest_read(host_guest_va(0), &byte, 1), 0);
	assert_int_equal(host_guest_read(host_guest_va(2), &byte, 1), -EFAULT);
	*l2 = old;
}

static void other_cpus_flush_when_asked(void **state)
{
	(void)state;
	host_tlb_fill(0);
	assert_true(host_tlb_size(0) >= 16);
	host_cpu_select(1);
	arch_flush_cpus(1, true, host_guest_va(3));
	assert_true(host_tlb_size(0) >= 15);
	assert_null(host_tlb_lookup(0, 1, host_guest_va(3)));
	arch_flush_cpus(3, false, 0);
	assert_int_equal(host_tlb_size(0), 0);
	host_cpu_select(0);
}

static void copies_respect_the_guests_rights(void **state)
{
	uint64_t v = 42, w = 0;

	(void)state;
	assert_int_equal(arch_copy_to_guest(host_guest_va(0), &v, 8), 0);
	assert_int_equal(arch_copy_from_guest(&w, host_guest_va(0), 8), 0);
	assert_int_equal(w, 42);
	assert_int_equal(arch_copy_to_guest(host_guest_va(12), &v, 8), -EFAULT);
	assert_int_equal(arch_copy_from_guest(&w, ABI_HV_START, 8), -EFAULT);
	assert_int_equal(arch_copy_from_guest(&w, ABI_HV_START - 8, 16),
			 -EFAULT);
	assert_int_equal(arch_copy_from_guest(&w, -4UL, 8), -EFAULT);
	assert_int_equal(arch_copy_from_guest(&w, (1UL << 47) - 4, 8), -EFAULT);
	assert_int_equal(arch_copy_from_guest(&w, -1UL, 0), 0);
}

static void copy_faults_at_any_byte(void **state)
{
	static const uint8_t after_three[] = { 4 };
	uint8_t out[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, in[8] = { 0 };

	(void)state;
	host_choose_script(after_three, 1);
	assert_int_equal(arch_copy_to_guest(host_guest_va(0), out, 8), -EFAULT);
	assert_int_equal(host_guest_read(host_guest_va(0), in, 8), 0);
	assert_memory_equal(in, ((uint8_t[]){ 1, 2, 3, 0, 0, 0, 0, 0 }), 8);
	assert_int_equal(arch_copy_to_guest(host_guest_va(0), out, 8), 0);
}

static void second_fetch_finds_something_else(void **state)
{
	uint64_t v = 0x1122334455667788, a, b;

	(void)state;
	host_copy_scrambles = true;
	assert_int_equal(arch_copy_to_guest(host_guest_va(0), &v, 8), 0);
	host_copy_begin();
	assert_int_equal(arch_copy_from_guest(&a, host_guest_va(0), 8), 0);
	assert_int_equal(host_copy_read_twice(), 0);
	assert_int_equal(a, v);
	assert_int_equal(arch_copy_from_guest(&b, host_guest_va(0) + 4, 8), 0);
	assert_int_equal(host_copy_read_twice(), 4);
	assert_int_not_equal((uint32_t)b, a >> 32);
	/* What a guest cannot write stays. */
	v = *l1_entry(0);
	assert_int_equal(arch_copy_from_guest(&a, host_guest_va(15), 8), 0);
	assert_int_equal(*l1_entry(0), v);
}

static void third_actor_sets_bits(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 16; i++)
		*l1_entry(i) &= ~(PTE_A | PTE_D);
	host_choose_random(1);
	host_choose_rate(HOST_SET_AD, 1000);
	host_third_actor(true);
	for (unsigned int i = 0; i < 1000; i++)
		arch_yield_point();
	host_third_actor(false);
	for (unsigned int i = 0; i < 16; i++) {
		assert_true(*l1_entry(i) & PTE_A);
		assert_int_equal(!(*l1_entry(i) & PTE_D), i >= 12);
	}
}

static void read_through(void *arg)
{
	uint64_t byte;
	int rc = host_guest_read(*(uint64_t *)arg, &byte, 1);

	assert_int_equal(rc, 0);
}

static void hardware_complains_of_bad_tables(void **state)
{
	uint64_t va = host_guest_va(0);
	uint64_t *l2 = (uint64_t *)frame_ptr(g.l2) + pte_index(HOST_VA, 2);
	uint64_t old = *l2;

	(void)state;
	*l2 = old | PTE_PSE;
	assert_true(host_fails(read_through, &va));
	assert_non_null(strstr(host_failure(), "superpage"));
	*l2 = (old & ~PTE_ADDR) | 64 << PAGE_SHIFT;
	assert_true(host_fails(read_through, &va));
	assert_non_null(strstr(host_failure(), "frame 0x40"));
	*l2 = old | 1UL << 50;
	assert_true(host_fails(read_through, &va));
	assert_non_null(strstr(host_failure(), "reserved"));
	*l2 = old;
	assert_false(host_fails(read_through, &va));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(guest_reads_what_it_wrote),
		TEST(tables_cannot_be_written),
		TEST(stale_translation_lives_until_flushed),
		TEST(clean_page_is_looked_up_again_for_writing),
		TEST(upper_levels_are_cached_when_asked),
		TEST(other_cpus_flush_when_asked),
		TEST(copies_respect_the_guests_rights),
		TEST(copy_faults_at_any_byte),
		TEST(second_fetch_finds_something_else),
		TEST(third_actor_sets_bits),
		TEST(hardware_complains_of_bad_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
