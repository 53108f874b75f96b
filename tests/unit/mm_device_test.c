/* SPDX-License-Identifier: MIT */
/*
 * Numbers that are no RAM, in the tables of domains that may use them and of
 * others: the attacks are RAM by calling it a device, devices by calling them
 * one's own, frames of the hypervisor, numbers beyond everything, and entries
 * that outlive the permission. After each the oracle recounts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "call/call.h"
#include "host/host.h"
#include "log/log.h"
#include "mm/entry.h"
#include "pte.h"
#include "model/oracle.h"

#define PAGES 40
#define ARG   host_guest_va(0)
#define SEEN  20 /* the page where things are mapped */
#define RO    (PTE_P | PTE_US)
#define RW    (RO | PTE_RW)
#define HOLE  0UL	  /* a device below the last of RAM */
#define FAR   frame_limit /* and one above */
#define SHOWN (HOST_RESERVED_FRAMES - 1UL)

static struct host_guest g;
static struct domain *other;
static struct vcpu *v;

static int setup(void **state)
{
	(void)state;
	host_init(1024, 1);
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_guest_make(&g, PAGES, 1, true);
	arch_access_give(g.d);
	other = host_domain_make(64, 1, false);
	v = g.d->vcpu[0];
	host_vcpu_enter(v);
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

static long map(uint64_t m, uint64_t bits, domid_t id)
{
	struct call_args args = { .a = { host_guest_va(SEEN),
					 m << PAGE_SHIFT | bits, UVMF_INVLPG,
					 id } };

	return hc_update_va_mapping_otherdomain(v, &args);
}

static uint64_t entry(void)
{
	return ((uint64_t *)frame_ptr(g.l1))[SEEN];
}

static uint64_t mapped(uint64_t m)
{
	return (frame_of(mfn(m))->refs.v & FRAME_COUNT_MASK) - 1;
}

static long update(uint64_t ptr, uint64_t val, uint64_t domains)
{
	struct mmu_update u = { .ptr = ptr, .val = val };
	struct call_args args = { .a = { ARG, 1, 0, domains } };

	assert_int_equal(host_guest_write(ARG, &u, sizeof(u)), 0);
	return hc_mmu_update(v, &args);
}

static void maps_and_unmaps(void **state)
{
	static const uint64_t bits[] = { RO, RW, RO | PTE_PCD, RW | PTE_PWT,
					 RW | PTE_CACHE };
	const uint64_t at[] = { HOLE, FAR, FAR + HOST_DEVICES - 1 };
	const domid_t ids[] = { DOMID_SELF, DOMID_IO };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at) * ARRAY_SIZE(bits) * 2; i++) {
		uint64_t m = at[i / 2 % ARRAY_SIZE(at)];
		uint64_t b = bits[i / 2 / ARRAY_SIZE(at)];

		assert_int_equal(map(m, b, ids[i % 2]), 0);
		assert_int_equal(entry() & ~(PTE_A | PTE_D),
				 m << PAGE_SHIFT | b);
		assert_int_equal(mapped(m), 1);
		if (i % 5 == 0)
			assert_int_equal(oracle_check(), 0);
	}
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
	assert_int_equal(mapped(HOLE) + mapped(FAR), 0);
}

/* The same frame with other rights: counted as what it then is. */
static void rights_change(void **state)
{
	(void)state;
	assert_int_equal(map(FAR, RO, DOMID_SELF), 0);
	assert_int_equal(map(FAR, RW | PTE_PCD, DOMID_SELF), 0);
	assert_int_equal(entry() & (PTE_CACHE | PTE_RW), PTE_PCD | PTE_RW);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(map(FAR, RO | PTE_PWT, DOMID_SELF), 0);
	assert_int_equal(entry() & (PTE_CACHE | PTE_RW), PTE_PWT);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(map(FAR, RW, DOMID_IO), 0);
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
}

static void ram_stays_write_back(void **state)
{
	uint64_t mine = frame_mfn(g.frame[3]).v;

	(void)state;
	assert_int_equal(map(mine, RO | PTE_CACHE, DOMID_SELF), 0);
	assert_int_equal(entry() & PTE_CACHE, 0);
	assert_int_equal(map(mine, RW | PTE_PCD, DOMID_SELF), 0);
	assert_int_equal(entry() & PTE_CACHE, 0);
}

static void ram_is_no_device(void **state)
{
	struct frame *ours = frame_alloc_hv(0), *theirs;

	(void)state;
	assert_non_null(ours);
	assert_int_equal(frame_alloc_domain(other, 0, &theirs), 0);
	for (unsigned int rw = 0; rw < 2; rw++) {
		uint64_t b = rw ? RW : RO;

		assert_int_equal(map(frame_mfn(g.frame[3]).v, b, DOMID_IO),
				 -EINVAL);
		assert_int_equal(map(frame_mfn(theirs).v, b, DOMID_IO),
				 -EINVAL);
		assert_int_equal(map(frame_mfn(ours).v, b, DOMID_IO), -EINVAL);
		assert_int_equal(map(frame_mfn(ours).v, b, DOMID_XEN), -EINVAL);
		assert_int_equal(map(frame_mfn(g.l4).v, b, DOMID_IO), -EINVAL);
		assert_int_equal(map(SHOWN, b, DOMID_IO), -EINVAL);
		assert_int_equal(map(HOLE, b, DOMID_XEN), -EINVAL);
		/* A free one. */
		assert_int_equal(map(frame_limit - 1, b, DOMID_IO), -EINVAL);
	}
	/* Nor a table, nor a place for events, nor anybody's page. */
	assert_int_equal(update(FAR << PAGE_SHIFT, 1, DOMID_SELF), -EINVAL);
	assert_int_equal(update(HOLE << PAGE_SHIFT, 1, DOMID_SELF), -EINVAL);
	assert_int_equal(
		update(HOLE << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 1, DOMID_IO),
		-EINVAL);
	assert_int_equal(
		update(SHOWN << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 1, DOMID_XEN),
		-EINVAL);
	frame_free_hv(ours, 0);
}

