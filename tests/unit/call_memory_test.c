/* SPDX-License-Identifier: MIT */
/*
 * memory_op and vm_assist as a guest calls them, arguments in its memory:
 * results are counts, a pause loses nothing, hostile arguments change
 * nothing, and what cannot be told to the guest is taken back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "host/host.h"
#include "log/log.h"
#include "mm/mm.h"
#include "pte.h"
#include "model/oracle.h"

#define MAX_PAGES 64
#define PAGES	  40
#define ARG	  host_guest_va(0)
#define LIST	  host_guest_va(1)

static struct host_guest g;
static struct vcpu *v;

static void make(bool privileged)
{
	host_init(1024, 1);
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_guest_make(&g, PAGES, 1, privileged);
	g.d->frames.max_pages = MAX_PAGES;
	v = g.d->vcpu[0];
	host_vcpu_enter(v);
	host_copy_scrambles = false;
}

static int setup(void **state)
{
	(void)state;
	make(false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (oracle_check())
		fail_msg("%s", oracle_report());
	host_fini();
	return 0;
}

static void poke(uint64_t va, const void *src, size_t n)
{
	assert_int_equal(host_guest_write(va, src, n), 0);
}

static uint64_t list_at(unsigned int i)
{
	uint64_t word;

	assert_int_equal(host_guest_read(LIST + i * 8UL, &word, 8), 0);
	return word;
}

static void list_set(unsigned int i, uint64_t word)
{
	poke(LIST + i * 8UL, &word, 8);
}

static void reservation_set(uint64_t list, uint64_t n, unsigned int order,
			    unsigned int flags, domid_t domid)
{
	struct xen_memory_reservation r = {
		.nr_extents = n,
		.extent_order = order,
		.mem_flags = flags,
		.domid = domid,
	};

	r.extent_start.p = (xen_pfn_t *)list;
	poke(ARG, &r, sizeof(r));
}

/* Calls until it is finished, as the guest's instruction is repeated. */
static long call(uint64_t cmd, uint64_t arg)
{
	struct call_args a = { .a = { cmd, arg } };
	long rc = hc_memory_op(v, &a);

	for (unsigned int i = 0; rc == -ERESTART; i++) {
		assert_true(i < 10000);
		assert_int_equal(a.a[1], arg);
		rc = hc_memory_op(v, &a);
	}
	return rc;
}

static long extents(uint64_t cmd, uint64_t n, unsigned int order)
{
	reservation_set(LIST, n, order, 0, DOMID_SELF);
	return call(cmd, ARG);
}

static void populate(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		list_set(i, 1000 + i * 3);
	assert_int_equal(extents(XENMEM_populate_physmap, 10, 0), 10);
	for (unsigned int i = 0; i < 10; i++) {
		struct frame *f = frame_lookup(guest_mfn(list_at(i)));

		assert_non_null(f);
		assert_int_equal(f->owner, g.d->id);
		assert_int_equal(arch_m2p[list_at(i)], 1000 + i * 3);
	}
	assert_int_equal(g.d->frames.tot_pages, PAGES + 10);
}

static void populate_large(void **state)
{
	(void)state;
	list_set(0, 512);
	list_set(1, 520);
	assert_int_equal(extents(XENMEM_populate_physmap, 2, 3), 2);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(arch_m2p[list_at(1) + i], 520 + i);
	assert_int_equal(list_at(1) % 8, 0);
	assert_int_equal(g.d->frames.tot_pages, PAGES + 16);
}

/* Half of the list is beyond the limit: a count tells. */
static void limit(void **state)
{
	(void)state;
	assert_int_equal(extents(XENMEM_populate_physmap, 100, 0),
			 MAX_PAGES - PAGES);
	assert_int_equal(g.d->frames.tot_pages, MAX_PAGES);
	assert_int_equal(list_at(MAX_PAGES - PAGES), 0); /* untouched */
}

