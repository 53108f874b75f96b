/* SPDX-License-Identifier: MIT */
/*
 * How the guest kit is found and started.
 *
 * A loader of paravirtual guests reads two things from the image: its program
 * headers, and the Xen notes in the PT_NOTE segment, which say how those are
 * to be understood. Ours say: pseudo-physical address 0 appears at VIRT_BASE,
 * the addresses in the program headers are pseudo-physical already
 * (PADDR_OFFSET 0), jump to _start, and fill hypercall_page with calls.
 *
 * At _start the processor is in 64-bit ring 3 with flat segments, on page
 * tables that map the image, the start_info page (RSI points at it), the
 * page tables themselves (read-only) and a small stack. Events are masked.
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>

#define NOTE_HEAD(type)					\
	.balign	4;					\
	.long	4, 3f - 2f, type;			\
	.asciz	"Xen";					\
2:

#define NOTE_TAIL					\
3:	.balign	4

#define NOTE_STRING(type, text)	NOTE_HEAD(type) .asciz text; NOTE_TAIL
#define NOTE_NUMBER(type, value) NOTE_HEAD(type) .quad value; NOTE_TAIL

	.section .note.Xen, "a", @note
	NOTE_STRING(XEN_ELFNOTE_GUEST_OS, "lodger")
	NOTE_STRING(XEN_ELFNOTE_GUEST_VERSION, "1")
	NOTE_STRING(XEN_ELFNOTE_LOADER, "generic")
	NOTE_STRING(XEN_ELFNOTE_XEN_VERSION, "xen-3.0")
	NOTE_STRING(XEN_ELFNOTE_PAE_MODE, "yes")
	NOTE_STRING(XEN_ELFNOTE_FEATURES,
		"!writable_page_tables|pae_pgdir_above_4gb")
	NOTE_NUMBER(XEN_ELFNOTE_VIRT_BASE, lodger_virt_base)
	NOTE_NUMBER(XEN_ELFNOTE_PADDR_OFFSET, 0)
	NOTE_NUMBER(XEN_ELFNOTE_ENTRY, _start)
	NOTE_NUMBER(XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page)
	NOTE_NUMBER(XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000)

	.text
	.globl	_start
_start:
	mov	%rsp, entry_state
	mov	$boot_stack_end, %rsp
	pushf
	pop	entry_state + 8
	mov	%cs, entry_state + 16
	mov	%ss, entry_state + 24
	mov	%rsi, entry_state + 32
	cld
	mov	$boot_stack_end, %rsp
	mov	%rsi, %rdi
	xor	%ebp, %ebp
	call	lodger_main
1:	ud2
	jmp	1b

	.section .hypercall_page, "ax"
	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.skip	4096, 0xcc

	/* rsp, rflags, cs, ss, rsi as they were on entry, for a test. */
	.data
	.balign	8
	.globl	entry_state
entry_state:
	.skip	40

	.section .bss
	.balign	4096
boot_stack:
	.skip	32768
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
