/* SPDX-License-Identifier: MIT */
/*
 * Grant copy: the hypervisor copies for a guest. Built in both widths.
 *
 * Source and destination are each a frame of the caller's own, or an entry of
 * somebody's grant table that names the caller: four kinds. Nothing is mapped,
 * nothing needs to be flushed, and nobody sees the entry in use afterwards. A
 * copy lies within a page on both sides; a grant for reading can be a source
 * only. In a batch each copy has its status, and they happen in order. A grant
 * of version 2 may be for a part of a page.
 */
#include "lodger.h"

#define REF GRANT_FIRST

static char *from, *to;

static void fill(void)
{
	unsigned int i;

	for (i = 0; i < PAGE_SIZE; i++)
		from[i] = (char)(i * 7 + i / 256);
	memset(to, 0, PAGE_SIZE);
}

static gnttab_copy_t copy_of(unsigned int kinds, unsigned int at,
			     unsigned int into, unsigned int length)
{
	gnttab_copy_t op;

	memset(&op, 0, sizeof(op));
	op.source.domid = op.dest.domid = DOMID_SELF;
	op.source.u.gmfn = virt_to_mfn(from);
	op.dest.u.gmfn = virt_to_mfn(to);
	if (kinds & GNTCOPY_source_gref) {
		op.source.u.ref = REF;
		op.source.domid = 0;
	}
	if (kinds & GNTCOPY_dest_gref) {
		op.dest.u.ref = REF + 1;
		op.dest.domid = 0;
	}
	op.source.offset = (uint16_t)at;
	op.dest.offset = (uint16_t)into;
	op.len = (uint16_t)length;
	op.flags = (uint16_t)kinds;
	return op;
}

static void copied(unsigned int at, unsigned int into, unsigned int length)
{
	unsigned int i;

	TEST_ASSERT(memcmp(from + at, to + into, length) == 0,
		    "%u bytes from %u to %u differ", length, at, into);
	for (i = 0; i < PAGE_SIZE; i++)
		TEST_ASSERT((i >= into && i < into + length) || !to[i],
			    "byte %u was written, too", i);
}

static void good(unsigned int kinds, unsigned int at, unsigned int into,
		 unsigned int length)
{
	gnttab_copy_t op = copy_of(kinds, at, into, length);

	fill();
	TEST_RESULT(grant_copy(&op), GNTST_okay);
	copied(at, into, length);
	TEST_RESULT(grant_in_use(REF), 0);
	TEST_RESULT(grant_in_use(REF + 1), 0);
}

static void bad(unsigned int kinds, unsigned int at, unsigned int into,
		unsigned int length, long status)
{
	gnttab_copy_t op = copy_of(kinds, at, into, length);

	fill();
	TEST_RESULT(grant_copy(&op), status);
	copied(0, 0, 0);
}

static void lengths(unsigned int kinds)
{
	static const unsigned int list[] = { 1,	 2,  3,	   7,	 8,    9,   63,
					     64, 65, 1000, 1024, 4095, 4096 };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		n = list[i];
		good(kinds, 0, 0, n);
		good(kinds, PAGE_SIZE - n, 0, n);
		good(kinds, 0, PAGE_SIZE - n, n);
		if (n < PAGE_SIZE) {
			bad(kinds, PAGE_SIZE - n + 1, 0, n, GNTST_bad_copy_arg);
			bad(kinds, 0, PAGE_SIZE - n + 1, n, GNTST_bad_copy_arg);
		}
	}
	good(kinds, 5, 9, 0);
	bad(kinds, 0, 0, 4097, GNTST_bad_copy_arg);
	bad(kinds, 0xffff, 0, 2, GNTST_bad_copy_arg);
	bad(kinds, 0, 0xffff, 0xffff, GNTST_bad_copy_arg);
}

static void all_kinds(void)
{
	grant_access(REF, 0, virt_to_mfn(from), GTF_readonly);
	grant_access(REF + 1, 0, virt_to_mfn(to), 0);
	lengths(0);
	lengths(GNTCOPY_source_gref);
	lengths(GNTCOPY_dest_gref);
	lengths(GNTCOPY_source_gref | GNTCOPY_dest_gref);
}

/* A page onto itself; what overlaps is nobody's promise. */
static void same_page(void)
{
	gnttab_copy_t op = copy_of(0, 0, 2048, 2048);

	fill();
	op.dest.u.gmfn = op.source.u.gmfn;
	TEST_RESULT(grant_copy(&op), GNTST_okay);
	TEST_RESULT(memcmp(from, from + 2048, 2048), 0);
}

