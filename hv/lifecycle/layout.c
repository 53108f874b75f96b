/* SPDX-License-Identifier: MIT */
/*
 * The start-of-day layout that <xen/xen.h> promises:
 *
 *   v_start  VIRT_BASE, pfn 0
 *            ... nothing, up to where the kernel wants to lie
 *            kernel
 *            ramdisk      or apart: then only its frames are told
 *            list of frames, p2m    or apart, at INIT_P2M
 *            start_info
 *            console page           directly booted guests
 *            page tables, L4 first
 *            stack, one page
 *            at least 512 KiB free
 *   v_end    a multiple of 4 MiB
 *
 * In this region pfn = (address - v_start) / 4096. What is apart has the
 * pfns that follow: the list of frames, the tables that map it at INIT_P2M,
 * then the ramdisk. Linux takes the first of them, first_p2m_pfn, for the
 * end of what is mapped.
 *
 * The tables map themselves, so that their number depends on itself: it is
 * the smallest that maps a region with that many in it. A 32-bit guest has its
 * root and all four L2 tables, one after the other, whatever they map: the
 * hypervisor's range is in the last, for the guest to read.
 */
#include "abi.h"
#include "errno.h"
#include "lifecycle/layout.h"
#include "pte.h"

#define REGION_ALIGN	 (4UL << 20)
#define REGION_SLACK	 (512UL << 10)
#define KERNEL_BYTES_MAX (1UL << 46) /* no sum of what follows overflows */

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static struct span place(uint64_t *at, uint64_t pages)
{
	struct span s = { *at, pages };

	*at += pages;
	return s;
}

/* What the width of a guest means here. */
struct form {
	uint64_t fixed; /* tables that it always has */
	unsigned int
		levels; /* of those whose number depends on what they map */
	uint64_t number_bytes; /* of a frame's number in the p2m */
	uint64_t end;	       /* of the addresses that are the guest's; 0: two
				  halves, see pte.h */
};

static const struct form forms[] = {
	[WIDTH_64] = { 1, 3, sizeof(uint64_t), 0 },
	[WIDTH_32] = { 5, 1, sizeof(uint32_t), ABI_HV32_START },
};

/* How many tables of a level map addresses first to last. */
static uint64_t tables_at(unsigned int level, uint64_t first, uint64_t last)
{
	unsigned int shift = PAGE_SHIFT + 9 * level;

	return (last >> shift) - (first >> shift) + 1;
}

static uint64_t tables_for(const struct form *f, uint64_t first, uint64_t last)
{
	uint64_t n = f->fixed;

	for (unsigned int level = f->levels; level >= 1; level--)
		n += tables_at(level, first, last);
	return n;
}

/* Tables that the second range needs beside those that the first has. */
static uint64_t tables_beside(const struct form *f, uint64_t first,
			      uint64_t last, uint64_t first2, uint64_t last2)
{
	uint64_t n = 0;

	for (unsigned int level = f->levels; level >= 1; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * level;
		uint64_t from = MAX(first >> shift, first2 >> shift);
		uint64_t to = MIN(last >> shift, last2 >> shift);

		n += tables_at(level, first2, last2);
		n -= from <= to ? to - from + 1 : 0;
	}
	return n;
}

/* True when [first, last] is in one half of the guest's address space. */
static bool range_ok(const struct form *f, uint64_t first, uint64_t last)
{
	if (f->end)
		return last > first && last < f->end;
	return last > first && va_is_guest(first) && va_is_guest(last) &&
	       first >> 63 == last >> 63;
}

/* The end of the region when it has so many tables; false: beyond the top. */
static bool region_end(const struct layout *l, const struct form *f,
		       uint64_t at, uint64_t tables, uint64_t *last)
{
	uint64_t bytes = (at + tables + 1) * PAGE_SIZE + REGION_SLACK;

	if (__builtin_add_overflow(l->v_start, bytes - 1, last))
		return false;
	*last |= REGION_ALIGN - 1;
	return range_ok(f, l->v_start, *last);
}

static int region_close(struct layout *l, const struct form *f, uint64_t at)
{
	uint64_t nr = 0, need = 1;

	while (need > nr) {
		nr = need;
		if (!region_end(l, f, at, nr, &l->v_last))
			return -EINVAL;
		need = tables_for(f, l->v_start, l->v_last);
	}
	l->tables = place(&at, nr);
	l->stack = place(&at, 1);
	l->mapped = (l->v_last - l->v_start + 1) >> PAGE_SHIFT;
	return 0;
}

static int p2m_place_apart(struct layout *l, const struct form *f,
			   uint64_t pages, uint64_t *at)
{
	uint64_t bytes = pages * PAGE_SIZE, last;

	if (__builtin_add_overflow(l->p2m_va, bytes - 1, &last) ||
	    !range_ok(f, l->p2m_va, last) ||
	    (l->p2m_va <= l->v_last && last >= l->v_start))
		return -EINVAL;
	l->p2m = place(at, pages);
	l->p2m_tables = place(
		at, tables_beside(f, l->v_start, l->v_last, l->p2m_va, last));
	return 0;
}

int layout_plan(const struct kernel_image *k, size_t ramdisk_bytes,
		uint64_t pages, bool console, struct layout *out)
{
	const struct form *f = &forms[k->width];
	uint64_t at = pages_of(k->vend - k->virt_base);
	uint64_t ramdisk = pages_of(ramdisk_bytes);
	uint64_t p2m = pages_of(pages * f->number_bytes);
	struct layout l = {
		.v_start = k->virt_base,
		.p2m_apart = k->has_p2m_base,
		.ramdisk_apart = k->mod_start_pfn && ramdisk,
	};
	int rc;

	if (k->vend < k->virt_base || k->vend - k->virt_base > KERNEL_BYTES_MAX)
		return -EINVAL;
	if (!l.ramdisk_apart)
		l.ramdisk = place(&at, ramdisk);
	if (!l.p2m_apart) {
		l.p2m_va = layout_va(&l, at);
		l.p2m = place(&at, p2m);
	}
	l.start_info = place(&at, 1);
	l.console = place(&at, console ? 1 : 0);
	rc = region_close(&l, f, at);
	if (rc)
		return rc;
	l.used = l.mapped;
	if (l.p2m_apart) {
		l.p2m_va = k->p2m_base;
		rc = p2m_place_apart(&l, f, p2m, &l.used);
	}
	if (l.ramdisk_apart)
		l.ramdisk = place(&l.used, ramdisk);
	*out = l;
	return rc;
}
