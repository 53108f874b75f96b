/* SPDX-License-Identifier: MIT */
/*
 * A small world and a stream of bytes that says what its guests do next:
 * page-table operations of every kind, with arguments that are often nearly
 * right. Random tests and fuzzers drive it; the oracle is asked after each
 * operation. See storm.c.
 */
#ifndef MODEL_STORM_H
#define MODEL_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct storm_config {
	uint64_t seed;
	unsigned int steps;
	unsigned int preempt; /* rates in 1/1000, see host.h */
	unsigned int no_memory;
	unsigned int faults;
	unsigned int set_ad;
	unsigned int prefetch;
	unsigned int narrow; /* bit i: guest i is a 32-bit one */
	bool privileged;     /* the first guest may map the second's memory */
	bool cache_upper;
	bool no_pairs;	 /* a processor without CMPXCHG16B */
	bool separated;	 /* roots have companions */
	bool gives_up;	 /* now and then does not resume what was interrupted */
	bool concurrent; /* both CPUs operate at once, see fiber.c */
	unsigned int switches; /* rate */
	bool trace;	       /* say each step on stderr */
};

/*
 * Runs a world from host_init() to host_fini(); false at the first step after
 * which the oracle complains, or which never ends. *step is then its number.
 */
bool storm_run(const struct storm_config *c, unsigned int *step);
/* The same with steps and choices from bytes, until they are used up. */
bool storm_run_bytes(const uint8_t *bytes, size_t n);

#endif
