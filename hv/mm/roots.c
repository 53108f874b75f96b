/* SPDX-License-Identifier: MIT */
/*
 * Roots: a 64-bit guest's kernel and its user programs both run in ring 3, on
 * two L4 tables. CR3 comes only from root_for(): where page tables must be
 * separated (Meltdown), the guest itself runs on the companion of that root.
 *
 * A root is held by a reference and a use as such from the moment it is set;
 * the old one is let go only after CR3 has left it.
 *
 * A 32-bit guest has one root, an L3, for its kernel and its programs: it
 * stands in both places and is held once, by the first.
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
	if (likely(v->domain->width == WIDTH_64))
		mm_root_switch(v);
	else
		arch_root32_load(frame_mfn(root_for(v, false)));
}

/*
 * The mm lock is held and nothing is orphaned. Inlined for each width, which
 * decides the root's type; t is that. A 32-bit guest has one root, in both
 * places.
 */
static inline __attribute__((always_inline)) int
root_replace(struct mm_locked m, struct vcpu *v, bool user, struct frame *new,
	     enum frame_type t)
{
	struct frame **slot = user ? &v->mm.root_user : &v->mm.root_kernel;
	struct frame *old = *slot;
	int rc = new ? mm_get_table(m, new, t) : 0;

	if (rc)
		return rc;
	/* Kernels see the m2p. User mode does if it has a kernel's root. */
	if (t == FRAME_L4 && new && !user)
		root_m2p_show(m, new, true);
	else if (t == FRAME_L4 && new && m2p_is_strict(m.d))
		root_m2p_show(m, new, false);
	*slot = new;
	if (t == FRAME_L3_ROOT)
		v->mm.root_user = new;
	if (unlikely(m.d->mm.shadowed))
		shadow_root_changed(m, v, user);
	if (v == current_vcpu() && root_guest(v) == new)
		mm_root_activate(v);
	if (old)
		mm_drop_table(m, old);
	return 0;
}

static __attribute__((noinline)) int
root_replace32(struct mm_locked m, struct vcpu *v, struct frame *new)
{
	return root_replace(m, v, false, new, FRAME_L3_ROOT);
}

int mm_root_set(struct vcpu *v, bool user, guest_mfn_t root)
{
	bool none = user && root.v == 0, wide = v->domain->width == WIDTH_64;
	struct frame *f = none ? NULL : frame_lookup(root);
	struct mm_locked m;
	int rc;

	/* Its own user root cannot go while it translates by it. */
	if ((!f && (!none || !v->trap.kernel_mode)) || (user && !wide))
		return -EINVAL;
	m = mm_lock(v->domain);
	rc = mm_settle(m);
	if (!rc)
		rc = likely(wide) ? root_replace(m, v, user, f, FRAME_L4)
				  : root_replace32(m, v, f);
	mm_unlock(m);
	return rc;
}
