/* SPDX-License-Identifier: MIT */
/*
 * Shadow page tables: what the processor walks, when it must not walk the
 * tables that the guest wrote. A guest's tables stay what they are, checked
 * and counted as ever, and the guest reads in them what it wrote. Beside them
 * is a cache of tables that map the same or less:
 *
 *      the guest's            the shadow, filled by faults
 *
 *      L4 -> L3 -> L2 -> L1   root -> L3' -> L2' -> L1'
 *       |     |     |     |    of       by the mfn of the guest's table,
 *       '-----+-----+-----'    v        in a hash
 *
 *   - An entry of a shadow is absent, or is the guest's own present entry
 *     with the number of the next shadow in place of the table's; in an L1'
 *     with fewer rights: it is writable only once the page's write is noted
 *     and the guest's entry is dirty. So the guest's accessed and dirty bits
 *     are set here, as the processor would set them there.
 *   - A guest's entry changes: that entry of the shadow becomes absent, before
 *     what it referred to is let go (pt_store). A table ends: the hash forgets
 *     it. Flushes are due when they are due without shadows.
 *   - Memory is a fixed pool. When it is used up, or the written pages are
 *     taken, all shadows are forgotten at once: the generation changes, which
 *     voids the hash, the roots are emptied, CPUs flush. That is a bounded
 *     step, whatever the guest's size; no operation here grows with it, but
 *     making and freeing the pool, which can be interrupted.
 *   - Roots are not in the pool: each vcpu has one for its kernel and one for
 *     its programs, for as long as shadows are in use, so that no CPU's CR3
 *     ever points to memory with another purpose.
 *
 * A 32-bit guest has three levels of them, and one root a vcpu, for both
 * modes. In the shadow of the table that has the hypervisor's range that
 * range is as in the guest's own.
 *
 * All under the domain's mm lock. What a hostile guest tries: more tables
 * than the pool (it works for itself only: everything is forgotten sooner);
 * a page that becomes a table, or another domain's, while a shadow maps it
 * (its entries go with the guest's own).
 */
#include "lib/string.h"
#include "mm/entry.h"
#include "mm/shadow.h"
#include "processor.h"

#define POOL_MIN     64
#define POOL_SHARE   128 /* one page for so many of the domain's */
#define POOL_AT_ONCE 256 /* pages allocated without a look around */
#define PATH_PAGES   3	 /* new ones for one fault, at most */
#define SLOT_EMPTY   0	 /* of a slot's page: the table ended */

/* Where a table's shadow is; void unless of this generation. */
struct slot {
	uint64_t generation;
	uint32_t table; /* mfn of the guest's */
	uint32_t page;	/* mfn of the shadow */
};

struct mm_shadow {
	uint64_t generation; /* from 1 on */
	uint32_t pages;	     /* of the pool, when it is complete */
	uint32_t have;	     /* so far */
	uint32_t used;	     /* in this generation */
	uint32_t mask;	     /* slots - 1; twice the pages at least */
	bool ending;	     /* the pool is being freed */
	int why;	     /* that: 0, or what start is to answer */
	struct slot *slots;
	uint32_t page[]; /* mfns */
};

static size_t bytes_of(uint32_t pages)
{
	return sizeof(struct mm_shadow) + pages * sizeof(uint32_t);
}

/* ---- the hash ---- */

/*
 * The table's slot, or the void one where it would be. Tables that ended keep
 * their slots, so a generation may not use more of them than there are: each
 * belongs to a page that was used.
 */
static struct slot *slot_of(struct mm_shadow *s, const struct frame *f)
{
	uint32_t m = (uint32_t)frame_mfn(f).v, at = m * 0x9e3779b1U >> 7;

	for (;; at++) {
		struct slot *slot = &s->slots[at & s->mask];

		if (slot->generation != s->generation || slot->table == m)
			return slot;
	}
}

static uint64_t *shadow_find(struct mm_shadow *s, const struct frame *f)
{
	struct slot *slot = slot_of(s, f);

	if (slot->generation != s->generation || slot->page == SLOT_EMPTY)
		return NULL;
	return arch_frame_ptr(mfn(slot->page));
}

/* The shadow of f, made if it has none: there are PATH_PAGES to be had. */
static mfn_t shadow_get(struct mm_shadow *s, const struct frame *f)
{
	struct slot *slot = slot_of(s, f);

	if (slot->generation != s->generation || slot->page == SLOT_EMPTY) {
		slot->generation = s->generation;
		slot->table = (uint32_t)frame_mfn(f).v;
		slot->page = s->page[s->used++];
		arch_set_words(arch_frame_ptr(mfn(slot->page)), 0,
			       TABLE_ENTRIES);
		table_fill_ours(frame_type_of(f),
				arch_frame_ptr(mfn(slot->page)));
	}
	return mfn(slot->page);
}

