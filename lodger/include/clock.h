/* SPDX-License-Identifier: MIT */
/* Time: nanoseconds since boot, the wall clock, and the vCPU's timers. */
#ifndef LODGER_CLOCK_H
#define LODGER_CLOCK_H

#define MILLISECOND 1000000UL
#define SECOND	    1000000000UL

unsigned long read_tsc(void);
/* Nanoseconds since the hypervisor's boot. */
unsigned long clock_now(void);
/* How many nanoseconds a difference of the TSC is. */
unsigned long clock_scale(unsigned long tsc_ticks);
/* Seconds since the Unix epoch; *nanoseconds may be NULL. */
unsigned long clock_wall(unsigned long *nanoseconds);

/* The one-shot timer: fires VIRQ_TIMER at or after deadline. */
long timer_set(unsigned long deadline, unsigned int flags);
long timer_stop(void);
/* The periodic timer; period 0 stops it. */
long timer_set_period(unsigned long period);
/* Waits at least this long, reading the clock. */
void clock_spin(unsigned long nanoseconds);

#endif
