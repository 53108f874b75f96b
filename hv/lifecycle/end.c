/* SPDX-License-Identifier: MIT */
/*
 * The end of a domain, in three steps:
 *
 *   stopping   no vcpu of it may run; some CPU may still be leaving one
 *   clearing   its channels, timers and registered areas are gone; its page
 *              tables and memory are taken apart, a slice at a time: guests
 *              run in between, for longer than a slice, or control software
 *              that waits for it takes the slices one after the other
 *   lingering  it owns nothing but frames that other domains still map. Its
 *              end is reported; its structures and its id stay, so that the
 *              frames' owner is never somebody else. Whoever lets the last
 *              one go calls the reaper (frame/alloc.c)
 *
 * When a struct domain may be freed: nobody keeps a pointer from
 * domain_find() across the way back to a guest, or across idling. The reaper
 * itself runs on that way, and a domain without vcpus is used by other
 * domains' hypercalls only. So on this one CPU nobody holds one when the
 * reaper runs; with several, it must first have seen each of them pass there
 * once after domain_withdraw().
 *
 * Before that a domain may have shut down. What boot/ started ends with it.
 * Others stay, stopped, for control software to look at: it hears of each
 * shutdown and of each end by VIRQ_DOM_EXC.
 */
#include "console/console.h"
#include "event/event.h"
#include "frame/frame.h"
#include "grant/grant.h"
#include "irq/irq.h"
#include "lifecycle/parts.h"
#include "lib/string.h"
#include "log/log.h"
#include "mm/mm.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_REAPER);
static struct list ending = LIST_INIT(ending);	     /* lock */
static struct list lingering = LIST_INIT(lingering); /* lock */
static atomic32_t reaping; /* one CPU at a time works on any of them */

/* struct domain's ending; by whoever has set reaping. */
enum ending {
	ENDING_STOPS,
	ENDING_CLEARS,
	ENDING_LINGERS,
	ENDING_IS_SHARED, /* only what we shared with it may still be mapped */
};

static struct domain_end ends[LIFECYCLE_ENDS_MAX]; /* lock: a ring */
static unsigned int ends_first;			   /* lock */
static atomic32_t ends_count;			   /* lock to change */

static void queue(struct list *l, struct domain *d)
{
	spin_lock(&lock);
	list_remove(&d->link);
	list_add_before(l, &d->link);
	spin_unlock(&lock);
}

static struct domain *first(struct list *l)
{
	struct domain *d = NULL;

	spin_lock(&lock);
	if (!list_empty(l))
		d = LIST_ENTRY(l->next, struct domain, link);
	spin_unlock(&lock);
	return d;
}

/* ---- the beginning of the end ---- */

static const char *reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[SHUTDOWN_poweroff] = "powered off",
		[SHUTDOWN_reboot] = "asked for a reboot",
		[SHUTDOWN_suspend] = "suspended itself",
		[SHUTDOWN_crash] = "crashed",
		[SHUTDOWN_watchdog] = "let its watchdog run out",
		[SHUTDOWN_soft_reset] = "asked for a soft reset",
	};

	return reason < ARRAY_SIZE(names) ? names[reason] : "ended";
}

static void die(struct domain *d)
{
	uint32_t was = atomic32_load(&d->state);

	do {
		if (was == DOMAIN_DYING)
			return; /* another vcpu of it was first */
	} while (!atomic32_cmpxchg(&d->state, &was, DOMAIN_DYING));
	sched_stop_domain(d, VCPU_PAUSED);
	queue(&ending, d);
	cpu_raise(this_cpu(), SOFTIRQ_REAP);
}

/* A suspension is told to whoever has asked for it, all else to all. */
static void shutdown_tell(struct domain *d)
{
	uint32_t port = shared_load32(&d->suspend_port);

	if (port && atomic32_load(&d->shutdown_code) == SHUTDOWN_suspend)
		(void)!event_send(d, port);
	else
		event_raise_global(VIRQ_DOM_EXC);
}

void lifecycle_shut(struct domain *d)
{
	if (atomic32_load(&d->state) != DOMAIN_SHUTDOWN ||
	    sched_is_stopped(d->vcpu[0], VCPU_SHUT))
		return; /* another vcpu of it was first */
	log_info("domain %u (%s) has %s", d->id, d->name,
		 reason_name(atomic32_load(&d->shutdown_code)));
	if (!d->stays) {
		die(d);
		return;
	}
	sched_stop_domain(d, VCPU_SHUT);
	shutdown_tell(d);
}

void lifecycle_work(struct vcpu *v)
{
	struct domain *d = v->domain;
	bool first = !sched_is_stopped(v, VCPU_SHUT) && !domain_is_dying(d);

	lifecycle_shut(d);
	if (!first || atomic32_load(&d->shutdown_code) != SHUTDOWN_crash)
		return;
	trap_dump(v);
	if (d->stays)
		console_last_words(d);
}

int lifecycle_resume(struct domain *d)
{
	uint32_t shut = DOMAIN_SHUTDOWN;

	if (atomic32_load(&d->shutdown_code) != SHUTDOWN_suspend ||
	    !sched_is_stopped(d->vcpu[0], VCPU_SHUT))
		return -EINVAL;
	if (mm_cpus_running(d, ~0UL))
		return -ERESTART;
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		atomic32_and(&d->vcpu[i]->work, ~(uint32_t)VCPU_WORK_DYING);
	atomic32_store(&d->shutdown_code, 0);
	if (!atomic32_cmpxchg(&d->state, &shut, DOMAIN_ALIVE))
		return -EINVAL;
	sched_start_domain(d, VCPU_SHUT | VCPU_PAUSED);
	return 0;
}