static void rights(void)
{
	gnttab_copy_t op;

	/* For reading only. */
	grant_access(REF + 1, 0, virt_to_mfn(to), GTF_readonly);
	bad(GNTCOPY_dest_gref, 0, 0, 100, GNTST_general_error);
	/* For somebody else. */
	grant_access(REF + 1, 9, virt_to_mfn(to), 0);
	bad(GNTCOPY_dest_gref, 0, 0, 100, GNTST_general_error);
	/* Not granted. */
	TEST_RESULT(grant_end(REF + 1), 0);
	bad(GNTCOPY_dest_gref, 0, 0, 100, GNTST_general_error);
	grant_access(REF + 1, 0, virt_to_mfn(to), 0);

	op = copy_of(GNTCOPY_dest_gref, 0, 0, 100);
	op.dest.u.ref = 100000;
	TEST_RESULT(grant_copy(&op), GNTST_bad_gntref);
	op = copy_of(GNTCOPY_dest_gref, 0, 0, 100);
	op.dest.domid = 77;
	TEST_RESULT(grant_copy(&op), GNTST_bad_domain);
	/* Frames without a grant are one's own. */
	op = copy_of(0, 0, 0, 100);
	op.source.domid = 0;
	TEST_RESULT(grant_copy(&op), GNTST_permission_denied);
	op = copy_of(0, 0, 0, 100);
	op.source.domid = DOMID_XEN;
	TEST_RESULT(grant_copy(&op), GNTST_bad_domain);
	op = copy_of(0, 0, 0, 100);
	op.dest.domid = DOMID_IO;
	TEST_RESULT(grant_copy(&op), GNTST_bad_domain);
	op = copy_of(0, 0, 0, 100);
	op.source.u.gmfn = 0xfffffff;
	TEST_RESULT(grant_copy(&op), GNTST_bad_page);
	op.source.u.gmfn = ~0UL;
	TEST_RESULT(grant_copy(&op), GNTST_bad_page);
	/* A frame that is a table is for reading. */
	op = copy_of(0, 0, 0, 100);
	op.source.u.gmfn = virt_to_mfn(table_root());
	TEST_RESULT(grant_copy(&op), GNTST_okay);
	op = copy_of(0, 0, 0, 100);
	op.dest.u.gmfn = virt_to_mfn(table_root());
	TEST_RESULT(grant_copy(&op), GNTST_general_error);
}

#define BATCH 500

static void batch(void)
{
	static gnttab_copy_t ops[BATCH];
	unsigned int i;

	fill();
	for (i = 0; i < BATCH; i++) {
		ops[i] = copy_of(i & 3, i, 0, 8);
		if (i == 100 || i == 300)
			ops[i].source.offset = PAGE_SIZE - 1;
	}
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_copy, ops, BATCH), 0);
	for (i = 0; i < BATCH; i++)
		TEST_RESULT(ops[i].status, i == 100 || i == 300
						   ? GNTST_bad_copy_arg
						   : GNTST_okay);
	copied(BATCH - 1, 0, 8);
	/* A batch of which a part cannot be read. */
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_copy, 16, 1),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_copy, ops, ~0U),
		    -XEN_EINVAL);
}

/* Version 2: a part of a page, and somebody else's grant handed on. */
static void version_2(void)
{
	unsigned int both = GNTCOPY_source_gref | GNTCOPY_dest_gref;

	TEST_RESULT(grant_end(REF), 0);
	TEST_RESULT(grant_end(REF + 1), 0);
	TEST_RESULT(grant_setup(2, 1), 0);
	grant_access(REF, 0, virt_to_mfn(from), GTF_readonly);
	grant_access(REF + 1, 0, virt_to_mfn(to), 0);
	lengths(both);
	grant_v2(REF)->sub_page.page_off = 100;
	grant_v2(REF)->sub_page.length = 50;
	*grant_flags(REF) = GTF_permit_access | GTF_readonly | GTF_sub_page;
	good(both, 100, 0, 50);
	good(both, 149, 0, 1);
	bad(both, 99, 0, 2, GNTST_general_error);
	bad(both, 100, 0, 51, GNTST_general_error);
	bad(both, 150, 0, 1, GNTST_general_error);
	TEST_RESULT(grant_end(REF), 0);

	grant_access(REF + 2, 0, virt_to_mfn(from), 0);
	grant_v2(REF)->hdr.domid = 0;
	grant_v2(REF)->transitive.trans_domid = 0;
	grant_v2(REF)->transitive.gref = REF + 2;
	barrier();
	*grant_flags(REF) = GTF_transitive;
	bad(both, 0, 0, 8, GNTST_general_error);
	TEST_RESULT(grant_end(REF), 0);
	TEST_RESULT(grant_end(REF + 1), 0);
	TEST_RESULT(grant_end(REF + 2), 0);
	TEST_RESULT(grant_setup(1, 1), 0);
}

/* ---- a peer's pages ---- */

static void peers(domid_t dom)
{
	gnttab_copy_t op;
	char word[8];

	peer_access(REF + 1, 0, box->mfn[0], GTF_permit_access);
	fill();
	op = copy_of(GNTCOPY_dest_gref, 16, 32, 8);
	op.dest.domid = dom;
	TEST_RESULT(grant_copy(&op), GNTST_okay);
	peer_read(box->page[0] + 32, word, sizeof(word));
	TEST_RESULT(memcmp(word, from + 16, sizeof(word)), 0);
	TEST_RESULT(peer_flags(REF + 1), GTF_permit_access);

	op = copy_of(GNTCOPY_source_gref, 32, 48, 8);
	op.source.domid = dom;
	op.source.u.ref = REF + 1;
	TEST_RESULT(grant_copy(&op), GNTST_okay);
	TEST_RESULT(memcmp(word, to + 48, sizeof(word)), 0);
	peer_access(REF + 1, 0, box->mfn[0], GTF_permit_access | GTF_readonly);
	op = copy_of(GNTCOPY_dest_gref, 0, 32, 8);
	op.dest.domid = dom;
	TEST_RESULT(grant_copy(&op), GNTST_general_error);
	/* What was not granted to us is none of our business. */
	op = copy_of(0, 0, 0, 8);
	op.source.domid = dom;
	op.source.u.gmfn = (xen_pfn_t)box->mfn[0];
	TEST_RESULT(grant_copy(&op), GNTST_permission_denied);
	op.source.domid = DOMID_SELF;
	TEST_RESULT(grant_copy(&op), GNTST_bad_page);
	peer_tell(PEER_END);
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
	from = page_alloc();
	to = page_alloc();
	all_kinds();
	same_page();
	rights();
	batch();
	version_2();
	dom = peer_find();
	if (dom)
		peers(dom);
}
