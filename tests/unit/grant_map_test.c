/* SPDX-License-Identifier: MIT */
/*
 * Loans from the granter's entry to the borrower's page table and back: what
 * may be mapped and how, what the granter sees meanwhile, what each may do to
 * the other, in which order things end, and that none is lost or forged.
 */
#include "grant_world.h"
#include "grant/entry.h"
#include "lifecycle/lifecycle.h"

#define LENT  5 /* the granter's page */
#define PLACE 10
#define REF   20

/* dom[1] grants, dom[0] borrows, or the other way round. */
static unsigned int granter = 1, borrower;

static uint64_t lent_mfn(void)
{
	return frame_mfn(dom[granter].frame[LENT]).v;
}

static struct grant_entry_v1 *entry_v1(uint32_t ref)
{
	assert_int_equal(grant_grow(dom[granter].d, 1), 0);
	return &dom[granter].d->grant.page[0].v1[ref];
}

static uint32_t users_of(uint32_t ref)
{
	struct grant_entry e = { 0 };

	assert_true(grant_entry_find(&dom[1].d->grant, ref, &e));
	return e.active->users;
}

static void grant(uint32_t ref, uint16_t flags)
{
	*entry_v1(ref) = (struct grant_entry_v1){
		.flags = GTF_permit_access | flags,
		.domid = dom[borrower].d->id,
		.frame = (uint32_t)lent_mfn(),
	};
}

static struct gnttab_map_grant_ref map(uint32_t flags, uint64_t addr)
{
	struct gnttab_map_grant_ref m = {
		.host_addr = addr,
		.flags = flags,
		.ref = REF,
		.dom = dom[granter].d->id,
	};

	assert_int_equal(OP(on(borrower), GNTTABOP_map_grant_ref, m), 0);
	return m;
}

static int unmap(uint32_t handle, uint64_t addr, uint64_t dev)
{
	struct gnttab_unmap_grant_ref u = {
		.host_addr = addr,
		.dev_bus_addr = dev,
		.handle = handle,
	};

	assert_int_equal(OP(on(borrower), GNTTABOP_unmap_grant_ref, u), 0);
	return u.status;
}

static uint64_t *pte_at(unsigned int i)
{
	return (uint64_t *)frame_ptr(dom[borrower].l1) + i;
}

static uint64_t pte_address(unsigned int i)
{
	return (frame_mfn(dom[borrower].l1).v << PAGE_SHIFT) + i * 8;
}

