/* SPDX-License-Identifier: MIT */
/* Operations on page tables, two at once on two CPUs: model/storm.c. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return storm_run_bytes(data, size);
}
