/* SPDX-License-Identifier: MIT */
/* Whole sequences of hypercalls and traps of several domains: model/calls.c. */
#include "fuzz/story.h"

static bool story(const uint8_t *data, size_t size)
{
	return calls_run_bytes(CALLS_ALL, data, size);
}
