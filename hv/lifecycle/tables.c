/* SPDX-License-Identifier: MIT */
/*
 * A domain's first page tables, filled in as the guest would fill them: no
 * reference is taken here, mm/ validates the tree afterwards like any other.
 * Tables are taken from two pools, in the order in which addresses are
 * mapped: the root first, where pt_base points.
 */
#include "bug.h"
#include "lifecycle/parts.h"
#include "pte.h"

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US | PTE_A)
#define PAGE_FLAGS  (PTE_P | PTE_A | PTE_D)

/* By the guest's width: a 32-bit one's programs see nothing of its kernel. */
static const struct form {
	unsigned int level; /* of the root */
	uint64_t root_flags, page_flags;
	unsigned int filled; /* entries of the root that are always there */
} forms[] = {
	[WIDTH_64] = { 4, TABLE_FLAGS, PAGE_FLAGS | PTE_US, 0 },
	[WIDTH_32] = { 3, PTE_P, PAGE_FLAGS, 4 },
};

struct filler {
	const struct build *b;
	const struct form *form;
	uint64_t *root;
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

/* The table that an entry of that level refers to; is made if it is not. */
static uint64_t *below(struct filler *f, uint64_t *e, unsigned int level)
{
	uint64_t *table;
	uint64_t pfn;

	if (*e & PTE_P)
		return arch_frame_ptr(mfn(pte_mfn(*e).v));
	table = table_take(f, &pfn);
	*e = entry(f, pfn,
		   level == f->form->level ? f->form->root_flags : TABLE_FLAGS);
	return table;
}

/* The L1 that maps va; tables that are missing on the way to it are made. */
static uint64_t *l1_of(struct filler *f, uint64_t va)
{
	uint64_t *table = f->root;

	for (unsigned int level = f->form->level; level > 1; level--)
		table = below(f, &table[pte_index(va, level)], level);
	return table;
}

static void root_make(struct filler *f)
{
	uint64_t pfn;

	f->root = table_take(f, &pfn);
	for (unsigned int i = 0; i < f->form->filled; i++)
		(void)below(f, &f->root[i], f->form->level);
}

/* Tables may be mapped, but only for reading. */
static uint64_t page_flags(const struct filler *f, uint64_t pfn)
{
	const struct layout *l = &f->b->layout;
	bool table = span_has(l->tables, pfn) || span_has(l->p2m_tables, pfn);

	return f->form->page_flags | (table ? 0 : PTE_RW);
}

static void map(struct filler *f, uint64_t va, struct span pages)
{
	uint64_t *l1 = NULL;

	for (uint64_t i = 0; i < pages.pages; i++, va += PAGE_SIZE) {
		uint64_t pfn = pages.pfn + i;

		if (!l1 || pte_index(va, 1) == 0)
			l1 = l1_of(f, va);
		l1[pte_index(va, 1)] = entry(f, pfn, page_flags(f, pfn));
	}
}

void tables_build(const struct build *b)
{
	const struct layout *l = &b->layout;
	struct filler f = { .b = b,
			    .form = &forms[b->d->width],
			    .pool = l->tables };

	root_make(&f);
	map(&f, l->v_start, (struct span){ 0, l->mapped });
	BUG_ON(f.pool.pages != 0);
	if (!l->p2m_apart)
		return;
	f.pool = l->p2m_tables;
	map(&f, l->p2m_va, l->p2m);
	BUG_ON(f.pool.pages != 0);
}
