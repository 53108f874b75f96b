/* SPDX-License-Identifier: MIT */
/* The storm's guests, between storm.c and storm_guests.c. */
#ifndef MODEL_STORM_GUESTS_H
#define MODEL_STORM_GUESTS_H

#include "host/host.h"

extern struct host_guest storm_guest[2];
/* What the guest on each CPU has tried. */
#define STORM_SAID 256
extern char storm_said[HOST_MAX_CPUS][STORM_SAID];

/* An operation of the vcpu that runs here: 0 or -errno. */
int storm_operate(void);
/* CPU 1 runs the first guest's second vcpu, the second guest, or nothing. */
int storm_switch(void);

#endif
