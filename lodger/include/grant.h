/* SPDX-License-Identifier: MIT */
/*
 * Grants: a guest's table, whose entries let another domain use a frame, and
 * the calls of that other domain.
 *
 * Those calls have two answers: what the hypercall returned (an errno) and, of
 * each operation in it, a status (GNTST_*). The wrappers for one operation
 * return the status; if the call itself failed, a hundred times its errno.
 */
#ifndef LODGER_GRANT_H
#define LODGER_GRANT_H

#include <xen/grant_table.h>
#include "hypercall.h"

#define HYPERVISOR_grant_table_op(cmd, ops, n) HV3(grant_table_op, cmd, ops, n)

/* Where the guest keeps its table, and maps what it was granted. */
#ifdef __i386__
#define GRANT_TABLE  0xe0000000UL
#define GRANT_STATUS 0xe0100000UL
#define GRANT_WINDOW 0xe0200000UL
#else
#define GRANT_TABLE  0x20000000000UL
#define GRANT_STATUS 0x20000100000UL
#define GRANT_WINDOW 0x20000200000UL
#endif
#define GRANT_FRAMES_MAX 64
/* Entries before this one have a fixed meaning. */
#define GRANT_FIRST GNTTAB_NR_RESERVED_ENTRIES

/*
 * Asks for this version and for so many frames at least, and maps them (of
 * version 2 the status frames, too). May be called again, to grow or for
 * another version. 0, or an errno or status.
 */
long grant_setup(unsigned int version, unsigned int frames);
/* Of the version in use; the other one's pointer means nothing. */
grant_entry_v1_t *grant_v1(grant_ref_t ref);
grant_entry_v2_t *grant_v2(grant_ref_t ref);
volatile uint16_t *grant_flags(grant_ref_t ref);
/* GTF_reading and GTF_writing, wherever the version keeps them. */
unsigned int grant_in_use(grant_ref_t ref);
/* Lets dom use the frame; flags are GTF_readonly and the like. */
void grant_access(grant_ref_t ref, domid_t dom, unsigned long mfn,
		  unsigned int flags);
/* Makes the entry invalid, unless it is in use: then it returns nonzero. */
int grant_end(grant_ref_t ref);

/* A page of GRANT_WINDOW that has its L1 table and nothing mapped. */
char *grant_window(unsigned int page);

long grant_map(domid_t dom, grant_ref_t ref, unsigned int flags, uint64_t where,
	       gnttab_map_grant_ref_t *result);
/* The same for the commonest case: host mapping at an address. */
long grant_map_at(domid_t dom, grant_ref_t ref, unsigned int flags,
		  const void *address, grant_handle_t *handle);
long grant_unmap(grant_handle_t handle, uint64_t where, uint64_t bus);
long grant_unmap_at(grant_handle_t handle, const void *address);
long grant_replace(grant_handle_t handle, const void *address,
		   const void *other);
long grant_copy(gnttab_copy_t *op);
long grant_transfer(unsigned long mfn, domid_t dom, grant_ref_t ref);

long grant_version_set(unsigned int version);
long grant_version_get(domid_t dom);
long grant_query(domid_t dom, unsigned int *frames, unsigned int *limit);
/* list has frames places. */
long grant_table_frames(domid_t dom, unsigned int frames, xen_pfn_t *list);
long grant_status_frames(domid_t dom, unsigned int frames, uint64_t *list);
long grant_swap(grant_ref_t a, grant_ref_t b);

#endif
