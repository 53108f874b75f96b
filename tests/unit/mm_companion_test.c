/* SPDX-License-Identifier: MIT */
/*
 * Companions: what a guest runs on where it must not run on tables that map
 * the hypervisor. The oracle compares them with their roots; here is what it
 * cannot see: that the guest's accesses go that way, and what happens at the
 * limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/host.h"
#include "mm/entry.h"
#include "mm/mm.h"
#include "model/oracle.h"
#include "model/update.h"
#include "pte.h"

#define CPUS 2

static struct host_guest g;

static int setup(void **state)
{
	(void)state;
	host_init(256, CPUS);
	host_separates_roots = true;
	host_guest_make(&g, 32, 2, false);
	host_vcpu_enter(g.d->vcpu[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(oracle_check(), 0);
	host_fini();
	return 0;
}

static uint64_t entry_of(const struct frame *f, unsigned int i)
{
	return ((uint64_t *)frame_ptr(f))[i];
}

static uint64_t companion_entry(unsigned int cpu, unsigned int i)
{
	uint64_t *c = arch_frame_ptr(mfn(g.l4->companion + cpu));

	return c[i];
}

static int update(const struct frame *f, unsigned int i, uint64_t value)
{
	struct mm_locked m = mm_lock(g.d);
	int rc = mm_update_one(m, g.d, (frame_mfn(f).v << PAGE_SHIFT) + i * 8,
			       value);

	mm_unlock(m);
	return rc;
}

static int ext(unsigned int cmd, const struct frame *f)
{
	struct mmuext_op op = { .cmd = cmd, .arg1.mfn = frame_mfn(f).v };
	int rc;

	while ((rc = mm_ext_one(g.d->vcpu[0], g.d, &op)) == -ERESTART)
		;
	return rc;
}

/* An empty frame of the guest's that nothing maps writable any more. */
static struct frame *blank(unsigned int i)
{
	assert_int_equal(update(g.l1, i, 0), 0);
	return g.frame[i];
}

static void the_guest_runs_on_it(void **state)
{
	uint64_t word = 5;

	(void)state;
	assert_int_equal(host_root(0), frame_mfn(g.l4).v);
	assert_int_equal(host_guest_root(0), g.l4->companion);
	assert_int_equal(host_guest_write(host_guest_va(3), &word, 8), 0);
	host_cpu_select(1);
	assert_int_equal(
		mm_root_set(g.d->vcpu[1], false, guest_mfn(frame_mfn(g.l4).v)),
		0);
	host_vcpu_enter(g.d->vcpu[1]);
	assert_int_equal(host_guest_root(1), g.l4->companion + 1);
	assert_int_equal(host_guest_read(host_guest_va(3), &word, 8), 0);
	assert_int_equal(word, 5);
	host_cpu_select(0);
}

/* With every way to write one, and whatever bits the guest asks for. */
static void entries_change_in_both(void **state)
{
	uint64_t to_l3 = entry_of(g.l4, 0) & ~(PTE_A | PTE_D);

	(void)state;
	for (unsigned int flags = 0; flags < 3; flags++) {
		struct mm_locked m = mm_lock(g.d);
		uint64_t at = (frame_mfn(g.l4).v << PAGE_SHIFT) + 300 * 8;

		at |= flags == 1 ? MMU_PT_UPDATE_PRESERVE_AD : 0;
		assert_int_equal(mm_update_one(m, g.d, at, to_l3), 0);
		mm_unlock(m);
		/* Hardware would set the bit in one of them alone. */
		assert_int_equal(entry_of(g.l4, 300), to_l3 | PTE_A);
		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(companion_entry(cpu, 300),
					 to_l3 | PTE_A);
		assert_int_equal(update(g.l4, 300, 0), 0);
		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(companion_entry(cpu, 300), 0);
	}
	assert_int_equal(update(g.l4, 260, to_l3), -EINVAL);
	assert_int_equal(companion_entry(0, 260), 0);
}

static void hardware_sets_no_bits_in_it(void **state)
{
	uint64_t word, va = host_guest_va(1) | 0xffffUL << 48 | 300UL << 39;

	(void)state;
	assert_int_equal(update(g.l4, 300, entry_of(g.l4, 0) & ~PTE_A), 0);
	assert_int_equal(host_guest_read(va, &word, 8), 0);
	assert_int_equal(companion_entry(0, 300), entry_of(g.l4, 300));
	assert_int_equal(update(g.l4, 300, 0), 0);
}

/* It is made when validation ends, and gone when the last use is. */
static void lives_as_long_as_the_root_is_one(void **state)
{
	struct frame *l4 = blank(5);
	uint64_t free = frame_free_pages();

	(void)state;
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4), 0);
	assert_int_equal(frame_free_pages(), free - CPUS);
	assert_int_equal(g.d->mm.companions, 2);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4), 0);
	assert_int_equal(g.d->mm.companions, 1);
	/* A table of another level has none. */
	assert_int_equal(ext(MMUEXT_PIN_L3_TABLE, l4), 0);
	assert_int_equal(g.d->mm.companions, 1);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4), 0);
	/* One is kept for the next root, until the domain goes. */
	assert_int_equal(frame_free_pages(), free - CPUS);
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4), 0);
	assert_int_equal(frame_free_pages(), free - CPUS);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4), 0);
	companion_spare_free(g.d);
	assert_int_equal(frame_free_pages(), free);
}

/* Then the table is what it was, whatever it led to. */
static void refused_without_memory(void **state)
{
	struct frame *l4 = blank(5), *held[256];
	unsigned int n = 0;

	(void)state;
	((uint64_t *)frame_ptr(l4))[7] = entry_of(g.l4, 0);
	while ((held[n] = frame_alloc_hv(0)))
		n++;
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4), -ENOMEM);
	assert_int_equal(g.d->mm.companions, 1);
	assert_int_equal(oracle_check(), 0);
	while (n--)
		frame_free_hv(held[n], 0);
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4), 0);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4), 0);
}

/* A domain cannot have all our memory by it. */
static void a_domain_has_so_many(void **state)
{
	unsigned int left;

	(void)state;
	g.d->mm.companions += 62;
	left = (unsigned int)mm_companion_pages(32) / CPUS - g.d->mm.companions;
	assert_int_equal(left, 2);
	for (unsigned int i = 4; i < 4 + left; i++)
		assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, blank(i)), 0);
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, blank(10)), -ENOMEM);
	for (unsigned int i = 4; i < 4 + left; i++)
		assert_int_equal(ext(MMUEXT_UNPIN_TABLE, g.frame[i]), 0);
	g.d->mm.companions -= 62;
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_guest_runs_on_it),
		TEST(entries_change_in_both),
		TEST(hardware_sets_no_bits_in_it),
		TEST(lives_as_long_as_the_root_is_one),
		TEST(refused_without_memory),
		TEST(a_domain_has_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
