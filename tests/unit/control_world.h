/* SPDX-License-Identifier: MIT */
/*
 * A control domain at work, by hypercalls alone: it creates a domain, gives it
 * memory, page tables and a context as a builder does, and ends it.
 */
#ifndef TESTS_UNIT_CONTROL_WORLD_H
#define TESTS_UNIT_CONTROL_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "event/event.h"
#include "lifecycle_world.h"
#include "mm/mm.h"
#include "pte.h"

#define CONTROL_PAGES 40
#define ARG	      host_guest_va(0)
#define LIST	      host_guest_va(1)
#define BUFFER	      host_guest_va(2)	/* some pages */
#define SEEN	      host_guest_va(20) /* where another's page is mapped */
#define ENTRY	      (HOST_VA + 0x123)

static struct host_guest control; /* domain 0 */
static struct vcpu *caller;
static uint64_t free_before;

static inline int control_setup(void **state)
{
	(void)state;
	world_make(2500);
	host_guest_make(&control, CONTROL_PAGES, 1, true);
	control.d->boot_index = LIFECYCLE_NO_INDEX;
	caller = control.d->vcpu[0];
	assert_int_equal(event_domain_init(control.d), 0);
	host_vcpu_enter(caller);
	host_copy_scrambles = false;
	free_before = frame_free_pages();
	return 0;
}

/* What the way back to the control domain would do. */
static inline void back(void)
{
	for (unsigned int i = 0;
	     i < 1000 && (atomic32_load(&this_cpu()->softirqs) & SOFTIRQ_REAP);
	     i++) {
		atomic32_and(&this_cpu()->softirqs, ~(uint32_t)SOFTIRQ_REAP);
		lifecycle_reap();
	}
}

static inline int control_teardown(void **state)
{
	(void)state;
	world_check("at the end");
	host_vcpu_enter(NULL);
	world_end();
	return 0;
}

static inline void poke(uint64_t va, const void *src, size_t n)
{
	assert_int_equal(host_guest_write(va, src, n), 0);
}

static inline void peek(uint64_t va, void *dst, size_t n)
{
	assert_int_equal(host_guest_read(va, dst, n), 0);
}

static unsigned int restarts; /* of the last call */

static inline long call(hypercall_fn *fn, uint64_t a, uint64_t b, uint64_t c,
			uint64_t d)
{
	struct call_args args = { .a = { a, b, c, d } };
	long rc;

	for (restarts = 0; (rc = fn(caller, &args)) == -ERESTART; restarts++)
		back();
	back();
	return rc;
}

static inline long domctl(struct xen_domctl *op, uint32_t cmd, uint16_t id)
{
	long rc;

	op->cmd = cmd;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = id;
	poke(ARG, op, sizeof(*op));
	rc = call(hc_domctl, ARG, 0, 0, 0);
	peek(ARG, op, sizeof(*op));
	return rc;
}

static inline struct xen_domctl creation(uint32_t vcpus)
{
	struct xen_domctl op = { 0 };

	op.u.createdomain.max_vcpus = vcpus;
	op.u.createdomain.max_evtchn_port = 1023;
	op.u.createdomain.max_grant_frames = 64;
	op.u.createdomain.max_maptrack_frames = 1024;
	op.u.createdomain.grant_opts = 2;
	memcpy(op.u.createdomain.handle, "0123456789abcdef", 16);
	return op;
}

/* A domain with its limits, as libxl makes it: 1, or 2. */
static inline struct domain *create(uint32_t vcpus, uint64_t pages,
				    uint32_t bits)
{
	struct xen_domctl op = creation(vcpus);
	uint16_t id;

	id = domain_find(1) ? 2 : 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, id), 0);
	op.u.max_vcpus.max = vcpus;
	assert_int_equal(domctl(&op, XEN_DOMCTL_max_vcpus, id), 0);
	op.u.max_mem.max_memkb = pages * 4;
	assert_int_equal(domctl(&op, XEN_DOMCTL_max_mem, id), 0);
	op.u.address_size.size = bits;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, id), 0);
	return domain_find(id);
}

/* Its pages' machine frames, by their places. */
static uint64_t page_of[64];

static inline long populate(uint16_t id, unsigned int n)
{
	struct xen_memory_reservation r = { .nr_extents = n, .domid = id };
	long done;

	for (uint64_t pfn = 0; pfn < n; pfn++)
		poke(LIST + pfn * 8, &pfn, 8);
	r.extent_start.p = (xen_pfn_t *)LIST;
	poke(ARG, &r, sizeof(r));
	done = call(hc_memory_op, XENMEM_populate_physmap, ARG, 0, 0);
	peek(LIST, page_of, n * 8UL);
	return done;
}