static void increase(void **state)
{
	(void)state;
	assert_int_equal(extents(XENMEM_increase_reservation, 4, 1), 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(frame_of(mfn(list_at(i) + 1))->owner, g.d->id);
		assert_int_equal(arch_m2p[list_at(i)], M2P_INVALID);
	}
	reservation_set(0, 3, 0, 0, DOMID_SELF); /* no list: not told */
	assert_int_equal(call(XENMEM_increase_reservation, ARG), 3);
	assert_int_equal(g.d->frames.tot_pages, PAGES + 11);
}

static void decrease(void **state)
{
	uint64_t free = frame_free_pages();

	(void)state;
	assert_int_equal(extents(XENMEM_increase_reservation, 8, 0), 8);
	list_set(5, frame_limit + 5);
	assert_int_equal(extents(XENMEM_decrease_reservation, 8, 0), 5);
	list_set(5, 1); /* no frame of its */
	assert_int_equal(extents(XENMEM_decrease_reservation, 8, 0), 0);
	assert_int_equal(g.d->frames.tot_pages, PAGES + 3);
	list_set(0, list_at(6));
	list_set(1, list_at(7));
	assert_int_equal(extents(XENMEM_decrease_reservation, 2, 0), 2);
	assert_int_equal(frame_free_pages(), free - 1);
	list_set(0, frame_mfn(g.d->shared_frame).v);
	assert_int_equal(extents(XENMEM_decrease_reservation, 1, 0), 0);
}

/* Whenever it is interrupted: every extent once, in order. */
static void paused(void **state)
{
	(void)state;
	host_choose_random(5);
	host_choose_rate(HOST_PREEMPT, 700);
	for (unsigned int i = 0; i < 20; i++)
		list_set(i, 2000 + i);
	assert_int_equal(extents(XENMEM_populate_physmap, 20, 0), 20);
	assert_true(host_choices_made(HOST_PREEMPT) > 5);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(arch_m2p[list_at(i)], 2000 + i);
	assert_int_equal(extents(XENMEM_decrease_reservation, 20, 0), 20);
	assert_int_equal(g.d->frames.tot_pages, PAGES);
}

/* A frame that the guest cannot be told of goes back. */
static void result_unwritable(void **state)
{
	static const unsigned int ops[] = { XENMEM_populate_physmap,
					    XENMEM_increase_reservation };
	uint64_t free = frame_free_pages();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		/* A page table: readable, but not writable. */
		reservation_set(host_guest_va(PAGES - 1), 4, 2, 0, DOMID_SELF);
		assert_int_equal(call(ops[i], ARG), 0);
		assert_int_equal(frame_free_pages(), free);
		assert_int_equal(g.d->frames.tot_pages, PAGES);
	}
}

static void faults_anywhere(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed < 200; seed++) {
		uint64_t had = g.d->frames.tot_pages;
		long n;

		for (unsigned int i = 0; i < 8; i++)
			list_set(i, 100 + i);
		reservation_set(LIST, 8, 0, 0, DOMID_SELF);
		host_choose_random(seed);
		host_choose_rate(HOST_COPY_FAULT, 100);
		host_choose_rate(HOST_PREEMPT, 100);
		n = call(XENMEM_populate_physmap, ARG);
		host_choose_nothing();
		if (n < 0)
			assert_int_equal(n, -EFAULT);
		else
			assert_int_equal(g.d->frames.tot_pages, had + n);
		for (long i = 0; i < n; i++)
			assert_int_equal(
				mm_decrease(g.d,
					    guest_mfn(list_at((unsigned int)i)),
					    0),
				0);
	}
}

/* The list may change as soon as it was read. */
static void read_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		list_set(i, 100 + i);
	reservation_set(LIST, 4, 0, 0, DOMID_SELF);
	host_copy_scrambles = true;
	host_copy_begin();
	assert_int_equal(call(XENMEM_populate_physmap, ARG), 4);
	assert_int_equal(host_copy_read_twice(), 0);
	host_copy_scrambles = false;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(arch_m2p[list_at(i)], 100 + i);
}

