/* SPDX-License-Identifier: MIT */
/*
 * Frames that change their owner by an entry that waits for them, entries
 * that change places, and pages on loan in the log of written pages.
 */
#include "grant_world.h"
#include "grant/entry.h"

#define REF 20

static struct frame *gift;

static struct grant_entry_v1 *entry(uint32_t ref)
{
	return &dom[1].d->grant.page[0].v1[ref];
}

static void wait_for(uint16_t flags, domid_t from)
{
	*entry(REF) = (struct grant_entry_v1){ flags, from, 333 };
}

/* dom[0] has a frame that nothing refers to, dom[1] room for one. */
static void gift_make(void)
{
	dom[0].d->frames.max_pages = 100;
	assert_int_equal(frame_alloc_domain(dom[0].d, 0, &gift), 0);
	memset(frame_ptr(gift), 0x77, PAGE_SIZE);
}

static int setup(void **state)
{
	int rc = world_setup(state);

	assert_int_equal(grant_grow(dom[1].d, 1), 0);
	dom[1].d->frames.max_pages = PAGES + 1;
	gift_make();
	return rc;
}

static int transfer(uint64_t m, domid_t to, uint32_t ref)
{
	struct gnttab_transfer t = { .mfn = m, .domid = to, .ref = ref };

	assert_int_equal(OP(on(0), GNTTABOP_transfer, t), 0);
	return t.status;
}

static int give(void)
{
	return transfer(frame_mfn(gift).v, dom[1].d->id, REF);
}

static void test_given(void **state)
{
	uint64_t m = frame_mfn(gift).v;

	(void)state;
	wait_for(GTF_accept_transfer, dom[0].d->id);
	assert_int_equal(give(), GNTST_okay);
	assert_int_equal(gift->owner, dom[1].d->id);
	assert_int_equal(entry(REF)->flags, GTF_accept_transfer |
						    GTF_transfer_committed |
						    GTF_transfer_completed);
	assert_int_equal(entry(REF)->frame, m);
	assert_int_equal(arch_m2p[m], 333);
	assert_int_equal(((char *)frame_ptr(gift))[9], 0x77);
	assert_int_equal(dom[0].d->frames.tot_pages, PAGES);
	assert_int_equal(dom[1].d->frames.tot_pages, PAGES + 1);
	assert_int_equal(give(), GNTST_bad_page); /* not his any more */
}

/* Who may not use an entry changes none of its bits: here they say that the
 * frame has come, and its owner may be waiting for that. */
static void test_refused_use(void **state)
{
	const uint16_t came = GTF_accept_transfer | GTF_transfer_committed |
			      GTF_transfer_completed;
	struct gnttab_map_grant_ref m = { .flags = GNTMAP_device_map,
					  .ref = REF,
					  .dom = dom[1].d->id };

	(void)state;
	wait_for(GTF_accept_transfer, dom[0].d->id);
	assert_int_equal(give(), GNTST_okay);
	assert_int_equal(OP(on(0), GNTTABOP_map_grant_ref, m), 0);
	assert_int_equal(m.status, GNTST_general_error);
	assert_int_equal(entry(REF)->flags, came);
}

/* Nobody gets it, and it is gone. */
static void lost(int status)
{
	uint64_t free_before = frame_free_pages();

	assert_int_equal(give(), status);
	assert_int_equal(dom[0].d->frames.tot_pages, PAGES);
	assert_int_equal(dom[1].d->frames.tot_pages, PAGES);
	assert_int_equal(frame_free_pages(), free_before + 1);
	gift_make();
}

static void test_lost(void **state)
{
	(void)state;
	lost(GNTST_general_error); /* an empty entry */
	wait_for(GTF_permit_access, dom[0].d->id);
	lost(GNTST_general_error);
	wait_for(GTF_accept_transfer, 9);
	lost(GNTST_general_error);
	wait_for(GTF_accept_transfer | GTF_transfer_committed, dom[0].d->id);
	lost(GNTST_general_error);
	wait_for(GTF_accept_transfer, dom[0].d->id);
	dom[1].d->frames.max_pages = PAGES;
	lost(GNTST_general_error); /* no room */
	assert_int_equal(entry(REF)->flags, GTF_accept_transfer);
	dom[1].d->frames.max_pages = PAGES + 1;
	atomic32_store(&dom[1].d->state, DOMAIN_DYING);
	lost(GNTST_bad_domain);
	atomic32_store(&dom[1].d->state, DOMAIN_ALIVE);
	assert_int_equal(transfer(frame_mfn(gift).v, 77, REF),
			 GNTST_bad_domain);
	gift_make();
	assert_int_equal(transfer(frame_mfn(gift).v, dom[1].d->id, 9999),
			 GNTST_general_error);
}

