/* SPDX-License-Identifier: MIT */
/*
 * The grant table: what a domain writes to let others use its frames.
 * Built in both widths.
 *
 * It is an array in frames of the hypervisor's, shared with the guest, which
 * asks for them by setup_table and maps them like memory of its own. The table
 * grows up to a limit and never shrinks. The first eight entries are reserved
 * for the toolstack, which may fill them before the guest runs.
 *
 * Entries have one of two layouts. Version 1 has 8 bytes: flags, domain, and
 * a frame of 32 bits; the hypervisor notes in the flags who uses it. Version 2
 * has 16 bytes and a whole word for the frame; what the hypervisor notes stands
 * in status frames apart, two bytes an entry. set_version changes the layout
 * as long as nothing is in use, neither an entry nor (to leave version 2) a
 * status frame by a mapping of the guest's own: reserved entries keep their
 * meaning, all others are cleared. Everybody else need not know the version.
 */
#include "lodger.h"

#define V2_PER_FRAME (PAGE_SIZE / sizeof(grant_entry_v2_t))

static unsigned int limit;

static void sizes(void)
{
	unsigned int frames;

	TEST_RESULT(grant_query(DOMID_SELF, &frames, &limit), GNTST_okay);
	TEST_ASSERT(limit >= 4 && limit >= frames, "%u frames of %u", frames,
		    limit);
	/* The initial domain may ask about others; this one does not exist. */
	TEST_RESULT(grant_query(77, &frames, &limit), GNTST_bad_domain);
	TEST_RESULT(grant_query(DOMID_SELF, &frames, &limit), GNTST_okay);
}

static void setup(void)
{
	xen_pfn_t first[4], again[4];
	unsigned int frames, unused;

	TEST_RESULT(grant_version_get(DOMID_SELF), 1);
	TEST_RESULT(grant_table_frames(DOMID_SELF, 1, first), GNTST_okay);
	TEST_RESULT(grant_table_frames(DOMID_SELF, 4, again), GNTST_okay);
	TEST_RESULT(again[0], first[0]);
	TEST_RESULT(grant_query(DOMID_SELF, &frames, &unused), GNTST_okay);
	TEST_RESULT(frames, 4);
	/* Asking for fewer gives them and takes nothing away. */
	TEST_RESULT(grant_table_frames(DOMID_SELF, 2, again), GNTST_okay);
	TEST_RESULT(grant_query(DOMID_SELF, &frames, &unused), GNTST_okay);
	TEST_RESULT(frames, 4);
	TEST_RESULT(grant_table_frames(DOMID_SELF, 0, again), GNTST_okay);

	TEST_RESULT(grant_table_frames(DOMID_SELF, limit + 1, again),
		    GNTST_general_error);
	TEST_RESULT(grant_table_frames(DOMID_SELF, ~0U, again),
		    GNTST_general_error);
	TEST_RESULT(grant_table_frames(77, 1, again), GNTST_bad_domain);
	TEST_RESULT(grant_query(DOMID_SELF, &frames, &unused), GNTST_okay);
	TEST_RESULT(frames, 4);
}

static void call_errors(void)
{
	gnttab_setup_table_t op;
	gnttab_query_size_t query[2];

	memset(&op, 0, sizeof(op));
	memset(query, 0, sizeof(query));
	query[0].dom = query[1].dom = DOMID_SELF;
	op.dom = DOMID_SELF;
	op.nr_frames = 1;
	/* These take one operation. */
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_setup_table, &op, 2),
		    -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_query_size, query, 2),
		    -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_query_size, query, 0),
		    -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_query_size, 16, 1),
		    -XEN_EFAULT);
	/* A list that cannot be written. */
	set_xen_guest_handle(op.frame_list, (xen_pfn_t *)16);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
	TEST_ASSERT(op.status != GNTST_okay, "the list was written nowhere");
	/* No such operation; and no operations at all. */
	TEST_RESULT(HYPERVISOR_grant_table_op(13, &op, 1), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_grant_table_op(77, &op, 1), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_copy, 16, 0), 0);
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, 16, 1),
		    -XEN_EFAULT);
}

static void entry_is(grant_ref_t ref, unsigned int flags, domid_t dom,
		     unsigned long frame)
{
	unsigned long has;

	if (grant_version_get(DOMID_SELF) == 1) {
		TEST_RESULT(grant_v1(ref)->domid, dom);
		has = grant_v1(ref)->frame;
	} else {
		TEST_RESULT(grant_v2(ref)->hdr.domid, dom);
		has = (unsigned long)grant_v2(ref)->full_page.frame;
	}
	TEST_RESULT(*grant_flags(ref), flags);
	TEST_RESULT(has, frame);
}

