/* SPDX-License-Identifier: MIT */
/*
 * The end of a domain's memory, some frames at a time. No vcpu of it runs or
 * will run, so nothing is added while we take away:
 *
 *   shadow   tables of ours beside its own (shadow.c)
 *   roots    each vcpu's roots, GDT, LDT
 *   pins     along the list of its frames: pins and partial tables. When the
 *            last is gone, no table of it is validated any more, and so no
 *            entry of its own tables refers to its frames
 *   frames   along the list again: the owner's own reference
 *
 * A frame that another domain still maps (a privileged one's mapping, a
 * grant) stays on the list, owned by the dying domain, until that domain
 * lets go. The cursor holds a reference, so its place on the list is sure.
 */
#include "mm/entry.h"
#include "mm/shadow.h"

enum teardown_phase {
	PHASE_SHADOW,
	PHASE_ROOTS,
	PHASE_PINS,
	PHASE_FRAMES,
	PHASE_DONE
};

static int shadow_drop(struct domain *d)
{
	struct mm_locked m = mm_lock(d);
	int rc = shadow_teardown(m);

	mm_unlock(m);
	/* What a start would have been told that did not end is nobody's. */
	return rc == -ERESTART ? rc : 0;
}

static int roots_drop(struct domain *d)
{
	struct mm_locked m = mm_lock(d);
	int rc = mm_settle(m);

	for (uint32_t i = 0; !rc && i < d->max_vcpus; i++) {
		struct vcpu *v = d->vcpu[i];
		struct frame **root = NULL;

		if (v && d->width == WIDTH_32)
			v->mm.root_user = NULL; /* held by the other */
		if (v && v->mm.root_kernel)
			root = &v->mm.root_kernel;
		else if (v && v->mm.root_user)
			root = &v->mm.root_user;
		if (!root)
			continue;
		mm_drop_table(m, *root);
		*root = NULL;
		rc = -ERESTART; /* one drop for each mm_settle() */
	}
	mm_unlock(m);
	return rc;
}

static int roots_phase(struct domain *d)
{
	(void)!frame_claim(d, 0);
	mm_memory_map_set(d, NULL, 0);
	for (uint32_t i = 0; i < d->max_vcpus; i++) {
		int rc;

		if (!d->vcpu[i])
			continue;
		mm_gdt_clear(d->vcpu[i]);
		rc = mm_ldt_set(d->vcpu[i], 0, 0);
		(void)rc; /* nothing to refuse */
	}
	return roots_drop(d);
}

/* What keeps a frame a table without anybody using it. */
static int pin_drop(struct domain *d, struct frame *f)
{
	struct mm_locked m = mm_lock(d);
	int rc = mm_settle(m);

	if (!rc && mm_drop_pin(m, f))
		rc = mm_settle(m);
	if (!rc)
		rc = mm_finish_partial(m, f);
	mm_unlock(m);
	return rc;
}

static void disown(struct frame *f)
{
	/* One that the domain gave up before is still mapped by another. */
	bool first = frame_disown(f);

	(void)first;
}

/* Most frames: the walk for pins passes them by, but not for long. */
#define PASSED_AT_ONCE 256

static bool is_plain(struct frame *f)
{
	return !(atomic64_load(&f->type) & (FRAME_PINNED | FRAME_PARTIAL));
}

/*
 * Moves the cursor, which holds a reference, to the next frame of the list
 * that is worth a visit.
 */
static void cursor_advance(struct domain *d, bool start, bool pins)
{
	struct frame *at = d->mm.teardown_at, *next = NULL;
	unsigned int passed = pins ? 0 : PASSED_AT_ONCE;
	uint32_t m;

	spin_lock(&d->frames.lock);
	m = start ? d->frames.first : at->next;
	while (m != FRAME_NIL) {
		next = frame_of(mfn(m));
		/* One whose last reference just went is about to leave. */
		if (!(passed < PASSED_AT_ONCE && is_plain(next)) &&
		    frame_get(next, d))
			break;
		passed++;
		m = next->next;
	}
	d->mm.teardown_at = m == FRAME_NIL ? NULL : next;
	spin_unlock(&d->frames.lock);
	if (at)
		frame_put(at);
}

/* So many at a time, and fewer if there is something better to do. */
#define FRAMES_AT_ONCE 64

static int frames_phase(struct domain *d, bool pins)
{
	unsigned int n = 0;

	if (!d->mm.teardown_at)
		cursor_advance(d, true, pins);
	while (d->mm.teardown_at) {
		struct frame *f = d->mm.teardown_at;

		if (pins && pin_drop(d, f))
			return -ERESTART;
		/* One that it gave up before is still mapped by somebody. */
		if (!pins)
			disown(f);
		cursor_advance(d, false, pins);
		if (d->mm.teardown_at &&
		    (++n == FRAMES_AT_ONCE || arch_preempt_pending()))
			return -ERESTART;
	}
	return 0;
}

int mm_domain_teardown(struct domain *d)
{
	int rc = 0;

	while (!rc && d->mm.teardown_phase != PHASE_DONE) {
		switch (d->mm.teardown_phase) {
		case PHASE_SHADOW:
			rc = shadow_drop(d);
			break;
		case PHASE_ROOTS:
			rc = roots_phase(d);
			break;
		case PHASE_PINS:
			rc = frames_phase(d, true);
			break;
		default:
			rc = frames_phase(d, false);
			break;
		}
		if (!rc)
			d->mm.teardown_phase++;
	}
	if (!rc)
		companion_spare_free(d);
	return rc;
}
