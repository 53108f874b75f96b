/* SPDX-License-Identifier: MIT */
/*
 * Attack: grants. Built in both widths.
 *
 * A grant table is memory that a guest writes while the hypervisor works with
 * it, a mapping is a right in one domain's tables to another domain's frame,
 * and handles are numbers that come back from the guest. So what the
 * hypervisor knows of a grant in use must be its own: the frame, the domain,
 * how often it is mapped, and how. The proof after each try: what is mapped
 * stays what it was, and when all is undone no reference is left or missing,
 * for the page can become a page table, which it could not before.
 */
#include "lodger.h"

#define REF    GRANT_FIRST
#define PERMIT GTF_permit_access
#define BOTH   (GTF_reading | GTF_writing)

static char *window, *other;
static unsigned long *page, *second;
static unsigned long mfn, mfn2;

/* Nobody maps it for writing: then, and only then, it can be a table. */
static void expect_free(unsigned long *p, int is_free)
{
	long rc;

	memset(p, 0, PAGE_SIZE);
	TEST_RESULT(page_protect(p), 0);
	rc = table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(p));
	if (is_free) {
		TEST_RESULT(rc, 0);
		TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(p)), 0);
	} else {
		TEST_ASSERT(rc < 0, "a page that is mapped became a table");
	}
	TEST_RESULT(page_unprotect(p), 0);
}

static grant_handle_t map(unsigned int flags, const void *where)
{
	grant_handle_t handle;

	TEST_RESULT(grant_map_at(0, REF, flags, where, &handle), GNTST_okay);
	return handle;
}

/* The bits in use are in the guest's memory (XSA-228, 230). */
static void forged_bits(void)
{
	grant_handle_t handle;

	grant_access(REF, 0, mfn, 0);
	/* Set by ourselves: nothing is in use. */
	*grant_flags(REF) = PERMIT | BOTH;
	handle = map(GNTMAP_readonly, window);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	expect_free(page, 1);
	/* Cleared by ourselves: it is. */
	*grant_flags(REF) = PERMIT;
	handle = map(0, window);
	*grant_flags(REF) = PERMIT;
	expect_free(page, 0);
	TEST_RESULT(grant_version_set(2), -XEN_EBUSY);
	TEST_RESULT(grant_swap(REF, REF + 1), GNTST_eagain);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	expect_free(page, 1);
	*grant_flags(REF) = 0;
}

/* The entry names another frame, another domain (XSA-224, 234). */
static void changed_entry(void)
{
	grant_handle_t handle, again;

	grant_access(REF, 0, mfn, 0);
	handle = map(0, window);
	grant_v1(REF)->frame = (uint32_t)mfn2;
	grant_v1(REF)->domid = 0;
	expect_free(second, 1);
	expect_free(page, 0);
	/* Whatever a second mapping gets, it is counted where it is. */
	if (grant_map_at(0, REF, 0, other, &again) == GNTST_okay) {
		pte_t pte = *table_entry(table_root(), other, 1);

		expect_free(second, pte_mfn(pte) != mfn2);
		TEST_RESULT(grant_unmap_at(again, other), GNTST_okay);
	}
	expect_free(page, 0);
	*grant_flags(REF) = GTF_accept_transfer;
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	expect_free(page, 1);
	expect_free(second, 1);
	*grant_flags(REF) = 0;
}

/* A handle is used once, in whatever order (XSA-224, 255). */
static void handles(void)
{
	gnttab_unmap_grant_ref_t ops[3];
	grant_handle_t a, b;

	grant_access(REF, 0, mfn, 0);
	a = map(0, window);
	b = map(0, other);
	memset(ops, 0, sizeof(ops));
	ops[0].handle = ops[1].handle = a;
	ops[0].host_addr = ops[1].host_addr = (unsigned long)window;
	/* The place of another handle. */
	ops[2].handle = a;
	ops[2].host_addr = (unsigned long)other;
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref, ops, 3),
		    0);
	TEST_RESULT(ops[0].status, GNTST_okay);
	TEST_RESULT(ops[1].status, GNTST_bad_handle);
	TEST_RESULT(ops[2].status, GNTST_bad_handle);
	expect_free(page, 0);
	TEST_RESULT(grant_unmap(b, (unsigned long)other, mfn * PAGE_SIZE),
		    GNTST_okay);
	TEST_RESULT(grant_unmap_at(b, other), GNTST_bad_handle);
	TEST_RESULT(grant_replace(b, other, window), GNTST_bad_handle);
	expect_free(page, 1);
	TEST_RESULT(grant_end(REF), 0);
}

