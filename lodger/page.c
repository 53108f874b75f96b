/* SPDX-License-Identifier: MIT */
/*
 * The page allocator. The loader's things (image, ramdisk, p2m, start_info,
 * page tables, boot stack, console and store pages) come first in the guest's
 * frames; what follows the last of them is free. The loader maps at least
 * 512 KiB beyond its things; page_init() maps the rest with tables from there.
 */
#include "lodger.h"

struct free_page {
	struct free_page *next;
};

static struct free_page *free_list;
static unsigned long next_pfn, limit_pfn, nr_freed;
static unsigned long *mfn_list;

unsigned long pfn_to_mfn(unsigned long pfn)
{
	return mfn_list[pfn];
}

unsigned long mfn_to_pfn(unsigned long mfn)
{
	return M2P[mfn];
}

unsigned long virt_to_mfn(const void *address)
{
	return mfn_list[virt_to_pfn(address)];
}

uint64_t virt_to_machine(const void *address)
{
	return (uint64_t)virt_to_mfn(address) * PAGE_SIZE +
	       (unsigned long)address % PAGE_SIZE;
}

static void reserve_to(unsigned long end_pfn)
{
	if (end_pfn > next_pfn && end_pfn <= start_info->nr_pages)
		next_pfn = end_pfn;
}

static void reserve_bytes(unsigned long address, unsigned long length)
{
	if (address >= VIRT_BASE && length)
		reserve_to((address + length - VIRT_BASE + PAGE_SIZE - 1) /
			   PAGE_SIZE);
}

void page_init(void)
{
	unsigned long pfn;

	mfn_list = (void *)start_info->mfn_list;
	reserve_bytes((unsigned long)image_start,
		      (unsigned long)(image_end - image_start));
	reserve_bytes((unsigned long)start_info, sizeof(*start_info));
	reserve_bytes(start_info->mfn_list,
		      start_info->nr_pages * sizeof(*mfn_list));
	/* One page more than the tables: the boot stack. */
	reserve_bytes(start_info->pt_base,
		      (start_info->nr_pt_frames + 1) * PAGE_SIZE);
	if (start_info->flags & SIF_MOD_START_PFN)
		reserve_to(start_info->mod_start +
			   (start_info->mod_len + PAGE_SIZE - 1) / PAGE_SIZE);
	else
		reserve_bytes(start_info->mod_start, start_info->mod_len);
	if (!is_initial_domain()) {
		if (start_info->console.domU.mfn)
			reserve_to(M2P[start_info->console.domU.mfn] + 1);
		if (start_info->store_mfn)
			reserve_to(M2P[start_info->store_mfn] + 1);
	}
	for (pfn = next_pfn;
	     pfn < start_info->nr_pages && table_lookup(pfn_to_virt(pfn));
	     pfn++)
		;
	limit_pfn = pfn;
	for (; pfn < start_info->nr_pages && pfn < LODGER_MAX_PAGES; pfn++) {
		if (table_map(pfn_to_virt(pfn), mfn_list[pfn], PTE_RW))
			test_fail("cannot map frame %lx", pfn);
		limit_pfn = pfn + 1;
	}
}

void *page_alloc(void)
{
	void *page;

	if (free_list) {
		page = free_list;
		free_list = free_list->next;
		nr_freed--;
	} else if (next_pfn < limit_pfn) {
		page = pfn_to_virt(next_pfn++);
	} else {
		page = NULL;
		test_fail("out of memory");
	}
	return memset(page, 0, PAGE_SIZE);
}

void page_free(void *page)
{
	struct free_page *f = page;

	f->next = free_list;
	free_list = f;
	nr_freed++;
}

unsigned long page_count_free(void)
{
	return limit_pfn - next_pfn + nr_freed;
}
