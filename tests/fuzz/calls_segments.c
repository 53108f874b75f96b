/* SPDX-License-Identifier: MIT */
/* Descriptor tables. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_SEGMENTS, data, size);
}