static void test_host_map(void **state)
{
	uint64_t va = host_guest_va(PLACE), word = 0x1234, seen;
	struct gnttab_map_grant_ref m;

	(void)state;
	grant(REF, 0);
	m = map(GNTMAP_host_map | 5U << 16, va);
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(m.dev_bus_addr, lent_mfn() << PAGE_SHIFT);
	assert_int_equal(*pte_at(PLACE) & ~(PTE_US | PTE_A | PTE_D | PTE_NX),
			 lent_mfn() << PAGE_SHIFT | PTE_P | PTE_RW | 5U << 9);
	assert_int_equal(entry_v1(REF)->flags,
			 GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(host_guest_write(va, &word, 8), 0);
	on(granter);
	assert_int_equal(host_guest_read(host_guest_va(LENT), &seen, 8), 0);
	assert_int_equal(seen, word);
	if (oracle_check())
		fail_msg("%s", oracle_report());
	assert_int_equal(unmap(m.handle, va, 0), GNTST_okay);
	assert_int_equal(*pte_at(PLACE), 0);
	assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
	/* No translation is left of it. */
	assert_int_equal(host_guest_read(va, &seen, 8), -EFAULT);
	assert_int_equal(unmap(m.handle, va, 0), GNTST_bad_handle);
}

static void test_contains_pte(void **state)
{
	struct gnttab_map_grant_ref m;

	(void)state;
	grant(REF, GTF_readonly);
	m = map(GNTMAP_host_map | GNTMAP_contains_pte, pte_address(PLACE));
	assert_int_equal(m.status, GNTST_general_error); /* to write */
	m = map(GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_readonly |
			GNTMAP_application_map,
		pte_address(PLACE));
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(*pte_at(PLACE) & PTE_RW, 0);
	assert_int_equal(entry_v1(REF)->flags,
			 GTF_permit_access | GTF_readonly | GTF_reading);
	assert_int_equal(unmap(m.handle, pte_address(PLACE) + 8, 0),
			 GNTST_general_error);
	assert_int_equal(unmap(m.handle, pte_address(PLACE), 0), GNTST_okay);
	/* No entry of a table of its own. */
	m = map(GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_readonly,
		pte_address(PLACE) + 4);
	assert_int_equal(m.status, GNTST_general_error);
	m = map(GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_readonly,
		frame_mfn(dom[granter].l1).v << PAGE_SHIFT);
	assert_int_equal(m.status, GNTST_general_error);
	m = map(GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_readonly,
		frame_mfn(dom[borrower].l2).v << PAGE_SHIFT);
	assert_int_equal(m.status, GNTST_general_error);
	assert_int_equal(entry_v1(REF)->flags,
			 GTF_permit_access | GTF_readonly);
}

static void test_device_map(void **state)
{
	uint64_t maddr, va = host_guest_va(PLACE);
	struct gnttab_map_grant_ref m;

	(void)state;
	grant(REF, 0);
	maddr = lent_mfn() << PAGE_SHIFT;
	m = map(GNTMAP_device_map | GNTMAP_host_map, va);
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(unmap(m.handle, 0, maddr + PAGE_SIZE),
			 GNTST_bad_dev_addr);
	assert_int_equal(unmap(m.handle, va, 0), GNTST_okay);
	/* The device's half is still there. */
	assert_int_equal(entry_v1(REF)->flags,
			 GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(unmap(m.handle, 0, maddr), GNTST_okay);
	assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
	assert_int_equal(map(0, va).status, GNTST_bad_gntref);
}

static void test_refused(void **state)
{
	uint64_t va = host_guest_va(PLACE);
	struct gnttab_map_grant_ref m = {
		.host_addr = va, .flags = GNTMAP_host_map, .ref = REF, .dom = 77
	};

	(void)state;
	assert_int_equal(OP(on(borrower), GNTTABOP_map_grant_ref, m), 0);
	assert_int_equal(m.status, GNTST_bad_domain);
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_bad_gntref);
	grant(REF, 0);
	assert_int_equal(map(GNTMAP_host_map, 0x100000000000).status,
			 GNTST_general_error);
	assert_int_equal(map(GNTMAP_host_map, ABI_HV_START).status,
			 GNTST_general_error);
	entry_v1(REF)->domid = 9;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	grant(REF, 0);
	entry_v1(REF)->flags = GTF_accept_transfer;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	grant(REF, GTF_sub_page); /* no such bit in version 1 */
	m = map(GNTMAP_host_map, va);
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(unmap(m.handle, va, 0), GNTST_okay);
	/* A table of the granter's cannot be lent for writing. */
	grant(REF, 0);
	entry_v1(REF)->frame = (uint32_t)frame_mfn(dom[granter].l1).v;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
	/* Nor what is not the granter's. */
	entry_v1(REF)->frame = (uint32_t)frame_mfn(dom[borrower].frame[7]).v;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_bad_page);
	entry_v1(REF)->frame = UINT32_MAX;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_bad_page);
	assert_int_equal(unmap(0x7fffffff, va, 0), GNTST_bad_handle);
	assert_int_equal(unmap(UINT32_MAX, va, 0), GNTST_bad_handle);
}

/* What the granter does to its entry changes nothing of a loan. */
static void test_forged(void **state)
{
	uint64_t va = host_guest_va(PLACE);
	struct gnttab_map_grant_ref a, b;

	(void)state;
	/* Bits that nobody has set end with the first loan. */
	grant(REF, GTF_reading | GTF_writing);
	a = map(GNTMAP_host_map, va);
	assert_int_equal(a.status, GNTST_okay);
	/* Another frame while it is in use: the loans are of the old one. */
	entry_v1(REF)->frame = (uint32_t)frame_mfn(dom[granter].frame[6]).v;
	entry_v1(REF)->flags = GTF_permit_access;
	b = map(GNTMAP_host_map | GNTMAP_readonly, va + PAGE_SIZE);
	assert_int_equal(b.status, GNTST_okay);
	assert_int_equal(*pte_at(PLACE + 1) >> PAGE_SHIFT & 0xffffffff,
			 lent_mfn());
	/* Another domain while it is in use. */
	entry_v1(REF)->domid = dom[granter].d->id;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	borrower = 1;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	borrower = 0;
	if (oracle_check())
		fail_msg("%s", oracle_report());
	assert_int_equal(unmap(a.handle, va, 0), GNTST_okay);
	assert_int_equal(entry_v1(REF)->flags & GTF_writing, 0);
	assert_int_equal(unmap(b.handle, va + PAGE_SIZE, 0), GNTST_okay);
	assert_int_equal(entry_v1(REF)->flags & (GTF_reading | GTF_writing), 0);
}

