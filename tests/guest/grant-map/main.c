/* SPDX-License-Identifier: MIT */
/*
 * Grants that are mapped. Built in both widths.
 *
 * A domain whose number stands in a grant entry may map its frame: into its
 * own tables (host_map), for its devices (device_map, which gives a machine
 * address), or both at once under one handle. The place is an address in the
 * present tables or, with contains_pte, the machine address of an entry. Such a
 * mapping is entered and taken away by these calls only; as long as it stands
 * the entry says so, for reading or also for writing, and the granter cannot
 * take the grant back. Should he try, he has only spoiled his entry: who maps
 * the frame keeps it until he lets go.
 *
 * Each operation of a batch has a status of its own, and one that fails does
 * not end the batch. After a batch of unmaps no translation is left anywhere.
 *
 * Domain 0 grants to itself first, then uses the pages of a peer (the file
 * beside), if there is one.
 */
#include "lodger.h"

#define REF    GRANT_FIRST
#define BOTH   (GTF_reading | GTF_writing)
#define PERMIT GTF_permit_access

static char *window;
static unsigned long *page;
static unsigned long mfn;

static void give(unsigned int flags)
{
	grant_access(REF, 0, mfn, flags);
}

static void take_back(void)
{
	TEST_RESULT(*grant_flags(REF) & BOTH, 0);
	TEST_RESULT(grant_end(REF), 0);
}

static pte_t pte_of(const void *address)
{
	pte_t *entry = table_entry(table_root(), address, 1);

	return entry ? *entry : 0;
}

static void gone(void *address)
{
	TEST_RESULT(pte_of(address), 0);
	TEST_RESULT(probe_read(address, NULL), TRAP_PF);
}

/* ---- what a mapping is ---- */

static void plain(void)
{
	volatile unsigned long *w = (void *)window;
	grant_handle_t handle;

	page[3] = 33;
	give(0);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle), GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	TEST_RESULT(pte_mfn(pte_of(window)), mfn);
	TEST_RESULT(w[3], 33);
	w[4] = 44;
	TEST_RESULT(page[4], 44);
	TEST_RESULT(grant_end(REF), 1);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT);
	gone(window);
	/* The handle is spent. */
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_bad_handle);
	take_back();
}

static void read_only(void)
{
	grant_handle_t handle;

	/* Either side may ask for less. */
	give(0);
	TEST_RESULT(grant_map_at(0, REF, GNTMAP_readonly, window, &handle),
		    GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_reading);
	TEST_RESULT(probe_write(window, 1), TRAP_PF);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	take_back();

	give(GTF_readonly);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle),
		    GNTST_general_error);
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_readonly);
	gone(window);
	TEST_RESULT(grant_map_at(0, REF, GNTMAP_readonly, window, &handle),
		    GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_readonly | GTF_reading);
	TEST_RESULT(probe_read(window, NULL), NO_FAULT);
	TEST_RESULT(probe_write(window, 1), TRAP_PF);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	take_back();
}

/* Each mapping has a handle; the bits stay until the last is gone. */
static void several(void)
{
	char *other = grant_window(3);
	grant_handle_t a, b, c;

	give(0);
	TEST_RESULT(grant_map_at(0, REF, GNTMAP_readonly, window, &a), 0);
	TEST_RESULT(grant_map_at(0, REF, 0, other, &b), 0);
	TEST_ASSERT(a != b, "two mappings have handle %u", a);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	TEST_RESULT(grant_unmap_at(b, other), GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_reading);
	TEST_RESULT(grant_map_at(0, REF, GNTMAP_readonly, other, &c), 0);
	TEST_RESULT(grant_unmap_at(a, window), GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT | GTF_reading);
	TEST_RESULT(grant_unmap_at(c, other), GNTST_okay);
	take_back();
}

static void devices(void)
{
	uint64_t bus = (uint64_t)mfn * PAGE_SIZE;
	gnttab_map_grant_ref_t op;

	give(0);
	TEST_RESULT(grant_map(0, REF, GNTMAP_device_map, 0, &op), GNTST_okay);
	TEST_ASSERT(op.dev_bus_addr == bus, "a device would use %llx",
		    (unsigned long long)op.dev_bus_addr);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	TEST_RESULT(grant_unmap(op.handle, 0, bus), GNTST_okay);
	take_back();

	/* Both under one handle, which lives until both are gone. */
	give(0);
	TEST_RESULT(grant_map(0, REF, GNTMAP_device_map | GNTMAP_host_map,
			      (unsigned long)window, &op),
		    GNTST_okay);
	TEST_RESULT(grant_unmap_at(op.handle, window), GNTST_okay);
	gone(window);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	TEST_RESULT(grant_unmap(op.handle, 0, bus + PAGE_SIZE),
		    GNTST_bad_dev_addr);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	TEST_RESULT(grant_unmap(op.handle, 0, bus), GNTST_okay);
	take_back();

	give(0);
	TEST_RESULT(grant_map(0, REF, GNTMAP_device_map | GNTMAP_host_map,
			      (unsigned long)window, &op),
		    GNTST_okay);
	TEST_RESULT(grant_unmap(op.handle, (unsigned long)window, bus),
		    GNTST_okay);
	gone(window);
	take_back();
}

