/* SPDX-License-Identifier: MIT */
/*
 * The storm: two hostile guests on two CPUs, one of them with two vcpus. Each
 * step, one of them does something to its page tables, most often something
 * that is nearly right (storm_guests.c): its own frames, small indices,
 * plausible flags. Data pages get filled with entries, so that pins find
 * tables worth validating. An operation that was interrupted is resumed, or,
 * as a hostile guest may, never heard of again.
 *
 * In the end both guests are taken apart, and all memory must be free.
 */
#include <stdio.h>
#include <string.h>

#include "mm/mm.h"
#include "oracle.h"
#include "source.h"
#include "storm.h"
#include "storm_guests.h"

#define FRAMES	     112
#define RESTARTS_MAX 20000
#define FREE_FRAMES  6	/* so that a freed frame is soon another's */
#define COMPANIONS   24 /* frames for them */

static struct storm_config cfg;
static bool endless;
static int result[HOST_MAX_CPUS];

static struct vcpu *me(void)
{
	return host_this->current;
}

static void world_make(void)
{
	host_init(FRAMES, 2);
	host_separates_roots = cfg.separated;
	host_width = cfg.narrow & 1 ? WIDTH_32 : WIDTH_64;
	host_guest_make(&storm_guest[0], 26, 2, cfg.privileged);
	host_width = cfg.narrow & 2 ? WIDTH_32 : WIDTH_64;
	host_guest_make(&storm_guest[1], 16, 1, false);
	/* One device it may use, its neighbours not. */
	if (domain_set_use(storm_guest[1].d, &storm_guest[1].d->access.memory,
			   frame_limit, frame_limit, true))
		host_fail("storm: no device");
	if (cfg.privileged)
		arch_access_give(storm_guest[0].d);
	host_vcpu_enter(storm_guest[0].d->vcpu[0]);
	host_cpu_select(1);
	host_vcpu_enter(storm_guest[0].d->vcpu[1]);
	if (mm_root_set(me(), false,
			guest_mfn(frame_mfn(storm_guest[0].root).v)))
		host_fail("storm: no root for the second vcpu");
	while (frame_free_pages() >
		       FREE_FRAMES + (cfg.separated ? COMPANIONS : 0) &&
	       frame_alloc_hv(0))
		;
	host_tlb_cache_upper = cfg.cache_upper;
}

static void adversary(bool on)
{
	host_third_actor(on);
	host_choose_rate(HOST_PREEMPT, on ? cfg.preempt : 0);
	host_choose_rate(HOST_ALLOC_FAIL, on ? cfg.no_memory : 0);
	host_choose_rate(HOST_COPY_FAULT, on ? cfg.faults : 0);
	host_choose_rate(HOST_SET_AD, on ? cfg.set_ad : 0);
	host_choose_rate(HOST_PREFETCH, on ? cfg.prefetch : 0);
	host_choose_rate(HOST_SWITCH, on ? cfg.switches : 0);
}

static void say(const char *what)
{
	snprintf(storm_said[host_this->id], STORM_SAID, "%s", what);
}

static void say_step(unsigned int step)
{
	for (unsigned int i = 0; i < host_nr_cpus; i++)
		if (storm_said[i][0])
			fprintf(stderr,
				"seed %lu step %u cpu %u dom%d: %s -> "
				"%d\n",
				cfg.seed, step, i,
				host_cpus[i].current
					? host_cpus[i].current->domain->id
					: -1,
				storm_said[i], result[i]);
}

static bool good(unsigned int step)
{
	unsigned int faults = oracle_check();

	if (cfg.trace || faults || endless)
		say_step(step);
	if (faults)
		fprintf(stderr, "%s", oracle_report());
	if (endless)
		fprintf(stderr, "it is restarted for ever\n");
	memset(storm_said, 0, sizeof(storm_said));
	return !faults && !endless;
}

