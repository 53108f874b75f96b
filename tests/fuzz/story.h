/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer whose bytes tell a story: what hostile guests do, step by step,
 * with the oracle asked after each. The first bytes choose the weather. To be
 * included by a fuzzer that defines story(): false when a law was broken.
 */
#ifndef FUZZ_STORY_H
#define FUZZ_STORY_H

#include <stdlib.h>

#include "model/calls.h"
#include "model/storm.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static bool story(const uint8_t *data, size_t size);

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
	if (!story(data, size))
		abort();
	return 0;
}

#endif
