/* SPDX-License-Identifier: MIT */
/*
 * The inlined half of the seam (include/arch.h) on a PC. Addresses are those
 * of docs/memory-map.md.
 */
#ifndef LODGE_ARCH_INLINE_H
#define LODGE_ARCH_INLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/map.h"
#include "x86/smap.h"

struct cpu;
struct frame;
struct spinlock;

#define arch_frames	  ((struct frame *)MAP_FRAMES)
#define ARCH_FRAMES	  (1UL << 34) /* 512 GiB of entries: 64 TiB */
#define arch_m2p	  ((uint64_t *)MAP_M2P_RW)
#define arch_m2p32	  ((uint32_t *)MAP_M2P32)
#define arch_frame_ptr(m) ((void *)(MAP_DIRECT + ((m).v << 12)))
/* The frame of an address that arch_frame_ptr() gave. */
#define arch_frame_of_ptr(p) (mfn(((uint64_t)(p)-MAP_DIRECT) >> 12))

/* The CPU's block lies at the top of its aligned stack. */
static inline struct cpu *this_cpu(void)
{
	uint64_t sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return (struct cpu *)((sp | (CPU_STACK_SIZE - 1)) + 1 - CPU_BLOCK_SIZE);
}

/* See atomic64_pair_cmpxchg(). */
static inline bool arch_pair_cmpxchg(void *at, uint64_t *first,
				     uint64_t *second, uint64_t new_first,
				     uint64_t new_second)
{
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*(unsigned __int128 *)at),
			   "+a"(*first), "+d"(*second)
			 : "b"(new_first), "c"(new_second)
			 : "memory");
	return done;
}

static inline uint64_t arch_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

/* n words of eight bytes, upwards. */
static inline void arch_copy_words(void *dst, const void *src, uint64_t n)
{
	__asm__ volatile("rep movsq"
			 : "+D"(dst), "+S"(src), "+c"(n)
			 :
			 : "memory");
}

static inline void arch_set_words(void *dst, uint64_t word, uint64_t n)
{
	__asm__ volatile("rep stosq"
			 : "+D"(dst), "+c"(n)
			 : "a"(word)
			 : "memory");
}

/*
 * Words of the guest's memory. Our own range is the one thing to look out for:
 * what is not canonical faults, and so does the first word of a row that runs
 * into our range from below.
 */
#define WORDS_RANGE_SHIFT 43 /* of slots 256-271 */

static inline bool arch_words_begin(uint64_t va)
{
	if (__builtin_expect(va >> WORDS_RANGE_SHIFT ==
				     MAP_M2P_RO >> WORDS_RANGE_SHIFT,
			     0))
		return false;
	__asm__ volatile(SMAP_STAC : : : "memory");
	return true;
}

static inline void arch_words_end(void)
{
	__asm__ volatile(SMAP_CLAC : : : "memory");
}

#define arch_word_load(va, at, word, failed)                  \
	__asm__ volatile("1: mov %c2(%3), %0\n"               \
			 "2:\n"                               \
			 ".pushsection .text.fixup, \"ax\"\n" \
			 "3: xor %k0, %k0\n\t"                \
			 "mov $1, %1\n\t"                     \
			 "jmp 2b\n"                           \
			 ".popsection\n"                      \
			 ".pushsection .ex_table, \"a\"\n\t"  \
			 ".quad 1b, 3b\n"                     \
			 ".popsection"                        \
			 : "=r"(word), "+r"(failed)           \
			 : "i"(at), "r"(va))

#define arch_word_store(va, at, word, fault)                    \
	__asm__ goto("1: movq %1, %c2(%0)\n"                    \
		     ".pushsection .ex_table, \"a\"\n\t"        \
		     ".quad 1b, %l[" #fault "]\n"               \
		     ".popsection"                              \
		     :                                          \
		     : "r"(va), "re"((uint64_t)(word)), "i"(at) \
		     : "memory"                                 \
		     : fault)

static inline void arch_yield_point(void)
{
}

/* Only the explorer of the host refuses memory that is there. */
static inline bool arch_alloc_may_fail(void)
{
	return false;
}

/*
 * A spin's pause; whoever waits for our answer to an interrupt gets it. The
 * nop stands in sti's shadow: under QEMU's emulator a pause there would keep
 * the shadow up over the cli, and no interrupt would ever come in.
 */
static inline void arch_relax(void)
{
	__asm__ volatile("sti; nop; pause; cli" ::: "memory");
}

static inline void arch_lock_wanted(struct spinlock *l, uint32_t rank)
{
	(void)l;
	(void)rank;
}

static inline void arch_lock_taken(struct spinlock *l, uint32_t rank)
{
	(void)l;
	(void)rank;
}

static inline void arch_lock_dropped(struct spinlock *l, uint32_t rank)
{
	(void)l;
	(void)rank;
}

#endif
