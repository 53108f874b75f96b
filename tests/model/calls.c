/* SPDX-License-Identifier: MIT */
/*
 * A machine with one CPU and two guests of two vcpus. Each step the vcpu that
 * runs does what a guest can do: it writes its memory, makes a hypercall, or
 * executes an instruction that traps; or time passes (calls_acts.c). Then the
 * way back to the guest is taken, which may bring another vcpu, and the
 * oracle is asked. A guest that crashes is reaped and another one is created.
 */
#include <string.h>

#include "call/call.h"
#include "calls_parts.h"
#include "event/event.h"
#include "irq/irq.h"
#include "lifecycle/lifecycle.h"
#include "log/log.h"
#include "mm/mm.h"
#include "oracle.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

#define FRAMES	  320
#define REAPS_MAX 100000

struct calls_config calls_cfg;
struct host_guest calls_guest[2];
uint16_t calls_guest_id[2];
char calls_said[200];
long calls_result;
static unsigned int births;
static uint64_t free_at_first;

/* ---- the guests ---- */

/* Every trap and event has an entry: fewer guests die of their first one. */
static void handlers_set(struct vcpu *v)
{
	uint64_t at = host_guest_va(CODE_PAGE);

	for (unsigned int i = 0; i < 20; i++) {
		const struct trap_info t = { .vector = (uint8_t)i,
					     .flags = pick(8),
					     .cs = FLAT_KERNEL_CS,
					     .address = at };

		trap_gate_set(v, &t);
	}
	for (unsigned int i = 0; i < 3; i++)
		if (trap_callback_register(v, i, pick(2), at))
			host_fail("calls: no callback %u", i);
}

static void guest_start(struct domain *d)
{
	struct vcpu *v = d->vcpu[0];

	handlers_set(v);
	v->saved.rip = host_guest_va(CODE_PAGE);
	v->saved.cs = FLAT_KERNEL_CS;
	v->saved.ss = FLAT_KERNEL_SS;
	v->saved.rflags = 0x202;
	v->saved.rsp = host_guest_va(STACK_PAGE + 1);
	v->trap.kernel_sp = v->saved.rsp;
	v->trap.kernel_ss = FLAT_KERNEL_SS;
	v->initialised = true;
	time_update_vcpu(v);
	time_update_wallclock(d);
	sched_start(v, VCPU_DOWN);
	lifecycle_unpause(d);
}

static void guest_create(unsigned int i)
{
	const struct domain_config config = {
		.name = i ? "second" : "first",
		.first_id = i || !calls_cfg.privileged ? 1 : 0,
		.max_pages = PAGES + 4,
		.vcpus = 2,
		.weight = 256,
		.boot_index = LIFECYCLE_NO_INDEX,
		.privileged = i == 0 && calls_cfg.privileged,
	};
	struct domain *d;

	if (lifecycle_create(&config, &d))
		host_fail("calls: no memory for guest %u", i);
	if (domain_set_use(d, &d->access.irqs, 0, 31, true))
		host_fail("calls: no interrupts for guest %u", i);
	host_guest_fill(&calls_guest[i], d, PAGES);
	calls_guest_id[i] = d->id;
	guest_start(d);
	births++;
}

/* Nothing would run: dead guests come anew, sleeping ones are woken. */
static void something_happens(void)
{
	bool yields = host_yields;

	host_yields = false;
	host_choose_rate(HOST_ALLOC_FAIL, 0);
	for (unsigned int i = 0; i < 2; i++) {
		if (!lives(i) && frame_free_pages() > 120)
			guest_create(i);
		for (unsigned int k = 0; lives(i) && k < 2; k++)
			if (calls_guest[i].d->vcpu[k]->initialised)
				sched_start(calls_guest[i].d->vcpu[k],
					    VCPU_DOWN | VCPU_BLOCKED |
						    VCPU_POLLING);
	}
	for (uint32_t gsi = 0; gsi < arch_gsis(); gsi++)
		(void)host_gsi_raise(gsi);
	cpu_raise(host_this, SOFTIRQ_SCHED | SOFTIRQ_REAP);
	host_yields = yields;
}

