/* SPDX-License-Identifier: MIT */
/* What the files of lifecycle/ share. */
#ifndef LODGE_LIFECYCLE_PARTS_H
#define LODGE_LIFECYCLE_PARTS_H

#include "lifecycle/layout.h"
#include "lifecycle/lifecycle.h"

/*
 * Frees a domain's structures: vcpus that neither run nor are queued, rooms'
 * parts that were exited, shared_info. Nobody may find the domain any more.
 */
void domain_free(struct domain *d);

/* A domain under construction: what its pages are. */
struct build {
	struct domain *d;
	const struct domain_image *image;
	struct layout layout;
	uint64_t *p2m; /* our own copy while we build: pfn -> mfn */
};

static inline void *build_page(const struct build *b, uint64_t pfn)
{
	return arch_frame_ptr(mfn(b->p2m[pfn]));
}

/* Fills the page tables that the layout has (tables.c). */
void tables_build(const struct build *b);

#endif
