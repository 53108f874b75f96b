/* SPDX-License-Identifier: MIT */
/*
 * Guests that do one bad thing, as small as a paravirtual kernel can be. They
 * come without trap handlers: what they do must end them, and nobody else.
 * The build makes one guest of each name below (-DBAD_name).
 */
#include <xen/elfnote.h>
#include <xen/xen.h>

#define VIRT_BASE 0xffffffff80000000
#define START_INFO_PT_BASE 56
#define HYPERVISOR 0xffff800000000000
#define SHUTDOWN 2

	.section .note.Xen, "a", @note
	.macro note type, value:vararg
	.balign 4
	.long 2f - 1f, 4f - 3f, \type
1:	.asciz "Xen"
2:	.balign 4
3:	\value
4:	.balign 4
	.endm
	note XEN_ELFNOTE_GUEST_OS, .asciz "hostile"
	note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	note XEN_ELFNOTE_LOADER, .asciz "generic"
	note XEN_ELFNOTE_PAE_MODE, .asciz "yes"
	note XEN_ELFNOTE_VIRT_BASE, .quad VIRT_BASE
	note XEN_ELFNOTE_PADDR_OFFSET, .quad 0
	note XEN_ELFNOTE_ENTRY, .quad _start

	.text
	.globl _start
_start:
#if defined BAD_garbage
	ud2
#elif defined BAD_privileged
	lgdt (%rsp)
#elif defined BAD_hypervisor_write
	movabs $HYPERVISOR, %rax
	mov %rax, (%rax)
#elif defined BAD_page_table
	/* An entry of its own top-level table: any frame, writable. */
	mov START_INFO_PT_BASE(%rsi), %rax
	movq $0x1067, (%rax)
#elif defined BAD_segments
	mov $0xe010, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $0x1234, %eax
	mov %eax, %es
#elif defined BAD_jump
	movabs $0x1234567812345678, %rax
	jmp *%rax
#elif defined BAD_stack
	/* A handler is there, but no stack to enter it with. */
	mov $__HYPERVISOR_set_trap_table, %eax
	lea traps(%rip), %rdi
	syscall
	mov $__HYPERVISOR_stack_switch, %eax
	mov $0xe02b, %edi
	movabs $HYPERVISOR + 0x1000, %rsi
	syscall
	movabs $HYPERVISOR + 0x1000, %rsp
	ud2
#elif defined BAD_iret
	movabs $HYPERVISOR, %rsp
	mov $__HYPERVISOR_iret, %eax
	syscall
#elif defined BAD_pointer
	/* Asks that its trap table be read from the hypervisor's memory. */
	mov $__HYPERVISOR_set_trap_table, %eax
	movabs $HYPERVISOR + 0x4000000000, %rdi
	syscall
	ud2
#elif defined BAD_spin
	jmp _start
#elif defined BAD_reboot
	mov $__HYPERVISOR_sched_op, %eax
	mov $SHUTDOWN, %edi
	lea reboot(%rip), %rsi
	syscall
#else
#error which one?
#endif
	jmp .

	.section .rodata
	.balign 8
traps:	.byte 6, 0
	.short 0xe033
	.long 0
	.quad _start
	.quad 0, 0
reboot:	.long 1