static void hostile(void **state)
{
	static const unsigned int ops[] = { XENMEM_populate_physmap,
					    XENMEM_increase_reservation,
					    XENMEM_decrease_reservation };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		reservation_set(LIST, 1, 10, 0, DOMID_SELF);
		assert_int_equal(call(ops[i], ARG), 0);
		reservation_set(LIST, 1, 64, 0, DOMID_SELF);
		assert_int_equal(call(ops[i], ARG), 0);
		reservation_set(LIST, ~0UL, 0, 0, DOMID_SELF);
		assert_int_equal(call(ops[i], ARG), 0);
		/* A beginning beyond the list is all there is to tell. */
		reservation_set(LIST, 2, 0, 0, DOMID_SELF);
		assert_int_equal(call(ops[i] | 3UL << 6, ARG), 3);
		assert_int_equal(call(ops[i] | ~0UL << 6, ARG), ~0UL >> 6);
		assert_int_equal(call(ops[i] | 2UL << 6, ARG), 2);
		reservation_set(LIST, 1, 0, XENMEMF_populate_on_demand,
				DOMID_SELF);
		assert_int_equal(call(ops[i], ARG), 0);
		reservation_set(LIST, 1, 0, 0, 77);
		assert_int_equal(call(ops[i], ARG), 0);
		reservation_set(LIST, 1, 0, 0, DOMID_XEN);
		assert_int_equal(call(ops[i], ARG), 0);
		assert_int_equal(call(ops[i], 0x10), 0);
		assert_int_equal(call(ops[i], ABI_HV_START), 0);
	}
	assert_int_equal(g.d->frames.tot_pages, PAGES);
}

/* Below an address: such frames, or none. */
static void address_bits(void **state)
{
	uint64_t free = frame_free_pages();

	(void)state;
	reservation_set(LIST, 2, 0, XENMEMF_address_bits(32), DOMID_SELF);
	assert_int_equal(call(XENMEM_increase_reservation, ARG), 2);
	reservation_set(LIST, 2, 0, XENMEMF_address_bits(255), DOMID_SELF);
	assert_int_equal(call(XENMEM_increase_reservation, ARG), 2);
	reservation_set(LIST, 2, 0, XENMEMF_address_bits(13), DOMID_SELF);
	assert_int_equal(call(XENMEM_increase_reservation, ARG), 0);
	reservation_set(LIST, 2, 0, XENMEMF_address_bits(3), DOMID_SELF);
	assert_int_equal(call(XENMEM_increase_reservation, ARG), 0);
	assert_int_equal(frame_free_pages(), free - 4);
}

static void for_another(void **state)
{
	struct domain *other = host_domain_make(20, 1, false);
	domid_t id = other->id;

	(void)state;
	/* make() was of an unprivileged guest: it may not. */
	reservation_set(LIST, 2, 0, 0, id);
	assert_int_equal(call(XENMEM_populate_physmap, ARG), 0);
	assert_int_equal(other->frames.tot_pages, 0);
	g.d->privileged = true;
	list_set(0, 7);
	list_set(1, 8);
	assert_int_equal(call(XENMEM_populate_physmap, ARG), 2);
	assert_int_equal(other->frames.tot_pages, 2);
	assert_int_equal(frame_of(mfn(list_at(1)))->owner, id);
	poke(ARG, &id, sizeof(id));
	assert_int_equal(call(XENMEM_current_reservation, ARG), 2);
	assert_int_equal(call(XENMEM_maximum_reservation, ARG), 20);
	reservation_set(LIST, 2, 0, 0, 3000);
	assert_int_equal(call(XENMEM_populate_physmap, ARG), 0);
}