void lifecycle_destroy(struct domain *d)
{
	die(d);
}

/* ---- the reaper ---- */

#define SLICE_NS 500000UL
#define PAUSE_NS 1000000UL

static void console_drop(struct domain *d)
{
	void *ring = d->console.ring;

	if (!ring)
		return;
	console_guest_detach(d);
	frame_put_writable(frame_of(arch_frame_of_ptr(ring)));
}

/* What is not page tables, for a slice of time; false: there is more. */
static bool rooms_exit(struct domain *d)
{
	uint64_t end = time_now_ns() + SLICE_NS;

	for (uint32_t i = 0; i < d->max_vcpus; i++)
		time_vcpu_exit(d->vcpu[i]);
	console_drop(d);
	irq_domain_exit(d);
	while (event_domain_exit(d) == -ERESTART)
		if (time_now_ns() >= end || arch_preempt_pending())
			return false;
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		event_vcpu_info_reset(d->vcpu[i]);
	return true;
}

static void end_note(const struct domain *d)
{
	struct domain_end *e;

	if (d->boot_index == LIFECYCLE_NO_INDEX)
		return;
	spin_lock(&lock);
	BUG_ON(atomic32_load(&ends_count) == LIFECYCLE_ENDS_MAX);
	e = &ends[(ends_first + atomic32_load(&ends_count)) %
		  LIFECYCLE_ENDS_MAX];
	e->id = d->id;
	e->boot_index = d->boot_index;
	e->shutdown_code = atomic32_load(&d->shutdown_code);
	memcpy(e->name, d->name, sizeof(e->name));
	atomic32_add(&ends_count, 1);
	spin_unlock(&lock);
}

/* True when no frame of the domain is in use by anybody. */
static bool is_alone(struct domain *d)
{
	uint64_t pages;

	spin_lock(&d->frames.lock);
	pages = d->frames.tot_pages;
	spin_unlock(&d->frames.lock);
	return pages == 0;
}

/* A softirq would be acted upon before any guest runs. */
static void go_on_later(struct domain *d)
{
	if (current_vcpu())
		timer_set(&d->reap, time_now_ns() + PAUSE_NS);
	else
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
}

/* Works on it for a slice of time; true: nothing is left to do. */
static bool clear_slice(struct domain *d)
{
	uint64_t end = time_now_ns() + SLICE_NS;

	do
		/* What it was lent goes when no table of it has any of it. */
		if (mm_domain_teardown(d) == 0 && grant_domain_exit(d) == 0)
			return true;
	while (time_now_ns() < end && !arch_preempt_pending());
	return false;
}

/* Some of the way to ENDING_LINGERS; -EBUSY: a CPU has still to leave it. */
static int end_some(struct domain *d)
{
	if (d->ending == ENDING_STOPS) {
		if (mm_cpus_running(d, ~0UL))
			return -EBUSY;
		if (!rooms_exit(d))
			return -ERESTART;
		d->ending = ENDING_CLEARS;
	}
	if (d->ending == ENDING_CLEARS) {
		if (!clear_slice(d))
			return -ERESTART;
		d->ending = ENDING_LINGERS;
		queue(&lingering, d);
		end_note(d);
		event_raise_global(VIRQ_DOM_EXC);
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
	}
	return 0;
}

int lifecycle_destroy_some(struct domain *d)
{
	int rc;

	if (atomic32_xchg(&reaping, 1))
		return -ERESTART;
	rc = end_some(d);
	atomic32_store(&reaping, 0);
	return rc ? -ERESTART : 0;
}

static void ending_run(void)
{
	struct domain *d = first(&ending);
	int rc;

	if (!d)
		return;
	rc = end_some(d);
	if (rc == -ERESTART) {
		go_on_later(d);
		return;
	}
	if (rc == -EBUSY)
		queue(&ending, d); /* behind the others */
	if (first(&ending))
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
}

/*
 * True when nobody has anything of it. Until no grant is in use any more (of
 * its pages, or of those that we share with it) its table is needed.
 */
static bool is_over(struct domain *d)
{
	if (d->ending == ENDING_LINGERS && is_alone(d) && grant_is_idle(d)) {
		d->ending = ENDING_IS_SHARED;
		grant_domain_free(d);
		frame_retire_shared(d, d->shared_frame);
	}
	return d->ending == ENDING_IS_SHARED && is_alone(d);
}

/* Looks at each lingering domain once. */
static void lingering_run(void)
{
	struct list left = LIST_INIT(left);
	struct domain *d;

	while ((d = first(&lingering)) != NULL) {
		if (!is_over(d)) {
			queue(&left, d);
			continue;
		}
		spin_lock(&lock);
		list_remove(&d->link);
		spin_unlock(&lock);
		domain_withdraw(d);
		domain_free(d);
		event_raise_global(VIRQ_DOM_EXC);
	}
	while ((d = first(&left)) != NULL)
		queue(&lingering, d);
}

void lifecycle_reap(void)
{
	if (atomic32_xchg(&reaping, 1)) {
		cpu_raise(this_cpu(), SOFTIRQ_REAP);
		return;
	}
	ending_run();
	lingering_run();
	atomic32_store(&reaping, 0);
}

/* ---- the report ---- */

bool lifecycle_ended_pending(void)
{
	return atomic32_load(&ends_count) != 0;
}

bool lifecycle_ended(struct domain_end *out)
{
	bool any;

	spin_lock(&lock);
	any = atomic32_load(&ends_count) != 0;
	if (any) {
		*out = ends[ends_first];
		ends_first = (ends_first + 1) % LIFECYCLE_ENDS_MAX;
		atomic32_add(&ends_count, UINT32_MAX);
	}
	spin_unlock(&lock);
	return any;
}