static inline long ext(unsigned int cmd, uint64_t m, uint16_t id)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.mfn = m;
	poke(ARG, &op, sizeof(op));
	return call(hc_mmuext_op, ARG, 1, 0, id);
}

/* A frame of that domain's at SEEN. */
static inline long map(uint64_t m, uint64_t bits, uint16_t id)
{
	return call(hc_update_va_mapping_otherdomain, SEEN,
		    m << PAGE_SHIFT | bits, UVMF_INVLPG, id);
}

static inline void unmap(void)
{
	assert_int_equal(map(0, 0, DOMID_SELF), 0);
}

static inline void entry_write(uint16_t id, uint64_t table, unsigned int idx,
			       uint64_t m, uint64_t bits)
{
	uint64_t e = m << PAGE_SHIFT | bits;

	assert_int_equal(map(table, PTE_P | PTE_RW | PTE_US, id), 0);
	poke(SEEN + idx * 8UL, &e, 8);
	unmap();
}

/* Pages 0 to 3 are its tables, page 4 its code at HOST_VA, 5 to n data after
 * it; of a 32-bit guest 0 is its fourth L2. Pinned. */
static inline void tables_make(struct domain *d, unsigned int n)
{
	const uint64_t table = PTE_P | PTE_RW | PTE_US | PTE_A;
	unsigned int root = d->width == WIDTH_32 ? 1 : 0;

	if (root) {
		entry_write(d->id, page_of[1], 3, page_of[0], PTE_P);
		entry_write(d->id, page_of[1], pte_index(HOST_VA, 3),
			    page_of[2], PTE_P);
	} else {
		entry_write(d->id, page_of[0], pte_index(HOST_VA, 4),
			    page_of[1], table);
		entry_write(d->id, page_of[1], pte_index(HOST_VA, 3),
			    page_of[2], table);
	}
	entry_write(d->id, page_of[2], pte_index(HOST_VA, 2), page_of[3],
		    table);
	for (unsigned int i = 4; i < n; i++)
		entry_write(d->id, page_of[3], pte_index(HOST_VA, 1) + i - 4,
			    page_of[i], table);
	assert_int_equal(ext(root ? MMUEXT_PIN_L3_TABLE : MMUEXT_PIN_L4_TABLE,
			     page_of[root], d->id),
			 0);
}

static inline struct vcpu_guest_context first_context(void)
{
	struct vcpu_guest_context c = { 0 };

	c.user_regs.rip = ENTRY;
	c.user_regs.rsp = HOST_VA + 0x2000;
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = FLAT_KERNEL_SS;
	c.user_regs.rflags = 0x202;
	c.kernel_ss = FLAT_KERNEL_SS;
	c.kernel_sp = c.user_regs.rsp;
	c.flags = VGCF_in_kernel | VGCF_online;
	c.ctrlreg[3] = xen_pfn_to_cr3(page_of[0]);
	return c;
}

static inline long context_set(uint16_t id, uint32_t vcpu, const void *c,
			       size_t n)
{
	struct xen_domctl op = { 0 };

	poke(BUFFER, c, n);
	op.u.vcpucontext.vcpu = vcpu;
	op.u.vcpucontext.ctxt.p = (vcpu_guest_context_t *)BUFFER;
	return domctl(&op, XEN_DOMCTL_setvcpucontext, id);
}

static inline uint32_t flags_of(uint16_t id)
{
	struct xen_domctl op = { 0 };

	assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, id), 0);
	assert_int_equal(op.domain, id);
	if (!(op.u.getdomaininfo.flags & XEN_DOMINF_shutdown)) {
		assert_int_equal(op.u.getdomaininfo.flags >> 16, 0xffff);
		return op.u.getdomaininfo.flags & 0xffff;
	}
	return op.u.getdomaininfo.flags;
}

static inline long simple(uint32_t cmd, uint16_t id)
{
	struct xen_domctl op = { 0 };

	return domctl(&op, cmd, id);
}

/* Built, and paused as it was created. */
static inline struct domain *build(uint32_t vcpus)
{
	struct vcpu_guest_context c;
	struct domain *d = create(vcpus, 32, 64);

	assert_int_equal(populate(d->id, 12), 12);
	tables_make(d, 8);
	c = first_context();
	assert_int_equal(context_set(d->id, 0, &c, sizeof(c)), 0);
	return d;
}

static inline void destroy(struct domain *d)
{
	uint16_t id = d->id;

	assert_int_equal(simple(XEN_DOMCTL_destroydomain, id), 0);
	assert_null(domain_find(id));
	assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, id), -ESRCH);
	assert_int_equal(frame_free_pages(), free_before);
}

#endif
