/* SPDX-License-Identifier: MIT */
/*
 * The one door for writes into guests' memory, by pointer or by the guest's
 * own address. Whatever must know of each write (log-dirty, replay) is told
 * here and nowhere else.
 */
#include "frame/frame.h"
#include "lib/string.h"

void guest_write(struct domain *d, void *p, const void *src, size_t n)
{
	(void)d;
	memcpy(p, src, n);
}

int guest_copy_to(uint64_t va, const void *src, size_t n)
{
	return arch_copy_to_guest(va, src, n);
}

int guest_copy_from(void *dst, uint64_t va, size_t n)
{
	return arch_copy_from_guest(dst, va, n);
}
