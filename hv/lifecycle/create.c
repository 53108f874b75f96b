/* SPDX-License-Identifier: MIT */
/*
 * A domain's structures: made in order, undone in reverse. Every room has its
 * part in them and is asked to begin it; memory and a kernel come later, from
 * build.c or from a control domain.
 *
 * The domain is entered in the table last: whoever finds it finds it whole.
 * Until then it has no id, and its shared_info belongs to nobody who could
 * ask for it.
 */
#include "console/console.h"
#include "event/event.h"
#include "frame/frame.h"
#include "grant/grant.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lifecycle/parts.h"
#include "mm/mm.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

_Static_assert(DOMAIN_MAX_VCPUS <= XEN_LEGACY_MAX_VCPUS,
	       "shared_info has a vcpu_info for each vcpu");

/* Those of its vcpus, its watchdogs', and the reaper's. */
static unsigned int timers_of(const struct domain *d)
{
	return TIMERS_PER_VCPU * d->max_vcpus + WATCHDOGS + 1;
}

static int vcpu_create(struct domain *d, uint32_t id)
{
	struct vcpu *v = frame_alloc_bytes(sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->id = id;
	v->domain = d;
	v->regs = &v->saved;
	v->info = (struct vcpu_info *)&d->shared->vcpu_info[id];
	v->info->evtchn_upcall_mask = 1;
	trap_vcpu_init(v);
	time_vcpu_init(v);
	rc = arch_vcpu_init(v);
	if (rc) {
		frame_free_bytes(v, sizeof(*v));
		return rc;
	}
	sched_vcpu_init(v);
	sched_stop(v, VCPU_PAUSED);
	d->vcpu[id] = v;
	return 0;
}

static void vcpus_free(struct domain *d)
{
	for (uint32_t i = 0; i < d->max_vcpus; i++) {
		struct vcpu *v = d->vcpu[i];

		if (!v)
			continue;
		d->vcpu[i] = NULL;
		sched_vcpu_exit(v);
		arch_vcpu_exit(v);
		frame_free_bytes(v, sizeof(*v));
	}
	timer_unreserve(timers_of(d));
}

static int vcpus_create(struct domain *d)
{
	int rc = timer_reserve(timers_of(d));

	if (rc)
		return rc;
	for (uint32_t i = 0; !rc && i < d->max_vcpus; i++)
		rc = vcpu_create(d, i);
	if (rc)
		vcpus_free(d);
	return rc;
}

static void domain_begin(struct domain *d, const struct domain_config *config)
{
	d->version = 1;
	d->id = DOMID_INVALID;
	d->privileged = config->privileged;
	d->width = config->width;
	snprintf(d->name, sizeof(d->name), "%s", config->name);
	atomic32_store(&d->state, DOMAIN_BUILDING);
	list_init(&d->link);
	timer_init(&d->reap, TIMER_DOMAIN_REAP);
	d->boot_index = config->boot_index;
	d->created_ns = time_now_ns();
	d->max_vcpus = config->vcpus;
	d->sched.weight = config->weight;
	memcpy(d->handle, config->handle, sizeof(d->handle));
	d->stays = config->stays;
	d->is_xenstore = config->is_xenstore;
	spin_init(&d->access.lock, LOCK_RANK_ACCESS);
	d->cpuid = *trap_policy_machine();
	frame_domain_init(d, config->max_pages);
	mm_domain_init(d);
	grant_domain_init(d, &config->grants);
}

int lifecycle_create(const struct domain_config *config, struct domain **out)
{
	struct domain *d;
	int rc;

	if (config->vcpus == 0 || config->vcpus > DOMAIN_MAX_VCPUS)
		return -EINVAL;
	d = frame_alloc_bytes(sizeof(*d));
	if (!d)
		return -ENOMEM;
	domain_begin(d, config);
	rc = frame_alloc_shared(d, &d->shared_frame);
	if (rc)
		goto err_free;
	d->shared = frame_ptr(d->shared_frame);
	rc = event_domain_init(d);
	if (rc)
		goto err_shared;
	rc = vcpus_create(d);
	if (rc)
		goto err_event;
	if (config->max_ports)
		d->event.max_ports = config->max_ports;
	rc = domain_publish(d, config->first_id,
			    config->last_id ? config->last_id : DOMAIN_IDS);
	if (rc)
		goto err_vcpus;
	if (!*d->name)
		snprintf(d->name, sizeof(d->name), "d%u", d->id);
	d->shared_frame->owner = d->id;
	*out = d;
	return 0;

err_vcpus:
	vcpus_free(d);
err_event:
	(void)!event_domain_exit(d); /* it has no ports */
err_shared:
	frame_free_shared(d->shared_frame);
err_free:
	frame_free_bytes(d, sizeof(*d));
	return rc;
}

void domain_free(struct domain *d)
{
	timer_cancel(&d->reap);
	vcpus_free(d);
	dirty_exit(d);
	frame_free_bytes(d, sizeof(*d));
}
