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

uint64_t read_tsc(void)
{
	uint32_t lo, hi;

	__asm__ __volatile__("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return ((uint64_t)hi << 32) | lo;
}

/* ticks * mul / 2^32, by halves: no product has more than 64 bits. */
static uint64_t scale(uint64_t ticks, uint32_t mul, int8_t shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return (ticks >> 32) * mul + ((uint64_t)(uint32_t)ticks * mul >> 32);
}

uint64_t clock_scale(uint64_t tsc_ticks)
{
	return scale(tsc_ticks, vcpu_info->time.tsc_to_system_mul,
		     vcpu_info->time.tsc_shift);
}

uint64_t clock_now(void)
{
	const vcpu_time_info_t *time = &vcpu_info->time;
	uint64_t now;
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

static uint32_t wc_sec_hi(void)
{
#ifdef __i386__
	return shared_info->arch.wc_sec_hi;
#else
	return shared_info->wc_sec_hi;
#endif
}

uint64_t clock_wall(uint64_t *nanoseconds)
{
	uint64_t seconds, rest;
	uint32_t version;

	do {
		do
			version = version_of(&shared_info->wc_version);
		while (version & 1);
		seconds = ((uint64_t)wc_sec_hi() << 32) | shared_info->wc_sec;
		rest = shared_info->wc_nsec;
		barrier();
	} while (version_of(&shared_info->wc_version) != version);
	rest += clock_now();
	if (nanoseconds)
		*nanoseconds = rest % SECOND;
	return seconds + rest / SECOND;
}

long timer_set(uint64_t deadline, unsigned int flags)
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

long timer_set_period(uint64_t period)
{
	vcpu_set_periodic_timer_t timer;

	if (!period)
		return HYPERVISOR_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	timer.period_ns = period;
	return HYPERVISOR_vcpu_op(VCPUOP_set_periodic_timer, 0, &timer);
}

void clock_spin(uint64_t nanoseconds)
{
	uint64_t end = clock_now() + nanoseconds;

	while (clock_now() < end)
		__asm__ __volatile__("pause");
}