static void questions(void **state)
{
	domid_t self = DOMID_SELF, other = 9;
	struct xen_machphys_mapping m;

	(void)state;
	poke(ARG, &self, sizeof(self));
	assert_int_equal(call(XENMEM_current_reservation, ARG), PAGES);
	assert_int_equal(call(XENMEM_maximum_reservation, ARG), MAX_PAGES);
	poke(ARG, &other, sizeof(other));
	assert_int_equal(call(XENMEM_current_reservation, ARG), -EPERM);
	assert_int_equal(call(XENMEM_current_reservation, 0x10), -EFAULT);
	assert_int_equal(call(XENMEM_maximum_ram_page, 0), 1023);
	assert_int_equal(call(XENMEM_machphys_mapping, LIST), 0);
	assert_int_equal(host_guest_read(LIST, &m, sizeof(m)), 0);
	assert_int_equal(m.v_start, ABI_HV_START);
	assert_int_equal(m.v_end, 0xffff804000000000);
	assert_int_equal(m.max_mfn, 1023);
	assert_int_equal(
		call(XENMEM_machphys_mapping, host_guest_va(PAGES - 1)),
		-EFAULT);
	assert_int_equal(call(XENMEM_memory_map, ARG), -ENOSYS);
	assert_int_equal(call(63, ARG), -ENOSYS);
}

/* What only guests with translated addresses have, and what nobody has. */
static void refusals(void **state)
{
	static const struct {
		unsigned int op;
		long result;
	} calls[] = {
		{ XENMEM_add_to_physmap, -EACCES },
		{ XENMEM_add_to_physmap_batch, -EACCES },
		{ XENMEM_remove_from_physmap, -EACCES },
		{ XENMEM_get_pod_target, -EINVAL },
		{ XENMEM_set_pod_target, -EINVAL },
		{ XENMEM_machphys_compat_mfn_list, -EOPNOTSUPP },
		{ XENMEM_get_vnumainfo, -EOPNOTSUPP },
		{ XENMEM_get_sharing_freed_pages, 0 },
		{ XENMEM_get_sharing_shared_pages, 0 },
		{ XENMEM_paging_op, -ENOSYS },
	};
	struct xen_pod_target nobody = { .domid = 77 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		struct xen_pod_target t = { .target_pages = DOMID_SELF,
					    .domid = DOMID_SELF };

		poke(ARG, &t, sizeof(t));
		assert_int_equal(call(calls[i].op, ARG), calls[i].result);
		assert_int_equal(call(calls[i].op | 1 << 6, ARG), -EINVAL);
	}
	poke(ARG, &nobody, sizeof(nobody));
	assert_int_equal(call(XENMEM_add_to_physmap, 0x10), -EFAULT);
	assert_int_equal(call(XENMEM_get_pod_target, ARG), -EPERM);
	g.d->privileged = true;
	assert_int_equal(call(XENMEM_get_pod_target, ARG), -ESRCH);
}

static struct xen_memory_map map_at_arg(void)
{
	struct xen_memory_map m;

	assert_int_equal(host_guest_read(ARG, &m, sizeof(m)), 0);
	return m;
}

static void map_set(unsigned int n, uint64_t buffer)
{
	struct xen_memory_map m = { .nr_entries = n };

	m.buffer.p = (void *)buffer;
	poke(ARG, &m, sizeof(m));
}

static void machine_map(void **state)
{
	struct memory_range_info r;

	(void)state;
	map_set(9, LIST);
	assert_int_equal(call(XENMEM_machine_memory_map, ARG), -EPERM);
	g.d->privileged = true;
	assert_int_equal(call(XENMEM_machine_memory_map, ARG), 0);
	assert_int_equal(map_at_arg().nr_entries, 1);
	assert_int_equal(host_guest_read(LIST, &r, sizeof(r)), 0);
	assert_int_equal(r.bytes, frame_limit << PAGE_SHIFT);
	assert_int_equal(r.type, 1);
	map_set(0, 0);
	assert_int_equal(call(XENMEM_machine_memory_map, ARG), 0);
	assert_int_equal(map_at_arg().nr_entries, 1);
	map_set(0, LIST);
	assert_int_equal(call(XENMEM_machine_memory_map, ARG), -EINVAL);
	map_set(1, ABI_HV_START);
	assert_int_equal(call(XENMEM_machine_memory_map, ARG), -EFAULT);
}

