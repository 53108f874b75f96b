/* SPDX-License-Identifier: MIT */
/*
 * A domain's first page tables, filled in as the guest would fill them: no
 * reference is taken here, mm/ validates the tree afterwards like any other.
 * Tables are taken from two pools, in the order in which addresses are
 * mapped: L4 first, where pt_base points.
 */
#include "bug.h"
#include "lifecycle/parts.h"
#include "pte.h"

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US | PTE_A)
#define PAGE_FLAGS  (PTE_P | PTE_US | PTE_A | PTE_D)

struct filler {
	const struct build *b;
	uint64_t *l4;
	struct span pool; /* tables not used yet */
};

static uint64_t entry(const struct filler *f, uint64_t pfn, uint64_t flags)
{
	return f->b->p2m[pfn] << PAGE_SHIFT | flags;
}

static uint64_t *table_take(struct filler *f, uint64_t *pfn)
{
	BUG_ON(f->pool.pages == 0); /* layout.c counted wrongly */
	*pfn = f->pool.pfn++;
	f->pool.pages--;
	return build_page(f->b, *pfn);
}

/* The L1 that maps va; tables that are missing on the way to it are made. */
static uint64_t *l1_of(struct filler *f, uint64_t va)
{
	uint64_t *table = f->l4, pfn;

	for (unsigned int level = 4; level > 1; level--) {
		uint64_t *e = &table[pte_index(va, level)];

		if (*e & PTE_P) {
			table = arch_frame_ptr(mfn(pte_mfn(*e).v));
			continue;
		}
		table = table_take(f, &pfn);
		*e = entry(f, pfn, TABLE_FLAGS);
	}
	return table;
}

/* A table is only ever mapped for reading. */
static uint64_t page_flags(const struct layout *l, uint64_t pfn)
{
	bool table = span_has(l->tables, pfn) || span_has(l->p2m_tables, pfn);

	return table ? PAGE_FLAGS : PAGE_FLAGS | PTE_RW;
}

static void map(struct filler *f, uint64_t va, struct span pages)
{
	uint64_t *l1 = NULL;

	for (uint64_t i = 0; i < pages.pages; i++, va += PAGE_SIZE) {
		uint64_t pfn = pages.pfn + i;

		if (!l1 || pte_index(va, 1) == 0)
			l1 = l1_of(f, va);
		l1[pte_index(va, 1)] =
			entry(f, pfn, page_flags(&f->b->layout, pfn));
	}
}

void tables_build(const struct build *b)
{
	const struct layout *l = &b->layout;
	struct filler f = { .b = b, .pool = l->tables };
	uint64_t pfn;

	f.l4 = table_take(&f, &pfn);
	map(&f, l->v_start, (struct span){ 0, l->mapped });
	BUG_ON(f.pool.pages != 0);
	if (!l->p2m_apart)
		return;
	f.pool = l->p2m_tables;
	map(&f, l->p2m_va, l->p2m);
	BUG_ON(f.pool.pages != 0);
}
