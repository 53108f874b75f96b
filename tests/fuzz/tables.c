/* SPDX-License-Identifier: MIT */
/*
 * Page-table operations of hostile guests, chosen by the fuzzer's bytes; the
 * oracle is asked after each. The first bytes choose the weather, the rest is
 * what the guests do: see tests/model/storm.c.
 */
#include <stdlib.h>

#include "model/storm.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A story has to be long from the start: a step takes ten bytes or more. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *args[32], long_inputs[] = "-len_control=0",
			       max[] = "-max_len=3000";
	int n = 0;

	while (n < *argc && n < 29) {
		args[n] = (*argv)[n];
		n++;
	}
	args[n++] = long_inputs;
	args[n++] = max;
	*argc = n;
	*argv = args;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!storm_run_bytes(data, size))
		abort();
	return 0;
}
