/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from the current guest's memory, by the guest's own address
 * through the guest's own tables. A page that is not there, or is read-only
 * (a page table, say) when we write, faults in usercopy() (entry.S) and its
 * fixup tells how much is missing.
 *
 * The range is checked first: our own addresses would not fault.
 *
 * A guest may give itself more rights to a page without a flush: its next
 * access faults on what the TLB had, which removes that, and is made again.
 * So is ours, from where it stopped, as long as it gets on.
 */
#include "arch.h"
#include "pte.h"
#include "x86/cpu.h"

size_t usercopy(void *dst, const void *src, size_t n);

static bool range_ok(uint64_t va, size_t n)
{
	uint64_t end = va + n;

	return end >= va && (end <= 0x0000800000000000UL || va >= ABI_HV_END);
}

static size_t copy(void *dst, const void *src, size_t n)
{
	size_t left, before = 0;

	if (cpu_features.smap)
		__asm__ volatile("stac" ::: "memory");
	left = usercopy(dst, src, n);
	while (unlikely(left && left != before)) {
		before = left;
		left = usercopy((char *)dst + (n - left),
				(const char *)src + (n - left), left);
	}
	if (cpu_features.smap)
		__asm__ volatile("clac" ::: "memory");
	return left;
}

int arch_copy_from_guest(void *dst, uint64_t va, size_t n)
{
	if (!range_ok(va, n) || copy(dst, (const void *)va, n))
		return -EFAULT;
	return 0;
}

int arch_copy_to_guest(uint64_t va, const void *src, size_t n)
{
	if (!range_ok(va, n) || copy((void *)va, src, n))
		return -EFAULT;
	return 0;
}
