/* SPDX-License-Identifier: MIT */
/*
 * Every word that two CPUs, or a CPU and a guest, may touch at once goes
 * through these. On x86 each is one instruction; in a process each is also a
 * point where the explorer may let another CPU run (arch_yield_point). All
 * are sequentially consistent except load and store, which are acquire and
 * release: that is what plain x86 moves give.
 */
#ifndef LODGE_ATOMIC_H
#define LODGE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include <arch_inline.h>

typedef struct {
	uint32_t v;
} atomic32_t;

typedef struct {
	uint64_t v;
} atomic64_t;

#define ATOMIC_DEFINE(bits)                                                   \
	static inline uint##bits##_t atomic##bits##_load(                     \
		const atomic##bits##_t *a)                                    \
	{                                                                     \
		arch_yield_point();                                           \
		return __atomic_load_n(&a->v, __ATOMIC_ACQUIRE);              \
	}                                                                     \
	static inline void atomic##bits##_store(atomic##bits##_t *a,          \
						uint##bits##_t v)             \
	{                                                                     \
		arch_yield_point();                                           \
		__atomic_store_n(&a->v, v, __ATOMIC_RELEASE);                 \
	}                                                                     \
	/* True when *expected was there and v is now; else *expected is what \
	 * was found. */                                                      \
	static inline bool atomic##bits##_cmpxchg(atomic##bits##_t *a,        \
						  uint##bits##_t *expected,   \
						  uint##bits##_t v)           \
	{                                                                     \
		arch_yield_point();                                           \
		return __atomic_compare_exchange_n(&a->v, expected, v, false, \
						   __ATOMIC_SEQ_CST,          \
						   __ATOMIC_SEQ_CST);         \
	}                                                                     \
	static inline uint##bits##_t atomic##bits##_xchg(atomic##bits##_t *a, \
							 uint##bits##_t v)    \
	{                                                                     \
		arch_yield_point();                                           \
		return __atomic_exchange_n(&a->v, v, __ATOMIC_SEQ_CST);       \
	}                                                                     \
	/* These return the value from before. */                             \
	static inline uint##bits##_t atomic##bits##_add(atomic##bits##_t *a,  \
							uint##bits##_t v)     \
	{                                                                     \
		arch_yield_point();                                           \
		return __atomic_fetch_add(&a->v, v, __ATOMIC_SEQ_CST);        \
	}                                                                     \
	static inline uint##bits##_t atomic##bits##_or(atomic##bits##_t *a,   \
						       uint##bits##_t v)      \
	{                                                                     \
		arch_yield_point();                                           \
		return __atomic_fetch_or(&a->v, v, __ATOMIC_SEQ_CST);         \
	}                                                                     \
	static inline uint##bits##_t atomic##bits##_and(atomic##bits##_t *a,  \
							uint##bits##_t v)     \
	{                                                                     \
		arch_yield_point();                                           \
		return __atomic_fetch_and(&a->v, v, __ATOMIC_SEQ_CST);        \
	}

ATOMIC_DEFINE(32)
ATOMIC_DEFINE(64)

/*
 * Two words that lie together, 16 bytes aligned, in one step: as above. The
 * oldest 64-bit processors cannot (frame_several).
 */
static inline bool atomic64_pair_cmpxchg(atomic64_t *a, uint64_t *first,
					 uint64_t *second, uint64_t new_first,
					 uint64_t new_second)
{
	arch_yield_point();
	return arch_pair_cmpxchg(a, first, second, new_first, new_second);
}

/*
 * Words that lie in memory shared with a guest have plain types in the public
 * headers; these are their accessors. Bit operations return the old bit.
 */
static inline uint64_t shared_load64(const uint64_t *p)
{
	arch_yield_point();
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint32_t shared_load32(const uint32_t *p)
{
	arch_yield_point();
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint8_t shared_load8(const uint8_t *p)
{
	arch_yield_point();
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void shared_store64(uint64_t *p, uint64_t v)
{
	arch_yield_point();
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void shared_store32(uint32_t *p, uint32_t v)
{
	arch_yield_point();
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void shared_store8(uint8_t *p, uint8_t v)
{
	arch_yield_point();
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline bool shared_cmpxchg64(uint64_t *p, uint64_t *expected, uint64_t v)
{
	arch_yield_point();
	return __atomic_compare_exchange_n(p, expected, v, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline bool shared_cmpxchg32(uint32_t *p, uint32_t *expected, uint32_t v)
{
	arch_yield_point();
	return __atomic_compare_exchange_n(p, expected, v, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void shared_or32(uint32_t *p, uint32_t v)
{
	arch_yield_point();
	(void)__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
}

static inline uint8_t shared_xchg8(uint8_t *p, uint8_t v)
{
	arch_yield_point();
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

/* The old value; one instruction, whatever the guest does meanwhile. */
static inline uint32_t shared_add32(uint32_t *p, uint32_t v)
{
	arch_yield_point();
	return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}

static inline void shared_and32(uint32_t *p, uint32_t v)
{
	arch_yield_point();
	(void)__atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t shared_xchg64(uint64_t *p, uint64_t v)
{
	arch_yield_point();
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline bool shared_set_bit(uint64_t *words, uint64_t bit)
{
	uint64_t mask = 1UL << (bit & 63);

	arch_yield_point();
	return __atomic_fetch_or(&words[bit >> 6], mask, __ATOMIC_SEQ_CST) &
	       mask;
}

/* By way of the aligned eight bytes around it: of a constant bit 31 gcc would
 * make a loop, which a guest might keep up. */
static inline bool shared_set_bit32(uint32_t *p, uint32_t bit)
{
	uint64_t at = (uint64_t)p;

	return shared_set_bit((uint64_t *)(at & ~7UL), bit + (at & 4) * 8);
}

static inline bool shared_clear_bit(uint64_t *words, uint64_t bit)
{
	uint64_t mask = 1UL << (bit & 63);

	arch_yield_point();
	return __atomic_fetch_and(&words[bit >> 6], ~mask, __ATOMIC_SEQ_CST) &
	       mask;
}

static inline bool shared_test_bit(const uint64_t *words, uint64_t bit)
{
	return shared_load64(&words[bit >> 6]) >> (bit & 63) & 1;
}

#endif
