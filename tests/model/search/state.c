/* SPDX-License-Identifier: MIT */
/*
 * When two states are one. The hash takes in whatever can make a difference
 * to what follows, and leaves out what cannot, or a search would find the
 * same state for ever anew:
 *
 *   - the flush clock only ever answers "has that CPU flushed since the
 *     stamp", and only for a frame that nothing uses: that bit, not the clock
 *   - a CPU's caches are a set, in any order
 *   - contents count for frames that a guest owns; a free one is scrubbed
 *   - the order of a domain's page list is left out (teardown walks all)
 *
 * 64 bits: among ten million states two share a hash by accident with a
 * probability of 1 in 400,000, and then one of them is not searched.
 */
#include <string.h>

#include "mm/mm.h"
#include "pte.h"
#include "world.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15;
	return (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
}

static uint64_t contents_hash(uint64_t h, const uint64_t *page)
{
	for (unsigned int i = 0; i < 512; i += 8) {
		const uint64_t *p = page + i;

		if (!(p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7]))
			continue;
		for (unsigned int k = 0; k < 8; k++)
			if (p[k])
				h = mix(h, p[k] ^ (uint64_t)(i + k) << 56);
	}
	return h;
}

static unsigned int stale_on(const struct frame *f)
{
	unsigned int bits = 0;

	for (unsigned int i = 0; i < host_nr_cpus; i++)
		if (host_cpus[i].flushed_at <= f->stamp.v)
			bits |= 1U << i;
	return bits;
}

static uint64_t frame_hash(uint64_t h, const struct frame *f, bool caches)
{
	bool used = f->type.v & FRAME_COUNT_MASK;

	h = mix(h, caches ? f->refs.v : f->refs.v & ~FRAME_CLEAN);
	if (used || caches)
		h = mix(h, f->type.v);
	h = mix(h, (uint64_t)f->owner << 32 |
			   ((f->type.v & FRAME_PARTIAL) ? f->progress : 0));
	if (!used && caches)
		h = mix(h, stale_on(f));
	if (f->refs.v & FRAME_FREE)
		return caches ? mix(h, (uint64_t)f->next << 32 | f->prev) : h;
	if (!(f->refs.v & FRAME_COUNT_MASK) || (f->refs.v & FRAME_SHARED))
		return h;
	return contents_hash(h, frame_ptr(f));
}

static uint64_t number(const struct frame *f)
{
	return f ? frame_mfn(f).v : 0;
}

static uint64_t vcpu_hash(uint64_t h, const struct vcpu *v)
{
	h = mix(h, number(v->mm.root_kernel) << 32 | number(v->mm.root_user));
	h = mix(h, number(v->mm.gdt[0]) << 32 | number(v->mm.ldt[0]));
	h = mix(h, v->mm.ldt_va + v->mm.ldt_entries);
	return mix(h, (uint64_t)v->mm.gdt_entries << 1 | v->trap.kernel_mode);
}

/*
 * What the processor walks under shadow tables, as far as it can be reached;
 * which page of ours a table is in makes no difference.
 */
static uint64_t shadow_hash(uint64_t h, const struct frame *f,
			    unsigned int level)
{
	const uint64_t *table = frame_ptr(f);

	for (unsigned int i = 0; i < 512; i++) {
		uint64_t m = pte_mfn(table[i]).v;

		if (!(table[i] & PTE_P) || m < HOST_RESERVED_FRAMES)
			continue; /* ours leads to reserved memory */
		h = mix(h, i | table[i] << 52 | (uint64_t)level << 48);
		h = level == 1 ? mix(h, table[i])
			       : shadow_hash(h, frame_of(mfn(m)), level - 1);
	}
	return h;
}

