/* SPDX-License-Identifier: MIT */
/*
 * A grant table as both sides see it.
 *
 * The granter writes an entry, its flags last. The hypervisor sets bits when
 * somebody uses it: in the flags (version 1) or in a word of its own that the
 * guest may only read (version 2). While such a bit is set an entry cannot be
 * taken back, so the end is a compare and exchange: the hypervisor's bit or
 * our zero comes first, never both.
 */
#include "lodger.h"

#define V2_PER_STATUS_FRAME (PAGE_SIZE / sizeof(grant_status_t))

static unsigned int table_version = 1;

grant_entry_v1_t *grant_v1(grant_ref_t ref)
{
	return (grant_entry_v1_t *)GRANT_TABLE + ref;
}

grant_entry_v2_t *grant_v2(grant_ref_t ref)
{
	return (grant_entry_v2_t *)GRANT_TABLE + ref;
}

volatile uint16_t *grant_flags(grant_ref_t ref)
{
	return table_version == 1 ? &grant_v1(ref)->flags
				  : &grant_v2(ref)->hdr.flags;
}

static volatile grant_status_t *status_word(grant_ref_t ref)
{
	return (volatile grant_status_t *)GRANT_STATUS + ref;
}

unsigned int grant_in_use(grant_ref_t ref)
{
	unsigned int word =
		table_version == 1 ? *grant_flags(ref) : *status_word(ref);

	return word & (GTF_reading | GTF_writing);
}

void grant_access(grant_ref_t ref, domid_t dom, unsigned long mfn,
		  unsigned int flags)
{
	if (table_version == 1) {
		grant_v1(ref)->domid = dom;
		grant_v1(ref)->frame = (uint32_t)mfn;
	} else {
		grant_v2(ref)->hdr.domid = dom;
		grant_v2(ref)->full_page.frame = mfn;
	}
	barrier();
	*grant_flags(ref) = (uint16_t)(GTF_permit_access | flags);
}

int grant_end(grant_ref_t ref)
{
	uint16_t seen = *grant_flags(ref);

	if (table_version == 2) {
		*grant_flags(ref) = 0;
		__sync_synchronize();
		return grant_in_use(ref) != 0;
	}
	return (seen & (GTF_reading | GTF_writing)) ||
	       !__sync_bool_compare_and_swap(grant_flags(ref), seen, 0);
}

/* ---- the table itself ---- */

long grant_version_set(unsigned int version)
{
	gnttab_set_version_t op;
	long rc;

	op.version = version;
	rc = HYPERVISOR_grant_table_op(GNTTABOP_set_version, &op, 1);
	if (!rc)
		table_version = version;
	return rc;
}

long grant_version_get(domid_t dom)
{
	gnttab_get_version_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.dom = dom;
	rc = HYPERVISOR_grant_table_op(GNTTABOP_get_version, &op, 1);
	return rc ? rc : (long)op.version;
}

/* Issues one operation; its status, or a hundred times the call's error. */
#define ONE(cmd, op) one(HYPERVISOR_grant_table_op(cmd, &(op), 1), &(op).status)

static long one(long rc, const int16_t *status)
{
	return rc ? rc * 100 : *status;
}

long grant_query(domid_t dom, unsigned int *frames, unsigned int *limit)
{
	gnttab_query_size_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.dom = dom;
	rc = ONE(GNTTABOP_query_size, op);
	*frames = op.nr_frames;
	*limit = op.max_nr_frames;
	return rc;
}

long grant_table_frames(domid_t dom, unsigned int frames, xen_pfn_t *list)
{
	gnttab_setup_table_t op;

	memset(&op, 0, sizeof(op));
	op.dom = dom;
	op.nr_frames = frames;
	set_xen_guest_handle(op.frame_list, list);
	return ONE(GNTTABOP_setup_table, op);
}

long grant_status_frames(domid_t dom, unsigned int frames, uint64_t *list)
{
	gnttab_get_status_frames_t op;

	memset(&op, 0, sizeof(op));
	op.dom = dom;
	op.nr_frames = frames;
	set_xen_guest_handle(op.frame_list, list);
	return ONE(GNTTABOP_get_status_frames, op);
}

