/* SPDX-License-Identifier: MIT */
/*
 * Boxed numbers. A machine frame number, a machine address and a number that
 * a guest claims to be a frame are different types, so that mixing them up
 * does not compile. A guest_mfn_t becomes a struct frame only in
 * frame_lookup(), where it is checked.
 */
#ifndef LODGE_TYPES_H
#define LODGE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* A machine frame number, known to exist. */
typedef struct {
	uint64_t v;
} mfn_t;

/* A pseudo-physical frame number of a guest: only the guest gives it sense. */
typedef struct {
	uint64_t v;
} pfn_t;

/* A machine (physical) address. */
typedef struct {
	uint64_t v;
} maddr_t;

/* A frame number as a guest gave it: unchecked. */
typedef struct {
	uint64_t v;
} guest_mfn_t;

static inline mfn_t mfn(uint64_t v)
{
	return (mfn_t){ v };
}

static inline guest_mfn_t guest_mfn(uint64_t v)
{
	return (guest_mfn_t){ v };
}

static inline maddr_t maddr(uint64_t v)
{
	return (maddr_t){ v };
}

static inline maddr_t mfn_to_maddr(mfn_t m)
{
	return (maddr_t){ m.v << PAGE_SHIFT };
}

/* What a guest's kernel is: 64-bit in ring 3, or 32-bit (PAE) in ring 1. */
enum domain_width { WIDTH_64, WIDTH_32 };

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#define ROUND_UP(x, to) (((x) + (to)-1) / (to) * (to))
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* A function of its own, so that the way past it saves no registers. */
#define aside __attribute__((noinline))

#endif