static void test_kept(void **state)
{
	(void)state;
	wait_for(GTF_accept_transfer, dom[0].d->id);
	/* Mapped; a table; the other's; none; its table of grants. */
	assert_int_equal(
		transfer(frame_mfn(dom[0].frame[7]).v, dom[1].d->id, REF),
		GNTST_bad_page);
	assert_int_equal(transfer(frame_mfn(dom[0].l1).v, dom[1].d->id, REF),
			 GNTST_bad_page);
	assert_int_equal(
		transfer(frame_mfn(dom[1].frame[7]).v, dom[1].d->id, REF),
		GNTST_bad_page);
	assert_int_equal(transfer(~0UL, dom[1].d->id, REF), GNTST_bad_page);
	assert_int_equal(grant_grow(dom[0].d, 1), 0);
	assert_int_equal(
		transfer(arch_frame_of_ptr(dom[0].d->grant.page[0].shared).v,
			 dom[1].d->id, REF),
		GNTST_bad_page);
	assert_int_equal(entry(REF)->flags, GTF_accept_transfer);
	assert_int_equal(dom[0].d->frames.tot_pages, PAGES + 1);
}

static void test_swap(void **state)
{
	struct gnttab_swap_grant_ref s[3] = { { REF, REF + 1, 1 },
					      { REF, REF, 1 },
					      { REF, 512, 1 } };
	struct vcpu *v = on(1);

	(void)state;
	*entry(REF) = (struct grant_entry_v1){ 1, 2, 3 };
	*entry(REF + 1) = (struct grant_entry_v1){ 4, 5, 6 };
	assert_int_equal(op(v, GNTTABOP_swap_grant_ref, s, sizeof(s[0]), 3), 0);
	assert_int_equal(s[0].status, GNTST_okay);
	assert_int_equal(s[1].status, GNTST_okay);
	assert_int_equal(s[2].status, GNTST_bad_gntref);
	assert_int_equal(entry(REF)->flags, 4);
	assert_int_equal(entry(REF)->frame, 6);
	assert_int_equal(entry(REF + 1)->domid, 2);
}

static void test_loan_in_log(void **state)
{
	struct frame *f = dom[1].frame[5], *read = dom[1].frame[6];
	struct gnttab_map_grant_ref m[2] = {
		{ .flags = GNTMAP_device_map, .ref = REF },
		{ .flags = GNTMAP_device_map | GNTMAP_readonly,
		  .ref = REF + 1 },
	};
	struct gnttab_swap_grant_ref s = { REF, REF + 2, 0 };
	struct grant_unmap u = { 0 };
	struct domain *d = dom[1].d;
	uint64_t leaf[512];
	unsigned int done;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		m[i].dom = d->id;
		*entry(REF + i) = (struct grant_entry_v1){
			GTF_permit_access, dom[0].d->id,
			(uint32_t)frame_mfn(i ? read : f).v
		};
	}
	assert_int_equal(op(on(0), GNTTABOP_map_grant_ref, m, sizeof(m[0]), 2),
			 0);
	assert_int_equal(OP(on(1), GNTTABOP_swap_grant_ref, s), 0);
	assert_int_equal(s.status, GNTST_eagain);
	assert_int_equal(dirty_start(d), 0);
	for (unsigned int round = 0; round < 2; round++) {
		grant_note_dirty(d);
		assert_int_equal(dirty_take(d, 0, leaf, true), 0);
		assert_int_equal(leaf[0], 1UL << 5);
	}
	u.op.handle = m[0].handle;
	u.op.dev_bus_addr = m[0].dev_bus_addr;
	assert_int_equal(grant_unmap(on(0), &u, 1, false, &done), 0);
	assert_int_equal(dirty_take(d, 0, leaf, true), 0);
	assert_int_equal(leaf[0], 1UL << 5);
	grant_note_dirty(d);
	assert_int_equal(dirty_take(d, 0, leaf, true), 0);
	assert_int_equal(leaf[0], 0);
	dirty_stop(d);
	dirty_exit(d);
}

static void test_cache(void **state)
{
	struct gnttab_cache_flush c = { .op = GNTTAB_CACHE_CLEAN,
					.length = 64 };

	(void)state;
	c.a.dev_bus_addr = frame_mfn(dom[1].frame[5]).v << PAGE_SHIFT;
	assert_int_equal(OP(on(1), GNTTABOP_cache_flush, c), 0);
	assert_int_equal(OP(on(0), GNTTABOP_cache_flush, c), 0);
	c.offset = PAGE_SIZE - 63;
	assert_int_equal(OP(on(1), GNTTABOP_cache_flush, c), -EINVAL);
	c.offset = 0;
	c.op = GNTTAB_CACHE_INVAL;
	assert_int_equal(OP(on(1), GNTTABOP_cache_flush, c), -EOPNOTSUPP);
	c.op = GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_SOURCE_GREF;
	assert_int_equal(OP(on(1), GNTTABOP_cache_flush, c), -EINVAL);
	c.op = GNTTAB_CACHE_CLEAN;
	c.a.dev_bus_addr = frame_mfn(dom[0].frame[5]).v << PAGE_SHIFT;
	assert_int_equal(OP(on(1), GNTTABOP_cache_flush, c), -EPERM);
	c.a.dev_bus_addr = ~0UL;
	assert_int_equal(OP(on(1), GNTTABOP_cache_flush, c), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
		TEST(test_given), TEST(test_lost),	  TEST(test_kept),
		TEST(test_swap),  TEST(test_loan_in_log), TEST(test_cache),
		TEST(test_refused_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
