/* SPDX-License-Identifier: MIT */
/* Blocks of free frames, for the files of this room (alloc.c). */
#ifndef LODGE_FRAME_ALLOC_H
#define LODGE_FRAME_ALLOC_H

#include "frame/frame.h"

/*
 * 2^order frames below limit, as they are and nobody's, or NULL. Of what is
 * claimed only d (may be NULL) gets its own.
 */
struct frame *frame_block_alloc(unsigned int order, uint64_t limit,
				struct domain *d);
/* One that frame_block_alloc() gave for d: the claim is as it was, too. */
void frame_block_free(struct frame *f, unsigned int order, struct domain *d);
/*
 * Scrubs what is not clean. -ERESTART: interrupted, after one frame at least;
 * the caller frees the block, which stays as clean as it is.
 */
[[nodiscard]] int frame_block_scrub(struct frame *f, unsigned int order,
				    bool may_pause);
/*
 * Makes the frame, nobody's before, fit for an owner. It is his with the
 * store to refs, which comes last: others may count it from then on, and let
 * go of it at once.
 */
void frame_begin(struct frame *f, uint64_t type);
void frame_hand_over(struct frame *f, uint16_t owner, uint64_t flags);

/* A list of frames by next and prev. */
void frame_list_push(uint32_t *head, struct frame *f);
void frame_list_unlink(uint32_t *head, struct frame *f);

#endif