/* A loan for writing does not end by the place of one for reading. */
static void test_other_place(void **state)
{
	uint64_t va = host_guest_va(PLACE);
	struct gnttab_map_grant_ref w, r;

	(void)state;
	grant(REF, 0);
	w = map(GNTMAP_host_map, va);
	r = map(GNTMAP_host_map | GNTMAP_readonly, va + PAGE_SIZE);
	assert_int_equal(unmap(w.handle, va + PAGE_SIZE, 0),
			 GNTST_general_error);
	assert_int_equal(unmap(r.handle, va, 0), GNTST_general_error);
	assert_int_equal(unmap(w.handle, va + 2 * PAGE_SIZE, 0),
			 GNTST_general_error);
	assert_int_equal(entry_v1(REF)->flags,
			 GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(unmap(w.handle, va, 0), GNTST_okay);
	assert_int_equal(entry_v1(REF)->flags, GTF_permit_access | GTF_reading);
	assert_int_equal(unmap(r.handle, va + PAGE_SIZE, 0), GNTST_okay);
}

/* The borrower changes the entry itself: rights go, none come. */
static void test_own_update(void **state)
{
	uint64_t va = host_guest_va(PLACE), pte;
	struct gnttab_map_grant_ref m;
	struct vcpu *v;

	(void)state;
	borrower = 1;
	granter = 0;
	grant(REF, 0);
	m = map(GNTMAP_host_map | GNTMAP_readonly, va);
	assert_int_equal(m.status, GNTST_okay);
	v = on(borrower);
	pte = *pte_at(PLACE);
	assert_int_equal(mm_update_va(v, va, pte | PTE_RW, 0, v->domain),
			 -EINVAL);
	assert_int_equal(mm_update_va(v, va + PAGE_SIZE, pte, 0, v->domain),
			 -EINVAL);
	assert_int_equal(mm_update_va(v, va, 0, 0, v->domain), 0);
	/* It cannot end now; but the frame is still counted. */
	assert_int_equal(unmap(m.handle, va, 0), GNTST_general_error);
	assert_int_equal(entry_v1(REF)->flags & GTF_reading, GTF_reading);
	if (oracle_check())
		fail_msg("%s", oracle_report());
	borrower = 0;
	granter = 1;
}

static void test_replace(void **state)
{
	uint64_t va = host_guest_va(PLACE), other = host_guest_va(PLACE + 1);
	struct gnttab_unmap_and_replace u = { .host_addr = va,
					      .new_addr = other };
	uint64_t mfn_of_other = frame_mfn(dom[0].frame[PLACE + 1]).v;

	(void)state;
	grant(REF, 0);
	u.handle = map(GNTMAP_host_map, va).handle;
	u.new_addr = va;
	assert_int_equal(OP(on(0), GNTTABOP_unmap_and_replace, u), 0);
	assert_int_equal(u.status, GNTST_general_error);
	u.new_addr = 0x100000000000;
	assert_int_equal(OP(on(0), GNTTABOP_unmap_and_replace, u), 0);
	assert_int_equal(u.status, GNTST_general_error);
	u.new_addr = other;
	assert_int_equal(OP(on(0), GNTTABOP_unmap_and_replace, u), 0);
	assert_int_equal(u.status, GNTST_okay);
	assert_int_equal(*pte_at(PLACE + 1), 0);
	assert_int_equal(*pte_at(PLACE) >> PAGE_SHIFT & 0xffffffff,
			 mfn_of_other);
	assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
}

/* More loans than a page of handles, in one array, with pauses. */
static void test_many(void **state)
{
	struct gnttab_map_grant_ref m[100];
	struct gnttab_unmap_grant_ref u[100];

	(void)state;
	grant(REF, 0);
	host_choose_random(3);
	host_choose_rate(HOST_PREEMPT, 400);
	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < 100; i++)
			m[i] = (struct gnttab_map_grant_ref){
				.flags = GNTMAP_device_map,
				.ref = REF,
				.dom = dom[1].d->id,
			};
		assert_int_equal(
			op(on(0), GNTTABOP_map_grant_ref, m, sizeof(m[0]), 100),
			0);
		for (unsigned int i = 0; i < 100; i++)
			assert_int_equal(m[i].status, GNTST_okay);
		if (round == 1)
			for (unsigned int i = 0; i < 100; i++)
				u[i] = (struct gnttab_unmap_grant_ref){
					.handle = m[i].handle,
					.dev_bus_addr = m[i].dev_bus_addr,
				};
	}
	assert_int_equal(users_of(REF), 400);
	u[99].handle = u[98].handle;
	assert_int_equal(
		op(on(0), GNTTABOP_unmap_grant_ref, u, sizeof(u[0]), 100), 0);
	for (unsigned int i = 0; i < 99; i++)
		assert_int_equal(u[i].status, GNTST_okay);
	assert_int_equal(u[99].status, GNTST_bad_handle);
	assert_int_equal(users_of(REF), 301);
	host_choose_nothing();
	/* The borrower ends: so do its loans. */
	while (grant_domain_exit(dom[0].d) == -ERESTART)
		;
	assert_int_equal(users_of(REF), 0);
	assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
}