static void numbers_beyond(void **state)
{
	const uint64_t at[] = { ARCH_FRAMES, 1UL << 35, (1UL << 36) - 1,
				PTE_ADDR >> PAGE_SHIFT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		assert_int_equal(map(at[i], RW, DOMID_SELF), -EINVAL);
		assert_int_equal(map(at[i], RO, DOMID_IO), -EINVAL);
	}
}

static void by_permission_only(void **state)
{
	struct ranges *set = &g.d->access.memory;

	(void)state;
	g.d->privileged = false;
	assert_int_equal(domain_set_use(g.d, set, 0, ~0UL, false), 0);
	assert_int_equal(map(FAR, RO, DOMID_SELF), -EINVAL);
	assert_int_equal(map(FAR, RO, DOMID_IO), -EINVAL);
	assert_int_equal(map(HOLE, RO, DOMID_SELF), -EINVAL);
	assert_int_equal(map(HOLE, RO, DOMID_IO), -EINVAL);
	assert_int_equal(map(HOLE, RW, DOMID_IO), -EINVAL);
	assert_int_equal(domain_set_use(g.d, set, FAR, FAR, true), 0);
	assert_int_equal(map(FAR, RW, DOMID_SELF), 0);
	assert_int_equal(map(FAR + 1, RO, DOMID_SELF), -EINVAL);
	assert_int_equal(map(SHOWN, RO, DOMID_XEN), -EPERM);
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
	g.d->privileged = true;
	/* Another's permission is not one's own, nor does one lend it. */
	assert_int_equal(map(FAR, RO, other->id), -EINVAL);
}

/* What was mapped stays, and may only become less. */
static void permission_withdrawn(void **state)
{
	struct ranges *set = &g.d->access.memory;

	(void)state;
	assert_int_equal(map(FAR, RO, DOMID_SELF), 0);
	assert_int_equal(domain_set_use(g.d, set, FAR, FAR, false), 0);
	assert_int_equal(map(FAR, RW, DOMID_SELF), -EINVAL);
	assert_int_equal(map(FAR, RW, DOMID_IO), -EINVAL);
	assert_int_equal(entry() & PTE_RW, 0);
	assert_int_equal(domain_set_use(g.d, set, HOLE, HOLE, false), 0);
	assert_int_equal(map(HOLE, RO, DOMID_IO), -EINVAL);
	assert_int_equal(map(FAR, RO | PTE_NX, DOMID_SELF), 0);
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
	assert_int_equal(mapped(FAR), 0);
	assert_int_equal(map(FAR, RO, DOMID_SELF), -EINVAL);
}

/* A whole table is checked by the same rule, and gives all back. */
static void whole_tables(void **state)
{
	struct frame *f;
	struct mm_locked m;
	uint64_t *table;

	(void)state;
	g.d->frames.max_pages++;
	assert_int_equal(frame_alloc_domain(g.d, 0, &f), 0);
	table = frame_ptr(f);
	table[0] = HOLE << PAGE_SHIFT | RW | PTE_PCD;
	table[511] = FAR << PAGE_SHIFT | RO;
	m = mm_lock(g.d);
	assert_int_equal(mm_get_table(m, f, FRAME_L1), 0);
	assert_int_equal(mapped(HOLE) + mapped(FAR), 2);
	assert_int_equal(table[0], HOLE << PAGE_SHIFT | RW | PTE_PCD);
	assert_int_equal(mm_put_table(m, f), 0);
	/* The last entry is refused: the first is taken back. */
	table[511] = ARCH_FRAMES << PAGE_SHIFT | RO;
	assert_int_equal(mm_get_table(m, f, FRAME_L1), -EINVAL);
	mm_unlock(m);
	assert_int_equal(mapped(HOLE) + mapped(FAR), 0);
}

/* The m2p's frames: read-only, and only for the privileged. */
static void shown_frames(void **state)
{
	(void)state;
	assert_int_equal(map(SHOWN, RW, DOMID_XEN), -EINVAL);
	assert_int_equal(map(SHOWN, RO, DOMID_SELF), -EINVAL);
	assert_int_equal(map(SHOWN, RO, DOMID_XEN), 0);
	assert_int_equal(map(SHOWN, RW, DOMID_XEN), -EINVAL);
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
	assert_int_equal(mapped(SHOWN), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(maps_and_unmaps),	    TEST(rights_change),
		TEST(ram_stays_write_back), TEST(ram_is_no_device),
		TEST(numbers_beyond),	    TEST(by_permission_only),
		TEST(permission_withdrawn), TEST(whole_tables),
		TEST(shown_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
