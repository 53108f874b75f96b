/* SPDX-License-Identifier: MIT */
/*
 * Time as guests see it: the time page of each vcpu, and the wallclock
 *
 * A time page says how to get system time from the TSC. As clock.c counts by
 * the very same rule from a base that never moves, the page is written once
 * and stays right for ever; it is out of date only when it is new, or when
 * the guest has scribbled over it. A reader on another vcpu goes by the
 * version: odd while we write, another one afterwards.
 *
 * All vcpus run on one clock, so readings never go backwards from one vcpu
 * to another: that is what the stable bit promises. The vcpus run on CPUs
 * whose TSCs were found equal when they were brought up.
 */
#include "atomic.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "time/clock.h"
#include "time/time.h"

#define NS_PER_S 1000000000UL

/* Wallclock at system time 0, in ns since 1970. */
static atomic64_t wallclock_base_ns;

/* What every time page has to say, with version 0. */
static struct vcpu_time_info time_info(void)
{
	return (struct vcpu_time_info){
		.tsc_timestamp = time_base.tsc,
		.system_time = 0,
		.tsc_to_system_mul = time_base.ns_of_ticks.mul,
		.tsc_shift = time_base.ns_of_ticks.shift,
		.flags = XEN_PVCLOCK_TSC_STABLE_BIT,
	};
}

static bool is_current(const struct vcpu_time_info *t)
{
	return shared_load64(&t->tsc_timestamp) == time_base.tsc &&
	       shared_load64(&t->system_time) == 0 &&
	       shared_load32(&t->tsc_to_system_mul) ==
		       time_base.ns_of_ticks.mul &&
	       (shared_load32(&t->version) & 1) == 0 &&
	       shared_load32(&t->version) != 0;
}

/* A guest's own copy, through its page tables; a fault is its own affair. */
static int copy_out(uint64_t va, struct vcpu_time_info t)
{
	uint32_t even = t.version;
	int error;

	t.version |= 1;
	error = guest_copy_to(va, &t.version, sizeof(t.version));
	if (!error)
		error = guest_copy_to(va, &t, sizeof(t));
	if (!error)
		error = guest_copy_to(va, &even, sizeof(even));
	return error;
}

void time_vcpu_init(struct vcpu *v)
{
	timer_init(&v->time.singleshot, TIMER_VCPU_SINGLESHOT);
	timer_init(&v->time.periodic, TIMER_VCPU_PERIODIC);
	timer_init(&v->time.poll, TIMER_VCPU_POLL);
	v->time.period_ns = TIME_PERIOD_AT_BIRTH_NS;
	v->time.secondary_va = 0;
}

void time_vcpu_exit(struct vcpu *v)
{
	timer_cancel(&v->time.singleshot);
	timer_cancel(&v->time.periodic);
	timer_cancel(&v->time.poll);
}

void time_update_vcpu(struct vcpu *v)
{
	struct vcpu_time_info *t = &v->info->time;
	struct vcpu_time_info new = time_info();
	size_t head = offsetof(struct vcpu_time_info, tsc_timestamp);

	if (likely(is_current(t)))
		return;
	new.version = (shared_load32(&t->version) | 1) + 1;
	if (new.version == 0) /* means that it was never written */
		new.version = 2;
	shared_store32(&t->version, new.version - 1);
	guest_write(v->domain, &t->tsc_timestamp, &new.tsc_timestamp,
		    sizeof(new) - head);
	shared_store32(&t->version, new.version);
	if (v->time.secondary_va && v == current_vcpu())
		(void)copy_out(v->time.secondary_va, new);
}

int time_secondary_set(struct vcpu *v, uint64_t va)
{
	struct vcpu_time_info t = time_info();
	int error;

	t.version = 2;
	error = copy_out(va, t);
	if (!error)
		v->time.secondary_va = va;
	return error;
}

void time_set_wallclock(uint64_t ns_since_1970, uint64_t system_ns)
{
	atomic64_store(&wallclock_base_ns, ns_since_1970 - system_ns);
}

/* Where the wallclock's words are: version, seconds, nanoseconds follow. */
static const struct {
	uint16_t version, sec_hi;
} wallclock[] = {
	[WIDTH_64] = { offsetof(struct shared_info, wc_version),
		       offsetof(struct shared_info, wc_sec_hi) },
	[WIDTH_32] = { offsetof(struct shared_info_x86_32, wc_version),
		       offsetof(struct shared_info_x86_32, arch.wc_sec_hi) },
};

void time_update_wallclock(struct domain *d)
{
	char *shared = (char *)d->shared;
	uint32_t *clock = (uint32_t *)(shared + wallclock[d->width].version);
	uint32_t *sec_hi = (uint32_t *)(shared + wallclock[d->width].sec_hi);
	uint64_t ns =
		atomic64_load(&wallclock_base_ns) + (uint64_t)d->time_offset_ns;
	uint64_t sec = ns / NS_PER_S;
	uint32_t version = shared_load32(&clock[0]) | 1;

	shared_store32(&clock[0], version);
	shared_store32(&clock[1], (uint32_t)sec);
	shared_store32(&clock[2], (uint32_t)(ns % NS_PER_S));
	shared_store32(sec_hi, (uint32_t)(sec >> 32));
	shared_store32(&clock[0], version + 1);
}