/* The place is an entry of a table, named by its machine address. */
static void by_entry(void)
{
	uint64_t place = virt_to_machine(table_entry(table_root(), window, 1));
	gnttab_map_grant_ref_t op;

	give(0);
	TEST_RESULT(grant_map(0, REF, GNTMAP_host_map | GNTMAP_contains_pte,
			      place, &op),
		    GNTST_okay);
	TEST_RESULT(probe_write(window, 5), NO_FAULT);
	TEST_RESULT(page[0], 5);
	/* What was mapped by entry is not found by address. */
	TEST_RESULT(grant_unmap_at(op.handle, window), GNTST_general_error);
	TEST_RESULT(grant_unmap(op.handle, place, 0), GNTST_okay);
	gone(window);
	/* An address that is no entry, and a page that is no table. */
	TEST_RESULT(grant_map(0, REF, GNTMAP_host_map | GNTMAP_contains_pte,
			      place + 1, &op),
		    GNTST_general_error);
	TEST_RESULT(grant_map(0, REF, GNTMAP_host_map | GNTMAP_contains_pte,
			      virt_to_machine(page), &op),
		    GNTST_general_error);
	TEST_RESULT(grant_map(0, REF, GNTMAP_host_map | GNTMAP_contains_pte,
			      virt_to_machine(table_root()), &op),
		    GNTST_general_error);
	TEST_RESULT(grant_map(0, REF, GNTMAP_host_map | GNTMAP_contains_pte,
			      (uint64_t)0xfffff000 << 12, &op),
		    GNTST_general_error);
	take_back();
}

/* The bits of an entry that are the guest's own come from the flags. */
static void guest_bits(void)
{
	unsigned int bits = 5U << 16;
	grant_handle_t handle;
	xen_feature_info_t info;

	info.submap_idx = 0;
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_get_features, &info), 0);
	TEST_ASSERT(info.submap & 1U << XENFEAT_gnttab_map_avail_bits,
		    "no feature gnttab_map_avail_bits");
	give(0);
	TEST_RESULT(grant_map_at(0, REF, bits, window, &handle), GNTST_okay);
	TEST_RESULT(pte_of(window) >> 9 & 7, 5);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	TEST_RESULT(
		grant_map_at(0, REF, GNTMAP_application_map, window, &handle),
		GNTST_okay);
	TEST_RESULT(pte_of(window) & PTE_USER, PTE_USER);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	take_back();
}

static void replaced(void)
{
	char *other = grant_window(3);
	unsigned long *second = page_alloc();
	grant_handle_t handle;

	second[0] = 77;
	give(0);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle), 0);
	TEST_RESULT(table_map(other, virt_to_mfn(second), PTE_RW), 0);
	TEST_RESULT(grant_replace(handle, window, other), GNTST_okay);
	TEST_RESULT(*(volatile unsigned long *)window, 77);
	TEST_RESULT(pte_mfn(pte_of(window)), virt_to_mfn(second));
	gone(other);
	take_back();
	TEST_RESULT(grant_replace(handle, window, other), GNTST_bad_handle);
	TEST_RESULT(table_unmap(window), 0);

	/* With nothing to replace it by. */
	give(0);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle), 0);
	TEST_RESULT(grant_replace(handle, window, NULL), GNTST_okay);
	gone(window);
	take_back();
	page_free(second);
}

/* What was there before is replaced; to flush it is the guest's business. */
static void over_another(void)
{
	unsigned long *second = page_alloc();
	grant_handle_t handle, also;

	TEST_RESULT(table_map(window, virt_to_mfn(second), PTE_RW), 0);
	*(volatile unsigned long *)window = 1;
	give(0);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle), GNTST_okay);
	table_flush();
	*(volatile unsigned long *)window = 99;
	TEST_RESULT(page[0], 99);
	TEST_RESULT(second[0], 1);
	/* Even another mapping of a grant, which is then in nobody's table. */
	TEST_RESULT(grant_map_at(0, REF, GNTMAP_readonly, window, &also),
		    GNTST_okay);
	table_flush();
	TEST_RESULT(probe_write(window, 1), TRAP_PF);
	TEST_RESULT(grant_unmap_at(also, window), GNTST_okay);
	gone(window);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	page_free(second);
	/* Its frame has still a reference: a handle without a place. */
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_general_error);
}

