/* SPDX-License-Identifier: MIT */
/* Page tables: reading them, and changing them by the hypervisor's rules. */
#ifndef LODGER_TABLE_H
#define LODGER_TABLE_H

typedef uint64_t pte_t;

#define PTE_PRESENT  0x001UL
#define PTE_WRITE    0x002UL
#define PTE_USER     0x004UL
#define PTE_PWT	     0x008UL
#define PTE_PCD	     0x010UL
#define PTE_ACCESSED 0x020UL
#define PTE_DIRTY    0x040UL
#define PTE_PSE	     0x080UL
#define PTE_GLOBAL   0x100UL
#define PTE_NX	     ((pte_t)1 << 63)
#define PTE_FRAME    ((pte_t)0xfffff << 32 | 0xfffff000UL)

/*
 * The usual leaf entries of the kernel, and the entry of a table (not in a
 * 32-bit root, whose entries have no such bits). A 64-bit kernel runs in ring
 * 3 and cannot do without the user bit; a 32-bit one would give its memory
 * away with it.
 */
#ifdef __i386__
#define TABLE_LEVELS 3
#define PTE_KERNEL   PTE_PRESENT
#else
#define TABLE_LEVELS 4
#define PTE_KERNEL   (PTE_PRESENT | PTE_USER)
#endif
#define PTE_RO	  (PTE_KERNEL | PTE_ACCESSED)
#define PTE_RW	  (PTE_RO | PTE_WRITE | PTE_DIRTY)
#define PTE_TABLE (PTE_RW | PTE_USER)

static __inline__ pte_t pte_make(unsigned long mfn, pte_t flags)
{
	return ((pte_t)mfn << 12) | flags;
}

static __inline__ unsigned long pte_mfn(pte_t pte)
{
	return (unsigned long)((pte & PTE_FRAME) >> 12);
}

/* The kernel's root, as the loader made it. */
pte_t *table_root(void);
/*
 * The entry of level 1..TABLE_LEVELS that translates address under root,
 * through the linear map; NULL where a higher entry is absent. Read it, do not
 * write it.
 */
pte_t *table_entry(pte_t *root, const void *address, int level);
/* The present L1 entry of address under the kernel's root, or NULL. */
pte_t *table_lookup(const void *address);

/* One mmu_update; entry is a place in the linear map. */
long table_write(pte_t *entry, pte_t value);
/* One mmuext_op on a frame. */
long table_ext(unsigned int cmd, unsigned long mfn);
void table_flush(void);

/* Maps one frame under the kernel's root, making tables as needed. */
long table_map(void *address, unsigned long mfn, pte_t flags);
long table_unmap(void *address);
/* Afterwards address has an L1 table, and nothing is mapped there. */
void table_prepare(void *address);

/* Takes or gives the linear map's right to write page. */
long page_protect(void *page);
long page_unprotect(void *page);

/*
 * Building a root by hand: table_build() writes entries into pages that are
 * no tables yet; table_seal() protects them all and pins the root.
 * table_unseal() undoes that and frees the tables (not the mapped frames).
 */
void table_build(pte_t *root, const void *address, pte_t leaf);
long table_seal(pte_t *root);
void table_unseal(pte_t *root);

#endif