/* ---- roots, and forgetting ---- */

static struct frame *root_alloc(struct mm_locked m)
{
	struct frame *f = frame_alloc_hv(0);

	if (!f)
		return NULL;
	table_fill_ours(mm_width(m.d)->root, frame_ptr(f));
	if (companion_begin(m, f)) {
		frame_free_hv(f, 0);
		return NULL;
	}
	return f;
}

static void root_free(struct mm_locked m, struct frame *f)
{
	companion_end(m, f);
	flush_stamp(f);
	frame_free_hv(f, 0);
}

static void root_store(struct mm_locked m, struct frame *f, unsigned int idx,
		       uint64_t value)
{
	uint64_t *entry = (uint64_t *)frame_ptr(f) + idx;

	shared_store64(entry, value);
	if (unlikely(m.d->mm.separated))
		companion_store(f, entry, value);
}

static void root_empty(struct mm_locked m, struct frame *f)
{
	const uint64_t *l4 = frame_ptr(f);

	for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
		if (l4[i] && !table_slot_is_ours(mm_width(m.d)->root, i))
			root_store(m, f, i, 0);
}

void shadow_root_changed(struct mm_locked m, struct vcpu *v, bool user)
{
	root_empty(m, v->mm.shadow_root[!user]);
}

/* Every access from here on asks us again, on all CPUs when it returns. */
static void forget_all(struct mm_locked m)
{
	struct mm_shadow *s = m.d->mm.shadow;
	uint64_t cpus = mm_cpus_running(m.d, ~0UL), self;

	s->generation++;
	s->used = 0;
	for (uint32_t i = 0; i < m.d->max_vcpus; i++) {
		root_empty(m, m.d->vcpu[i]->mm.shadow_root[0]);
		root_empty(m, m.d->vcpu[i]->mm.shadow_root[1]);
	}
	self = 1UL << this_cpu()->id;
	if (cpus & self)
		arch_flush_local();
	if (cpus & ~self)
		arch_flush_cpus(cpus & ~self, false, 0);
}

/* ---- a fault ---- */

/* A guest's tables on the way to an address, by level. */
struct path {
	unsigned int top; /* the root's */
	struct frame *table[5];
	uint64_t *entry[5], value[5];
};

static bool path_walk(struct frame *root, uint64_t va, struct path *p)
{
	struct frame *f = root;

	p->top = level_of(frame_type_of(root));
	for (unsigned int level = p->top; level; level--) {
		p->table[level] = f;
		p->entry[level] =
			(uint64_t *)frame_ptr(f) + pte_index(va, level);
		p->value[level] = shared_load64(p->entry[level]);
		if (!(p->value[level] & PTE_P))
			return false;
		f = frame_lookup(pte_mfn(p->value[level]));
	}
	return true;
}

static bool path_allows(const struct path *p, uint32_t error)
{
	uint64_t all = ~0UL, any = 0;

	for (unsigned int level = 1; level <= p->top; level++) {
		all &= p->value[level];
		any |= p->value[level];
	}
	return !((error & PF_WRITE) && !(all & PTE_RW)) &&
	       !((error & PF_USER) && !(all & PTE_US)) &&
	       !((error & PF_FETCH) && (any & PTE_NX));
}

/* As the processor sets them: whatever else happens to the entry. */
static void bits_set(struct mm_locked m, struct path *p, unsigned int level,
		     uint64_t bits)
{
	atomic64_t *e = (atomic64_t *)p->entry[level];

	if (!(bits & ~p->value[level]))
		return;
	p->value[level] = atomic64_or(e, bits) | bits;
	if (m.d->frames.logging)
		dirty_note(m.d, p->table[level]);
}

/* The entry of the L1', with a write noted that it will allow. */
static uint64_t leaf_entry(struct mm_locked m, struct path *p, bool write)
{
	struct frame *f = frame_lookup(pte_mfn(p->value[1]));
	bool log = m.d->frames.logging && f, known;

	bits_set(m, p, 1, write ? PTE_A | PTE_D : PTE_A);
	if (write && log)
		dirty_note(m.d, f);
	known = write ||
		((p->value[1] & PTE_D) && (!log || dirty_noted(m.d, f)));
	return known ? p->value[1] : p->value[1] & ~PTE_RW;
}

static void path_fill(struct mm_locked m, struct vcpu *v, uint64_t va,
		      struct path *p, bool write)
{
	struct mm_shadow *s = m.d->mm.shadow;
	uint64_t *at = NULL;

