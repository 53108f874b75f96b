/* SPDX-License-Identifier: MIT */
/*
 * Whole tables: validation up, devalidation down, both interruptible.
 *
 *     progress:     0 ........ i ........ 512
 *                   [ hold     )[ do not  )
 *     validate      ---------> i
 *     devalidate               i <---------
 *
 * A table that is neither validated nor untouched is PARTIAL, with one use
 * and one reference of its own, and entries [0, progress) hold references.
 * The table that the entry at progress refers to may itself be partial: that
 * is where the interruption happened, one level down. Whoever takes the
 * table back ends that one first, or it would be forgotten.
 *
 * Why resuming is safe: a partial table has a use as its type, so nobody has
 * it mapped writable, and it is not validated, so no table and no root leads
 * to it; mmu_update refuses it. Its entries cannot change.
 *
 * A validation that fails is taken back, which may be interrupted as well.
 * Then progress carries UNDO: whoever gets hold of the table goes on taking
 * it back, never up again, so that every restart brings the end nearer.
 *
 * Each call handles at least one entry before it asks whether to stop: an
 * adversary who always wants to interrupt does not keep it from ending.
 */
#include "mm/entry.h"
#include "lib/string.h"
#include "mm/shadow.h"

#define UNDO 0x8000

struct mm_locked mm_lock(struct domain *d)
{
	spin_lock(&d->mm.lock);
	return (struct mm_locked){ d };
}

void mm_unlock(struct mm_locked m)
{
	spin_unlock(&m.d->mm.lock);
}

static void width_apply(struct domain *d)
{
	for (unsigned int level = 1; level <= 4; level++)
		d->mm.rule[level - 1] = entry_rule(d, level);
	d->mm.separated =
		mm_width(d)->separates && arch_separates_roots(d->privileged);
	if (d->mm.separated)
		d->mm.rule[3].set |= PTE_A; /* hardware sees a copy */
}

void mm_domain_init(struct domain *d)
{
	spin_init(&d->mm.lock, LOCK_RANK_MM);
	width_apply(d);
}

/* Both locks: while it has no page it gets none, and so no table of either
 * width. */
int mm_width_set(struct domain *d, enum domain_width width)
{
	struct mm_locked m = mm_lock(d);
	int rc = -EACCES;

	spin_lock(&d->frames.lock);
	if (!d->frames.tot_pages) {
		d->width = width;
		width_apply(d);
		rc = 0;
	}
	spin_unlock(&d->frames.lock);
	mm_unlock(m);
	return rc;
}

/* Remembers how far it is and gives use and reference to the partial state. */
static int interrupted(struct frame *f, unsigned int progress)
{
	f->progress = (uint16_t)progress;
	frame_type_partial(f);
	return -ERESTART;
}

/*
 * The entry at progress holds nothing, but the table it refers to may be
 * partial: because of us, or of another table that refers to it too. Either
 * way nobody but the partial state itself holds it; and if it was given up
 * meanwhile, nobody at all: it may be becoming another domain's table.
 */
static int finish_below(struct mm_locked m, enum frame_type t,
			const uint64_t *table, unsigned int at)
{
	struct frame *f;
	int rc = 0;

	if (t == FRAME_L1 || at >= TABLE_ENTRIES || table_slot_is_ours(t, at) ||
	    !(table[at] & PTE_P))
		return 0;
	f = frame_lookup(pte_mfn(table[at]));
	if (!f || !frame_get(f, m.d))
		return 0;
	if (frame_type_of(f) == type_below(t, at))
		rc = mm_finish_partial(m, f);
	frame_put(f);
	return rc;
}

/* Most entries of most tables are empty: skip eight at a time. */
static bool eight_empty(const uint64_t *e)
{
	return !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]);
}

/* The first n entries of an L1: short enough not to be interrupted. */
static void drop_l1(const uint64_t *table, unsigned int n)
{
	for (unsigned int at = 0; at < n; at += 8) {
		if (eight_empty(&table[at]))
			continue;
		for (unsigned int i = at; i < n && i < at + 8; i++)
			data_put(table[i]);
	}
}

/*
 * Drops the references of entries below progress and ends the use. 0, or
 * -ERESTART with the frame partial (undo as given).
 */
static int devalidate(struct mm_locked m, struct frame *f, unsigned int undo)
{
	enum frame_type t = frame_type_of(f);
	unsigned int level = level_of(t);
	unsigned int at = f->progress & (UNDO - 1);
	uint64_t *table = frame_ptr(f);

	if (unlikely(m.d->mm.shadowed))
		shadow_table_ended(m, f);
	if (level == 1) {
		drop_l1(table, at);
		frame_type_cleared(f);
		return 0;
	}
	/* Whole, that is in use until now: partial ones never are. */
	if (level == 4 && at == TABLE_ENTRIES && !undo)
		companion_end(m, f);
	if (finish_below(m, t, table, at))
		return interrupted(f, at | undo);
	while (at > 0) {
		int rc;

		if (!(at & 7) && eight_empty(&table[at - 8])) {
			at -= 8;
			continue;
		}
		at--;
		if (!(table[at] & PTE_P) || table_slot_is_ours(t, at))
			continue;
		rc = entry_put(m, level, table[at]);
		if (rc || (at > 0 && arch_preempt_pending()))
			return interrupted(f, at | undo);
	}
	table_empty_ours(t, table);
	frame_type_cleared(f);
	return 0;
}

