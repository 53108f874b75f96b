/* SPDX-License-Identifier: MIT */
/*
 * A grant table as its owner and its builder see it: it grows up to its
 * limit, changes its version if nothing is in use, keeps the reserved
 * entries, and its frames can be mapped, given to nobody, and leave with it.
 */
#include "grant_world.h"

static long setup_table(struct vcpu *v, domid_t id, uint32_t n, int16_t *status)
{
	struct gnttab_setup_table s = { .dom = id, .nr_frames = n };
	long rc;

	s.frame_list.p = (xen_pfn_t *)LIST;
	rc = OP(v, GNTTABOP_setup_table, s);
	*status = s.status;
	return rc;
}

static uint64_t listed(unsigned int i)
{
	uint64_t m;

	assert_int_equal(host_guest_read(LIST + i * 8, &m, 8), 0);
	return m;
}

static struct gnttab_query_size query(struct vcpu *v, domid_t id)
{
	struct gnttab_query_size q = { .dom = id };

	assert_int_equal(OP(v, GNTTABOP_query_size, q), 0);
	return q;
}

static void test_growth(void **state)
{
	struct vcpu *v = on(1);
	int16_t status;

	(void)state;
	assert_int_equal(query(v, DOMID_SELF).nr_frames, 1);
	assert_int_equal(query(v, DOMID_SELF).max_nr_frames, 64);
	assert_int_equal(setup_table(v, DOMID_SELF, 4, &status), 0);
	assert_int_equal(status, GNTST_okay);
	assert_int_equal(query(v, v->domain->id).nr_frames, 4);
	for (unsigned int i = 0; i < 4; i++) {
		struct frame *f = frame_lookup(guest_mfn(listed(i)));

		assert_int_equal(f->owner, v->domain->id);
		assert_int_equal(frame_type_of(f), FRAME_WRITABLE);
		/* It is not the guest's to give away. */
		assert_int_equal(
			mm_decrease(v->domain, guest_mfn(listed(i)), 0),
			-EINVAL);
	}
	assert_int_equal(setup_table(v, DOMID_SELF, 65, &status), 0);
	assert_int_equal(status, GNTST_general_error);
	assert_int_equal(query(v, DOMID_SELF).nr_frames, 4);
	assert_int_equal(setup_table(v, DOMID_SELF, 64, &status), 0);
	assert_int_equal(status, GNTST_okay);
}

static void test_who_may(void **state)
{
	struct vcpu *v = on(1);
	struct gnttab_get_version ver = { .dom = dom[0].d->id };
	int16_t status;

	(void)state;
	assert_int_equal(setup_table(v, dom[0].d->id, 1, &status), 0);
	assert_int_equal(status, GNTST_permission_denied);
	assert_int_equal(setup_table(v, 77, 1, &status), 0);
	assert_int_equal(status, GNTST_bad_domain);
	assert_int_equal(OP(v, GNTTABOP_get_version, ver), -EPERM);
	assert_int_equal(query(v, dom[0].d->id).status,
			 GNTST_permission_denied);
	v = on(0);
	assert_int_equal(setup_table(v, dom[1].d->id, 2, &status), 0);
	assert_int_equal(status, GNTST_okay);
	ver.dom = dom[1].d->id;
	assert_int_equal(OP(v, GNTTABOP_get_version, ver), 0);
	assert_int_equal(ver.version, 1);
	ver.dom = 77;
	assert_int_equal(OP(v, GNTTABOP_get_version, ver), -ESRCH);
}

static void test_two_at_once(void **state)
{
	struct gnttab_query_size q[2] = { { .dom = DOMID_SELF } };

	(void)state;
	assert_int_equal(op(on(1), GNTTABOP_query_size, q, sizeof(q[0]), 2),
			 -EINVAL);
	assert_int_equal(op(on(1), 99, q, sizeof(q[0]), 1), -ENOSYS);
}

static long set_version(struct vcpu *v, uint32_t version, uint32_t *now)
{
	struct gnttab_set_version s = { .version = version };
	long rc = OP(v, GNTTABOP_set_version, s);

	*now = s.version;
	return rc;
}