/* An entry at the end of what there is; one past it (XSA-134, 379). */
static void beyond(void)
{
	unsigned int frames, unused, v1, v2;
	grant_handle_t handle;

	TEST_RESULT(grant_query(DOMID_SELF, &frames, &unused), GNTST_okay);
	v1 = frames * (unsigned int)(PAGE_SIZE / sizeof(grant_entry_v1_t));
	v2 = frames * (unsigned int)(PAGE_SIZE / sizeof(grant_entry_v2_t));
	TEST_RESULT(grant_map_at(0, v1, 0, window, &handle), GNTST_bad_gntref);
	TEST_RESULT(grant_map_at(0, v1 - 1, 0, window, &handle),
		    GNTST_general_error);
	TEST_RESULT(grant_map_at(0, 0x80000000U | REF, 0, window, &handle),
		    GNTST_bad_gntref);
	TEST_RESULT(grant_setup(2, 1), 0);
	TEST_RESULT(grant_map_at(0, v2, 0, window, &handle), GNTST_bad_gntref);
	TEST_RESULT(grant_map_at(0, v1 - 1, 0, window, &handle),
		    GNTST_bad_gntref);
	TEST_RESULT(grant_map_at(0, v2 - 1, 0, window, &handle),
		    GNTST_general_error);
	TEST_RESULT(grant_setup(1, 1), 0);
}

/* Chains of grants handed on, in a ring (XSA-226). */
static void rings(void)
{
	gnttab_copy_t op;
	unsigned int i;

	TEST_RESULT(grant_setup(2, 1), 0);
	for (i = 0; i < 4; i++) {
		grant_v2(REF + i)->hdr.domid = 0;
		grant_v2(REF + i)->transitive.trans_domid = 0;
		grant_v2(REF + i)->transitive.gref = REF + (i + 1) % 4;
		barrier();
		*grant_flags(REF + i) = GTF_transitive;
	}
	memset(&op, 0, sizeof(op));
	op.flags = GNTCOPY_source_gref;
	op.source.u.ref = REF;
	op.dest.domid = DOMID_SELF;
	op.dest.u.gmfn = mfn;
	op.len = 8;
	TEST_REFUSED(grant_copy(&op));
	for (i = 0; i < 4; i++)
		TEST_RESULT(grant_end(REF + i), 0);
	TEST_RESULT(grant_setup(1, 1), 0);
	expect_free(page, 1);
}

/* A page is a table, or writable for somebody (XSA-217, 234, 255). */
static void tables(void)
{
	grant_handle_t handle;
	gnttab_copy_t op;

	grant_access(REF, 0, mfn, 0);
	memset(page, 0, PAGE_SIZE);
	TEST_RESULT(page_protect(page), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, mfn), 0);
	TEST_REFUSED(grant_map_at(0, REF, 0, window, &handle));
	TEST_RESULT(*table_entry(table_root(), window, 1), 0);
	TEST_RESULT(grant_in_use(REF), 0);
	memset(&op, 0, sizeof(op));
	op.flags = GNTCOPY_dest_gref;
	op.dest.u.ref = REF;
	op.source.domid = DOMID_SELF;
	op.source.u.gmfn = mfn2;
	op.len = 8;
	TEST_REFUSED(grant_copy(&op));
	/* For reading, anybody. */
	handle = map(GNTMAP_readonly, window);
	TEST_REFUSED(HYPERVISOR_update_va_mapping(window, pte_make(mfn, PTE_RW),
						  UVMF_INVLPG));
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
	TEST_RESULT(page_unprotect(page), 0);
	/* Mapped for devices is mapped, too. */
	{
		gnttab_map_grant_ref_t dev;

		TEST_RESULT(grant_map(0, REF, GNTMAP_device_map, 0, &dev), 0);
		expect_free(page, 0);
		TEST_RESULT(grant_unmap(dev.handle, 0, dev.dev_bus_addr), 0);
	}
	expect_free(page, 1);
	TEST_RESULT(grant_end(REF), 0);
}

