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

/* What a run is mostly about. */
enum calls_family {
	CALLS_ALL,
	CALLS_TABLES,	/* page tables, pins, roots, flushes */
	CALLS_MEMORY,	/* reservations, exchange */
	CALLS_SEGMENTS, /* GDT, LDT, descriptors, segment bases */
	CALLS_EVENTS,	/* ports, callbacks, timers, poll */
	CALLS_VCPUS,	/* vcpus, scheduling, ends */
	CALLS_TRAPS,	/* trap tables, faults, emulated instructions, iret */
	CALLS_CONTROL,	/* domains that control software makes and ends */
	CALLS_GRANTS,	/* grant tables, loans, copies, transfers */
	CALLS_OTHERS,	/* what asks and tells: versions, console, control */
};

struct calls_config {
	enum calls_family family;
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
bool calls_run_bytes(enum calls_family family, const uint8_t *bytes, size_t n);

#endif
