/* SPDX-License-Identifier: MIT */
/* mm_update() for who has one request. */
#ifndef LODGE_MODEL_UPDATE_H
#define LODGE_MODEL_UPDATE_H

#include "mm/mm.h"

static inline int mm_update_one(struct mm_locked m, struct domain *owner,
				uint64_t ptr, uint64_t val)
{
	struct mmu_update req = { .ptr = ptr, .val = val };
	unsigned int done;

	return mm_update(m, owner, &req, 1, &done);
}

#endif
