/* SPDX-License-Identifier: MIT */
/*
 * How the 32-bit kit is found and started: see start.S. The processor is in
 * ring 1 with flat segments that end where the hypervisor's range begins, on
 * three-level page tables; ESI points at start_info.
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
#define NOTE_NUMBER(type, value) NOTE_HEAD(type) .long value; NOTE_TAIL

	.section .note.Xen, "a", @note
	NOTE_STRING(XEN_ELFNOTE_GUEST_OS, "lodger")
	NOTE_STRING(XEN_ELFNOTE_GUEST_VERSION, "1")
	NOTE_STRING(XEN_ELFNOTE_LOADER, "generic")
	NOTE_STRING(XEN_ELFNOTE_XEN_VERSION, "xen-3.0")
	NOTE_STRING(XEN_ELFNOTE_PAE_MODE, "yes[extended-cr3]")
	NOTE_STRING(XEN_ELFNOTE_FEATURES,
		"!writable_page_tables|pae_pgdir_above_4gb")
	NOTE_NUMBER(XEN_ELFNOTE_VIRT_BASE, lodger_virt_base)
	NOTE_NUMBER(XEN_ELFNOTE_PADDR_OFFSET, 0)
	NOTE_NUMBER(XEN_ELFNOTE_ENTRY, _start)
	NOTE_NUMBER(XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page)
	NOTE_NUMBER(XEN_ELFNOTE_HV_START_LOW, 0xf5800000)

	.text
	.globl	_start
_start:
	mov	%esp, entry_state
	mov	$boot_stack_end, %esp
	pushf
	pop	entry_state + 4
	mov	%cs, entry_state + 8
	mov	%ss, entry_state + 12
	mov	%esi, entry_state + 16
	mov	%ds, entry_state + 20
	mov	%es, entry_state + 24
	cld
	xor	%ebp, %ebp
	push	%esi
	call	lodger_main
1:	ud2
	jmp	1b

	.section .hypercall_page, "ax"
	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.skip	4096, 0xcc

	/* esp, eflags, cs, ss, esi, ds, es as they were on entry. */
	.data
	.balign	8
	.globl	entry_state
entry_state:
	.skip	28

	.section .bss
	.balign	4096
boot_stack:
	.skip	32768
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
