/* SPDX-License-Identifier: MIT */
/*
 * A secondary vcpu gets its first context from another vcpu of its guest. All
 * that can be refused is taken before the vcpu counts as initialised; what a
 * refused or interrupted attempt has left in it is replaced by the next, or
 * let go with the domain.
 */
#include "frame/frame.h"
#include "lifecycle/lifecycle.h"
#include "mm/mm.h"
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

static int initialise(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = trap_context_set(v, c);

	if (!rc)
		rc = tables_set(v, c);
	if (!rc)
		rc = roots_set(v, c);
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
