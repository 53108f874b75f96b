/* SPDX-License-Identifier: MIT */
/*
 * A privileged domain at work on another's memory, as a builder is: it
 * populates it, maps its frames, fills its page tables, pins and changes
 * them. Both domains obey the same laws (the oracle looks), others may not,
 * and nothing that comes after a domain's end keeps it from ending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "host/host.h"
#include "log/log.h"
#include "mm/mm.h"
#include "pte.h"
#include "model/oracle.h"

#define PAGES 40
#define ARG   host_guest_va(0)
#define LIST  host_guest_va(1)
#define SEEN  20 /* the page where the other's frames are mapped */
#define TABLE (PTE_P | PTE_RW | PTE_US)

static struct host_guest g;
static struct domain *other;
static struct vcpu *v;

static int setup(void **state)
{
	(void)state;
	host_init(1024, 1);
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_guest_make(&g, PAGES, 1, true);
	other = host_domain_make(64, 1, false);
	atomic32_store(&other->state, DOMAIN_ALIVE);
	v = g.d->vcpu[0];
	host_vcpu_enter(v);
	host_copy_scrambles = false;
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

static void poke(uint64_t va, const void *src, size_t n)
{
	assert_int_equal(host_guest_write(va, src, n), 0);
}

static long call(hypercall_fn *fn, uint64_t a, uint64_t b, uint64_t c,
		 uint64_t d)
{
	struct call_args args = { .a = { a, b, c, d } };
	long rc;

	while ((rc = fn(v, &args)) == -ERESTART)
		;
	return rc;
}

static uint64_t populate(domid_t id, unsigned int n)
{
	struct xen_memory_reservation r = { .nr_extents = n, .domid = id };
	uint64_t first;

	for (uint64_t pfn = 0; pfn < n; pfn++)
		poke(LIST + pfn * 8, &pfn, 8);
	r.extent_start.p = (xen_pfn_t *)LIST;
	poke(ARG, &r, sizeof(r));
	assert_int_equal(call(hc_memory_op, XENMEM_populate_physmap, ARG, 0, 0),
			 n);
	assert_int_equal(host_guest_read(LIST, &first, 8), 0);
	return first;
}

static uint64_t populated(unsigned int i)
{
	uint64_t m;

	assert_int_equal(host_guest_read(LIST + i * 8, &m, 8), 0);
	return m;
}

static long ext(unsigned int cmd, uint64_t m, uint64_t from, uint64_t domid)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.mfn = m;
	op.arg2.src_mfn = from;
	poke(ARG, &op, sizeof(op));
	return call(hc_mmuext_op, ARG, 1, 0, domid);
}

static long update(uint64_t ptr, uint64_t val, uint64_t domains)
{
	struct mmu_update u = { .ptr = ptr, .val = val };

	poke(ARG, &u, sizeof(u));
	return call(hc_mmu_update, ARG, 1, 0, domains);
}

/* Entries are the domain's of that id; the page is SEEN. */
static long map(uint64_t m, uint64_t bits, domid_t id)
{
	return call(hc_update_va_mapping_otherdomain, host_guest_va(SEEN),
		    m << PAGE_SHIFT | bits, UVMF_INVLPG, id);
}

static void write_entry(uint64_t m, unsigned int idx, uint64_t e)
{
	assert_int_equal(map(m, PTE_P | PTE_RW | PTE_US, other->id), 0);
	poke(host_guest_va(SEEN) + idx * 8UL, &e, 8);
	assert_int_equal(map(0, 0, other->id), 0);
}

/* Four tables over data pages, written through mappings: the builder's way. */
static uint64_t l4, l3, l2, l1, data;

static void build(void)
{
	populate(other->id, 8);
	l4 = populated(0);
	l3 = populated(1);
	l2 = populated(2);
	l1 = populated(3);
	data = populated(4);
	write_entry(l4, 5, l3 << PAGE_SHIFT | TABLE);
	write_entry(l3, 6, l2 << PAGE_SHIFT | TABLE);
	write_entry(l2, 7, l1 << PAGE_SHIFT | TABLE);
	write_entry(l1, 8, data << PAGE_SHIFT | TABLE);
}

static void builds(void **state)
{
	(void)state;
	build();
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, other->id), 0);
	assert_true(frame_has_type(frame_of(mfn(l1)), FRAME_L1));
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, other->id), -EINVAL);
	/* A table of the other's can be seen, not written. */
	assert_int_equal(map(l1, PTE_P | PTE_RW | PTE_US, other->id), -EINVAL);
	assert_int_equal(map(l1, PTE_P | PTE_US, other->id), 0);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(map(0, 0, other->id), 0);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4, 0, other->id), 0);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4, 0, other->id), -EINVAL);
	assert_int_equal(map(l1, PTE_P | PTE_RW | PTE_US, other->id), 0);
}

/* A bad entry is refused for the other as it would be for itself. */
static void its_own_frames_only(void **state)
{
	uint64_t mine = frame_mfn(g.frame[30]).v;

	(void)state;
	build();
	write_entry(l1, 9, mine << PAGE_SHIFT | TABLE);
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, other->id), -EINVAL);
	write_entry(l1, 9, 0);
	/* Named as its own, another's frame is not to be had. */
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, DOMID_SELF), -EINVAL);
	assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, mine, 0, other->id), -EINVAL);
	assert_int_equal(map(mine, TABLE, other->id), -EINVAL);
	assert_int_equal(map(data, TABLE, DOMID_SELF), -EINVAL);
	/* What is of the calling vcpu cannot be another domain's. */
	assert_int_equal(ext(MMUEXT_NEW_BASEPTR, l4, 0, other->id), -EPERM);
	assert_int_equal(ext(MMUEXT_SET_LDT, 0, 0, other->id), -EPERM);
	assert_int_equal(ext(MMUEXT_TLB_FLUSH_ALL, 0, 0, other->id), -EPERM);
}

