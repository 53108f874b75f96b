/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's address space, slots 256-271 of every L4, and the layout
 * of a CPU's area in the trampoline slot. docs/memory-map.md draws it.
 */
#ifndef LODGE_MAP_H
#define LODGE_MAP_H

#ifdef __ASSEMBLY__
#define MAP_C(x) x
#else
#define MAP_C(x) x##UL
#endif

#define MAP_M2P_RO     MAP_C(0xffff800000000000) /* slot 256, guests read it */
#define MAP_TRAMPOLINE MAP_C(0xffff808000000000) /* slot 257 */
#define MAP_FRAMES     MAP_C(0xffff810000000000) /* slot 258 */
#define MAP_M2P_RW     MAP_C(0xffff818000000000) /* slot 259, same tables */
#define MAP_IMAGE      MAP_C(0xffff820000000000) /* slot 260 */
#define MAP_DEVICES    MAP_C(0xffff828000000000) /* slot 261 */
#define MAP_M2P32      MAP_C(0xffff82c000000000) /* its second half */
#define MAP_DIRECT     MAP_C(0xffff830000000000) /* slots 262-271 */
#define MAP_DIRECT_END MAP_C(0xffff880000000000)

/*
 * The trampoline slot: entry text first, then one area a CPU. In an area:
 * GDT window (16 pages: 14 of the guest, 1 ours, 1 empty), LDT
 * window (16), IDT, TSS, SYSCALL stub, and the stack block, 64 KiB aligned.
 */
#define CPU_AREA_SIZE	 MAP_C(0x100000)
#define CPU_AREA(cpu)	 (MAP_TRAMPOLINE + ((cpu) + 1) * CPU_AREA_SIZE)
#define CPU_AREA_GDT	 0x0
#define CPU_AREA_GDT_OWN 0xe000 /* page 14, selectors e000 to efff: ours */
#define CPU_AREA_LDT	 0x10000
#define CPU_AREA_IDT	 0x20000
#define CPU_AREA_TSS	 0x21000
#define CPU_AREA_STUB	 0x22000
#define CPU_AREA_STACK	 0x30000

/*
 * A stack block, pages from below: guard, #DF, guard, NMI, guard, #MC, guard,
 * #DB, guard, then seven pages of main stack. In the last of them lie, from
 * its 56th byte on, the registers of the guest that runs here and the CPU's
 * block (struct cpu, and words of entry.S's). Guests whose roots are separated
 * run with that page mapped, so our functions' frames lie below it: the 56
 * bytes are for what an IRET pushes when it faults.
 */
#define CPU_STACK_SIZE	     MAP_C(0x10000)
#define CPU_STACK_GUARDS     0x155	  /* bit n: page n is a guard */
#define CPU_STACK_IST_TOP(n) ((n)*0x2000) /* IST 1 to 4 */
#define CPU_BLOCK_SIZE	     3840

#endif