/* An operation on one of the CPUs; -ERESTART: it was left unfinished. */
static int one_step(void)
{
	host_cpu_select(pick(2));
	return me() ? storm_operate() : storm_switch();
}

/*
 * A step with all its restarts. Now and then the guest does not come back:
 * whatever was left half done stays so.
 */
static bool whole_step(unsigned int step)
{
	struct source begin = source;

	for (unsigned int i = 0;; i++) {
		bool again;
		int rc;

		adversary(true);
		rc = one_step();
		adversary(false);
		result[host_this->id] = rc;
		endless = i == RESTARTS_MAX;
		if (!good(step))
			return false;
		again = rc == -ERESTART &&
			(!cfg.gives_up || host_random() % 16);
		if (!again)
			return true;
		source = begin;
	}
}

static void operate_in_fiber(void *arg)
{
	(void)arg;
	result[host_this->id] = storm_operate();
}

/* An operation on each CPU, at the same time. */
static bool double_step(unsigned int step)
{
	if (!host_cpus[1].current || pick(10) == 0)
		storm_switch();
	host_cpu_select(0);
	adversary(true);
	for (unsigned int i = 0; i < 2; i++)
		if (host_cpus[i].current)
			host_cpu_run(i, operate_in_fiber, NULL);
	host_cpus_go();
	adversary(false);
	return good(step);
}

static bool teardown(struct domain *d)
{
	int rc;

	(void)!frame_claim(d, 0);
	for (unsigned int i = 0; (rc = mm_domain_teardown(d)); i++) {
		endless = i == RESTARTS_MAX;
		if (rc != -ERESTART || endless)
			return false;
	}
	return true;
}

static bool world_end(void)
{
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		host_cpu_select(cpu);
		host_vcpu_enter(NULL);
	}
	adversary(true);
	say("the end");
	for (unsigned int i = 0; i < 2; i++)
		if (!teardown(storm_guest[i].d) || !good(cfg.steps))
			return false;
	adversary(false);
	if (storm_guest[0].d->frames.tot_pages +
	    storm_guest[1].d->frames.tot_pages) {
		fprintf(stderr, "seed %lu: %lu + %lu pages are left\n",
			cfg.seed, storm_guest[0].d->frames.tot_pages,
			storm_guest[1].d->frames.tot_pages);
		return false;
	}
	return true;
}

static bool run(unsigned int *step)
{
	bool ok;
	unsigned int i;

	endless = false;
	frame_several = cfg.no_pairs ? 0 : FRAME_COUNT_MASK & ~1UL;
	world_make();
	host_choose_random(cfg.seed);
	say("the beginning");
	ok = good(0);
	for (i = 1; ok && i <= cfg.steps && source_lasts(); i++)
		ok = cfg.concurrent ? double_step(i) : whole_step(i);
	*step = i - 1;
	if (ok)
		ok = world_end();
	host_fini();
	return ok;
}

bool storm_run(const struct storm_config *c, unsigned int *step)
{
	cfg = *c;
	source = (struct source){ .state = cfg.seed };
	return run(step);
}

bool storm_run_bytes(const uint8_t *data, size_t n)
{
	unsigned int step;

	memset(&cfg, 0, sizeof(cfg));
	if (n < 4)
		return true;
	cfg.seed = data[3];
	cfg.steps = 400;
	cfg.privileged = data[0] & 1;
	cfg.cache_upper = data[0] & 2;
	cfg.preempt = data[1] * 1000U / 255;
	cfg.prefetch = data[2] / 8;
	cfg.faults = data[3] / 8;
	cfg.gives_up = data[3] & 1;
	cfg.no_pairs = data[0] & 4;
	cfg.concurrent = data[0] & 4;
	cfg.separated = data[0] & 8;
	cfg.narrow = data[0] >> 4 & 3;
	cfg.switches = data[0];
	source = (struct source){ .bytes = data + 4, .left = n - 4 };
	return run(&step);
}