static long map_give(domid_t id, unsigned int n, uint64_t buffer)
{
	struct xen_foreign_memory_map f = { .domid = id };

	f.map.nr_entries = n;
	f.map.buffer.p = (void *)buffer;
	poke(ARG, &f, sizeof(f));
	return call(XENMEM_set_memory_map, ARG);
}

/* The builder's map of a guest's memory, and what becomes of it. */
static void guest_map(void **state)
{
	struct domain *other = host_domain_make(20, 1, false);
	struct memory_range_info r = { .start = 0, .bytes = 5, .type = 7 };
	uint64_t free = frame_free_pages();

	(void)state;
	poke(LIST, &r, sizeof(r));
	assert_int_equal(map_give(DOMID_SELF, 1, LIST), -EPERM);
	g.d->privileged = true;
	assert_int_equal(map_give(DOMID_SELF, MEMORY_MAP_MAX + 1, LIST),
			 -EINVAL);
	assert_int_equal(map_give(DOMID_SELF, 1, ABI_HV_START), -EFAULT);
	assert_int_equal(map_give(3000, 1, LIST), -ESRCH);
	assert_int_equal(map_give(DOMID_SELF, 2, LIST), 0);
	assert_int_equal(map_give(DOMID_SELF, 1, LIST), 0);
	assert_int_equal(frame_free_pages(), free - 1);
	map_set(9, LIST + 100);
	assert_int_equal(call(XENMEM_memory_map, ARG), 0);
	assert_int_equal(map_at_arg().nr_entries, 1);
	assert_int_equal(host_guest_read(LIST + 100, &r, sizeof(r)), 0);
	assert_int_equal(r.type, 7);
	map_set(9, ABI_HV_START);
	assert_int_equal(call(XENMEM_memory_map, ARG), -EFAULT);
	assert_int_equal(map_give(DOMID_SELF, 0, LIST), 0);
	assert_int_equal(call(XENMEM_memory_map, ARG), -ENOSYS);
	/* One that dies has none any more. */
	atomic32_store(&other->state, DOMAIN_DYING);
	mm_memory_map_set(other, frame_alloc_bytes(20), 1);
	assert_int_equal(other->mm.nr_ranges, 0);
	assert_int_equal(frame_free_pages(), free);
}

static void machphys_list(void **state)
{
	struct xen_machphys_mfn_list l = { .max_extents = 9 };

	(void)state;
	l.extent_start.p = (xen_pfn_t *)LIST;
	poke(ARG, &l, sizeof(l));
	assert_int_equal(call(XENMEM_machphys_mfn_list, ARG), 0);
	assert_int_equal(host_guest_read(ARG, &l, sizeof(l)), 0);
	assert_int_equal(l.nr_extents, 1);
	assert_int_equal(list_at(0), arch_m2p_extent(WIDTH_64, 0));
	l.max_extents = 0;
	poke(ARG, &l, sizeof(l));
	assert_int_equal(call(XENMEM_machphys_mfn_list, ARG), 0);
	l.max_extents = 1;
	l.extent_start.p = (xen_pfn_t *)ABI_HV_START;
	poke(ARG, &l, sizeof(l));
	assert_int_equal(call(XENMEM_machphys_mfn_list, ARG), -EFAULT);
}

static long claim(domid_t id, uint64_t pages)
{
	reservation_set(0, pages, 0, 0, id);
	return call(XENMEM_claim_pages, ARG);
}

