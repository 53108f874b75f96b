/* SPDX-License-Identifier: MIT */
/*
 * From the loader to boot_main(): Multiboot 1 (QEMU -kernel, GRUB) or 2
 * (GRUB), both in 32-bit protected mode without paging. The code here runs
 * where the loader put it (%ebp is the image's physical start), builds page
 * tables for the first 4 GiB, three times over (at 0, at the direct map, and
 * the image at its own address), and jumps into long mode.
 *
 * What the loader handed over goes to boot_main(magic, info address, image's
 * physical start) untouched.
 */
#include "x86/map.h"
#include "x86/offsets.h"

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x00010003 /* page-aligned modules, memory map, addresses */
#define MB2_MAGIC 0xe85250d6

/* The place of a label in the image. */
#define OFF(label) ((label) - boot_start)

	.section .boot.header, "awx"
	.code32
	.globl boot_start
boot_start:
	.align 8
mb1_header:
	.long MB1_MAGIC
	.long MB1_FLAGS
	.long -(MB1_MAGIC + MB1_FLAGS)
	.long boot_load_addr + OFF(mb1_header)
	.long boot_load_addr
	.long boot_load_end
	.long boot_bss_end
	.long boot_entry_physical

	.align 8
mb2_header:
	.long MB2_MAGIC
	.long 0
	.long mb2_header_end - mb2_header
	.long -(MB2_MAGIC + (mb2_header_end - mb2_header))
	/* addresses */
	.short 2, 0
	.long 24
	.long boot_load_addr + OFF(mb2_header)
	.long boot_load_addr
	.long boot_load_end
	.long boot_bss_end
	/* entry */
	.align 8
	.short 3, 0
	.long 12
	.long boot_entry_physical
	/* modules on pages */
	.align 8
	.short 6, 0
	.long 8
	/* may be moved: below 4 GiB, to a multiple of 2 MiB, lowest first */
	.align 8
	.short 10, 1
	.long 24
	.long 0x200000
	.long 0xffffffff
	.long 0x200000
	.long 1
	.align 8
	.short 0, 0
	.long 8
mb2_header_end:

	.section .boot.header, "awx"
	.globl boot_entry
boot_entry:
	cld
	cli
	/* Where are we? A stack of one word in the loader's scratch space of
	 * the first page: the word at 0x500 is free by convention. */
	mov	%eax, %edi
	mov	$0x504, %esp
	call	1f
1:	pop	%ebp
	sub	$OFF(1b), %ebp
	lea	OFF(boot_stack_end)(%ebp), %esp

	mov	%edi, OFF(boot_magic)(%ebp)
	mov	%ebx, OFF(boot_info)(%ebp)

	/* Long mode and no-execute, or a word of why not. */
	mov	$0x80000000, %eax
	cpuid
	lea	OFF(text_no_long_mode)(%ebp), %esi
	cmp	$0x80000001, %eax
	jb	fail
	mov	$0x80000001, %eax
	cpuid
	bt	$29, %edx
	jnc	fail
	lea	OFF(text_no_nx)(%ebp), %esi
	bt	$20, %edx
	jnc	fail
	lea	OFF(text_no_apic)(%ebp), %esi
	mov	$1, %eax
	cpuid
	bt	$9, %edx
	jnc	fail

	call	build_tables

	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	lea	OFF(table_l4)(%ebp), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER: long mode, no-execute */
	rdmsr
	or	$0x900, %eax
	wrmsr
	mov	$0x80010033, %eax	/* PG WP NE ET MP PE */
	mov	%eax, %cr0

	lea	OFF(boot_gdt)(%ebp), %eax
	mov	%eax, OFF(boot_gdtr) + 2(%ebp)
	lgdt	OFF(boot_gdtr)(%ebp)
	lea	OFF(long_mode)(%ebp), %eax
	mov	%eax, OFF(far_pointer)(%ebp)
	ljmp	*OFF(far_pointer)(%ebp)