/* ---- refusals ---- */

static void map_refused(unsigned int dom, grant_ref_t ref, unsigned int flags,
			const void *where, long status, int line)
{
	gnttab_map_grant_ref_t op;
	long rc =
		grant_map((domid_t)dom, ref, flags, (unsigned long)where, &op);

	TEST_ASSERT(rc == status, "line %d: status %ld, not %ld", line, rc,
		    status);
	TEST_ASSERT(op.status == status, "line %d: status %d left", line,
		    op.status);
}

#define REFUSED(dom, ref, flags, where, status) \
	map_refused(dom, ref, flags, where, status, __LINE__)

static void refusals(void)
{
	unsigned int host = GNTMAP_host_map;
	grant_ref_t other = REF + 1;

	REFUSED(77, REF, host, window, GNTST_bad_domain);
	REFUSED(DOMID_SELF, REF, host, window, GNTST_bad_domain);
	REFUSED(0, other, host, window, GNTST_general_error);
	REFUSED(0, 100000, host, window, GNTST_bad_gntref);
	REFUSED(0, ~0U, host, window, GNTST_bad_gntref);
	give(0);
	/* Neither for the guest nor for devices. */
	REFUSED(0, REF, 0, window, GNTST_bad_gntref);
	REFUSED(0, REF, GNTMAP_readonly, window, GNTST_bad_gntref);
	/* No table for the address; an address of the hypervisor's. */
	REFUSED(0, REF, host, (void *)0x10000000UL, GNTST_general_error);
	REFUSED(0, REF, host, M2P, GNTST_general_error);
	TEST_RESULT(*grant_flags(REF), PERMIT);
	take_back();
	/* For somebody else; of another kind. */
	grant_access(REF, 9, mfn, 0);
	REFUSED(0, REF, host, window, GNTST_general_error);
	grant_access(REF, 0, mfn, 0);
	*grant_flags(REF) = GTF_accept_transfer;
	REFUSED(0, REF, host, window, GNTST_general_error);
	/* A frame that is nobody's to give. */
	grant_access(REF, 0, 0xfffffff, 0);
	REFUSED(0, REF, host, window, GNTST_bad_page);
	TEST_RESULT(*grant_flags(REF), PERMIT);
	take_back();
	gone(window);

	TEST_RESULT(grant_unmap_at(~0U, window), GNTST_bad_handle);
	TEST_RESULT(grant_unmap_at(5000000, window), GNTST_bad_handle);
	TEST_RESULT(grant_replace(~0U, window, window), GNTST_bad_handle);
}

/* An unmap that names a wrong place changes nothing. */
static void wrong_place(void)
{
	char *other = grant_window(3);
	grant_handle_t handle;

	give(0);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle), GNTST_okay);
	TEST_RESULT(grant_unmap_at(handle, other), GNTST_general_error);
	TEST_RESULT(grant_unmap_at(handle, table_root()), GNTST_general_error);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	/* No place at all: nothing is to be done, and that is done. */
	TEST_RESULT(grant_unmap(handle, 0, 0), GNTST_okay);
	TEST_RESULT(*grant_flags(REF), PERMIT | BOTH);
	TEST_RESULT(*(volatile unsigned long *)window, page[0]);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	take_back();
}

/* The granter spoils his entry; the mapping stands until it is undone. */
static void revoked(void)
{
	grant_handle_t handle;

	give(0);
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle), GNTST_okay);
	*grant_flags(REF) = 0;
	grant_v1(REF)->frame = 0;
	grant_v1(REF)->domid = 9;
	*(volatile unsigned long *)window = 11;
	TEST_RESULT(page[0], 11);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	gone(window);
	*grant_flags(REF) = 0;
	TEST_RESULT(grant_map_at(0, REF, 0, window, &handle),
		    GNTST_general_error);
}

/* ---- batches ---- */

#define BATCH 300

static gnttab_map_grant_ref_t maps[BATCH];
static gnttab_unmap_grant_ref_t unmaps[BATCH];

