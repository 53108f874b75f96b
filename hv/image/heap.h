/* SPDX-License-Identifier: MIT */
/*
 * Working memory for the decompression libraries, taken from the caller's
 * allocator. The libraries give a block back without its size, and may lose
 * one on an error path: each block knows its size and hangs in a list, so
 * that image_heap_close() returns all there is.
 */
#ifndef LODGE_IMAGE_HEAP_H
#define LODGE_IMAGE_HEAP_H

#include "image/state.h"

struct image_block;

struct image_heap {
	const struct image_alloc *mem;
	struct image_block *blocks;
	size_t room;	/* bytes that may still be taken */
	size_t refused; /* the request that could not be met, or 0 */
};

/* Starts an empty heap that will hold at most `room` bytes. */
void image_heap_open(struct image_heap *heap, const struct image_alloc *mem,
		     size_t room);

/* Returns every block to the allocator. */
void image_heap_close(struct image_heap *heap);

/* `bytes` of 16-byte aligned memory, or NULL (then `refused` says how much). */
void *image_heap_alloc(struct image_heap *heap, size_t bytes);

/* Takes a block back; NULL is allowed. */
void image_heap_free(struct image_heap *heap, void *p);

#endif
