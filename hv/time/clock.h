/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the one clock, and its start. */
#ifndef LODGE_TIME_CLOCK_H
#define LODGE_TIME_CLOCK_H

#include "time/scale.h"

/* System time 0 was at this TSC value. Constant after time_init(). */
struct time_base {
	uint64_t tsc;
	struct time_scale ns_of_ticks;
};
extern struct time_base time_base;

/* Forgets all heaps, and makes this CPU's. */
void timer_init_heaps(void);

#endif
