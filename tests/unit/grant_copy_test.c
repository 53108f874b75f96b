/* SPDX-License-Identifier: MIT */
/*
 * Copies between granted pages and own ones: each kind of side, what is
 * refused, parts of a page, entries that pass on another's, and what the log
 * of written pages is told.
 */
#include "grant_world.h"
#include "grant/entry.h"

#define THEIRS 5 /* dom[1]'s page, granted to dom[0] as entry REF */
#define MINE   6 /* dom[0]'s */
#define REF    20

static char *page_of(unsigned int who, unsigned int i)
{
	return frame_ptr(dom[who].frame[i]);
}

static struct grant_entry_v1 *entry(void)
{
	return &dom[1].d->grant.page[0].v1[REF];
}

static int setup(void **state)
{
	int rc = world_setup(state);

	assert_int_equal(grant_grow(dom[1].d, 1), 0);
	*entry() = (struct grant_entry_v1){
		.flags = GTF_permit_access,
		.domid = dom[0].d->id,
		.frame = (uint32_t)frame_mfn(dom[1].frame[THEIRS]).v,
	};
	for (unsigned int i = 0; i < PAGE_SIZE; i++) {
		page_of(1, THEIRS)[i] = (char)i;
		page_of(0, MINE)[i] = (char)(i / 16);
	}
	return rc;
}

static struct gnttab_copy_ptr by_ref(uint16_t offset)
{
	return (struct gnttab_copy_ptr){ .u.ref = REF,
					 .domid = dom[1].d->id,
					 .offset = offset };
}

static struct gnttab_copy_ptr by_frame(unsigned int i, uint16_t offset)
{
	return (struct gnttab_copy_ptr){ .u.gmfn = frame_mfn(dom[0].frame[i]).v,
					 .domid = DOMID_SELF,
					 .offset = offset };
}

static int copy(struct gnttab_copy_ptr from, struct gnttab_copy_ptr to,
		uint16_t len, uint16_t flags)
{
	struct gnttab_copy c = {
		.source = from, .dest = to, .len = len, .flags = flags
	};

	assert_int_equal(OP(on(0), GNTTABOP_copy, c), 0);
	return c.status;
}

static void test_kinds(void **state)
{
	char *theirs = page_of(1, THEIRS), *mine = page_of(0, MINE);

	(void)state;
	assert_int_equal(
		copy(by_ref(10), by_frame(MINE, 100), 200, GNTCOPY_source_gref),
		GNTST_okay);
	assert_memory_equal(mine + 100, theirs + 10, 200);
	assert_int_equal((unsigned char)mine[99], 99 / 16);
	assert_int_equal((unsigned char)mine[300], 300 / 16);
	assert_int_equal(copy(by_frame(MINE, 0), by_ref(0), PAGE_SIZE,
			      GNTCOPY_dest_gref),
			 GNTST_okay);
	assert_memory_equal(mine, theirs, PAGE_SIZE);
	assert_int_equal(
		copy(by_frame(MINE, 0), by_frame(MINE + 1, 0), PAGE_SIZE, 0),
		GNTST_okay);
	assert_memory_equal(mine, page_of(0, MINE + 1), PAGE_SIZE);
	/* Within one page, overlapping. */
	assert_int_equal(copy(by_ref(0), by_ref(1), 100,
			      GNTCOPY_source_gref | GNTCOPY_dest_gref),
			 GNTST_okay);
	assert_memory_equal(theirs + 1, mine, 100);
	assert_int_equal(copy(by_ref(PAGE_SIZE), by_ref(PAGE_SIZE), 0,
			      GNTCOPY_source_gref | GNTCOPY_dest_gref),
			 GNTST_okay);
	assert_int_equal(entry()->flags, GTF_permit_access);
}

static void test_refused(void **state)
{
	struct gnttab_copy_ptr p = by_ref(0);
	uint64_t table = frame_mfn(dom[0].l1).v;

	(void)state;
	assert_int_equal(copy(by_ref(1), by_frame(MINE, 0), PAGE_SIZE,
			      GNTCOPY_source_gref),
			 GNTST_bad_copy_arg);
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0xffff), 1, GNTCOPY_source_gref),
		GNTST_bad_copy_arg);
	/* A page of one's own goes by its frame and SELF only. */
	p = by_frame(MINE, 0);
	p.domid = dom[0].d->id;
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, 0),
			 GNTST_permission_denied);
	p.domid = dom[1].d->id;
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, 0),
			 GNTST_permission_denied);
	p = by_frame(MINE, 0);
	p.u.gmfn = table;
	assert_int_equal(copy(by_frame(MINE, 0), p, 1, 0), GNTST_general_error);
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, 0), GNTST_okay);
	p.u.gmfn = frame_mfn(dom[1].frame[3]).v;
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, 0), GNTST_bad_page);
	p.u.gmfn = ~0UL >> 12;
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, 0), GNTST_bad_page);
	p = by_ref(0);
	p.domid = 77;
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, GNTCOPY_source_gref),
			 GNTST_bad_domain);
	p = by_ref(0);
	p.u.ref = 512;
	assert_int_equal(copy(p, by_frame(MINE, 0), 1, GNTCOPY_source_gref),
			 GNTST_bad_gntref);
	entry()->flags |= GTF_readonly;
	assert_int_equal(
		copy(by_frame(MINE, 0), by_ref(0), 1, GNTCOPY_dest_gref),
		GNTST_general_error);
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 1, GNTCOPY_source_gref),
		GNTST_okay);
	entry()->domid = 9;
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 1, GNTCOPY_source_gref),
		GNTST_general_error);
	assert_int_equal(entry()->flags, GTF_permit_access | GTF_readonly);
}