/*
 * table_l4[0] and [262] share table_l3, four L2s of 2 MiB pages; table_l4
 * [260] leads to the image.
 */
build_tables:
	lea	OFF(table_l4)(%ebp), %edi
	mov	$(table_end - table_l4) / 4, %ecx
	xor	%eax, %eax
	rep stosl

	lea	OFF(table_l3)(%ebp), %eax
	or	$3, %eax
	mov	%eax, OFF(table_l4) + 8 * 0(%ebp)
	mov	%eax, OFF(table_l4) + 8 * 262(%ebp)
	lea	OFF(table_l3_image)(%ebp), %eax
	or	$3, %eax
	mov	%eax, OFF(table_l4) + 8 * 260(%ebp)
	lea	OFF(table_l2_image)(%ebp), %eax
	or	$3, %eax
	mov	%eax, OFF(table_l3_image)(%ebp)

	lea	OFF(table_l2)(%ebp), %eax
	or	$3, %eax
	lea	OFF(table_l3)(%ebp), %edi
	mov	$4, %ecx
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	1b

	mov	$0x83, %eax		/* 2 MiB, writable, present */
	lea	OFF(table_l2)(%ebp), %edi
	mov	$2048, %ecx
1:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	1b

	lea	0x83(%ebp), %eax	/* the image begins at its second page */
	lea	OFF(table_l2_image) + 8(%ebp), %edi
	mov	$16, %ecx
1:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	1b
	ret

/* Says the text at %esi on the serial port and the screen, and stops. */
fail:
	mov	$0xb8000, %edi
1:	lodsb
	test	%al, %al
	jz	3f
	mov	%al, (%edi)
	movb	$0x4f, 1(%edi)
	add	$2, %edi
	mov	%al, %bl
	mov	$0x3fd, %dx
	mov	$100000, %ecx
2:	in	%dx, %al
	test	$0x20, %al
	loopz	2b
	mov	%bl, %al
	mov	$0x3f8, %dx
	out	%al, %dx
	jmp	1b
3:	hlt
	jmp	3b

	.code64
long_mode:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	xor	%eax, %eax
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ebp, %ebp		/* clears the upper half */
	movabs	$1f, %rax
	jmp	*%rax
1:	lea	boot_cpu_stack + 0x10000 - CPU_BLOCK_SIZE - REGS_BYTES(%rip), %rsp
	and	$~15, %rsp
	mov	boot_magic(%rip), %edi
	mov	boot_info(%rip), %esi
	mov	%rbp, %rdx
	xor	%ebp, %ebp
	call	boot_main
	ud2

	.align 8
boot_gdt:
	.quad 0
	.quad 0x00af9a000000ffff	/* 64-bit code */
	.quad 0x00cf92000000ffff	/* data */
boot_gdtr:
	.short boot_gdtr - boot_gdt - 1
	.long 0
far_pointer:
	.long 0
	.short 8
	.align 4
boot_magic:
	.long 0
boot_info:
	.long 0
text_no_long_mode:
	.asciz "Lodge: this processor has no long mode (64 bits).\r\n"
text_no_nx:
	.asciz "Lodge: this processor has no NX bit, or it is off.\r\n"
text_no_apic:
	.asciz "Lodge: this processor has no local APIC, or it is off.\r\n"
	.align 16
	.skip 64
boot_stack_end:

	.align 4096
table_l4:
	.skip 4096
table_l3:
	.skip 4096
table_l2:
	.skip 4 * 4096
table_l3_image:
	.skip 4096
table_l2_image:
	.skip 4096
table_end:

/* The boot CPU's stack block: aligned to its size, in the image so that it is
 * there before anything is allocated, and mapped in its CPU area later. */
	.section .bss.stack, "aw", @nobits
	.balign 4096	/* the link script aligns it to its size */
	.globl boot_cpu_stack
boot_cpu_stack:
	.skip 0x10000
