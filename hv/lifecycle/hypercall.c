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
 * A 32-bit kernel has its own instruction, which destroys nothing:
 *
 *	mov $n, %eax; int $0x82; ret
 *	push %eax; mov $23, %eax; int $0x82
 *
 * What is no call is int3.
 */
#include "abi.h"
#include "lib/string.h"
#include "lifecycle/parts.h"

#define ENTRY_BYTES 32
#define CODE_MAX    16

/* Code with a place for the call's number. */
struct code {
	uint8_t bytes[CODE_MAX], length, number_at;
};

static const struct {
	struct code call, iret;
} pages[] = {
	[WIDTH_64] = {
		{ { 0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b,
		    0x59, 0xc3 }, 14, 4 },
		{ { 0x51, 0x41, 0x53, 0x50, 0xb8, 0, 0, 0, 0, 0x0f, 0x05 },
		  11, 5 },
	},
	[WIDTH_32] = {
		{ { 0xb8, 0, 0, 0, 0, 0xcd, 0x82, 0xc3 }, 8, 1 },
		{ { 0x50, 0xb8, 0, 0, 0, 0, 0xcd, 0x82 }, 8, 2 },
	},
};

void lifecycle_hypercall_page_fill(void *page, enum domain_width width)
{
	memset(page, 0xcc, PAGE_SIZE);
	for (uint32_t n = 0; n < PAGE_SIZE / ENTRY_BYTES; n++) {
		uint8_t *entry = (uint8_t *)page + n * ENTRY_BYTES;
		const struct code *c = n == __HYPERVISOR_iret
					       ? &pages[width].iret
					       : &pages[width].call;

		memcpy(entry, c->bytes, c->length);
		memcpy(entry + c->number_at, &n, sizeof(n));
	}
}