long grant_swap(grant_ref_t a, grant_ref_t b)
{
	gnttab_swap_grant_ref_t op;

	memset(&op, 0, sizeof(op));
	op.ref_a = a;
	op.ref_b = b;
	return ONE(GNTTABOP_swap_grant_ref, op);
}

static unsigned int status_frames(unsigned int frames)
{
	unsigned int entries = frames * (PAGE_SIZE / sizeof(grant_entry_v2_t));

	return (entries + V2_PER_STATUS_FRAME - 1) / V2_PER_STATUS_FRAME;
}

static long map_status(unsigned int frames)
{
	uint64_t list[GRANT_FRAMES_MAX];
	unsigned int n = status_frames(frames), i;
	long rc = grant_status_frames(DOMID_SELF, n, list);

	for (i = 0; i < n && !rc; i++)
		rc = table_map((char *)GRANT_STATUS + i * PAGE_SIZE,
			       (unsigned long)list[i], PTE_RO);
	return rc;
}

/* Version 2 cannot be left while we map its status frames. */
static void unmap_status(void)
{
	unsigned int i;

	for (i = 0; i < GRANT_FRAMES_MAX; i++)
		if (table_lookup((char *)GRANT_STATUS + i * PAGE_SIZE))
			table_unmap((char *)GRANT_STATUS + i * PAGE_SIZE);
}

long grant_setup(unsigned int version, unsigned int frames)
{
	xen_pfn_t list[GRANT_FRAMES_MAX];
	unsigned int i;
	long rc = 0;

	if (grant_version_get(DOMID_SELF) != (long)version) {
		unmap_status();
		rc = grant_version_set(version);
	}
	table_version = version;
	if (!rc)
		rc = grant_table_frames(DOMID_SELF, frames, list);
	for (i = 0; i < frames && !rc; i++)
		rc = table_map((char *)GRANT_TABLE + i * PAGE_SIZE, list[i],
			       PTE_RW);
	return rc || version == 1 ? rc : map_status(frames);
}

/* ---- the other side ---- */

char *grant_window(unsigned int page)
{
	char *address = (char *)GRANT_WINDOW + page * PAGE_SIZE;

	table_prepare(address);
	return address;
}

long grant_map(domid_t dom, grant_ref_t ref, unsigned int flags, uint64_t where,
	       gnttab_map_grant_ref_t *result)
{
	memset(result, 0, sizeof(*result));
	result->host_addr = where;
	result->flags = flags;
	result->ref = ref;
	result->dom = dom;
	return ONE(GNTTABOP_map_grant_ref, *result);
}

long grant_map_at(domid_t dom, grant_ref_t ref, unsigned int flags,
		  const void *address, grant_handle_t *handle)
{
	gnttab_map_grant_ref_t op;
	long rc = grant_map(dom, ref, GNTMAP_host_map | flags,
			    (unsigned long)address, &op);

	*handle = op.handle;
	return rc;
}

long grant_unmap(grant_handle_t handle, uint64_t where, uint64_t bus)
{
	gnttab_unmap_grant_ref_t op;

	memset(&op, 0, sizeof(op));
	op.host_addr = where;
	op.dev_bus_addr = bus;
	op.handle = handle;
	return ONE(GNTTABOP_unmap_grant_ref, op);
}

long grant_unmap_at(grant_handle_t handle, const void *address)
{
	return grant_unmap(handle, (unsigned long)address, 0);
}

long grant_replace(grant_handle_t handle, const void *address,
		   const void *other)
{
	gnttab_unmap_and_replace_t op;

	memset(&op, 0, sizeof(op));
	op.host_addr = (unsigned long)address;
	op.new_addr = (unsigned long)other;
	op.handle = handle;
	return ONE(GNTTABOP_unmap_and_replace, op);
}

long grant_copy(gnttab_copy_t *op)
{
	return ONE(GNTTABOP_copy, *op);
}

long grant_transfer(unsigned long mfn, domid_t dom, grant_ref_t ref)
{
	gnttab_transfer_t op;

	memset(&op, 0, sizeof(op));
	op.mfn = mfn;
	op.domid = dom;
	op.ref = ref;
	return ONE(GNTTABOP_transfer, op);
}
