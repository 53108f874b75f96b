/* SPDX-License-Identifier: MIT */
/*
 * Companion roots. On a processor that reads supervisor pages before it
 * faults (Meltdown) a guest must not run on tables that map ours. Its L4 has
 * to, since we work on it; so the guest runs on a copy, where almost nothing
 * of ours is: the machine-to-physical table, which guests read anyway, and
 * of the trampoline slot this CPU's area.
 *
 *	guest's L4        companion of CPU 0, CPU 1, ...
 *	[  0] ----------> [  0] the same entry
 *	[256] our slots   [256] m2p, [257] the CPU's own trampoline
 *	[511] ----------> [511] the same
 *	we run on it      the guest runs on it
 *
 * Laws: a validated L4 of a separated domain has companions, as a root of
 * shadow tables has (shadow.c), and no other frame. All guests' entries of a
 *companion equal those of its L4 whenever nobody holds the mm lock: validation
 *ends with the copy, who writes an entry of an L4 (table_replace()) writes
 *both, and hardware neither: the accessed bit is set in each entry beforehand
 *(it may be, at any time), and entries of an L4 have no dirty bit.
 *
 * Freed frames are flushed from other CPUs' caches before they are used
 * again, like any (flush.c). A CPU's CR3 never points to a freed companion:
 * the L4 is held as somebody's root for as long.
 *
 * What a hostile guest tries: to have more of our memory than its own by
 * pinning roots without end. A domain has a limit of them, by its size, and
 * boot/ keeps the memory for as many; at the limit, and without memory, a
 * validation is refused.
 */
#include "lib/string.h"
#include "mm/entry.h"

#define ROOTS_LEAST    64
#define PAGES_PER_ROOT 32 /* of the domain's limit */

static unsigned int order_of(unsigned int cpus)
{
	unsigned int order = 0;

	while (1U << order < cpus)
		order++;
	return order;
}

static uint64_t *companion_table(const struct frame *root, unsigned int cpu)
{
	return arch_frame_ptr(mfn(root->companion + cpu));
}

static uint64_t roots_most(uint64_t max_pages)
{
	return ROOTS_LEAST + max_pages / PAGES_PER_ROOT;
}

uint64_t mm_companion_pages(uint64_t max_pages)
{
	return roots_most(max_pages) << order_of(arch_nr_cpus());
}

static bool is_full(struct domain *d)
{
	uint64_t pages;

	spin_lock(&d->frames.lock);
	pages = MIN(d->frames.max_pages, frame_limit);
	spin_unlock(&d->frames.lock);
	return d->mm.companions >= roots_most(pages);
}

/* New memory, or what was last given back: that needs no flush, since no
 * guest ever had a translation of it. */
static struct frame *companions_alloc(struct mm_locked m)
{
	struct frame *c = m.d->mm.companion_spare;

	m.d->mm.companion_spare = NULL;
	return c ? c : frame_alloc_buffer(order_of(arch_nr_cpus()));
}

int companion_begin(struct mm_locked m, struct frame *root)
{
	unsigned int cpus = arch_nr_cpus();
	uint64_t *l4 = frame_ptr(root);
	struct frame *c;

	if (!m.d->mm.separated)
		return 0;
	if (is_full(m.d))
		return -ENOMEM;
	c = companions_alloc(m);
	if (!c)
		return -ENOMEM;
	m.d->mm.companions++;
	root->companion = (uint32_t)frame_mfn(c).v;
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		memcpy(companion_table(root, cpu), l4, PAGE_SIZE);
		arch_companion_fill(companion_table(root, cpu), cpu);
	}
	return 0;
}

void companion_end(struct mm_locked m, struct frame *root)
{
	if (!m.d->mm.separated)
		return;
	companion_spare_free(m.d);
	m.d->mm.companion_spare = frame_of(mfn(root->companion));
	m.d->mm.companions--;
}

void companion_spare_free(struct domain *d)
{
	struct frame *c = d->mm.companion_spare;

	d->mm.companion_spare = NULL;
	if (c)
		frame_free_hv(c, order_of(arch_nr_cpus()));
}

void companion_store(struct frame *root, const uint64_t *entry, uint64_t value)
{
	uint64_t idx = (uint64_t)(entry - (uint64_t *)frame_ptr(root));

	for (unsigned int cpu = 0; cpu < arch_nr_cpus(); cpu++)
		shared_store64(companion_table(root, cpu) + idx, value);
}

void root_m2p_show(struct mm_locked m, struct frame *root, bool shown)
{
	unsigned int cpus = m.d->mm.separated ? arch_nr_cpus() : 0;

	arch_l4_m2p_show(frame_ptr(root), shown);
	guest_wrote(m.d, frame_ptr(root));
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		arch_l4_m2p_show(companion_table(root, cpu), shown);
}

mfn_t companion_of(const struct vcpu *v, const struct frame *root)
{
	return mfn(v->domain->mm.separated ? root->companion : 0);
}
