/* SPDX-License-Identifier: MIT */
/* What is told of a domain to whoever controls it. */
#include "control/control.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "sched/sched.h"

/* Its vcpus as one: running if one runs, blocked if all that are up wait. */
static uint32_t vcpus_info(struct domain *d,
			   struct xen_domctl_getdomaininfo *out)
{
	uint32_t flags = XEN_DOMINF_blocked;

	for (uint32_t i = 0; i < d->max_vcpus; i++) {
		struct vcpu_runstate_info r;

		sched_runstate_get(d->vcpu[i], &r);
		out->cpu_time += r.time[RUNSTATE_running];
		if (sched_is_stopped(d->vcpu[i], VCPU_DOWN))
			continue;
		out->nr_online_vcpus++;
		if (!sched_is_stopped(d->vcpu[i], VCPU_BLOCKED | VCPU_POLLING))
			flags &= ~(uint32_t)XEN_DOMINF_blocked;
		if (r.state == RUNSTATE_running)
			flags |= XEN_DOMINF_running;
	}
	return flags;
}

/* As Xen has it in these bits of a domain that has not shut down. */
#define NO_CODE (0xffffU << XEN_DOMINF_shutdownshift)

static uint32_t state_info(struct domain *d)
{
	uint32_t flags = d->is_xenstore ? XEN_DOMINF_xs_domain : 0;

	if (d->debugged)
		flags |= XEN_DOMINF_debugged;
	if (domain_is_dying(d))
		flags |= XEN_DOMINF_dying;
	if (sched_is_stopped(d->vcpu[0], VCPU_SHUT))
		flags |= XEN_DOMINF_shutdown |
			 atomic32_load(&d->shutdown_code)
				 << XEN_DOMINF_shutdownshift;
	else
		flags |= NO_CODE;
	if (atomic32_load(&d->sched.held))
		flags |= XEN_DOMINF_paused;
	return flags;
}

void control_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *out)
{
	memset(out, 0, sizeof(*out));
	out->domain = d->id;
	out->flags = vcpus_info(d, out) | state_info(d);
	spin_lock(&d->frames.lock);
	out->tot_pages = d->frames.tot_pages;
	out->max_pages = d->frames.max_pages;
	out->outstanding_pages = d->frames.claimed;
	spin_unlock(&d->frames.lock);
	out->shared_info_frame = frame_mfn(d->shared_frame).v;
	out->max_vcpu_id = d->max_vcpus - 1;
	out->arch_config.misc_flags = d->msr_relaxed ? XEN_X86_MSR_RELAXED : 0;
	memcpy(out->handle, d->handle, sizeof(out->handle));
}
