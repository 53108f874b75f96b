/* SPDX-License-Identifier: MIT */
/*
 * A domain's pages for control software: what each of them is, which a tool
 * that saves a guest writes down and one that restores it has to know; and
 * their contents, for a debugger.
 */
#include "argument.h"
#include "arch.h"
#include "control/control.h"
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"
#include "mm/mm.h"
#include "pte.h"

/* ---- types ---- */

static uint64_t type_told(const struct frame *f)
{
	uint64_t w = atomic64_load(&f->type), level;

	/* What it was before is nobody's concern. */
	if (!(w & FRAME_COUNT_MASK))
		return 0;
	level = (w >> FRAME_TYPE_SHIFT) & ~(uint64_t)FRAME_32;
	switch (level) {
	case FRAME_L1:
	case FRAME_L2:
	case FRAME_L3:
	case FRAME_L4:
		level = level - FRAME_L1 + 1;
		break;
	default:
		return 0;
	}
	return level << XEN_DOMCTL_PFINFO_LTAB_SHIFT |
	       (w & FRAME_PINNED ? XEN_DOMCTL_PFINFO_LPINTAB : 0);
}

static uint64_t page_told(const struct domain *d, uint64_t m)
{
	struct frame *f = frame_lookup(guest_mfn(m));
	uint64_t type;

	if (!f || !frame_get(f, d))
		return XEN_DOMCTL_PFINFO_XTAB;
	type = type_told(f);
	frame_put(f);
	return type;
}

/* Of each number in the list its type is left there. */
#define PAGES_MAX 1024

int control_page_types(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_getpageframeinfo3 *p = &op->u.getpageframeinfo3;
	const struct vcpu *v = current_vcpu();

	if (p->num > PAGES_MAX)
		return -E2BIG;
	while (p->num) {
		uint64_t va = (uint64_t)p->array.p;
		struct frame_number n;

		if (arg_read_frame_number(v, &n, va))
			return -EFAULT;
		n.v = page_told(d, n.v);
		if (arg_write_frame_number(v, va, &n))
			return -EFAULT;
		p->array.p = (void *)(va + arg_bytes_frame_number(v));
		p->num--;
		if (p->num && arch_preempt_pending())
			return -ERESTART;
	}
	return 0;
}

/* ---- contents ---- */

int control_hypercall_page(struct domain *d, struct xen_domctl *op)
{
	struct frame *f = frame_lookup(guest_mfn(op->u.hypercall_init.gmfn));
	void *page;

	if (!f || !frame_get_writable(f, d))
		return -EACCES;
	page = frame_alloc_bytes(PAGE_SIZE);
	if (page) {
		lifecycle_hypercall_page_fill(page, d->width);
		guest_write(d, frame_ptr(f), page, PAGE_SIZE);
		frame_free_bytes(page, PAGE_SIZE);
	}
	frame_put_writable(f);
	return page ? 0 : -ENOMEM;
}

/* The frame of d that its first vcpu's kernel has at va, with a reference. */
static struct frame *frame_at(struct domain *d, uint64_t va, bool write)
{
	struct mm_locked m = mm_lock(d);
	struct frame *f = NULL;
	struct mm_place at;
	uint64_t e;

	if (mm_walk(m, d->vcpu[0]->mm.root_kernel, va, &at)) {
		e = shared_load64(at.entry);
		f = e & PTE_P ? frame_lookup(pte_mfn(e)) : NULL;
		if (f && !frame_get_data(f, frame_usual(d->id), d, write))
			f = NULL;
	}
	mm_unlock(m);
	return f;
}

/* The part of a page at gva; false: one of the two is not there. */
static bool piece_copy(struct domain *d, struct xen_domctl_gdbsx_memio *x,
		       size_t n)
{
	struct frame *f = frame_at(d, x->gva, x->gwr);
	char *p;
	bool ok;

	if (!f)
		return false;
	p = (char *)frame_ptr(f) + (x->gva & ~PAGE_MASK);
	if (x->gwr) {
		ok = !guest_copy_from(p, x->uva, n);
		guest_wrote(d, p);
	} else {
		ok = !guest_copy_to(x->uva, p, n);
	}
	frame_put_data(f, x->gwr);
	return ok;
}

/* By the kernel's root, as far as there is memory: what remains is told. */
int control_debug_memory(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_gdbsx_memio *x = &op->u.gdbsx_guest_memio;

	while (x->len) {
		size_t n =
			MIN((size_t)x->len, PAGE_SIZE - (x->gva & ~PAGE_MASK));

		if (!piece_copy(d, x, n))
			break;
		x->gva += n;
		x->uva += n;
		x->len -= (uint32_t)n;
		if (x->len && arch_preempt_pending())
			return -ERESTART;
	}
	x->remain = x->len;
	return x->remain ? -EFAULT : 0;
}
