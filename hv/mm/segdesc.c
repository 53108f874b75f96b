/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables. A GDT or LDT page is typed like a page table: checked as
 * a whole once, without a writable mapping ever after, and each later change
 * goes through mm_descriptor_update().
 *
 * What a hostile guest tries: a call gate into ring 0 (every system
 * descriptor is refused); our own selectors (the last two pages of the GDT
 * are ours, its limit does not reach them). In long mode base and limit of
 * code and data segments protect nothing, so they are not looked at; their
 * DPL becomes 3, the ring that guests are in.
 *
 * A 32-bit guest's kernel is in ring 1: DPL 0 becomes 1. It must never execute
 * 64-bit code (L=1), which could name our addresses, and the ring would let
 * it; below 4 GiB there is nothing of ours to protect, whatever the limit.
 */
#include "mm/entry.h"
#include "lib/string.h"

#define DESC_PRESENT   (1UL << 47)
#define DESC_CODE_DATA (1UL << 44)
#define DESC_DPL       (3UL << 45)
#define DESC_DPL1      (1UL << 45)
#define DESC_CODE      (1UL << 43)
#define DESC_LONG      (1UL << 53)

bool mm_descriptor_check(const struct domain *d, uint64_t *descriptor)
{
	if (!(*descriptor & DESC_PRESENT))
		return true;
	if (!(*descriptor & DESC_CODE_DATA))
		return false;
	if (d->width == WIDTH_64) {
		*descriptor |= DESC_DPL;
		return true;
	}
	if (!(*descriptor & DESC_DPL))
		*descriptor |= DESC_DPL1;
	return !(*descriptor & DESC_CODE) || !(*descriptor & DESC_LONG);
}

/* The page of v's GDT or LDT that has the selector's descriptor, or NULL. */
static struct frame *page_of(const struct vcpu *v, uint16_t selector)
{
	unsigned int idx = selector >> 3, page = idx / TABLE_ENTRIES;

	if (selector & 4)
		return idx < v->mm.ldt_entries ? v->mm.ldt[page] : NULL;
	return idx < v->mm.gdt_entries ? v->mm.gdt[page] : NULL;
}

uint64_t mm_segment_base(const struct vcpu *v, uint16_t selector)
{
	struct frame *f = page_of(v, selector);
	uint64_t e;

	if (!f)
		return 0;
	e = shared_load64((uint64_t *)frame_ptr(f) +
			  (selector >> 3) % TABLE_ENTRIES);
	return (e >> 16 & 0xffffff) | (e >> 56) << 24;
}

static int desc_page_get(struct domain *d, guest_mfn_t m, struct frame **out)
{
	struct mm_locked lock;
	int rc;

	*out = frame_lookup(m);
	if (!*out)
		return -EINVAL;
	lock = mm_lock(d);
	rc = mm_get_table(lock, *out, FRAME_SEGDESC);
	mm_unlock(lock);
	return rc;
}

static void desc_pages_put(struct domain *d, struct frame **pages,
			   unsigned int n)
{
	struct mm_locked m = mm_lock(d);

	for (unsigned int i = 0; i < n; i++) {
		if (pages[i])
			mm_drop_table(m, pages[i]); /* never interrupted */
		pages[i] = NULL;
	}
	mm_unlock(m);
}

int mm_gdt_set(struct vcpu *v, const uint64_t *frames, unsigned int entries)
{
	unsigned int n = (entries + TABLE_ENTRIES - 1) / TABLE_ENTRIES;
	struct frame *new[GDT_GUEST_PAGES] = { 0 }, *old[GDT_GUEST_PAGES];

	if (entries > FIRST_RESERVED_GDT_ENTRY)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		if (!desc_page_get(v->domain, guest_mfn(frames[i]), &new[i]))
			continue;
		new[i] = NULL;
		desc_pages_put(v->domain, new, i);
		return -EINVAL;
	}
	memcpy(old, v->mm.gdt, sizeof(old));
	memcpy(v->mm.gdt, new, sizeof(new));
	v->mm.gdt_entries = entries;
	if (v == current_vcpu())
		arch_gdt_load(v);
	desc_pages_put(v->domain, old, GDT_GUEST_PAGES);
	return 0;
}

void mm_gdt_clear(struct vcpu *v)
{
	int rc = mm_gdt_set(v, NULL, 0);

	(void)rc; /* nothing to refuse */
}

int mm_ldt_set(struct vcpu *v, uint64_t va, unsigned int entries)
{
	struct frame *old[LDT_PAGES];

	if (entries > 8192 ||
	    (entries && ((va & ~PAGE_MASK) || !mm_va_is_guest(v->domain, va) ||
			 !mm_va_is_guest(v->domain, va + entries * 8UL - 1))))
		return -EINVAL;
	memcpy(old, v->mm.ldt, sizeof(old));
	memset(v->mm.ldt, 0, sizeof(v->mm.ldt));
	v->mm.ldt_va = entries ? va : 0;
	v->mm.ldt_entries = entries;
	if (v == current_vcpu())
		arch_ldt_load(v);
	desc_pages_put(v->domain, old, LDT_PAGES);
	return 0;
}

/*
 * The frame that the guest's kernel has mapped at va, not to be used
 * uncounted. The LDT is the kernel's: a user program may load from it while
 * its own root does not map it.
 */
static bool frame_at(struct vcpu *v, uint64_t va, guest_mfn_t *out)
{
	struct mm_locked m = mm_lock(v->domain);
	struct mm_place at;
	uint64_t e = 0;

	if (mm_walk(m, v->mm.root_kernel, va, &at))
		e = shared_load64(at.entry);
	mm_unlock(m);
	*out = pte_mfn(e);
	return e & PTE_P;
}

bool mm_ldt_fault(struct vcpu *v, uint64_t offset)
{
	unsigned int page = (unsigned int)(offset >> PAGE_SHIFT);
	struct frame *f;
	guest_mfn_t m;

	if (page >= LDT_PAGES || offset / 8 >= v->mm.ldt_entries ||
	    v->mm.ldt[page])
		return false;
	if (!frame_at(v, v->mm.ldt_va + offset, &m) ||
	    desc_page_get(v->domain, m, &f))
		return false;
	v->mm.ldt[page] = f;
	arch_ldt_map_page(v, page, frame_mfn(f));
	return true;
}

int mm_descriptor_update(struct domain *d, uint64_t maddr, uint64_t descriptor)
{
	struct frame *f = frame_lookup(guest_mfn(maddr >> PAGE_SHIFT));
	enum frame_type t;
	int rc;

	if ((maddr & 7) || !mm_descriptor_check(d, &descriptor) || !f ||
	    !frame_get(f, d))
		return -EINVAL;
	/* Not a table in use: either kind may hold descriptors to be. */
	t = frame_has_type(f, FRAME_SEGDESC) ? FRAME_SEGDESC : FRAME_WRITABLE;
	rc = frame_get_type(f, t);
	if (rc == FRAME_MUST_VALIDATE) {
		/* It stopped being one meanwhile; let the guest retry. */
		frame_type_cleared(f);
		rc = -EBUSY;
	}
	if (!rc) {
		shared_store64((uint64_t *)frame_ptr(f) + (maddr & 4095) / 8,
			       descriptor);
		if (unlikely(shared_load32(&d->frames.logging)))
			dirty_note(d, f);
		if (frame_put_type(f))
			frame_type_cleared(f);
	}
	frame_put(f);
	return rc ? -EINVAL : 0;
}
