/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from the current guest's memory, by the guest's own address
 * through the guest's own tables. A page that is not there, or is read-only
 * (a page table, say) when we write, faults at one of the two instructions
 * that copy, and their fixups tell how much is missing.
 *
 * The range is checked first: our own addresses would not fault. For a 32-bit
 * guest it ends where its table of frames begins (segments.c).
 *
 * A guest may give itself more rights to a page without a flush: its next
 * access faults on what the TLB had, which removes that, and is made again.
 * So is ours, from where it stopped, as long as it gets on.
 */
#include "arch.h"
#include "pte.h"
#include "x86/smap.h"

/* Bytes that could not be copied. */
static inline size_t usercopy(void *dst, const void *src, size_t n)
{
	size_t words = n / 8, tail = n % 8;

	__asm__ volatile(SMAP_STAC "1:	rep movsq\n\t"
				   "mov %[tail], %%rcx\n"
				   "2:	rep movsb\n"
				   "3:	" SMAP_CLAC
				   ".pushsection .text.fixup, \"ax\"\n"
				   "4:	lea (%[tail], %%rcx, 8), %%rcx\n\t"
				   "jmp 3b\n"
				   ".popsection\n"
				   ".pushsection .ex_table, \"a\"\n\t"
				   ".quad 1b, 4b, 2b, 3b\n"
				   ".popsection"
			 : "+D"(dst), "+S"(src), "+c"(words)
			 : [tail] "r"(tail)
			 : "memory");
	return words;
}

static bool range_ok(uint64_t va, size_t n)
{
	if (va >= ABI_HV_END)
		return va + n >= va;
	return va + n <= this_cpu()->guest_end;
}

/* Something was missing: again from there, while that gets on. */
static __attribute__((noinline)) int copy_on(char *dst, const char *src,
					     size_t n, size_t left)
{
	size_t before = n + 1; /* at least once more: it may be spurious */

	while (left && left != before) {
		before = left;
		left = usercopy(dst + (n - left), src + (n - left), left);
	}
	return left ? -EFAULT : 0;
}

static inline int copy(void *dst, const void *src, size_t n)
{
	size_t left = usercopy(dst, src, n);

	return likely(!left) ? 0 : copy_on(dst, src, n, left);
}

int arch_copy_from_guest(void *dst, uint64_t va, size_t n)
{
	if (unlikely(!range_ok(va, n)))
		return -EFAULT;
	return copy(dst, (const void *)va, n);
}

int arch_copy_to_guest(uint64_t va, const void *src, size_t n)
{
	if (unlikely(!range_ok(va, n)))
		return -EFAULT;
	return copy((void *)va, src, n);
}