/* mmu_update: whose tables (high half, plus one), whose frames (low half). */
static void updates(void **state)
{
	uint64_t pt = (uint64_t)(other->id + 1) << 16, fd = other->id;
	uint64_t at = l1, mine = frame_mfn(g.frame[30]).v;

	(void)state;
	build();
	at = l1 << PAGE_SHIFT;
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, other->id), 0);
	assert_int_equal(update(at + 80, data << PAGE_SHIFT | TABLE, pt | fd),
			 0);
	/* Our frame in its table: it would be the other's to write to. */
	assert_int_equal(
		update(at + 88, mine << PAGE_SHIFT | TABLE, pt | DOMID_SELF),
		-EPERM);
	assert_int_equal(update(at + 88, mine << PAGE_SHIFT | TABLE, pt | fd),
			 -EINVAL);
	assert_int_equal(update(at + 80, 0, DOMID_SELF), -EINVAL);
	assert_int_equal(update(at + 80, 0, fd), -EINVAL);
	assert_int_equal(
		update((data << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 77, fd), 0);
	assert_int_equal(arch_m2p[data], 77);
	assert_int_equal(update((data << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 78,
				DOMID_SELF),
			 -EINVAL);
	/* Ordinary memory of the other's. */
	assert_int_equal(update((data << PAGE_SHIFT) + 16, 0x1234, pt | fd), 0);
	assert_int_equal(((uint64_t *)frame_ptr(frame_of(mfn(data))))[2],
			 0x1234);
	assert_int_equal(update(at, 0, (uint64_t)3000 << 16 | fd), -ESRCH);
	assert_int_equal(update(at, 0, pt | 3000), -ESRCH);
	assert_int_equal(update(at | MMU_PT_UPDATE_NO_TRANSLATE,
				data << PAGE_SHIFT | TABLE, pt | fd),
			 0);
	assert_int_equal(update(at | 4, 0, pt | fd), -ENOSYS);
	assert_int_equal(ext(MMUEXT_CLEAR_PAGE, populated(6), 0, other->id), 0);
	assert_int_equal(ext(MMUEXT_COPY_PAGE, populated(6), l1, other->id), 0);
	assert_int_equal(ext(MMUEXT_CLEAR_PAGE, l1, 0, other->id), -EINVAL);
}

static void unprivileged(void **state)
{
	uint64_t pt = (uint64_t)(other->id + 1) << 16, fd = other->id;

	(void)state;
	build();
	g.d->privileged = false;
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, other->id), -EPERM);
	assert_int_equal(update(l1 << PAGE_SHIFT, 0, pt | DOMID_SELF), -EPERM);
	assert_int_equal(update(l1 << PAGE_SHIFT, 0, fd), -EPERM);
	assert_int_equal(map(data, TABLE, other->id), -EPERM);
	assert_int_equal(map(data, TABLE, DOMID_SELF), -EINVAL);
}

static void take_apart(void)
{
	while (mm_domain_teardown(other) == -ERESTART)
		;
	assert_int_equal(other->frames.tot_pages, 0);
}

/*
 * It dies after it was looked up. Whatever is asked for then is refused under
 * the lock, so that nothing is left that its end would have had to undo.
 */
static void dies_meanwhile(void **state)
{
	struct mmuext_op op = { .cmd = MMUEXT_PIN_L4_TABLE };
	uint64_t free = frame_free_pages();
	struct frame *f;

	(void)state;
	build();
	op.arg1.mfn = l4;
	atomic32_store(&other->state, DOMAIN_DYING);
	assert_int_equal(mm_ext_one(v, other, &op), -ESRCH);
	assert_int_equal(frame_alloc_extent(other, 0, ~0UL, &f), -ENOMEM);
	assert_int_equal(frame_claim(other, 60), -EINVAL);
	assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4, 0, other->id), -ESRCH);
	take_apart();
	assert_int_equal(frame_free_pages(), free);
}

/* It dies while pinned, half pinned, mapped and claimed for. */
static void dies_in_the_middle(void **state)
{
	uint64_t free = frame_free_pages();
	struct mm_locked m;
	int rc;

	(void)state;
	build();
	assert_int_equal(frame_claim(other, 20), 0);
	assert_int_equal(map(data, TABLE, other->id), 0);
	host_choose_random(2);
	host_choose_rate(HOST_PREEMPT, 1000);
	m = mm_lock(other);
	rc = mm_get_table(m, frame_of(mfn(l4)), FRAME_L4);
	mm_unlock(m);
	assert_true(rc == -ERESTART || rc == 0);
	if (!rc) {
		m = mm_lock(other);
		while (mm_put_table(m, frame_of(mfn(l4))) == -ERESTART)
			break;
		mm_unlock(m);
	}
	atomic32_store(&other->state, DOMAIN_DYING);
	while (mm_domain_teardown(other) == -ERESTART)
		;
	assert_int_equal(other->frames.claimed, 0);
	/* All but the frame that we still map. */
	assert_int_equal(other->frames.tot_pages, 1);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
	assert_int_equal(other->frames.tot_pages, 0);
	assert_int_equal(frame_free_pages(), free);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(builds),	      TEST(its_own_frames_only),
		TEST(updates),	      TEST(unprivileged),
		TEST(dies_meanwhile), TEST(dies_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
