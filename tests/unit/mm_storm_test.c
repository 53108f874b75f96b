/* SPDX-License-Identifier: MIT */
/*
 * Random page-table operations of hostile guests, the oracle asked after
 * each. With arguments, one seed alone and step by step:
 *   mm_storm_test SEED [STEPS]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/storm.h"

#define SEEDS	   150
#define CONCURRENT 1000 /* seeds from here on: both CPUs at once */
#define NARROW	   2000 /* and from here: 32-bit guests, as above */
#define STEPS	   300

/* Each seed has its own kind of weather. */
static struct storm_config weather(uint64_t seed)
{
	struct storm_config c = {
		.seed = seed,
		.steps = STEPS,
		.privileged = seed % 5 == 1,
		.cache_upper = seed % 2,
		.separated = seed % 3 == 0 || seed % 11 < 3,
		.gives_up = seed % 7 < 2,
		.no_pairs = seed % 9 == 4,
		.concurrent = seed / CONCURRENT % 2,
		.narrow = seed < NARROW ? 0 : 1 + seed % 3,
		.switches = 1 + seed % 500,
	};

	if (seed % 3 == 1)
		c.preempt = 300;
	if (seed % 3 == 2)
		c.preempt = seed % 7 == 2 ? 1000 : 50;
	if (seed % 4 == 2)
		c.prefetch = 5;
	if (seed % 4 == 3)
		c.set_ad = 50;
	if (seed % 8 == 4)
		c.no_memory = 100;
	if (seed % 8 == 5)
		c.faults = 100;
	return c;
}

static void storms(uint64_t first)
{
	unsigned int step;

	for (uint64_t seed = first; seed < first + SEEDS; seed++) {
		struct storm_config c = weather(seed);

		if (!storm_run(&c, &step))
			fail_msg("seed %lu fails at step %u", seed, step);
	}
}

static void one_after_another(void **state)
{
	(void)state;
	storms(1);
}

static void at_the_same_time(void **state)
{
	(void)state;
	storms(CONCURRENT);
}

static void narrow(void **state)
{
	(void)state;
	storms(NARROW);
	storms(NARROW + CONCURRENT);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_another),
		cmocka_unit_test(at_the_same_time),
		cmocka_unit_test(narrow),
	};
	struct storm_config c;
	unsigned int step;

	if (argc == 1)
		return cmocka_run_group_tests(tests, NULL, NULL);
	c = weather(strtoul(argv[1], NULL, 0));
	c.trace = true;
	if (argc > 2)
		c.steps = (unsigned int)strtoul(argv[2], NULL, 0);
	if (storm_run(&c, &step))
		return 0;
	printf("seed %lu fails at step %u\n", c.seed, step);
	return 1;
}
