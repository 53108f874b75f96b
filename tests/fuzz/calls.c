/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls and traps of hostile guests on the whole core, chosen by the
 * fuzzer's bytes; the oracle is asked after each. The first bytes choose the
 * weather, the rest is what the guests do: see tests/model/calls.c.
 */
#include <stdlib.h>

#include "model/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!calls_run_bytes(data, size))
		abort();
	return 0;
}
