/* SPDX-License-Identifier: MIT */
/* mmu_update, mmuext_op and their like. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_TABLES, data, size);
}