static void versions(void)
{
	TEST_RESULT(grant_setup(1, 4), 0);
	grant_access(GNTTAB_RESERVED_CONSOLE, 7, 0x1234, GTF_readonly);
	grant_access(GRANT_FIRST, 7, 0x4321, 0);
	TEST_RESULT(grant_version_set(0), -XEN_EINVAL);
	TEST_RESULT(grant_version_set(3), -XEN_EINVAL);
	entry_is(GRANT_FIRST, GTF_permit_access, 7, 0x4321);
	/* The version that it is. Nothing changes. */
	TEST_RESULT(grant_version_set(1), 0);
	entry_is(GRANT_FIRST, GTF_permit_access, 7, 0x4321);

	TEST_RESULT(grant_setup(2, 4), 0);
	TEST_RESULT(grant_version_get(DOMID_SELF), 2);
	entry_is(GNTTAB_RESERVED_CONSOLE, GTF_permit_access | GTF_readonly, 7,
		 0x1234);
	entry_is(GRANT_FIRST, 0, 0, 0);
	grant_access(GNTTAB_RESERVED_XENSTORE, 9, 0x777, 0);
	grant_access(GRANT_FIRST, 7, 0x4321, 0);

	TEST_RESULT(grant_setup(1, 4), 0);
	TEST_RESULT(grant_version_get(DOMID_SELF), 1);
	entry_is(GNTTAB_RESERVED_CONSOLE, GTF_permit_access | GTF_readonly, 7,
		 0x1234);
	entry_is(GNTTAB_RESERVED_XENSTORE, GTF_permit_access, 9, 0x777);
	entry_is(GRANT_FIRST, 0, 0, 0);
	*grant_flags(GNTTAB_RESERVED_CONSOLE) = 0;
	*grant_flags(GNTTAB_RESERVED_XENSTORE) = 0;
	TEST_RESULT(grant_version_get(77), -XEN_ESRCH);
}

static void busy(void)
{
	char *window = grant_window(0);
	grant_handle_t handle;

	grant_access(GRANT_FIRST, 0, virt_to_mfn(page_alloc()), 0);
	TEST_RESULT(grant_map_at(0, GRANT_FIRST, 0, window, &handle), 0);
	TEST_RESULT(grant_version_set(2), -XEN_EBUSY);
	TEST_RESULT(grant_unmap_at(handle, window), 0);
	TEST_RESULT(grant_end(GRANT_FIRST), 0);
	TEST_RESULT(grant_version_set(2), 0);
	TEST_RESULT(grant_version_set(1), 0);
}

static void status_of_both(void)
{
	uint64_t list[GRANT_FRAMES_MAX], again[GRANT_FRAMES_MAX];
	unsigned int frames, unused, needed;

	TEST_RESULT(grant_setup(1, 4), 0);
	TEST_RESULT(grant_status_frames(DOMID_SELF, 1, list),
		    GNTST_general_error);
	TEST_RESULT(grant_setup(2, 4), 0);
	TEST_RESULT(grant_query(DOMID_SELF, &frames, &unused), GNTST_okay);
	needed = (unsigned int)((frames * V2_PER_FRAME * 2 + PAGE_SIZE - 1) /
				PAGE_SIZE);
	TEST_RESULT(grant_status_frames(DOMID_SELF, needed, list), GNTST_okay);
	TEST_RESULT(grant_status_frames(DOMID_SELF, needed + 1, again),
		    GNTST_general_error);
	TEST_RESULT(grant_status_frames(77, 1, again), GNTST_bad_domain);
	TEST_RESULT(grant_status_frames(DOMID_SELF, 1, again), GNTST_okay);
	TEST_ASSERT(again[0] == list[0], "a status frame has moved");
	TEST_RESULT(grant_in_use(GRANT_FIRST), 0);
	/* They are the hypervisor's to write. */
	TEST_RESULT(probe_write((void *)GRANT_STATUS, 1), TRAP_PF);
	TEST_RESULT(grant_version_set(1), -XEN_EBUSY);
	TEST_RESULT(grant_setup(1, 4), 0);
}

static void swap(void)
{
	grant_ref_t a = GRANT_FIRST, b = GRANT_FIRST + 5;
	char *window = grant_window(0);
	grant_handle_t handle;
	unsigned long mfn = virt_to_mfn(page_alloc());

	grant_access(a, 0, mfn, GTF_readonly);
	grant_access(b, 9, 0x777, 0);
	TEST_RESULT(grant_swap(a, b), GNTST_okay);
	entry_is(a, GTF_permit_access, 9, 0x777);
	entry_is(b, GTF_permit_access | GTF_readonly, 0, mfn);
	TEST_RESULT(grant_swap(a, a), GNTST_okay);
	entry_is(a, GTF_permit_access, 9, 0x777);
	TEST_RESULT(grant_swap(a, 4 * 512), GNTST_bad_gntref);
	TEST_RESULT(grant_swap(~0U, a), GNTST_bad_gntref);
	/* Not while it is mapped. */
	TEST_RESULT(grant_map_at(0, b, GNTMAP_readonly, window, &handle),
		    GNTST_okay);
	TEST_RESULT(grant_swap(a, b), GNTST_eagain);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	TEST_RESULT(grant_end(a), 0);
	TEST_RESULT(grant_end(b), 0);
}

static void most(void)
{
	static xen_pfn_t list[1024];
	unsigned int frames, unused;

	TEST_ASSERT(limit <= ARRAY_SIZE(list), "%u frames at most", limit);
	TEST_RESULT(grant_table_frames(DOMID_SELF, limit, list), GNTST_okay);
	TEST_RESULT(grant_query(DOMID_SELF, &frames, &unused), GNTST_okay);
	TEST_RESULT(frames, limit);
	TEST_RESULT(table_map((char *)GRANT_TABLE + (limit - 1) * PAGE_SIZE,
			      list[limit - 1], PTE_RW),
		    0);
	grant_access(limit * 512 - 1, 7, 0x777, 0);
	entry_is(limit * 512 - 1, GTF_permit_access, 7, 0x777);
	TEST_RESULT(grant_end(limit * 512 - 1), 0);
}

void test_main(void)
{
	sizes();
	setup();
	call_errors();
	versions();
	busy();
	status_of_both();
	swap();
	most();
}