static uint64_t shadows_hash(uint64_t h, const struct domain *d)
{
	unsigned int top = d->width == WIDTH_32 ? 3 : 4;

	h = mix(h, d->mm.shadowed | (uint64_t)d->frames.logging << 1 |
			   (uint64_t)(d->mm.shadow != NULL) << 2);
	h = mix(h, frame_free_pages());
	for (uint32_t i = 0; d->mm.shadowed && i < d->max_vcpus; i++)
		for (unsigned int k = 0; k < 2; k++)
			h = shadow_hash(mix(h, k),
					d->vcpu[i]->mm.shadow_root[k], top);
	for (uint64_t m = 0; d->frames.logging && m < frame_limit; m++)
		h = mix(h, dirty_noted(d, frame_of(mfn(m))));
	return h;
}

/* The first entries, and handles. */
static uint64_t grants_hash(uint64_t h, const struct domain *d)
{
	const struct domain_grant *g = &d->grant;

	for (unsigned int i = 0; i < 10; i++) {
		const struct grant_active *a = &g->page[0].active[i];

		h = mix(h, ((uint64_t *)g->page[0].shared)[i]);
		h = mix(h, (uint64_t)a->users << 32 | a->writers);
		h = mix(h, a->users ? a->mfn : 0);
	}
	for (unsigned int i = 0; g->nr_maps.v && i < 4; i++) {
		const struct grant_map *m = &g->map[0][i];

		h = mix(h, m->flags.v);
		h = mix(h, (uint64_t)m->ref << 32 | (m->flags.v ? m->mfn : 0));
	}
	return mix(h, (uint64_t)g->nr_maps.v << 32 | (uint32_t)g->free_map.v);
}

static uint64_t domain_hash(uint64_t h, const struct domain *d)
{
	if (kind->ops & OPS_LEND)
		h = grants_hash(h, d);
	h = mix(h, d->frames.claimed << 1 | (d->mm.companion_spare != NULL));
	if (kind->ops_other & OPS_SHADOW)
		h = shadows_hash(h, d);
	h = mix(h, number(d->mm.orphan) << 32 | number(d->mm.teardown_at));
	h = mix(h, d->mm.teardown_phase | (uint64_t)d->state.v << 32);
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		h = vcpu_hash(h, d->vcpu[i]);
	return h;
}

static void cached_hash(unsigned int cpu, const struct host_tlb_entry *e,
			void *arg)
{
	uint64_t *sum = arg;

	*sum += mix(mix(e->va | cpu, e->mfn << 16 | e->owner),
		    (uint64_t)e->level << 1 | e->writable);
}

static uint64_t frames_hash(uint64_t h, bool caches)
{
	for (uint64_t m = HOST_RESERVED_FRAMES; m < frame_limit; m++) {
		const struct frame *f = frame_of(mfn(m));

		if (f->owner != DOMID_XEN || !(f->refs.v & FRAME_COUNT_MASK))
			h = frame_hash(mix(h, m), f, caches);
	}
	for (unsigned int i = 0; i < 2; i++) {
		const struct host_guest *g = &guests.g[i];

		if (g->d)
			h = domain_hash(h, g->d);
		for (unsigned int k = 0; k + 4 < g->nr; k++)
			h = mix(h, number(g->frame[k]));
	}
	return h;
}

uint64_t state_hash_of_memory(void)
{
	return frames_hash(1, false);
}

uint64_t state_hash(void)
{
	uint64_t h = frames_hash(1, true), sum = 0;

	for (unsigned int i = 0; i < NR_ACTORS; i++) {
		const struct pending *p = &guests.pending[i];

		h = mix(h, host_root(i) << 1 | (host_cpus[i].current != NULL));
		h = mix(h, p->op);
		for (unsigned int k = 0; p->op && k < 4; k++)
			h = mix(h, p->args.a[k]);
		for (unsigned int k = 0; p->op && k < WORDS; k++)
			h = mix(h, words(i)[k]);
	}
	host_tlb_each(cached_hash, &sum);
	return mix(mix(h, sum), guests.given_up | guests.apart << 1);
}
