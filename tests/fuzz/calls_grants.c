/* SPDX-License-Identifier: MIT */
/* Grant tables, loans, copies, transfers. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_GRANTS, data, size);
}
