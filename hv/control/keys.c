/* SPDX-License-Identifier: MIT */
/*
 * Debug keys: each writes to the log what is known of one subject, as a reader
 * of `xl debug-keys` and `xl dmesg` wants it. What is told is read while
 * others change it: it is true of each word, not of all of them at one time.
 *
 * A guest can have as much of some things as it likes. So at most so many
 * lines are said of each domain, and between domains waiting interrupts are
 * let in.
 */
#include "arch.h"
#include "control/control.h"
#include "event/event.h"
#include "frame/frame.h"
#include "grant/grant.h"
#include "log/log.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

#define PORTS_SAID 64
#define MS	   1000000UL

/* Asked for on purpose: said whatever the level. */
#define say(...) log_at(LOG_ERROR, __VA_ARGS__)

static struct domain *next(const struct domain *d)
{
	(void)arch_preempt_pending();
	return domain_next(d ? d->id : -1);
}

/* ---- domains ---- */

static void say_vcpu(const struct vcpu *v)
{
	/* RUNSTATE_* */
	static const char *const states[] = { "running", "waiting", "blocked",
					      "stopped" };
	struct vcpu_runstate_info r;

	sched_runstate_get(v, &r);
	say("  vcpu %u on CPU %u: %s, stops %02x, has run %lu ms; events %s, "
	    "%s",
	    v->id, v->sched.cpu, states[r.state], shared_load32(&v->sched.stop),
	    r.time[RUNSTATE_running] / MS,
	    shared_load8(&v->info->evtchn_upcall_mask) ? "masked" : "on",
	    shared_load8(&v->info->evtchn_upcall_pending) ? "pending" : "none");
}

static void say_ports(struct domain *d)
{
	/* EVTCHNSTAT_* */
	static const char *const states[] = { NULL,   "unbound", "domain",
					      "pirq", "virq",	 "ipi" };
	struct evtchn_status s = { .port = 1 };
	unsigned int said = 0;

	for (; said < PORTS_SAID && !event_status(d, &s); s.port++) {
		if (s.status >= ARRAY_SIZE(states) || !states[s.status])
			continue;
		/* a virq's and a pirq's number are at the same place */
		say("  port %u, vcpu %u: %s %u", s.port, s.vcpu,
		    states[s.status],
		    s.status == EVTCHNSTAT_interdomain ? s.u.interdomain.dom
						       : s.u.virq);
		said++;
	}
	if (said == PORTS_SAID)
		say("  and perhaps more ports");
}

static void say_domains(void)
{
	/* enum domain_state */
	static const char *const states[] = { "being built", "alive",
					      "shut down", "dying" };
	struct xen_domctl_getdomaininfo info;

	for (struct domain *d = next(NULL); d; d = next(d)) {
		control_domain_info(d, &info);
		say("domain %u (%s): %s, %lu of %lu pages, %u of %u vcpus, "
		    "weight %u%s",
		    d->id, d->name, states[atomic32_load(&d->state)],
		    info.tot_pages, info.max_pages, info.nr_online_vcpus,
		    d->max_vcpus, shared_load32(&d->sched.weight),
		    info.flags & XEN_DOMINF_paused ? ", paused" : "");
		for (uint32_t i = 0; i < d->max_vcpus; i++)
			if (d->vcpu[i])
				say_vcpu(d->vcpu[i]);
		say_ports(d);
	}
}

static void say_grants(void)
{
	for (struct domain *d = next(NULL); d; d = next(d)) {
		struct grant_size size;

		grant_size_get(d, &size);
		say("domain %u (%s): grant table version %u, %u frames, %u of "
		    "statuses",
		    d->id, d->name, size.version, size.frames,
		    size.status_frames);
	}
}

/* Those of a vcpu that runs on another CPU are what it had when it began. */
static void say_registers(void)
{
	struct domain *d = domain_find(0);

	for (uint32_t i = 0; d && i < d->max_vcpus; i++)
		if (d->vcpu[i] && !sched_is_stopped(d->vcpu[i], VCPU_DOWN))
			trap_dump(d->vcpu[i]);
}

/* ---- the machine ---- */

static void say_memory(void)
{
	uint64_t low = frame_free_low_pages(), free = frame_free_pages();

	say("memory: %lu pages free, %lu of them below 4 GiB; %lu claimed; the "
	    "last frame is %lx",
	    free, low, frame_claimed_pages(), frame_limit - 1);
}

static void say_queues(void)
{
	for (unsigned int i = 0; i < arch_nr_cpus(); i++) {
		say("CPU %u: idle for %lu ms in all", i, sched_idle_ns(i) / MS);
		sched_say_queue(i);
	}
}

static void say_time(void)
{
	say("time: %lu ms since boot, TSC %lx at %lu kHz", time_now_ns() / MS,
	    arch_tsc(), arch_tsc_hz() / 1000);
	for (unsigned int i = 0; i < arch_nr_cpus(); i++)
		timer_say(i);
}

static void reboot(void)
{
	say("the machine reboots, as asked for by key");
	arch_machine_reboot();
}

/* ---- the table ---- */

static void say_help(void);

static const struct key {
	char key;
	void (*act)(void);
	const char *text;
} keys[] = {
	{ '0', say_registers, "registers of domain 0" },
	{ 'R', reboot, "reboot the machine" },
	{ 'g', say_grants, "grant tables" },
	{ 'h', say_help, "this list" },
	{ 'm', say_memory, "memory" },
	{ 'q', say_domains, "domains, their vcpus and event channels" },
	{ 'r', say_queues, "run queues" },
	{ 't', say_time, "clock and timers" },
};

static void say_help(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		say("key '%c': %s", keys[i].key, keys[i].text);
}

int control_debug_keys(struct xen_sysctl_debug_keys *op)
{
	while (op->nr_keys) {
		char key;

		if (guest_copy_from(&key, (uint64_t)op->keys.p, 1))
			return -EFAULT;
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (keys[i].key == key) {
				say("'%c' pressed: %s", key, keys[i].text);
				keys[i].act();
			}
		op->keys.p++;
		op->nr_keys--;
		if (op->nr_keys && arch_preempt_pending())
			return -ERESTART;
	}
	return 0;
}
