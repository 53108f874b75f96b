/* SPDX-License-Identifier: MIT */
/* vcpus that come up, sleep and end. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_VCPUS, data, size);
}
