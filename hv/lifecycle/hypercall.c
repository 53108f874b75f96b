/* SPDX-License-Identifier: MIT */
/*
 * The hypercall page: code that a guest calls, so that it need not know how
 * this hypervisor is entered. Call n lies at byte n * 32. SYSCALL destroys
 * rcx and r11, which the guest's compiler does not know of.
 *
 *	push %rcx; push %r11; mov $n, %eax; syscall; pop %r11; pop %rcx; ret
 *
 * iret is different: it is jumped to, with its frame on the stack, of which
 * rax, r11 and rcx are the lowest words: the page pushes them.
 *
 *	push %rcx; push %r11; push %rax; mov $23, %eax; syscall
 *
 * What is no call is int3.
 */
#include "abi.h"
#include "lib/string.h"
#include "lifecycle/lifecycle.h"

#define ENTRY_BYTES 32
#define NUMBER_AT   4 /* the mov's immediate; in iret's entry one later */

static const uint8_t call_code[] = {
	0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3,
};

static const uint8_t iret_code[] = {
	0x51, 0x41, 0x53, 0x50, 0xb8, 0, 0, 0, 0, 0x0f, 0x05,
};

void lifecycle_hypercall_page_fill(void *page)
{
	memset(page, 0xcc, PAGE_SIZE);
	for (uint32_t n = 0; n < PAGE_SIZE / ENTRY_BYTES; n++) {
		uint8_t *entry = (uint8_t *)page + n * ENTRY_BYTES;
		bool iret = n == __HYPERVISOR_iret;

		if (iret)
			memcpy(entry, iret_code, sizeof(iret_code));
		else
			memcpy(entry, call_code, sizeof(call_code));
		memcpy(entry + NUMBER_AT + iret, &n, sizeof(n));
	}
}
