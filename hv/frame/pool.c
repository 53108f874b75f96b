/* SPDX-License-Identifier: MIT */
/*
 * Memory of any size for the hypervisor's own structures, in whole blocks of
 * the page allocator: few and long-lived (domains, vcpus, channel pages).
 */
#include "frame/frame.h"

static unsigned int order_of(size_t size)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

void *frame_alloc_bytes(size_t size)
{
	struct frame *f;

	if (size == 0 || size > PAGE_SIZE << FRAME_MAX_ORDER)
		return NULL;
	f = frame_alloc_hv(order_of(size));
	return f ? frame_ptr(f) : NULL;
}

void frame_free_bytes(void *p, size_t size)
{
	if (p)
		frame_free_hv(frame_of(arch_frame_of_ptr(p)), order_of(size));
}
