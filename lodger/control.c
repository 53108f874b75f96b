/* SPDX-License-Identifier: MIT */
/*
 * The control calls. Each has a structure with the version of the interface:
 * it changes with every release, and a call with another one is refused.
 */
#include "lodger.h"

#ifdef __i386__
#define WINDOW 0xe0800000UL
#else
#define WINDOW 0x20000800000UL
#endif

static char *window(unsigned int page)
{
	return (char *)WINDOW + page * PAGE_SIZE;
}

long control_domctl(unsigned int cmd, domid_t dom, xen_domctl_t *op)
{
	op->cmd = cmd;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = dom;
	return HYPERVISOR_domctl(op);
}

long control_sysctl(unsigned int cmd, xen_sysctl_t *op)
{
	op->cmd = cmd;
	op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return HYPERVISOR_sysctl(op);
}

static long simple(unsigned int cmd, domid_t dom)
{
	xen_domctl_t op;

	memset(&op, 0, sizeof(op));
	return control_domctl(cmd, dom, &op);
}

long control_create(domid_t *dom)
{
	xen_domctl_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.u.createdomain.max_vcpus = 1;
	op.u.createdomain.max_evtchn_port = 1023;
	op.u.createdomain.max_grant_frames = 4;
	op.u.createdomain.max_maptrack_frames = 4;
	op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(2);
	rc = control_domctl(XEN_DOMCTL_createdomain, 0, &op);
	*dom = op.domain;
	return rc;
}

long control_limits(domid_t dom, unsigned long pages)
{
	xen_domctl_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.u.max_vcpus.max = 1;
	rc = control_domctl(XEN_DOMCTL_max_vcpus, dom, &op);
	if (rc)
		return rc;
	memset(&op, 0, sizeof(op));
	op.u.max_mem.max_memkb = (uint64_t)pages * (PAGE_SIZE / 1024);
	return control_domctl(XEN_DOMCTL_max_mem, dom, &op);
}

long control_pause(domid_t dom)
{
	return simple(XEN_DOMCTL_pausedomain, dom);
}

long control_unpause(domid_t dom)
{
	return simple(XEN_DOMCTL_unpausedomain, dom);
}

long control_destroy(domid_t dom)
{
	long rc;

	do
		rc = simple(XEN_DOMCTL_destroydomain, dom);
	while (rc == -XEN_EAGAIN);
	return rc;
}

long control_info(domid_t dom, xen_domctl_getdomaininfo_t *info)
{
	xen_domctl_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	rc = control_domctl(XEN_DOMCTL_getdomaininfo, dom, &op);
	*info = op.u.getdomaininfo;
	/* The answer may be about the next one. */
	return rc ? rc : info->domain == dom ? 0 : -XEN_ESRCH;
}

long control_context(domid_t dom, unsigned int cmd, unsigned int vcpu,
		     vcpu_guest_context_t *context)
{
	xen_domctl_t op;

	memset(&op, 0, sizeof(op));
	op.u.vcpucontext.vcpu = vcpu;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, context);
	return control_domctl(cmd, dom, &op);
}

long control_populate(domid_t dom, unsigned int order, unsigned int count,
		      xen_pfn_t *frames)
{
	struct xen_memory_reservation op;

	memset(&op, 0, sizeof(op));
	set_xen_guest_handle(op.extent_start, frames);
	op.nr_extents = count;
	op.extent_order = order;
	op.domid = dom;
	return HYPERVISOR_memory_op(XENMEM_populate_physmap, &op);
}

long control_grant_frame(domid_t dom, xen_pfn_t *mfn)
{
	struct xen_mem_acquire_resource op;

	memset(&op, 0, sizeof(op));
	op.domid = dom;
	op.type = XENMEM_resource_grant_table;
	op.id = XENMEM_resource_grant_table_id_shared;
	op.nr_frames = 1;
	set_xen_guest_handle(op.frame_list, mfn);
	return HYPERVISOR_memory_op(XENMEM_acquire_resource, &op);
}

unsigned long control_free_pages(void)
{
	xen_sysctl_t op;

	memset(&op, 0, sizeof(op));
	TEST_RESULT(control_sysctl(XEN_SYSCTL_physinfo, &op), 0);
	return (unsigned long)op.u.physinfo.free_pages;
}

/* ---- another domain's frames ---- */

/* Writes n entries of the window, for frames of dom; none: clears them. */
static long change(unsigned int page, domid_t dom, const xen_pfn_t *mfns,
		   unsigned int n, pte_t flags)
{
	struct mmu_update updates[CONTROL_WINDOW_PAGES];
	pte_t *entry = table_entry(table_root(), window(page), 1);
	unsigned int i;

	for (i = 0; i < n; i++) {
		updates[i].ptr =
			virt_to_machine(entry + i) | MMU_NORMAL_PT_UPDATE;
		updates[i].val = mfns ? pte_make(mfns[i], flags) : 0;
	}
	return HYPERVISOR_mmu_update(updates, n, NULL, dom);
}

static void *map_with(unsigned int page, domid_t dom, const xen_pfn_t *mfns,
		      unsigned int n, pte_t flags)
{
	long rc;

	if (!table_entry(table_root(), window(0), 1))
		table_prepare(window(0));
	rc = change(page, dom, mfns, n, flags);
	TEST_ASSERT(rc == 0, "cannot map %u frames of domain %u: %ld", n, dom,
		    rc);
	table_flush();
	return window(page);
}

void *control_map(unsigned int page, domid_t dom, const xen_pfn_t *mfns,
		  unsigned int n)
{
	return map_with(page, dom, mfns, n, PTE_RW);
}

const void *control_look(unsigned int page, domid_t dom, const xen_pfn_t *mfns,
			 unsigned int n)
{
	return map_with(page, dom, mfns, n, PTE_RO);
}

void control_unmap(unsigned int page, unsigned int n)
{
	TEST_RESULT(change(page, DOMID_SELF, NULL, n, 0), 0);
	table_flush();
}