static void batch(void)
{
	unsigned int i, bad = BATCH / 2;

	for (i = 0; i < BATCH; i++) {
		memset(&maps[i], 0, sizeof(maps[i]));
		grant_access(REF + i, 0, mfn, 0);
		maps[i].host_addr = (unsigned long)grant_window(4 + i);
		maps[i].flags = GNTMAP_host_map;
		maps[i].ref = i == bad ? 100000 : REF + i;
	}
	TEST_RESULT(
		HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, maps, BATCH),
		0);
	for (i = 0; i < BATCH; i++) {
		TEST_RESULT(maps[i].status, i == bad ? GNTST_bad_gntref : 0);
		memset(&unmaps[i], 0, sizeof(unmaps[i]));
		unmaps[i].host_addr = maps[i].host_addr;
		unmaps[i].handle = maps[i].handle;
		if (i != bad)
			*(volatile unsigned long *)HV_ARG(maps[i].host_addr) =
				i;
	}
	TEST_RESULT(page[0], BATCH - 1);
	unmaps[bad].handle = ~0U;
	TEST_RESULT(HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref, unmaps,
					      BATCH),
		    0);
	for (i = 0; i < BATCH; i++) {
		TEST_RESULT(unmaps[i].status, i == bad ? GNTST_bad_handle : 0);
		gone((void *)HV_ARG(maps[i].host_addr));
		TEST_RESULT(grant_end(REF + i), 0);
	}
}

/* ---- another domain ---- */

static void peers_page(domid_t dom)
{
	volatile unsigned long *w = (void *)window;
	unsigned long word = 0x1234;
	grant_handle_t handle;

	peer_write(box->page[0] + 64, &word, sizeof(word));
	peer_access(REF + 1, 0, box->mfn[0], PERMIT);
	TEST_RESULT(grant_map_at(dom, REF + 1, 0, window, &handle), 0);
	TEST_RESULT(w[64 / sizeof(word)], 0x1234);
	w[65] = 0x4321;
	peer_read(box->page[0] + 65 * sizeof(word), &word, sizeof(word));
	TEST_RESULT(word, 0x4321);
	TEST_RESULT(peer_flags(REF + 1), PERMIT | BOTH);
	/* The entry is spoiled: nothing new, but what stands stays. */
	peer_access(REF + 1, 0, 0, 0);
	w[65] = 0x1111;
	peer_read(box->page[0] + 65 * sizeof(word), &word, sizeof(word));
	TEST_RESULT(word, 0x1111);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	gone(window);
	peer_access(REF + 1, 0, 0, 0);
}

/* The frame is in use: its owner can give it back, but nobody gets it yet. */
static void peer_gives_away(domid_t dom)
{
	struct xen_memory_reservation less;
	grant_handle_t handle;
	unsigned long word = 0x5555;
	uint64_t frame = box->mfn[1];
	long kept;

	peer_write(box->page[1], &word, sizeof(word));
	peer_access(REF + 1, 0, frame, PERMIT);
	TEST_RESULT(
		grant_map_at(dom, REF + 1, GNTMAP_readonly, window, &handle),
		0);
	/* Its own mapping goes first. */
	TEST_RESULT(peer_call(__HYPERVISOR_update_va_mapping, box->page[1], 0,
			      UVMF_INVLPG),
		    0);
	memset(&less, 0, sizeof(less));
	less.nr_extents = 1;
	less.domid = DOMID_SELF;
	set_xen_guest_handle(less.extent_start,
			     (xen_pfn_t *)HV_ARG(box->room_at + 512));
	box->room[64] = frame;
	memcpy(box->room, &less, sizeof(less));
	kept = peer_call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation,
			 box->room_at, 0);
	TEST_ASSERT(kept == 0 || kept == 1, "decrease_reservation: %ld", kept);
	TEST_RESULT(*(volatile unsigned long *)window, 0x5555);
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	peer_access(REF + 1, 0, 0, 0);
}

/* It ends, or crashes, while we map its memory. */
static void peer_ends(domid_t dom)
{
	uint64_t end = clock_now() + 20 * SECOND;
	grant_handle_t handle, none;
	long status;

	peer_access(REF + 1, 0, box->mfn[0], PERMIT);
	TEST_RESULT(grant_map_at(dom, REF + 1, 0, window, &handle), 0);
	*(volatile unsigned long *)window = 0x99;
	peer_tell(PEER_END);
	do {
		TEST_ASSERT(clock_now() < end, "the peer does not end");
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
		status = grant_map_at(dom, REF + 2, 0, grant_window(3), &none);
	} while (status != GNTST_bad_domain && box->what == PEER_END &&
		 clock_now() < end - 19 * SECOND);
	TEST_RESULT(*(volatile unsigned long *)window, 0x99);
	*(volatile unsigned long *)window = 0x98;
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	gone(window);
	peer_forget();
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
	page = page_alloc();
	mfn = virt_to_mfn(page);
	plain();
	read_only();
	several();
	devices();
	by_entry();
	guest_bits();
	replaced();
	refusals();
	wrong_place();
	revoked();
	batch();
	dom = peer_find();
	if (dom) {
		peers_page(dom);
		if (sizeof(long) == 8)
			peer_gives_away(dom);
		peer_ends(dom);
	}
	over_another();
}
