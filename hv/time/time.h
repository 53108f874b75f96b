/* SPDX-License-Identifier: MIT */
/* Host time, timers, and the time that guests see. */
#ifndef LODGE_TIME_H
#define LODGE_TIME_H

#include "domain/domain.h"
#include "time/state.h"

/* Learns the TSC's rate (arch_tsc_hz), starts host time at 0, and empties
 * this CPU's timers: before anything else here, on the boot CPU. */
void time_init(void);
/* Nanoseconds since time_init(): monotonic, the guests' system time too. */
uint64_t time_now_ns(void);
/* The TSC value of a host time, for hardware deadlines. */
uint64_t time_tsc_of_ns(uint64_t ns);
/* Guest-visible time: the only source of it (replay will hook here). */
uint64_t guest_now_ns(const struct vcpu *v);

/* Gives this CPU a heap of timers, as large as was reserved so far. */
[[nodiscard]] int timer_cpu_init(void);
/* Makes room for n more timers on each CPU's heap; -ENOMEM. */
[[nodiscard]] int timer_reserve(unsigned int n);
void timer_unreserve(unsigned int n);
void timer_init(struct timer *t, enum timer_kind kind);
/* Starts or moves a timer, on this CPU. A past deadline expires at once. */
void timer_set(struct timer *t, uint64_t deadline_ns);
void timer_cancel(struct timer *t);
bool timer_is_set(const struct timer *t);
/*
 * Takes the first timer of this CPU whose deadline has passed off the heap,
 * or, when none has, programs the hardware for the next and returns NULL.
 */
struct timer *timer_expired(void);
/* How many timers a CPU has, and when the first is due, to the log. */
void timer_say(unsigned int cpu);

/* Every vcpu is born with a periodic timer, for kernels that set none. */
#define TIME_PERIOD_AT_BIRTH_NS 10000000UL
/* Room for its timers (TIMERS_PER_VCPU) is the caller's to reserve. */
void time_vcpu_init(struct vcpu *v);
void time_vcpu_exit(struct vcpu *v);
/*
 * Fills the vcpu's time page if it is out of date: before its first
 * instruction, and whenever it is switched to. Cheap when it is not.
 */
void time_update_vcpu(struct vcpu *v);
/*
 * VCPUOP_register_vcpu_time_memory_area: from now on the page at that address
 * of the current guest is a copy of v's time page. -EFAULT.
 */
[[nodiscard]] int time_secondary_set(struct vcpu *v, uint64_t va);
/* Writes the wallclock into the domain's shared_info. */
void time_update_wallclock(struct domain *d);
/* Sets the host's wallclock: ns since 1970 at system time system_ns. */
void time_set_wallclock(uint64_t ns_since_1970, uint64_t system_ns);

#endif
