/* SPDX-License-Identifier: MIT */
/* Trap tables, faults, what is emulated, iret. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_TRAPS, data, size);
}
