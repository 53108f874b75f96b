/* SPDX-License-Identifier: MIT */
/*
 * Frames and pages. A guest numbers its frames 0..nr_pages-1 (pfn); the
 * machine's numbers (mfn) stand in page tables. mfn_list translates one way,
 * the hypervisor's read-only table at HYPERVISOR_VIRT_START the other. Every
 * frame up to LODGER_MAX_PAGES is mapped at VIRT_BASE + pfn * 4096.
 */
#ifndef LODGER_PAGE_H
#define LODGER_PAGE_H

#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#ifdef __i386__
#define VIRT_BASE 0xc0000000UL
#else
#define VIRT_BASE 0xffffffff80000000UL
#endif
#define LODGER_MAX_PAGES 0x20000UL /* 512 MiB */
#define M2P		 ((const unsigned long *)HYPERVISOR_VIRT_START)

extern char image_start[], image_end[];

static __inline__ unsigned long virt_to_pfn(const void *address)
{
	return ((unsigned long)address - VIRT_BASE) / PAGE_SIZE;
}

static __inline__ void *pfn_to_virt(unsigned long pfn)
{
	return (void *)(VIRT_BASE + pfn * PAGE_SIZE);
}

unsigned long pfn_to_mfn(unsigned long pfn);
unsigned long mfn_to_pfn(unsigned long mfn);
unsigned long virt_to_mfn(const void *address);
/* The machine address of a byte of the kit's linear map. */
uint64_t virt_to_machine(const void *address);

/* Finds the free frames and maps those that the loader left unmapped. */
void page_init(void);
/* A zeroed page of the linear map; a guest without memory fails its test. */
void *page_alloc(void);
void page_free(void *page);
unsigned long page_count_free(void);

#endif