	if (s->pages - s->used < PATH_PAGES)
		forget_all(m);
	for (unsigned int level = p->top; level > 1; level--) {
		mfn_t next = shadow_get(s, p->table[level - 1]);
		unsigned int idx = pte_index(va, level);
		uint64_t e;

		bits_set(m, p, level, PTE_A);
		e = (p->value[level] & ~PTE_ADDR) | next.v << PAGE_SHIFT;
		if (level == p->top)
			root_store(m, v->mm.shadow_root[v->trap.kernel_mode],
				   idx, e);
		else
			shared_store64(&at[idx], e);
		at = arch_frame_ptr(next);
	}
	shared_store64(&at[pte_index(va, 1)], leaf_entry(m, p, write));
}

/*
 * A 32-bit guest reads what is ours in its address space: the table that has
 * it is missing in the shadow, until something else in that GiB is used.
 */
static bool range_fill(struct mm_locked m, struct vcpu *v)
{
	unsigned int last = L3_ROOT_ENTRIES - 1;
	uint64_t e = ((uint64_t *)frame_ptr(root_guest(v)))[last];
	struct frame *root = v->mm.shadow_root[0];
	mfn_t next;

	if (!(e & PTE_P) || ((uint64_t *)frame_ptr(root))[last])
		return false;
	if (m.d->mm.shadow->pages - m.d->mm.shadow->used < PATH_PAGES)
		forget_all(m);
	next = shadow_get(m.d->mm.shadow, frame_lookup(pte_mfn(e)));
	root_store(m, root, last, (e & ~PTE_ADDR) | next.v << PAGE_SHIFT);
	return true;
}

static bool fault(struct mm_locked m, struct vcpu *v, uint64_t va,
		  uint32_t *error)
{
	struct path p = { .top = 0 };

	if (!mm_va_is_guest(m.d, va))
		return m.d->width == WIDTH_32 && range_fill(m, v);

	if (!path_walk(root_guest(v), va, &p)) {
		*error &= ~PF_PRESENT;
		return false;
	}
	if (!path_allows(&p, *error)) {
		*error |= PF_PRESENT;
		return false;
	}
	path_fill(m, v, va, &p, *error & PF_WRITE);
	return true;
}

bool mm_shadow_fault(struct vcpu *v, uint64_t va, uint32_t *error)
{
	struct mm_locked m;
	bool done;

	m = mm_lock(v->domain);
	done = m.d->mm.shadowed && fault(m, v, va, error);
	mm_unlock(m);
	return done;
}

/* ---- changes of the guest's tables ---- */

void shadow_entry_changed(struct mm_locked m, const struct frame *f,
			  unsigned int idx)
{
	uint64_t *shadow = shadow_find(m.d->mm.shadow, f);

	if (shadow)
		shared_store64(&shadow[idx], 0);
	for (uint32_t i = 0; i < m.d->max_vcpus; i++) {
		const struct vcpu_mm *mm = &m.d->vcpu[i]->mm;

		if (f == mm->root_kernel)
			root_store(m, mm->shadow_root[1], idx, 0);
		if (f == mm->root_user)
			root_store(m, mm->shadow_root[0], idx, 0);
	}
	if (m.d->frames.logging)
		dirty_note(m.d, f);
}

void shadow_table_ended(struct mm_locked m, const struct frame *f)
{
	struct mm_shadow *s = m.d->mm.shadow;
	struct slot *slot = slot_of(s, f);

	if (slot->generation == s->generation)
		slot->page = SLOT_EMPTY;
	if (m.d->frames.logging)
		dirty_note(m.d, f);
}

/* ---- the written pages ---- */

/* Frames into which we write without a word: noted for good. */
static void note_registered(struct domain *d)
{
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i]->info_frame)
			dirty_note(d, d->vcpu[i]->info_frame);
}

int mm_dirty_take(struct domain *d, unsigned int i, uint64_t *out, bool clear)
{
	struct mm_locked m = mm_lock(d);
	int rc = -EINVAL;

	if (m.d->mm.shadowed && d->frames.logging && i < DIRTY_LEAVES) {
		note_registered(d);
		rc = dirty_take(d, i, out, clear);
		/* What was writable is not any more, before anyone reads it. */
		if (!rc && clear)
			forget_all(m);
	}
	mm_unlock(m);
	return rc;
}

/* ---- on and off ---- */

static bool is_on_cpu(const struct domain *d)
{
	return mm_cpus_running(d, ~0UL) != 0;
}

/* All but the pool, which comes by pieces. */
static struct mm_shadow *shadow_alloc(const struct domain *d)
{
	struct mm_shadow *s;
	uint32_t slots = 1, pages;