static void test_handles_end(void **state)
{
	struct gnttab_map_grant_ref m;

	(void)state;
	grant(REF, 0);
	dom[0].d->grant.max.maptrack_frames = 1;
	for (unsigned int i = 0; i < GRANT_MAPS; i++)
		assert_int_equal(map(GNTMAP_device_map, 0).status, GNTST_okay);
	m = map(GNTMAP_device_map, 0);
	assert_int_equal(m.status, GNTST_no_space);
	assert_int_equal(unmap(7, 0, lent_mfn() << PAGE_SHIFT), GNTST_okay);
	m = map(GNTMAP_device_map, 0);
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(m.handle, 7);
}

/* The granter gives the page back, or dies: the loan outlives it. */
static void test_granter_ends(void **state)
{
	uint64_t va = host_guest_va(PLACE), word = 77;
	struct gnttab_map_grant_ref m;
	struct frame *f = dom[1].frame[LENT];

	(void)state;
	grant(REF, 0);
	m = map(GNTMAP_host_map, va);
	atomic32_store(&dom[1].d->state, DOMAIN_DYING);
	on(1);
	host_vcpu_enter(NULL);
	while (mm_domain_teardown(dom[1].d) == -ERESTART)
		;
	assert_int_equal(f->owner, dom[1].d->id);
	on(0);
	assert_int_equal(host_guest_write(va, &word, 8), 0);
	assert_int_equal(map(GNTMAP_host_map, va + PAGE_SIZE).status,
			 GNTST_bad_domain);
	if (oracle_check())
		fail_msg("%s", oracle_report());
	assert_int_equal(unmap(m.handle, va, 0), GNTST_okay);
	assert_int_equal(dom[1].d->frames.tot_pages, 0);
}

/* What is lent of the table itself keeps it as well. */
static void test_table_lent(void **state)
{
	struct gnttab_map_grant_ref m;

	(void)state;
	grant(REF, 0);
	entry_v1(REF)->frame =
		(uint32_t)arch_frame_of_ptr(dom[1].d->grant.page[0].shared).v;
	m = map(GNTMAP_device_map, 0);
	assert_int_equal(m.status, GNTST_okay);
	assert_false(grant_is_idle(dom[1].d));
	if (oracle_check())
		fail_msg("%s", oracle_report());
	assert_int_equal(unmap(m.handle, 0, m.dev_bus_addr), GNTST_okay);
	assert_true(grant_is_idle(dom[1].d));
}

/* A domain grants to itself. */
static void test_self(void **state)
{
	uint64_t va = host_guest_va(PLACE);
	struct gnttab_map_grant_ref m;

	(void)state;
	granter = borrower = 1;
	grant(REF, 0);
	m = map(GNTMAP_host_map, va);
	assert_int_equal(m.status, GNTST_okay);
	if (oracle_check())
		fail_msg("%s", oracle_report());
	assert_int_equal(unmap(m.handle, va, 0), GNTST_okay);
	borrower = 0;
}

static void test_version_2(void **state)
{
	uint64_t va = host_guest_va(PLACE);
	struct gnttab_map_grant_ref m, n;
	union grant_entry_v2 *e;
	grant_status_t *s;

	(void)state;
	(void)entry_v1(REF);
	assert_int_equal(grant_version_set(dom[1].d, 2), 0);
	e = &dom[1].d->grant.page[0].v2[REF];
	s = &dom[1].d->grant.status[0][REF];
	e->full_page.frame = lent_mfn();
	e->hdr.domid = dom[0].d->id;
	e->hdr.flags = GTF_permit_access;
	s[1] = 0x55;
	m = map(GNTMAP_host_map, va);
	assert_int_equal(m.status, GNTST_okay);
	n = map(GNTMAP_host_map | GNTMAP_readonly, va + PAGE_SIZE);
	assert_int_equal(*s, GTF_reading | GTF_writing);
	assert_int_equal(e->hdr.flags, GTF_permit_access);
	assert_int_equal(grant_version_set(dom[1].d, 1), -EBUSY);
	assert_int_equal(unmap(m.handle, va, 0), GNTST_okay);
	assert_int_equal(*s, GTF_reading);
	assert_int_equal(unmap(n.handle, va + PAGE_SIZE, 0), GNTST_okay);
	assert_int_equal(*s, 0);
	assert_int_equal(s[1], 0x55);
	e->hdr.flags = GTF_permit_access | GTF_sub_page;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	e->hdr.flags = GTF_transitive;
	assert_int_equal(map(GNTMAP_host_map, va).status, GNTST_general_error);
	assert_int_equal(*s, 0);
}

