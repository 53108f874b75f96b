/* SPDX-License-Identifier: MIT */
/*
 * Roots: a 64-bit guest's kernel and its user programs both run in ring 3, on
 * two L4 tables. CR3 comes only from root_for(): where page tables must be
 * separated (Meltdown), the guest itself runs on the companion of that root.
 *
 * A root is held by a reference and a use as such from the moment it is set;
 * the old one is let go only after CR3 has left it.
 *
 * A 32-bit guest has one root, an L3, for its kernel and its programs: it is
 * held twice and stands in both places.
 */
#include "mm/entry.h"
#include "mm/shadow.h"

struct frame *root_for(const struct vcpu *v, bool kernel_mode)
{
	struct frame *own = kernel_mode ? v->mm.root_kernel : v->mm.root_user;

	if (unlikely(v->mm.shadow_root[kernel_mode]) && own)
		return v->mm.shadow_root[kernel_mode];
	return own;
}

void mm_root_switch(const struct vcpu *v)
{
	struct frame *f = root_for(v, v->trap.kernel_mode);

	BUG_ON(!f);
	if (unlikely(v->domain->mm.separated))
		arch_roots_load(frame_mfn(f), companion_of(v, f));
	else
		arch_root_load(frame_mfn(f));
}

void mm_root_activate(const struct vcpu *v)
{
	flush_note(); /* before: what ends meanwhile is not flushed for sure */
	if (v->domain->width == WIDTH_32)
		arch_root32_load(frame_mfn(v->mm.root_kernel));
	else
		mm_root_switch(v);
}

/* The mm lock is held and nothing is orphaned. */
static int root_replace(struct mm_locked m, struct vcpu *v, bool user,
			struct frame *new)
{
	struct frame **slot = user ? &v->mm.root_user : &v->mm.root_kernel;
	struct frame *old = *slot;
	int rc = new ? mm_get_table(m, new, mm_width(m.d)->root) : 0;

	if (rc)
		return rc;
	/* Kernels see the m2p. User mode does if it has a kernel's root. */
	if (new && !user)
		root_m2p_show(m, new, true);
	else if (new && m2p_is_strict(m.d))
		root_m2p_show(m, new, false);
	*slot = new;
	if (unlikely(m.d->mm.shadowed))
		shadow_root_changed(m, v, user);
	if (v == current_vcpu() && v->trap.kernel_mode == !user)
		mm_root_activate(v);
	if (old)
		mm_drop_table(m, old);
	return 0;
}

/* The same for a 32-bit guest; the second use of a table is not validated. */
static int root_replace_both(struct mm_locked m, struct vcpu *v,
			     struct frame *new)
{
	struct frame *old = v->mm.root_kernel;
	int rc = mm_get_table(m, new, FRAME_L3_ROOT);

	if (rc)
		return rc;
	rc = mm_get_table(m, new, FRAME_L3_ROOT);
	if (rc) {
		mm_drop_table(m, new); /* the other use is not the last */
		return rc;
	}
	v->mm.root_kernel = v->mm.root_user = new;
	if (v == current_vcpu())
		mm_root_activate(v);
	for (unsigned int i = 0; old && i < 2; i++)
		mm_drop_table(m, old);
	return 0;
}

int mm_root_set(struct vcpu *v, bool user, guest_mfn_t root)
{
	bool none = user && root.v == 0, both = v->domain->width == WIDTH_32;
	struct frame *f = none ? NULL : frame_lookup(root);
	struct mm_locked m;
	int rc;

	/* Its own user root cannot go while it translates by it. */
	if ((!f && (!none || !v->trap.kernel_mode)) || (both && user))
		return -EINVAL;
	m = mm_lock(v->domain);
	rc = mm_settle(m);
	if (!rc)
		rc = both ? root_replace_both(m, v, f)
			  : root_replace(m, v, user, f);
	mm_unlock(m);
	return rc;
}