	pages = (uint32_t)(d->frames.tot_pages / POOL_SHARE);
	pages = MAX(pages, (uint32_t)POOL_MIN + 4 * d->max_vcpus);
	while (slots < 2 * pages)
		slots *= 2;
	s = frame_alloc_bytes(bytes_of(pages));
	if (!s)
		return NULL;
	s->slots = frame_alloc_bytes(slots * sizeof(struct slot));
	if (!s->slots) {
		frame_free_bytes(s, bytes_of(pages));
		return NULL;
	}
	s->generation = 1;
	s->pages = pages;
	s->mask = slots - 1;
	return s;
}

static int pool_fill(struct mm_shadow *s)
{
	for (unsigned int n = 0; s->have < s->pages; n++) {
		struct frame *f;

		if (n == POOL_AT_ONCE || (n && arch_preempt_pending()))
			return -ERESTART;
		f = frame_alloc_buffer(0); /* emptied when it is used */
		if (!f)
			return -ENOMEM;
		s->page[s->have++] = (uint32_t)frame_mfn(f).v;
	}
	return 0;
}

static int pool_free(struct mm_shadow *s)
{
	for (unsigned int n = 0; s->have; n++) {
		if (n == POOL_AT_ONCE || (n && arch_preempt_pending()))
			return -ERESTART;
		frame_free_hv(frame_of(mfn(s->page[--s->have])), 0);
	}
	return 0;
}

static void roots_free(struct mm_locked m)
{
	unsigned int roots = m.d->width == WIDTH_32 ? 1 : 2;

	for (uint32_t i = 0; i < m.d->max_vcpus; i++) {
		struct vcpu_mm *mm = &m.d->vcpu[i]->mm;

		for (unsigned int kernel = 0; kernel < 2; kernel++) {
			if (kernel < roots && mm->shadow_root[kernel])
				root_free(m, mm->shadow_root[kernel]);
			mm->shadow_root[kernel] = NULL;
		}
	}
}

static int roots_alloc(struct mm_locked m)
{
	for (uint32_t i = 0; i < m.d->max_vcpus; i++) {
		struct vcpu_mm *mm = &m.d->vcpu[i]->mm;

		mm->shadow_root[0] = root_alloc(m);
		mm->shadow_root[1] = m.d->width == WIDTH_32 ? mm->shadow_root[0]
							    : root_alloc(m);
		if (!mm->shadow_root[0] || !mm->shadow_root[1]) {
			roots_free(m);
			return -ENOMEM;
		}
		/* As in a user's own root: its programs do not see the m2p. */
		root_m2p_show(m, mm->shadow_root[0], false);
	}
	return 0;
}

int shadow_teardown(struct mm_locked m)
{
	struct domain *d = m.d;
	struct mm_shadow *s = d->mm.shadow;
	int rc;

	if (!s)
		return 0;
	if (d->mm.shadowed) {
		d->mm.shadowed = false;
		dirty_stop(d);
		roots_free(m);
	}
	s->ending = true;
	rc = pool_free(s);
	if (rc)
		return rc;
	d->mm.shadow = NULL;
	rc = s->why;
	frame_free_bytes(s->slots, (s->mask + 1UL) * sizeof(struct slot));
	frame_free_bytes(s, bytes_of(s->pages));
	return rc;
}

static int pool_make(struct mm_locked m, bool log)
{
	struct domain *d = m.d;
	int rc;

	if (!d->mm.shadow)
		d->mm.shadow = shadow_alloc(d);
	if (!d->mm.shadow)
		return -ENOMEM;
	rc = pool_fill(d->mm.shadow);
	if (!rc && log)
		rc = dirty_start(d);
	if (!rc)
		rc = roots_alloc(m);
	if (rc == -ENOMEM) {
		dirty_stop(d);
		d->mm.shadow->why = rc;
		rc = shadow_teardown(m);
	}
	return rc;
}

int mm_shadow_start(struct domain *d, bool log)
{
	struct mm_locked m = mm_lock(d);
	int rc = 0;

	if (d->mm.shadowed)
		rc = -EEXIST;
	else if (domain_is_dying(d))
		rc = -ESRCH; /* its end may have taken this apart already */
	else if (is_on_cpu(d))
		rc = -EBUSY;
	else if (d->mm.shadow && d->mm.shadow->ending)
		rc = shadow_teardown(m);
	if (!rc)
		rc = pool_make(m, log);
	if (!rc)
		d->mm.shadowed = true;
	mm_unlock(m);
	return rc;
}

int mm_shadow_stop(struct domain *d)
{
	struct mm_locked m = mm_lock(d);
	int rc = 0;

	if (d->mm.shadow && is_on_cpu(d))
		rc = -EBUSY;
	else if (d->mm.shadow)
		rc = shadow_teardown(m);
	mm_unlock(m);
	return rc;
}

uint32_t mm_shadow_pages(const struct domain *d)
{
	return d->mm.shadowed ? d->mm.shadow->pages : 0;
}
