/* SPDX-License-Identifier: MIT */
/*
 * Interrupt vectors: 0x00-0x1f exceptions, then what the two 8259s would say
 * if they were not masked, then devices (ARCH_VECTOR_FIRST in arch.h), and at
 * the top, where priority is highest, what the local APICs say.
 */
#ifndef LODGE_X86_VECTORS_H
#define LODGE_X86_VECTORS_H

#define VECTOR_PIC	  0x20 /* 16 of them: only ever spurious */
#define VECTOR_HYPERCALL  0x82 /* of 32-bit guests: an instruction, no more */
#define VECTOR_TIMER	  0xf0
#define VECTOR_POKE	  0xf1
#define VECTOR_ERROR	  0xf2
#define VECTOR_SPURIOUS	  0xff

#endif