/* What is claimed for one domain is not there for anybody else. */
static void claims(void **state)
{
	struct domain *other = host_domain_make(900, 1, false);
	uint64_t free = frame_free_pages();
	struct frame *f;

	(void)state;
	g.d->frames.max_pages = 1000;
	assert_int_equal(claim(other->id, 100), -EPERM);
	g.d->privileged = true;
	assert_int_equal(claim(3000, 100), -EINVAL);
	assert_int_equal(claim(DOMID_SELF, 100), -EINVAL);
	assert_int_equal(claim(g.d->id, PAGES), -EINVAL);
	assert_int_equal(claim(other->id, 901), -EINVAL);
	other->frames.max_pages = 10000;
	assert_int_equal(claim(other->id, free + 1), -ENOMEM);
	assert_int_equal(claim(other->id, free - 2), 0);
	assert_int_equal(claim(other->id, free - 3), -EINVAL);
	assert_int_equal(frame_free_pages(), free);
	/* Two are left for others, be it ourselves. */
	assert_int_equal(extents(XENMEM_increase_reservation, 4, 0), 2);
	assert_null(frame_alloc_hv(0));
	assert_int_equal(frame_alloc_domain(other, 1, &f), 0);
	assert_int_equal(other->frames.claimed, free - 4);
	assert_null(frame_alloc_hv(0));
	assert_int_equal(claim(other->id, 0), 0);
	assert_int_equal(extents(XENMEM_increase_reservation, 1, 0), 1);
}

/* Scrubbing pauses; what is done stays done, and no claim is lost. */
static void large_pauses(void **state)
{
	struct domain *other = host_domain_make(900, 1, false);

	(void)state;
	g.d->privileged = true;
	assert_int_equal(claim(other->id, 128), 0);
	for (uint64_t m = 0; m < 64; m++) {
		struct frame *f = frame_alloc_buffer(0);

		memset(frame_ptr(f), 0x5a, PAGE_SIZE);
		frame_free_hv(f, 0);
	}
	host_choose_random(3);
	host_choose_rate(HOST_PREEMPT, 1000);
	list_set(0, 64);
	reservation_set(LIST, 1, 6, 0, other->id);
	assert_int_equal(call(XENMEM_populate_physmap, ARG), 1);
	assert_true(host_choices_made(HOST_PREEMPT) > 60);
	assert_int_equal(other->frames.claimed, 64);
	assert_int_equal(other->frames.tot_pages, 64);
	for (unsigned int i = 0; i < 64; i++) {
		const uint64_t *p = frame_ptr(frame_of(mfn(list_at(0) + i)));

		for (unsigned int j = 0; j < 512; j++)
			assert_int_equal(p[j], 0);
		assert_int_equal(arch_m2p[list_at(0) + i], 64 + i);
	}
	assert_int_equal(claim(other->id, 0), 0);
}

static long assist(uint64_t cmd, uint64_t type)
{
	struct call_args a = { .a = { cmd, type } };

	return hc_vm_assist(v, &a);
}

static void vm_assist(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < 6; type++)
		assert_int_equal(assist(VMASST_CMD_enable, type), 0);
	assert_int_equal(g.d->mm.vm_assist, 0x3f);
	assert_int_equal(
		assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag),
		0);
	assert_int_equal(
		assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag),
		0);
	assert_int_equal(g.d->mm.vm_assist, 0x1f);
	assert_int_equal(assist(VMASST_CMD_enable, 6), -EINVAL);
	assert_int_equal(assist(VMASST_CMD_enable, 31), -EINVAL);
	assert_int_equal(assist(VMASST_CMD_enable, 33), -EINVAL);
	assert_int_equal(assist(VMASST_CMD_enable, 64), -EINVAL);
	assert_int_equal(assist(2, 0), -ENOSYS);
	assert_int_equal(g.d->mm.vm_assist, 0x1f);
	assert_int_equal(assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict), 0);
	assert_int_equal(g.d->mm.vm_assist, 0x10000001fUL);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(populate),
		TEST(populate_large),
		TEST(limit),
		TEST(increase),
		TEST(decrease),
		TEST(paused),
		TEST(result_unwritable),
		TEST(faults_anywhere),
		TEST(read_once),
		TEST(hostile),
		TEST(address_bits),
		TEST(for_another),
		TEST(questions),
		TEST(refusals),
		TEST(machine_map),
		TEST(guest_map),
		TEST(machphys_list),
		TEST(claims),
		TEST(large_pauses),
		TEST(vm_assist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
