/* SPDX-License-Identifier: MIT */
/*
 * Save and restore in one step. A paused guest's memory is the same anywhere
 * but for the machine's frame numbers in it: those in page tables, in the list
 * of frames and in start_info become the new domain's. Which page is a table
 * only the hypervisor knows, and says (getpageframeinfo3); where an entry's
 * frame lies in the guest the machine-to-physical table says.
 */
#include "lodger.h"

#ifndef __i386__

static xen_pfn_t types[CHILD_PAGES_MAX];

static long find_tables(const struct child *from)
{
	xen_domctl_t op;

	memcpy(types, from->frame, from->pages * sizeof(types[0]));
	memset(&op, 0, sizeof(op));
	op.u.getpageframeinfo3.num = from->pages;
	set_xen_guest_handle(op.u.getpageframeinfo3.array, types);
	return control_domctl(XEN_DOMCTL_getpageframeinfo3, from->dom, &op);
}

static unsigned int level_of(unsigned long pfn)
{
	return types[pfn] >> XEN_DOMCTL_PFINFO_LTAB_SHIFT & 7;
}

static pte_t translate(const struct child *to, const struct child *from,
		       pte_t entry)
{
	unsigned long mfn = pte_mfn(entry), pfn = mfn_to_pfn(mfn);

	if (!(entry & PTE_PRESENT))
		return entry;
	if (mfn == from->shared)
		return pte_make(to->shared, entry & ~PTE_FRAME);
	TEST_ASSERT(pfn < from->pages && from->frame[pfn] == mfn,
		    "a table of domain %u names frame %lx", from->dom, mfn);
	return pte_make(to->frame[pfn], entry & ~PTE_FRAME);
}

static void copy_page(const struct child *to, const struct child *from,
		      unsigned long pfn)
{
	pte_t *new = control_map(0, to->dom, &to->frame[pfn], 1);
	const pte_t *old = control_look(1, from->dom, &from->frame[pfn], 1);
	unsigned int level = level_of(pfn), i;

	if (level == 0) {
		memcpy(new, old, PAGE_SIZE);
		return;
	}
	for (i = 0; i < 512; i++)
		if (level < 4 || i < 256 || i > 271)
			new[i] = translate(to, from, old[i]);
}

static void copy_shared(const struct child *to, const struct child *from)
{
	memcpy(control_map(0, to->dom, &to->shared, 1),
	       control_look(1, from->dom, &from->shared, 1), PAGE_SIZE);
}

static long copy(struct child *to, const struct child *from)
{
	static vcpu_guest_context_t context;
	start_info_t *info;
	unsigned long pfn;
	long rc = find_tables(from);

	if (!rc)
		rc = control_context(from->dom, XEN_DOMCTL_getvcpucontext, 0,
				     &context);
	if (rc)
		return rc;
	for (pfn = 0; pfn < from->pages; pfn++)
		copy_page(to, from, pfn);
	copy_shared(to, from);
	control_unmap(1, 1);
	child_write_frames(to);
	info = child_page(to, to->plan.info);
	info->shared_info = to->shared * PAGE_SIZE;
	info->console.domU.mfn = to->frame[to->plan.console];
	control_unmap(0, 1);
	return child_start(to, &context);
}

long child_copy(struct child *child, const struct child *from)
{
	long rc = child_empty(child, from->pages);

	if (rc)
		return rc;
	child->plan = from->plan;
	rc = copy(child, from);
	if (rc)
		child_destroy(child);
	return rc;
}

#endif
