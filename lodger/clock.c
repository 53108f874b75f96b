/* SPDX-License-Identifier: MIT */
/*
 * Time. The hypervisor publishes a line: at TSC value tsc_timestamp it was
 * system_time, and a tick is tsc_to_system_mul / 2^32 ns after shifting by
 * tsc_shift. The version is odd while it writes and changes when it has
 * written; a reader tries again until it saw one even version throughout.
 */
#include "lodger.h"

static uint32_t version_of(const uint32_t *version)
{
	uint32_t v = *(const volatile uint32_t *)version;

	barrier();
	return v;
}

unsigned long read_tsc(void)
{
	unsigned long lo, hi;

	__asm__ __volatile__("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (hi << 32) | lo;
}

static unsigned long scale(unsigned long ticks, uint32_t mul, int8_t shift)
{
	unsigned long lo, hi;

	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	__asm__("mulq %3"
		: "=a"(lo), "=d"(hi)
		: "0"(ticks), "r"((unsigned long)mul)
		: "cc");
	return (hi << 32) | (lo >> 32);
}

unsigned long clock_scale(unsigned long tsc_ticks)
{
	return scale(tsc_ticks, vcpu_info->time.tsc_to_system_mul,
		     vcpu_info->time.tsc_shift);
}

unsigned long clock_now(void)
{
	const vcpu_time_info_t *time = &vcpu_info->time;
	unsigned long now;
	uint32_t version;

	do {
		do
			version = version_of(&time->version);
		while (version & 1);
		now = time->system_time +
		      scale(read_tsc() - time->tsc_timestamp,
			    time->tsc_to_system_mul, time->tsc_shift);
		barrier();
	} while (version_of(&time->version) != version);
	return now;
}

unsigned long clock_wall(unsigned long *nanoseconds)
{
	unsigned long seconds, rest;
	uint32_t version;

	do {
		do
			version = version_of(&shared_info->wc_version);
		while (version & 1);
		seconds = ((unsigned long)shared_info->wc_sec_hi << 32) |
			  shared_info->wc_sec;
		rest = shared_info->wc_nsec;
		barrier();
	} while (version_of(&shared_info->wc_version) != version);
	rest += clock_now();
	if (nanoseconds)
		*nanoseconds = rest % SECOND;
	return seconds + rest / SECOND;
}

long timer_set(unsigned long deadline, unsigned int flags)
{
	vcpu_set_singleshot_timer_t timer;

	memset(&timer, 0, sizeof(timer));
	timer.timeout_abs_ns = deadline;
	timer.flags = flags;
	return HYPERVISOR_vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
}

long timer_stop(void)
{
	return HYPERVISOR_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
}

long timer_set_period(unsigned long period)
{
	vcpu_set_periodic_timer_t timer;

	if (!period)
		return HYPERVISOR_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	timer.period_ns = period;
	return HYPERVISOR_vcpu_op(VCPUOP_set_periodic_timer, 0, &timer);
}

void clock_spin(unsigned long nanoseconds)
{
	unsigned long end = clock_now() + nanoseconds;

	while (clock_now() < end)
		__asm__ __volatile__("pause");
}