/* ---- two CPUs ---- */

static unsigned int cpus_done;
static struct gnttab_map_grant_ref raced[2];
static int ended[2];

static void race_map(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;

	for (unsigned int i = 0; i < 3; i++) {
		struct grant_unmap u = { .op.host_addr = raced[cpu].host_addr };
		unsigned int done;

		if (grant_map(host_this->current, &raced[cpu]) ||
		    raced[cpu].status)
			continue;
		u.op.handle = raced[cpu].handle;
		while (grant_unmap(host_this->current, &u, 1, false, &done))
			;
		ended[cpu] |= u.op.status;
	}
	cpus_done++;
}

static void race_unmap(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, done;
	struct grant_unmap u = { .op = { .host_addr = raced[0].host_addr,
					 .handle = raced[0].handle } };

	while (grant_unmap(host_this->current, &u, 1, false, &done))
		;
	ended[cpu] = u.op.status;
	cpus_done++;
}

/* Both CPUs run vcpus of the borrower. */
static void race_begin(uint64_t seed)
{
	grant(REF, 0);
	on(1);
	dom[0].d->vcpu[1]->mm.root_kernel = NULL;
	host_vcpu_enter(NULL);
	dom[0].d->vcpu[1]->mm.root_kernel = dom[0].l4;
	assert_true(frame_get(dom[0].l4, dom[0].d));
	assert_true(frame_ref_type(dom[0].l4));
	host_vcpu_enter(dom[0].d->vcpu[1]);
	host_cpu_select(0);
	host_choose_random(seed);
	host_choose_rate(HOST_SWITCH, 300);
	host_choose_rate(HOST_PREFETCH, 100);
	host_third_actor(true);
	cpus_done = 0;
	ended[0] = ended[1] = 0;
}

static void race_end(void)
{
	host_third_actor(false);
	host_choose_nothing();
	assert_int_equal(cpus_done, 2);
	if (oracle_check())
		fail_msg("%s", oracle_report());
}

static void test_race_one_entry(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed < 40; seed++) {
		race_begin(seed);
		for (unsigned int cpu = 0; cpu < 2; cpu++) {
			raced[cpu] = (struct gnttab_map_grant_ref){
				.host_addr = host_guest_va(PLACE + cpu),
				.flags = GNTMAP_host_map |
					 (cpu ? GNTMAP_readonly : 0),
				.ref = REF,
				.dom = dom[1].d->id,
			};
			host_cpu_run(cpu, race_map, (void *)(uintptr_t)cpu);
		}
		host_cpus_go();
		race_end();
		assert_int_equal(ended[0] | ended[1], 0);
		assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
		assert_int_equal(world_teardown(NULL), 0);
		assert_int_equal(world_setup(NULL), 0);
	}
}

static void test_race_one_handle(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed < 40; seed++) {
		grant(REF, 0);
		raced[0] = map(GNTMAP_host_map, host_guest_va(PLACE));
		race_begin(seed);
		entry_v1(REF)->flags |= GTF_reading | GTF_writing;
		for (unsigned int cpu = 0; cpu < 2; cpu++)
			host_cpu_run(cpu, race_unmap, (void *)(uintptr_t)cpu);
		host_cpus_go();
		race_end();
		/* One of them ended it, the other found no such handle. */
		assert_int_equal(ended[0] + ended[1], GNTST_bad_handle);
		assert_int_equal(entry_v1(REF)->flags, GTF_permit_access);
		assert_int_equal(world_teardown(NULL), 0);
		assert_int_equal(world_setup(NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		TEST(test_host_map),	   TEST(test_contains_pte),
		TEST(test_device_map),	   TEST(test_refused),
		TEST(test_forged),	   TEST(test_other_place),
		TEST(test_own_update),	   TEST(test_replace),
		TEST(test_many),	   TEST(test_handles_end),
		TEST(test_granter_ends),   TEST(test_self),
		TEST(test_table_lent),	   TEST(test_version_2),
		TEST(test_race_one_entry), TEST(test_race_one_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