/* ---- the world ---- */

static void world_make(void)
{
	host_init(FRAMES, 1);
	host_separates_roots = calls_cfg.separated;
	time_init();
	sched_init();
	irq_init();
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_tlb_cache_upper = calls_cfg.cache_upper;
	births = 0;
	/* Later guests need no more memory for timers than the first. */
	if (timer_reserve(64))
		host_fail("no memory for timers");
	timer_unreserve(64);
	free_at_first = frame_free_pages();
	for (unsigned int i = 0; i < 2; i++)
		guest_create(i);
	host_idle = something_happens;
	cpu_raise(host_this, SOFTIRQ_SCHED);
	call_return();
}

static void adversary(bool on)
{
	host_choose_rate(HOST_PREEMPT, on ? calls_cfg.preempt : 0);
	host_choose_rate(HOST_ALLOC_FAIL, on ? calls_cfg.no_memory : 0);
	host_choose_rate(HOST_COPY_FAULT, on ? calls_cfg.faults : 0);
}

static bool good(unsigned int step)
{
	unsigned int faults = oracle_check();

	if (calls_cfg.trace || faults)
		fprintf(stderr, "seed %lu step %u dom%d vcpu %d: %s -> %ld\n",
			calls_cfg.seed, step, me() ? me()->domain->id : -1,
			me() ? (int)me()->id : -1, calls_said, calls_result);
	if (faults)
		fprintf(stderr, "%s", oracle_report());
	return !faults;
}

static bool whole_step(unsigned int step)
{
	if (!me())
		host_fail("nobody runs");
	adversary(true);
	calls_act();
	adversary(false);
	if (!good(step))
		return false;
	adversary(true);
	call_return();
	adversary(false);
	SAY("on the way back");
	host_console_clear();
	return calls_cfg.trace || !oracle_check() || good(step);
}

/* All guests end: their memory must be free again. */
static bool world_end(unsigned int step)
{
	struct vcpu *next, *last;

	adversary(true);
	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		lifecycle_destroy(d);
	next = sched_pick();
	if (next)
		host_fail("a vcpu of a dead domain is to run");
	last = me();
	arch_switch(last, NULL);
	if (last)
		sched_left(last);
	for (unsigned int i = 0; i < REAPS_MAX && domain_next(-1); i++)
		lifecycle_reap();
	adversary(false);
	SAY("the end");
	if (!good(step))
		return false;
	if (!domain_next(-1) && frame_free_pages() == free_at_first)
		return true;
	fprintf(stderr, "seed %lu: %lu pages free in the end, %lu at first\n",
		calls_cfg.seed, frame_free_pages(), free_at_first);
	return false;
}

static bool run(unsigned int *step)
{
	bool ok = true;
	unsigned int i;

	world_make();
	host_choose_random(calls_cfg.seed);
	for (i = 1; ok && i <= calls_cfg.steps && source_lasts(); i++)
		ok = whole_step(i);
	*step = i - 1;
	if (calls_cfg.trace)
		fprintf(stderr, "%u guests\n", births);
	if (ok)
		ok = world_end(calls_cfg.steps);
	host_fini();
	return ok;
}

bool calls_run(const struct calls_config *c, unsigned int *step)
{
	calls_cfg = *c;
	source = (struct source){ .state = calls_cfg.seed };
	return run(step);
}

bool calls_run_bytes(enum calls_family family, const uint8_t *data, size_t n)
{
	unsigned int step;

	memset(&calls_cfg, 0, sizeof(calls_cfg));
	if (n < 4)
		return true;
	calls_cfg.family = family;
	calls_cfg.seed = data[3];
	calls_cfg.steps = 400;
	calls_cfg.privileged = data[0] & 1;
	calls_cfg.cache_upper = data[0] & 2;
	calls_cfg.scrambles = data[0] & 4;
	calls_cfg.separated = data[0] & 8;
	calls_cfg.preempt = data[1] * 1000U / 255;
	calls_cfg.no_memory = data[2];
	calls_cfg.faults = data[3] / 2;
	source = (struct source){ .bytes = data + 4, .left = n - 4 };
	return run(&step);
}