/* Sides that copies share, and that they do not; with pauses. */
static void test_array(void **state)
{
	struct gnttab_copy c[60];
	char want[60];

	(void)state;
	host_choose_random(7);
	host_choose_rate(HOST_PREEMPT, 200);
	for (unsigned int i = 0; i < 60; i++) {
		c[i] = (struct gnttab_copy){
			.source = by_ref((uint16_t)(i * 3)),
			.dest = by_frame(MINE + i / 7 % 2, (uint16_t)i),
			.len = 1,
			.flags = GNTCOPY_source_gref,
		};
		if (i % 20 == 5)
			c[i].source.u.ref = REF + 1;
		want[i] = (char)(i * 3);
	}
	assert_int_equal(op(on(0), GNTTABOP_copy, c, sizeof(c[0]), 60), 0);
	for (unsigned int i = 0; i < 60; i++) {
		assert_int_equal(c[i].status, i % 20 == 5 ? GNTST_general_error
							  : GNTST_okay);
		if (i % 20 != 5)
			assert_int_equal(page_of(0, MINE + i / 7 % 2)[i],
					 want[i]);
	}
	assert_int_equal(entry()->flags, GTF_permit_access);
	host_choose_nothing();
	assert_int_equal(op(on(0), GNTTABOP_copy, c, sizeof(c[0]), 0), 0);
}

static union grant_entry_v2 *entry_v2(unsigned int who, uint32_t ref)
{
	if (dom[who].d->grant.version != 2) {
		assert_int_equal(grant_grow(dom[who].d, 1), 0);
		assert_int_equal(grant_version_set(dom[who].d, 2), 0);
	}
	return &dom[who].d->grant.page[0].v2[ref];
}

static void test_part(void **state)
{
	union grant_entry_v2 *e = entry_v2(1, REF);

	(void)state;
	e->sub_page.page_off = 100;
	e->sub_page.length = 50;
	e->sub_page.frame = frame_mfn(dom[1].frame[THEIRS]).v;
	e->hdr.domid = dom[0].d->id;
	e->hdr.flags = GTF_permit_access | GTF_sub_page;
	assert_int_equal(
		copy(by_ref(100), by_frame(MINE, 0), 50, GNTCOPY_source_gref),
		GNTST_okay);
	assert_memory_equal(page_of(0, MINE), page_of(1, THEIRS) + 100, 50);
	assert_int_equal(
		copy(by_ref(99), by_frame(MINE, 0), 1, GNTCOPY_source_gref),
		GNTST_general_error);
	assert_int_equal(
		copy(by_ref(100), by_frame(MINE, 0), 51, GNTCOPY_source_gref),
		GNTST_general_error);
	e->sub_page.length = 4000; /* beyond the page */
	assert_int_equal(
		copy(by_ref(100), by_frame(MINE, 0), 1, GNTCOPY_source_gref),
		GNTST_general_error);
}

/* dom[1] passes on to dom[0] what dom[0] granted to dom[1]. */
static void test_transitive(void **state)
{
	union grant_entry_v2 *e = entry_v2(1, REF), *inner = entry_v2(0, 9);

	(void)state;
	inner->full_page.frame = frame_mfn(dom[0].frame[MINE + 3]).v;
	inner->hdr.domid = dom[1].d->id;
	inner->hdr.flags = GTF_permit_access;
	memset(page_of(0, MINE + 3), 0x5a, PAGE_SIZE);
	e->transitive.trans_domid = dom[0].d->id;
	e->transitive.gref = 9;
	e->hdr.domid = dom[0].d->id;
	e->hdr.flags = GTF_transitive;
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 8, GNTCOPY_source_gref),
		GNTST_okay);
	assert_int_equal(page_of(0, MINE)[7], 0x5a);
	/* It passes on no more than it has, and only once. */
	inner->hdr.flags = GTF_permit_access | GTF_readonly;
	assert_int_equal(
		copy(by_frame(MINE, 0), by_ref(0), 8, GNTCOPY_dest_gref),
		GNTST_general_error);
	inner->hdr.domid = 9;
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 8, GNTCOPY_source_gref),
		GNTST_general_error);
	inner->hdr.domid = dom[1].d->id;
	inner->hdr.flags = GTF_transitive;
	inner->transitive.trans_domid = dom[1].d->id;
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 8, GNTCOPY_source_gref),
		GNTST_general_error);
	e->transitive.trans_domid = dom[1].d->id; /* itself */
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 8, GNTCOPY_source_gref),
		GNTST_general_error);
	assert_int_equal(dom[1].d->grant.status[0][REF], 0);
	assert_int_equal(dom[0].d->grant.status[0][9], 0);
}

static void test_log(void **state)
{
	struct domain *d = dom[1].d;

	(void)state;
	assert_int_equal(dirty_start(d), 0);
	assert_int_equal(
		copy(by_ref(0), by_frame(MINE, 0), 8, GNTCOPY_source_gref),
		GNTST_okay);
	assert_false(dirty_noted(d, dom[1].frame[THEIRS]));
	assert_int_equal(
		copy(by_frame(MINE, 0), by_ref(0), 8, GNTCOPY_dest_gref),
		GNTST_okay);
	assert_true(dirty_noted(d, dom[1].frame[THEIRS]));
	dirty_stop(d);
	dirty_exit(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
		TEST(test_kinds), TEST(test_refused),	 TEST(test_array),
		TEST(test_part),  TEST(test_transitive), TEST(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
