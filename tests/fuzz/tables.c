/* SPDX-License-Identifier: MIT */
/*
 * Page-table operations of hostile guests, chosen by the fuzzer's bytes; the
 * oracle is asked after each. The first bytes choose the weather, the rest is
 * what the guests do: see tests/model/storm.c.
 */
#include <stdlib.h>

#include "model/storm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!storm_run_bytes(data, size))
		abort();
	return 0;
}
