/* SPDX-License-Identifier: MIT */
/*
 * The inlined half of the seam (include/arch.h) inside a Linux process: the
 * machine is an arena of memory, and each touch of a shared word is a point
 * where the explorer may let another simulated CPU run (host.h).
 */
#ifndef LODGE_ARCH_INLINE_H
#define LODGE_ARCH_INLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

struct cpu;
struct frame;
struct spinlock;

extern struct frame *host_frames;
extern uint64_t *host_m2p;
extern uint32_t *host_m2p32;
extern struct cpu *host_this;
extern bool host_yields;
extern uint64_t host_tsc;

#define arch_frames host_frames
#define HOST_DEVICES 4
#define ARCH_FRAMES (frame_limit + HOST_DEVICES)
#define arch_m2p    host_m2p
#define arch_m2p32  host_m2p32

/* The bytes of a frame; one that does not exist stops the test. */
void *arch_frame_ptr(mfn_t m);
/* The frame of an address that arch_frame_ptr() gave. */
mfn_t arch_frame_of_ptr(const void *p);

static inline struct cpu *this_cpu(void)
{
	return host_this;
}

static inline void arch_copy_words(void *dst, const void *src, uint64_t n)
{
	__builtin_memcpy(dst, src, n * 8);
}

static inline void arch_set_words(void *dst, uint64_t word, uint64_t n)
{
	for (char *at = dst; n--; at += 8)
		__builtin_memcpy(at, &word, 8);
}

/* See atomic64_pair_cmpxchg(): all CPUs are fibers of one thread. */
static inline bool arch_pair_cmpxchg(void *at, uint64_t *first,
				     uint64_t *second, uint64_t new_first,
				     uint64_t new_second)
{
	uint64_t *pair = at;
	bool done = pair[0] == *first && pair[1] == *second;

	*first = pair[0];
	*second = pair[1];
	if (done) {
		pair[0] = new_first;
		pair[1] = new_second;
	}
	return done;
}

static inline uint64_t arch_tsc(void)
{
	return host_tsc;
}

/* Words of the guest's memory, each a copy of its own (walk.c). */
int arch_copy_from_guest(void *dst, uint64_t va, uint64_t n);
int arch_copy_to_guest(uint64_t va, const void *src, uint64_t n);

static inline bool arch_words_begin(uint64_t va)
{
	(void)va;
	return true;
}

static inline void arch_words_end(void)
{
}

#define arch_word_load(va, at, word, failed) \
	((failed) |=                         \
	 arch_copy_from_guest(&(word), (va) + (at), sizeof(word)) != 0)

#define arch_word_store(va, at, word, fault)                    \
	do {                                                    \
		uint64_t word_ = (word);                        \
		if (arch_copy_to_guest((va) + (at), &word_, 8)) \
			goto fault;                             \
	} while (0)

/* The explorer's turn, when there is one; see fiber.c. */
void host_yield(void);

static inline void arch_yield_point(void)
{
	if (host_yields)
		host_yield();
}

/* A spin's pause: interrupts come in, and another CPU gets to run. */
void arch_relax(void);
/* True when the explorer wants this allocation to find no memory. */
bool arch_alloc_may_fail(void);

/* The lock witness: see witness.c. */
void arch_lock_wanted(struct spinlock *l, uint32_t rank);
void arch_lock_taken(struct spinlock *l, uint32_t rank);
void arch_lock_dropped(struct spinlock *l, uint32_t rank);

#endif
