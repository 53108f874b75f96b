/* SPDX-License-Identifier: MIT */
/* A control domain that creates, builds, looks at and ends others. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_CONTROL, data, size);
}
