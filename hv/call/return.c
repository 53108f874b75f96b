/* SPDX-License-Identifier: MIT */
/*
 * The way back to a guest: everything that was put off until no lock is held
 * and nothing is on the stack. Interrupt handlers and lower rooms leave bits
 * (softirqs of the CPU, work of the vcpu); here they are acted upon, until
 * there are none and the guest may run.
 *
 * Upcalls are injected here only: whatever raised an event, the guest sees
 * it at its next entry.
 */
#include "arch.h"
#include "call/call.h"
#include "console/console.h"
#include "event/event.h"
#include "irq/irq.h"
#include "lifecycle/lifecycle.h"
#include "log/log.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

/* The area is at an address of the guest's kernel. */
static void runstate_publish(struct vcpu *v)
{
	bool user = !v->trap.kernel_mode;

	if (user)
		trap_mode_visit(v, true);
	sched_runstate_publish(v);
	if (user)
		trap_mode_visit(v, false);
}

static void switch_to(struct cpu *c, struct vcpu *next)
{
	struct vcpu *prev = c->current;

	if (next == prev)
		return;
	if (prev && prev->sched.runstate_va)
		runstate_publish(prev); /* the others see that it waits */
	arch_switch(prev, next);
	if (prev)
		sched_left(prev);
	if (next)
		time_update_vcpu(next);
}

/* Whoever speaks cannot raise an event; it is soon enough at a softirq. */
static bool log_news_told(void)
{
	bool news = log_take_news();

	if (unlikely(news))
		event_raise_global(VIRQ_CON_RING);
	return news;
}

static void softirqs_run(struct cpu *c)
{
	uint32_t s = atomic32_xchg(&c->softirqs, 0);

	log_news_told();
	if (s & SOFTIRQ_CONSOLE)
		console_input_run();
	if (s & SOFTIRQ_TIMER)
		event_timers_run();
	if (s & SOFTIRQ_IRQ)
		irq_run();
	if (s & SOFTIRQ_REAP)
		lifecycle_reap();
	/* Last: what the others woke is in the queue by now. They may have
	 * asked for it anew, too. */
	if ((s | atomic32_load(&c->softirqs)) & SOFTIRQ_SCHED) {
		atomic32_and(&c->softirqs, ~(uint32_t)SOFTIRQ_SCHED);
		switch_to(c, sched_pick());
	}
}

static void vcpu_work_run(struct vcpu *v)
{
	uint32_t w = atomic32_xchg(&v->work, 0);

	if (w & VCPU_WORK_RUNSTATE)
		runstate_publish(v);
	if (w & VCPU_WORK_DYING)
		lifecycle_work(v);
	else if (w & VCPU_WORK_NMI)
		trap_nmi(v);
}

/* One pass: true when it found nothing to do and the guest may run. */
static bool ready(struct cpu *c)
{
	struct vcpu *v = c->current;

	if (unlikely(atomic32_load(&c->softirqs))) {
		softirqs_run(c);
		return false;
	}
	if (unlikely(!v)) {
		/* Nobody may be left to run: boot/ decides, above us. */
		if (lifecycle_ended_pending())
			return true;
		if (!log_news_told())
			arch_idle();
		return false;
	}
	if (unlikely(atomic32_load(&v->work))) {
		vcpu_work_run(v);
		return false;
	}
	if (unlikely(event_upcall_needed(v))) {
		trap_upcall(v);
		/* It may have found the guest's stack missing. */
		return !atomic32_load(&v->work);
	}
	return true;
}

/* Returns without a current vcpu only while lifecycle_ended_pending(). */
void call_return(void)
{
	struct cpu *c = this_cpu();

	while (!ready(c))
		;
}
