/* SPDX-License-Identifier: MIT */
/* Time: nanoseconds since boot, the wall clock, and the vCPU's timers. */
#ifndef LODGER_CLOCK_H
#define LODGER_CLOCK_H

#define MILLISECOND 1000000UL
#define SECOND	    1000000000UL

uint64_t read_tsc(void);
/* Nanoseconds since the hypervisor's boot. */
uint64_t clock_now(void);
/* How many nanoseconds a difference of the TSC is. */
uint64_t clock_scale(uint64_t tsc_ticks);
/* Seconds since the Unix epoch; *nanoseconds may be NULL. */
uint64_t clock_wall(uint64_t *nanoseconds);

/* The one-shot timer: fires VIRQ_TIMER at or after deadline. */
long timer_set(uint64_t deadline, unsigned int flags);
long timer_stop(void);
/* The periodic timer; period 0 stops it. */
long timer_set_period(uint64_t period);
/* Waits at least this long, reading the clock. */
void clock_spin(uint64_t nanoseconds);

#endif
