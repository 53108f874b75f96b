/* SPDX-License-Identifier: MIT */
/*
 * Simulated CPUs that run by turns. Each that is inside the core has a fiber
 * with a stack of its own; at a yield point (every touch of a shared word)
 * the explorer may let another one go on. Only one runs at a time, so what is
 * explored are the sequentially consistent interleavings.
 *
 * A CPU without a fiber is in its guest or idle, with interrupts on: what
 * other CPUs ask of it happens at once. One with a fiber has interrupts off,
 * and answers only where the core lets them in: arch_relax(),
 * arch_preempt_pending(), arch_idle(). Who waits for an answer that can never
 * come is told so.
 *
 * The third actor is hardware: at any yield point a processor may set
 * accessed and dirty bits in tables it can reach, or cache translations that
 * nobody asked for.
 */
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <ucontext.h>

#include "host/host.h"
#include "host/walk.h"

#define STACK_SIZE (256 * 1024)
#define MAIN	   HOST_MAX_CPUS
/* Pauses in one host_cpus_go() that mean nobody gets anywhere. */
#define RELAX_LIMIT 100000

/* Only a build with the address sanitizer has them. */
#pragma weak __sanitizer_start_switch_fiber
#pragma weak __sanitizer_finish_switch_fiber

static struct fiber {
	ucontext_t context;
	void *stack;
	const void *bottom; /* for the sanitizer */
	size_t size;
	void *fake;
	void (*fn)(void *arg);
	void *arg;
	bool busy;
} fibers[HOST_MAX_CPUS + 1];

static unsigned int running = MAIN, came_from = MAIN;
static unsigned int main_cpu;
static unsigned int relaxed;
static bool abandoned;
static bool third_actor;

bool host_yields;

static void arrived(void *fake)
{
	struct fiber *from = &fibers[came_from];

	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(fake, &from->bottom,
						&from->size);
}

static void switch_to(unsigned int next, bool for_good)
{
	struct fiber *me = &fibers[running], *to = &fibers[next];

	came_from = running;
	running = next;
	host_this = &host_cpus[next == MAIN ? main_cpu : next];
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(for_good ? NULL : &me->fake,
					       to->bottom, to->size);
	if (swapcontext(&me->context, &to->context))
		abort();
	arrived(me->fake);
}

bool host_in_fiber(void)
{
	return running != MAIN;
}

bool host_cpu_busy(unsigned int cpu)
{
	return fibers[cpu].busy;
}

static unsigned int others_busy(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < host_nr_cpus; i++)
		n += i != running && fibers[i].busy;
	return n;
}

/* The k-th busy CPU after the one that runs, in a circle. */
static unsigned int other_busy(unsigned int k)
{
	unsigned int i = running == MAIN ? host_nr_cpus - 1 : running;

	for (;;) {
		i = (i + 1) % host_nr_cpus;
		if (i != running && fibers[i].busy && k-- == 0)
			return i;
	}
}

bool host_switch_away(void)
{
	unsigned int n = others_busy();

	if (running == MAIN || n == 0)
		return false;
	switch_to(other_busy(host_choose(HOST_SWITCH, n)), false);
	return true;
}

void host_third_actor(bool on)
{
	third_actor = on;
	host_yields = on;
}

static bool is_root(const struct frame *f)
{
	return frame_has_type(f, FRAME_L4) || frame_has_type(f, FRAME_L3_ROOT);
}

/* Whatever happens meanwhile, what a CPU walks from is a table for it. */
static void roots_check(void)
{
	for (unsigned int i = 0; i < host_nr_cpus; i++) {
		uint64_t root = host_root(i);

		/* Shadows are ours. */
		if (root && host_frames[root].owner != DOMID_XEN &&
		    !is_root(frame_of(mfn(root))))
			host_fail("cpu %u walks from frame %#lx, type word "
				  "%#lx",
				  i, root, host_frames[root].type.v);
	}
}

void host_yield(void)
{
	unsigned int c;

	host_yields = false;
	roots_check();
	if (third_actor) {
		if (host_choose(HOST_SET_AD, 2))
			host_walk_set_bits();
		if (host_choose(HOST_PREFETCH, 2))
			host_tlb_fill(
				(unsigned int)(host_random() % host_nr_cpus));
	}
	host_yields = true;
	if (running == MAIN)
		return;
	c = host_choose(HOST_SWITCH, others_busy() + 1);
	if (c)
		switch_to(other_busy(c - 1), false);
}

void arch_relax(void)
{
	if (++relaxed > RELAX_LIMIT)
		host_fail("cpu %u waits for ever", host_this->id);
	host_interrupts();
	if (!host_switch_away())
		host_fail("cpu %u waits for a lock that nobody will drop",
			  host_this->id);
}

static void fiber_main(void)
{
	struct fiber *me = &fibers[running];

	arrived(NULL);
	me->fn(me->arg);
	if (host_locks_held(host_this->id))
		host_fail("cpu %u left the core with a lock", host_this->id);
	me->busy = false;
	host_interrupts();
	switch_to(MAIN, true);
}

void host_cpu_run(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	struct fiber *f = &fibers[cpu];

	if (!f->stack)
		f->stack = malloc(STACK_SIZE);
	if (cpu >= host_nr_cpus || f->busy || !f->stack)
		host_fail("cpu %u cannot run", cpu);
	f->fn = fn;
	f->arg = arg;
	f->bottom = f->stack;
	f->size = STACK_SIZE;
	f->busy = true;
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_SIZE;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_main, 0);
}

void host_cpus_go(void)
{
	unsigned int n;
	bool yields = host_yields;

	main_cpu = host_this->id;
	host_yields = true;
	relaxed = 0;
	while ((n = others_busy()))
		switch_to(other_busy(host_choose(HOST_SWITCH, n)), false);
	host_yields = yields;
	if (abandoned) {
		abandoned = false;
		host_fail_resume();
	}
}

void host_fiber_abandon(void)
{
	for (unsigned int i = 0; i < HOST_MAX_CPUS; i++)
		fibers[i].busy = false;
	abandoned = true;
	switch_to(MAIN, true);
}
