/* SPDX-License-Identifier: MIT */
/* Calls that ask and tell, and those of control. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_OTHERS, data, size);
}