/* The table proved bad at entry at: take back what was taken. */
static int take_back(struct mm_locked m, struct frame *f, unsigned int at,
		     int why)
{
	int rc;

	f->progress = (uint16_t)at;
	rc = devalidate(m, f, UNDO);
	if (rc)
		return rc;
	frame_put(f);
	return why;
}

/* What was checked may read back with other bits. */
static void note_contents(struct mm_locked m, const struct frame *f)
{
	if (unlikely(m.d->frames.logging))
		dirty_note(m.d, f);
}

static int table_validated(struct mm_locked m, struct frame *f)
{
	note_contents(m, f);
	frame_type_validated(f);
	return 0;
}

static int root_validated(struct mm_locked m, struct frame *f)
{
	arch_l4_fill(frame_ptr(f));
	if (companion_begin(m, f))
		return take_back(m, f, TABLE_ENTRIES, -ENOMEM);
	root_m2p_show(m, f, m2p_is_strict(m.d));
	return table_validated(m, f);
}

static int validate_table(struct mm_locked m, struct frame *f,
			  enum frame_type t)
{
	uint64_t *table = frame_ptr(f);

	for (unsigned int i = f->progress; i < TABLE_ENTRIES; i++) {
		uint64_t e;
		int rc;

		while (!(i & 7) && i < TABLE_ENTRIES && eight_empty(&table[i]))
			i += 8;
		if (i >= TABLE_ENTRIES)
			break;
		if (table_slot_is_ours(t, i))
			continue;
		e = table[i];
		rc = entry_get(m, t, i, &e, m.d);
		if (rc == -ERESTART)
			return interrupted(f, i);
		if (rc)
			return take_back(m, f, i, rc);
		table[i] = e;
		if (i + 1 < TABLE_ENTRIES && arch_preempt_pending())
			return interrupted(f, i + 1);
	}
	if (t == FRAME_L4)
		return root_validated(m, f);
	table_fill_ours(t, table);
	return table_validated(m, f);
}

/*
 * The same for an L1. It never stops half-way, so it begins at the beginning
 * and is done, or taken back, when this returns.
 */
static int validate_l1(struct mm_locked m, struct frame *f)
{
	const struct pte_rule rule = m.d->mm.rule[0];
	uint64_t usual = frame_usual(m.d->id), *table = frame_ptr(f);

	for (unsigned int at = 0; at < TABLE_ENTRIES; at += 8) {
		if (eight_empty(&table[at]))
			continue;
		for (unsigned int i = at; i < at + 8; i++) {
			uint64_t e = table[i];
			int rc = data_get(&rule, usual, m.d, m.d, &e);

			if (unlikely(rc))
				return take_back(m, f, i, rc);
			table[i] = e;
		}
	}
	return table_validated(m, f);
}

static int validate_descriptors(struct mm_locked m, struct frame *f)
{
	uint64_t *table = frame_ptr(f);

	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		if (mm_descriptor_check(m.d, &table[i]))
			continue;
		frame_type_cleared(f);
		frame_put(f);
		return -EINVAL;
	}
	note_contents(m, f);
	frame_type_validated(f);
	return 0;
}

static aside int table_begin(struct mm_locked m, struct frame *f,
			     enum frame_type t)
{
	int rc = frame_get_use(f, m.d, t);

	if (rc != FRAME_MUST_VALIDATE)
		return rc;
	if (t == FRAME_SEGDESC)
		return validate_descriptors(m, f);
	if (f->progress & UNDO)
		return take_back(m, f, f->progress & (UNDO - 1), -EINVAL);
	return t == FRAME_L1 ? validate_l1(m, f) : validate_table(m, f, t);
}

int mm_get_table(struct mm_locked m, struct frame *f, enum frame_type t)
{
	if (likely(frame_get_validated(f, frame_usual(m.d->id), t)))
		return 0;
	return table_begin(m, f, t);
}

/* A use was dropped; its reference is dropped with what it validated. */
static int use_dropped(struct mm_locked m, struct frame *f, bool last)
{
	if (last) {
		if (frame_type_of(f) == FRAME_SEGDESC)
			frame_type_cleared(f);
		else if (devalidate(m, f, 0))
			return -ERESTART;
	}
	frame_put(f);
	return 0;
}

static aside int table_end(struct mm_locked m, struct frame *f)
{
	return use_dropped(m, f, frame_put_type(f));
}

int mm_put_table(struct mm_locked m, struct frame *f)
{
	return likely(frame_put_one_of_several(f)) ? 0 : table_end(m, f);
}

int mm_finish_partial(struct mm_locked m, struct frame *f)
{
	if (!frame_take_partial(f))
		return 0;
	if (devalidate(m, f, f->progress & UNDO))
		return -ERESTART;
	frame_put(f);
	return 0;
}

void mm_orphan(struct mm_locked m, struct frame *f)
{
	bool held = frame_ref(f); /* or it could become another's frame */

	BUG_ON(m.d->mm.orphan || !held);
	m.d->mm.orphan = f;
}

void mm_drop_table(struct mm_locked m, struct frame *f)
{
	if (mm_put_table(m, f))
		mm_orphan(m, f);
}

bool mm_drop_pin(struct mm_locked m, struct frame *f)
{
	bool last;

	if (!frame_pin_put(f, &last))
		return false;
	if (use_dropped(m, f, last))
		mm_orphan(m, f);
	return true;
}

int mm_settle_orphan(struct mm_locked m)
{
	struct frame *f = m.d->mm.orphan;

	/* Somebody may have validated it anew: then it is not partial. */
	if (mm_finish_partial(m, f))
		return -ERESTART;
	m.d->mm.orphan = NULL;
	frame_put(f);
	return 0;
}
