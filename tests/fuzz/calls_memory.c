/* SPDX-License-Identifier: MIT */
/* memory_op: frames come and go. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_MEMORY, data, size);
}