static void test_versions(void **state)
{
	struct vcpu *v = on(1);
	struct gnttab_get_status_frames st = { .dom = DOMID_SELF,
					       .nr_frames = 1 };
	struct grant_entry_v1 *v1;
	union grant_entry_v2 *v2;
	uint32_t now;
	int16_t status;

	(void)state;
	st.frame_list.p = (uint64_t *)LIST;
	assert_int_equal(setup_table(v, DOMID_SELF, 9, &status), 0);
	v1 = arch_frame_ptr(mfn(listed(0)));
	v2 = arch_frame_ptr(mfn(listed(0)));
	v1[1] = (struct grant_entry_v1){ GTF_permit_access, 5, 0x1234 };
	v1[8] = (struct grant_entry_v1){ GTF_permit_access, 6, 0x1235 };
	assert_int_equal(OP(v, GNTTABOP_get_status_frames, st), 0);
	assert_int_equal(st.status, GNTST_general_error);
	assert_int_equal(set_version(v, 3, &now), -EINVAL);
	assert_int_equal(now, 1);
	assert_int_equal(set_version(v, 2, &now), 0);
	assert_int_equal(now, 2);
	assert_int_equal(v2[1].full_page.hdr.flags, GTF_permit_access);
	assert_int_equal(v2[1].full_page.hdr.domid, 5);
	assert_int_equal(v2[1].full_page.frame, 0x1234);
	assert_int_equal(v2[8].hdr.flags, 0);
	/* Nine frames have two of statuses. */
	st.nr_frames = 3;
	assert_int_equal(OP(v, GNTTABOP_get_status_frames, st), 0);
	assert_int_equal(st.status, GNTST_general_error);
	st.nr_frames = 2;
	assert_int_equal(OP(v, GNTTABOP_get_status_frames, st), 0);
	assert_int_equal(st.status, GNTST_okay);
	assert_int_not_equal(listed(0), listed(1));
	v2[1].full_page.frame = 1UL << 32;
	assert_int_equal(set_version(v, 1, &now), -ERANGE);
	assert_int_equal(now, 2);
	v2[1].full_page.frame = 0x1236;
	v2[2].hdr.flags = GTF_transitive;
	assert_int_equal(set_version(v, 1, &now), 0);
	assert_int_equal(v1[1].frame, 0x1236);
	assert_int_equal(v1[2].flags, 0);
}

static long acquire(struct vcpu *v, struct xen_mem_acquire_resource *r)
{
	struct call_args args = { .a = { XENMEM_acquire_resource, ARG } };
	long rc;

	assert_int_equal(host_guest_write(ARG, r, sizeof(*r)), 0);
	while ((rc = hc_memory_op(v, &args)) == -ERESTART)
		;
	assert_int_equal(host_guest_read(ARG, r, sizeof(*r)), 0);
	return rc;
}

static void test_acquire(void **state)
{
	struct xen_mem_acquire_resource r = {
		.domid = dom[1].d->id,
		.type = XENMEM_resource_grant_table,
	};
	struct vcpu *v = on(0);
	uint64_t pte, va = host_guest_va(10);

	(void)state;
	assert_int_equal(acquire(v, &r), 0);
	assert_int_equal(r.nr_frames, 64);
	r.nr_frames = 1;
	assert_int_equal(acquire(v, &r), -EINVAL); /* no list */
	r.frame_list.p = (xen_pfn_t *)LIST;
	r.nr_frames = 40;
	r.frame = 2;
	assert_int_equal(acquire(v, &r), 0);
	assert_int_equal(query(v, dom[1].d->id).nr_frames, 42);
	/* The builder maps and fills it. */
	pte = listed(0) << PAGE_SHIFT | PTE_P | PTE_RW | PTE_US;
	assert_int_equal(mm_update_va(v, va, pte, UVMF_INVLPG, dom[1].d), 0);
	assert_int_equal(host_guest_write(va, &pte, 8), 0);
	assert_int_equal(mm_update_va(v, va, 0, UVMF_INVLPG, dom[1].d), 0);

	r.frame = 64;
	r.nr_frames = 1;
	assert_int_equal(acquire(v, &r), -EINVAL);
	r.frame = ~0UL;
	assert_int_equal(acquire(v, &r), -EINVAL);
	r.frame = 0;
	r.id = XENMEM_resource_grant_table_id_status;
	assert_int_equal(acquire(v, &r), -EINVAL); /* version 1 */
	assert_int_equal(grant_version_set(dom[1].d, 2), 0);
	r.nr_frames = 8;
	assert_int_equal(acquire(v, &r), 0);
	r.domid = dom[0].d->id;
	assert_int_equal(acquire(v, &r), -EPERM);
	r.domid = 77;
	assert_int_equal(acquire(v, &r), -ESRCH);
	r.domid = dom[0].d->id;
	assert_int_equal(acquire(on(1), &r), -EPERM);
}

static void test_limits(void **state)
{
	struct grant_limits l;

	(void)state;
	assert_int_equal(grant_limits_choose(-1, -1, 0, &l), 0);
	assert_int_equal(l.frames, 64);
	assert_int_equal(l.maptrack_frames, 1024);
	assert_int_equal(grant_limits_choose(40, 0, 1, &l), 0);
	assert_int_equal(l.frames, 40);
	assert_int_equal(l.maptrack_frames, 0);
	assert_int_equal(l.version, 1);
	assert_int_equal(grant_limits_choose(65, 0, 1, &l), -EINVAL);
	assert_int_equal(grant_limits_choose(1, 1025, 1, &l), -EINVAL);
	assert_int_equal(grant_limits_choose(1, 1, 3, &l), -EINVAL);
}

/* No memory at any point: what is there is counted and can be let go. */
static void test_no_memory(void **state)
{
	struct vcpu *v = on(1);
	int16_t status;
	uint32_t now;

	(void)state;
	host_choose_random(5);
	host_choose_rate(HOST_ALLOC_FAIL, 300);
	host_choose_rate(HOST_PREEMPT, 300);
	for (unsigned int i = 0; i < 20; i++) {
		(void)setup_table(v, DOMID_SELF, i, &status);
		(void)set_version(v, 1 + i % 2, &now);
	}
	host_choose_nothing();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		TEST(test_growth),	TEST(test_who_may),
		TEST(test_two_at_once), TEST(test_versions),
		TEST(test_acquire),	TEST(test_limits),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
