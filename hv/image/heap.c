/* SPDX-License-Identifier: MIT */
/* The heap of one decompression: see heap.h. */
#include "image/heap.h"

struct image_block {
	struct image_block *prev, *next;
	size_t bytes; /* with this header */
	size_t pad;   /* keeps what follows 16-byte aligned */
};

_Static_assert(sizeof(struct image_block) % 16 == 0,
	       "blocks must keep the alignment that malloc promises");

void image_heap_open(struct image_heap *heap, const struct image_alloc *mem,
		     size_t room)
{
	*heap = (struct image_heap){ .mem = mem, .room = room };
}

void *image_heap_alloc(struct image_heap *heap, size_t bytes)
{
	struct image_block *b = NULL;

	if (heap->room >= sizeof(*b) && bytes <= heap->room - sizeof(*b))
		b = heap->mem->alloc(heap->mem->ctx, bytes + sizeof(*b));
	if (!b) {
		heap->refused = bytes;
		return NULL;
	}
	b->bytes = bytes + sizeof(*b);
	b->prev = NULL;
	b->next = heap->blocks;
	if (b->next)
		b->next->prev = b;
	heap->blocks = b;
	heap->room -= b->bytes;
	return b + 1;
}

void image_heap_free(struct image_heap *heap, void *p)
{
	struct image_block *b = p;

	if (!b)
		return;
	b--;
	if (b->next)
		b->next->prev = b->prev;
	if (b->prev)
		b->prev->next = b->next;
	else
		heap->blocks = b->next;
	heap->room += b->bytes;
	heap->mem->free(heap->mem->ctx, b, b->bytes);
}

void image_heap_close(struct image_heap *heap)
{
	while (heap->blocks)
		image_heap_free(heap, heap->blocks + 1);
}
