/* SPDX-License-Identifier: MIT */
/*
 * Hostile guests that run on a whole core: hypercalls of every kind, traps,
 * instructions to emulate, time that passes, domains that die and come anew.
 * The oracle is asked after each step. See calls.c.
 */
#ifndef MODEL_CALLS_H
#define MODEL_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calls_config {
	uint64_t seed;
	unsigned int steps;
	unsigned int preempt; /* rates in 1/1000, see host.h */
	unsigned int no_memory;
	unsigned int faults;
	bool privileged; /* the first guest is */
	bool scrambles;	 /* arguments change once they are read */
	bool cache_upper;
	bool separated; /* roots have companions */
	bool trace;
};

/* As storm_run() and storm_run_bytes(), see storm.h. */
bool calls_run(const struct calls_config *c, unsigned int *step);
bool calls_run_bytes(const uint8_t *bytes, size_t n);

#endif