/* Frames that are not to be given: the hypervisor's, the table itself. */
static void strange_frames(void)
{
	static const unsigned long list[] = { 0,       0x9f,	0xa0,
					      0xfee00, 0xfffff, 0xffffffff };
	xen_pfn_t table;
	grant_handle_t handle;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		grant_access(REF, 0, list[i], 0);
		TEST_REFUSED(
			grant_map_at(0, REF, GNTMAP_readonly, window, &handle));
		TEST_RESULT(*table_entry(table_root(), window, 1), 0);
		TEST_RESULT(grant_in_use(REF), 0);
	}
	/* The table is nobody's to make a table of, or to give back. */
	TEST_RESULT(grant_table_frames(DOMID_SELF, 1, &table), GNTST_okay);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, table));
	TEST_REFUSED(grant_transfer(table, 0, REF));
	*grant_flags(REF) = 0;
}

/* The entry that a mapping stands in is taken away by other means. */
static void entry_cleared(void)
{
	grant_handle_t handle;
	unsigned long *spare = page_alloc();

	grant_access(REF, 0, virt_to_mfn(spare), 0);
	handle = map(0, window);
	TEST_RESULT(table_unmap(window), 0);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_general_error);
	/* Another frame stands there now, and stays. */
	TEST_RESULT(table_map(window, mfn2, PTE_RW), 0);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_general_error);
	TEST_RESULT(pte_mfn(*table_entry(table_root(), window, 1)), mfn2);
	TEST_RESULT(table_unmap(window), 0);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	expect_free(second, 1);
	*grant_flags(REF) = 0;
}

/* One grant is mapped as often as the hypervisor can count. */
static void often(void)
{
	static grant_handle_t held[70000];
	gnttab_map_grant_ref_t op;
	unsigned int n, i;
	long rc = 0;

	grant_access(REF + 1, 0, mfn, 0);
	for (n = 0; n < ARRAY_SIZE(held); n++) {
		rc = grant_map(0, REF + 1, GNTMAP_device_map, 0, &op);
		if (rc)
			break;
		held[n] = op.handle;
	}
	TEST_ASSERT(n >= 100, "%u mappings, then %ld", n, rc);
	TEST_ASSERT(rc == 0 || rc == GNTST_no_space ||
			    rc == GNTST_general_error || rc == GNTST_eagain,
		    "the end is %ld", rc);
	expect_free(page, 0);
	for (i = 0; i < n; i++) {
		TEST_RESULT(*grant_flags(REF + 1), PERMIT | BOTH);
		TEST_RESULT(grant_unmap(held[i], 0, (uint64_t)mfn * PAGE_SIZE),
			    GNTST_okay);
	}
	TEST_RESULT(*grant_flags(REF + 1), PERMIT);
	TEST_RESULT(grant_end(REF + 1), 0);
	expect_free(page, 1);
}

/* ---- the peer attacks us ---- */

static long peer_map(domid_t dom, grant_ref_t ref, unsigned int flags,
		     uint64_t where, grant_handle_t *handle)
{
	gnttab_map_grant_ref_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.host_addr = where;
	op.flags = GNTMAP_host_map | flags;
	op.ref = ref;
	op.dom = dom;
	rc = peer_grant_op(GNTTABOP_map_grant_ref, &op, sizeof(op));
	*handle = op.handle;
	return rc ? rc * 100 : op.status;
}

static long peer_unmap(grant_handle_t handle, uint64_t where)
{
	gnttab_unmap_grant_ref_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.host_addr = where;
	op.handle = handle;
	rc = peer_grant_op(GNTTABOP_unmap_grant_ref, &op, sizeof(op));
	return rc ? rc * 100 : op.status;
}

static long peer_update(uint64_t address, unsigned long frame, pte_t flags)
{
	return peer_call(__HYPERVISOR_update_va_mapping, address,
			 frame ? pte_make(frame, flags) : 0, UVMF_INVLPG);
}

