/* SPDX-License-Identifier: MIT */
/* Where everything lies in a domain's memory when it starts (layout.c). */
#ifndef LODGE_LIFECYCLE_LAYOUT_H
#define LODGE_LIFECYCLE_LAYOUT_H

#include "image/state.h"
#include "types.h"

/* Pages [pfn, pfn + pages) of the domain. */
struct span {
	uint64_t pfn, pages;
};

struct layout {
	uint64_t v_start; /* pfn 0 appears here */
	uint64_t v_last;  /* last address that is mapped */
	struct span ramdisk;
	struct span p2m;
	struct span start_info;
	struct span console; /* none: no pages */
	struct span tables;  /* all but those that only p2m_va needs */
	struct span stack;
	struct span p2m_tables;
	uint64_t mapped; /* pages mapped from v_start on */
	uint64_t p2m_va; /* where the list of frames appears */
	bool p2m_apart;	 /* ... which is outside the mapped region */
	bool ramdisk_apart;
	uint64_t used; /* pages that have a purpose or are mapped */
};

/*
 * Lays out a kernel with a ramdisk (0 bytes: none) in a domain of that many
 * pages. -EINVAL: the regions do not fit the address space. It is the
 * caller's to see whether there are `used` pages.
 */
[[nodiscard]] int layout_plan(const struct kernel_image *k,
			      size_t ramdisk_bytes, uint64_t pages,
			      bool console, struct layout *out);

static inline bool span_has(struct span s, uint64_t pfn)
{
	return pfn - s.pfn < s.pages;
}

static inline uint64_t layout_va(const struct layout *l, uint64_t pfn)
{
	return l->v_start + (pfn << PAGE_SHIFT);
}

#endif
