/* SPDX-License-Identifier: MIT */
/*
 * A secondary vcpu gets its first context from another vcpu of its guest, or
 * any vcpu one from control software. All that can be refused is taken before
 * the vcpu counts as initialised; what a refused or interrupted attempt has
 * left in it is replaced by the next, or let go with the domain.
 */
#include "event/event.h"
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"
#include "mm/mm.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

/* Two vcpus may initialise a third at once: one is enough for all. */
static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_VCPUS);

static int roots_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
	uint64_t user = xen_cr3_to_pfn(c->ctrlreg[1]);
	int rc =
		mm_root_set(v, false, guest_mfn(xen_cr3_to_pfn(c->ctrlreg[3])));

	if (rc || !user)
		return rc;
	return mm_root_set(v, true, guest_mfn(user));
}

static int tables_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
	uint64_t frames[GDT_GUEST_PAGES];
	int rc;

	if (c->gdt_ents > FIRST_RESERVED_GDT_ENTRY || c->ldt_ents > 8192)
		return -EINVAL;
	for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
		frames[i] = c->gdt_frames[i];
	rc = mm_gdt_set(v, frames, (unsigned int)c->gdt_ents);
	if (rc)
		return rc;
	return mm_ldt_set(v, c->ldt_base, (unsigned int)c->ldt_ents);
}

/*
 * The mode last: one that ran already runs on after a refusal, and its mode
 * must have a root. A root never goes in the steps before.
 */
static int initialise(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = tables_set(v, c);

	if (!rc)
		rc = roots_set(v, c);
	if (!rc)
		rc = trap_context_set(v, c);
	if (!rc)
		shared_store8(&v->initialised, 1);
	return rc;
}

int lifecycle_vcpu_initialise(struct vcpu *v,
			      const struct vcpu_guest_context *c)
{
	int rc;

	spin_lock(&lock);
	rc = v->initialised ? -EEXIST : initialise(v, c);
	spin_unlock(&lock);
	return rc;
}

void lifecycle_vcpu_up(struct vcpu *v)
{
	if (!sched_is_stopped(v, VCPU_DOWN))
		return;
	time_update_vcpu(v);
	event_timer_start(v);
	sched_start(v, VCPU_DOWN);
}

/* The domain's way of behaving comes with the context of its first vcpu. */
static void domain_set(struct domain *d, const struct vcpu_guest_context *c)
{
	struct mm_locked m = mm_lock(d);

	d->mm.vm_assist = c->vm_assist & mm_assists;
	mm_unlock(m);
	time_update_wallclock(d);
}

int lifecycle_vcpu_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
	bool first = !shared_load8(&v->initialised);
	int rc;

	spin_lock(&lock);
	rc = initialise(v, c);
	spin_unlock(&lock);
	if (rc)
		return rc;
	if (first && v->id == 0)
		domain_set(v->domain, c);
	if (c->flags & VGCF_online)
		lifecycle_vcpu_up(v);
	else
		sched_stop(v, VCPU_DOWN);
	return 0;
}

/* Its root user mode's is told only if it has one of its own. */
static void tables_get(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct vcpu_mm *t = &v->mm;

	for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
		c->gdt_frames[i] = t->gdt[i] ? frame_mfn(t->gdt[i]).v : 0;
	c->gdt_ents = t->gdt_entries;
	c->ldt_base = t->ldt_va;
	c->ldt_ents = t->ldt_entries;
	if (t->root_kernel)
		c->ctrlreg[3] = frame_mfn(t->root_kernel).v << PAGE_SHIFT;
	if (t->root_user && v->domain->width == WIDTH_64)
		c->ctrlreg[1] = frame_mfn(t->root_user).v << PAGE_SHIFT;
}

void lifecycle_vcpu_get(struct vcpu *v, struct vcpu_guest_context *c)
{
	trap_context_get(v, c);
	tables_get(v, c);
	c->vm_assist = v->domain->mm.vm_assist;
	if (!sched_is_stopped(v, VCPU_DOWN))
		c->flags |= VGCF_online;
}

int lifecycle_width_set(struct domain *d, enum domain_width width)
{
	enum domain_width old = d->width;
	int rc;

	if (width == WIDTH_32 &&
	    frame_mfn(d->shared_frame).v >> (32 - PAGE_SHIFT))
		return -ENOMEM;
	rc = event_width_set(d, width);
	if (rc)
		return rc;
	rc = mm_width_set(d, width);
	if (rc) {
		/* Ports that came meanwhile may have the wrong words: its loss.
		 */
		(void)!event_width_set(d, old);
		return rc;
	}
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		trap_vcpu_init(d->vcpu[i]);
	return 0;
}