/* What it was given for reading it wants to write (XSA-227, 234). */
static void peer_wants_more(domid_t dom)
{
	uint64_t a = box->page[2], b = box->page[3];
	grant_handle_t handle, none;
	unsigned long word;

	/* A 64-bit peer in any case: its entries have the user bit. */
	const pte_t rw = PTE_RW | PTE_USER, ro = PTE_RO | PTE_USER;

	grant_access(REF, dom, mfn, GTF_readonly);
	page[0] = 0x77;
	TEST_RESULT(peer_map(0, REF, 0, a, &none), GNTST_general_error);
	TEST_RESULT(peer_map(0, REF, GNTMAP_readonly, a, &handle), 0);
	peer_read(a, &word, sizeof(word));
	TEST_RESULT(word, 0x77);
	/* The entry made writable; the frame at another place. */
	TEST_REFUSED(peer_update(a, mfn, rw));
	TEST_REFUSED(peer_update(b, mfn, rw));
	TEST_REFUSED(peer_update(b, mfn, ro));
	/* Frames that it was not given at all; a grant for another domain. */
	TEST_REFUSED(peer_update(b, mfn2, ro));
	grant_access(REF + 1, 77, mfn2, 0);
	TEST_RESULT(peer_map(0, REF + 1, 0, b, &none), GNTST_general_error);
	*grant_flags(REF + 1) = 0;
	/* Our handles are not its, nor its ours. */
	TEST_RESULT(grant_unmap_at(handle + 1, window), GNTST_bad_handle);
	/* As a table of its own, or given to the machine. */
	TEST_REFUSED(peer_call(__HYPERVISOR_update_va_mapping, b,
			       pte_make(mfn, PTE_TABLE), 0));
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_readonly | GTF_reading);
	/* We may make a table of what others only read. */
	expect_free(page, 1);
	TEST_RESULT(peer_unmap(handle, a), GNTST_okay);
	TEST_RESULT(peer_unmap(handle, a), GNTST_bad_handle);
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_readonly);
	TEST_RESULT(grant_end(REF), 0);
}

/* It is no privileged domain: others' tables are none of its business. */
static void peer_asks(void)
{
	gnttab_query_size_t query;
	gnttab_get_version_t version;

	memset(&query, 0, sizeof(query));
	peer_grant_op(GNTTABOP_query_size, &query, sizeof(query));
	TEST_RESULT(query.status, GNTST_permission_denied);
	memset(&version, 0, sizeof(version));
	TEST_RESULT(
		peer_grant_op(GNTTABOP_get_version, &version, sizeof(version)),
		-XEN_EPERM);
}

/* It dies with our page mapped and its own entry gone: we get it back. */
static void peer_dies(domid_t dom)
{
	uint64_t end = clock_now() + 20 * SECOND;
	grant_handle_t handle, mine;

	grant_access(REF, dom, mfn, 0);
	TEST_RESULT(peer_map(0, REF, 0, box->page[2], &handle), GNTST_okay);
	TEST_RESULT(peer_map(0, REF, GNTMAP_readonly, box->page[3], &handle),
		    GNTST_okay);
	TEST_RESULT(peer_update(box->page[3], 0, 0), 0);
	expect_free(page, 0);
	peer_access(REF + 1, 0, box->mfn[5], PERMIT);
	TEST_RESULT(grant_map_at(dom, REF + 1, 0, window, &mine), GNTST_okay);
	*(volatile unsigned long *)window = 5;
	peer_tell(PEER_END);
	peer_forget();
	if (peer_built)
		TEST_RESULT(control_destroy(dom), 0);
	while (grant_in_use(REF)) {
		TEST_ASSERT(clock_now() < end, "a dead domain maps our page");
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	TEST_RESULT(*(volatile unsigned long *)window, 5);
	TEST_RESULT(grant_unmap_at(mine, window), GNTST_okay);
	expect_free(page, 1);
	TEST_RESULT(grant_end(REF), 0);
}

void test_main(void)
{
	domid_t dom;

	timer_set_period(0);
	if (option("peer")) {
		peer_serve();
		return;
	}
	TEST_RESULT(grant_setup(1, 1), 0);
	window = grant_window(2);
	other = grant_window(3);
	page = page_alloc();
	second = page_alloc();
	mfn = virt_to_mfn(page);
	mfn2 = virt_to_mfn(second);
	forged_bits();
	changed_entry();
	handles();
	beyond();
	rings();
	tables();
	strange_frames();
	often();
	dom = peer_find();
	if (dom) {
		peer_wants_more(dom);
		peer_asks();
		peer_dies(dom);
	}
	entry_cleared();
}
