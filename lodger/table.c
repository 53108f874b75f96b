/* SPDX-License-Identifier: MIT */
/*
 * Page tables of a paravirtual guest.
 *
 * The processor walks the guest's own tables, with machine frame numbers in
 * them, so the hypervisor must be sure of every entry: a frame that is a page
 * table can be mapped for reading only, and changes go through mmu_update.
 * To make a page a table: fill it while it is still ordinary memory, take the
 * right to write it out of the linear map, then either pin it or let an entry
 * of the next level refer to it. Either way the hypervisor validates all of
 * it first. The loader has linked all tables below start_info.pt_base.
 */
#include "lodger.h"

static unsigned int slot(const void *address, int level)
{
	return ((unsigned long)address >> (12 + 9 * (level - 1))) & 511;
}

static pte_t *table_below(pte_t entry)
{
	return pfn_to_virt(mfn_to_pfn(pte_mfn(entry)));
}

pte_t *table_root(void)
{
	return (pte_t *)start_info->pt_base;
}

pte_t *table_entry(pte_t *root, const void *address, int level)
{
	pte_t *entry = &root[slot(address, TABLE_LEVELS)];
	int l;

	for (l = TABLE_LEVELS; l > level; l--) {
		if (!(*entry & PTE_PRESENT) ||
		    (l < TABLE_LEVELS && (*entry & PTE_PSE)))
			return NULL;
		entry = &table_below(*entry)[slot(address, l - 1)];
	}
	return entry;
}

pte_t *table_lookup(const void *address)
{
	pte_t *entry = table_entry(table_root(), address, 1);

	return entry && (*entry & PTE_PRESENT) ? entry : NULL;
}

long table_write(pte_t *entry, pte_t value)
{
	struct mmu_update update;

	update.ptr = virt_to_machine(entry) | MMU_NORMAL_PT_UPDATE;
	update.val = value;
	return HYPERVISOR_mmu_update(&update, 1, NULL, DOMID_SELF);
}

long table_ext(unsigned int cmd, unsigned long mfn)
{
	struct mmuext_op op;

	memset(&op, 0, sizeof(op));
	op.cmd = cmd;
	op.arg1.mfn = mfn;
	return HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

void table_flush(void)
{
	table_ext(MMUEXT_TLB_FLUSH_LOCAL, 0);
}

static long protect_with(void *page, pte_t flags)
{
	return HYPERVISOR_update_va_mapping(
		page, pte_make(virt_to_mfn(page), flags), UVMF_INVLPG);
}

long page_protect(void *page)
{
	return protect_with(page, PTE_RO);
}

long page_unprotect(void *page)
{
	return protect_with(page, PTE_RW);
}

/* An entry of that level for a table below it. */
static pte_t table_pointer(const pte_t *table, int level)
{
	return pte_make(virt_to_mfn(table), level == 3 && TABLE_LEVELS == 3
						    ? PTE_PRESENT
						    : PTE_TABLE);
}

long table_map(void *address, unsigned long mfn, pte_t flags)
{
	pte_t *entry = NULL;
	pte_t *table;
	long error;
	int level;

	for (level = TABLE_LEVELS; level > 1; level--) {
		entry = table_entry(table_root(), address, level);
		if (*entry & PTE_PRESENT)
			continue;
		table = page_alloc();
		error = page_protect(table);
		if (!error)
			error = table_write(entry, table_pointer(table, level));
		if (error)
			return error;
	}
	return HYPERVISOR_update_va_mapping(address, pte_make(mfn, flags),
					    UVMF_INVLPG);
}

long table_unmap(void *address)
{
	return HYPERVISOR_update_va_mapping(address, 0, UVMF_INVLPG);
}

void table_prepare(void *address)
{
	if (!table_entry(table_root(), address, 1) &&
	    table_map(address, virt_to_mfn(start_info), PTE_RO))
		test_fail("no table for %p", address);
	if (table_unmap(address))
		test_fail("cannot unmap %p", address);
}

void table_build(pte_t *root, const void *address, pte_t leaf)
{
	pte_t *entry;
	int level;

	for (level = TABLE_LEVELS; level > 1; level--) {
		entry = table_entry(root, address, level);
		if (!(*entry & PTE_PRESENT))
			*entry = table_pointer(page_alloc(), level);
	}
	*table_entry(root, address, 1) = leaf;
}

/* The hypervisor's own slots appear in a table once it is in use. */
static int slot_is_ours(int level, unsigned int i, const pte_t *above)
{
#ifdef __i386__
	unsigned int in_root = (unsigned int)((unsigned long)above / 8) & 511;

	return level == 3 ? i < 4 : level == 1 || in_root != 3 || i < 428;
#else
	(void)above;
	return level != 4 || i < 256 || i > 271;
#endif
}

/*
 * Calls act on each table from the bottom up under table, which is of level
 * and which the entry above refers to (NULL: it is the root).
 */
static void each_table(pte_t *table, int level, const pte_t *above,
		       void (*act)(pte_t *))
{
	unsigned int i;

	for (i = 0; level > 1 && i < 512; i++) {
		if (slot_is_ours(level, i, above) && (table[i] & PTE_PRESENT))
			each_table(table_below(table[i]), level - 1, &table[i],
				   act);
	}
	act(table);
}

static void act_protect(pte_t *table)
{
	if (page_protect(table))
		test_fail("cannot protect a page that is to be a table");
}

static void act_release(pte_t *table)
{
	if (page_unprotect(table))
		test_fail("cannot unprotect a page that was a table");
	page_free(table);
}

long table_seal(pte_t *root)
{
	each_table(root, TABLE_LEVELS, NULL, act_protect);
	return table_ext(MMUEXT_PIN_L1_TABLE + TABLE_LEVELS - 1,
			 virt_to_mfn(root));
}

void table_unseal(pte_t *root)
{
	if (table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root)))
		test_fail("cannot unpin a root");
	each_table(root, TABLE_LEVELS, NULL, act_release);
}
