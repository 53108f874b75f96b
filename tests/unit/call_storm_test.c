/* SPDX-License-Identifier: MIT */
/*
 * Hostile guests on the whole core, the oracle asked after each step. With
 * arguments, one seed alone and step by step: call_storm_test SEED [STEPS]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/calls.h"

#define SEEDS 120
#define STEPS 400

static struct calls_config weather(uint64_t seed)
{
	return (struct calls_config){
		.seed = seed,
		.steps = STEPS,
		.preempt = seed % 3 == 0   ? 0
			   : seed % 3 == 1 ? 200
					   : 900,
		.no_memory = seed % 5 == 2 ? 100 : 0,
		.faults = seed % 7 == 3 ? 50 : 0,
		.privileged = seed % 4 == 1,
		.family = seed % 8 == 5 ? CALLS_CONTROL : CALLS_ALL,
		.scrambles = seed % 2,
		.cache_upper = seed % 6 < 3,
		.separated = seed % 9 < 4,
	};
}

static void storms(void **state)
{
	unsigned int step;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct calls_config c = weather(seed);

		if (!calls_run(&c, &step))
			fail_msg("seed %lu fails at step %u", seed, step);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storms),
	};
	struct calls_config c;
	unsigned int step;

	if (argc == 1)
		return cmocka_run_group_tests(tests, NULL, NULL);
	c = weather(strtoul(argv[1], NULL, 0));
	c.trace = true;
	if (argc > 2)
		c.steps = (unsigned int)strtoul(argv[2], NULL, 0);
	if (calls_run(&c, &step))
		return 0;
	printf("seed %lu fails at step %u\n", c.seed, step);
	return 1;
}
