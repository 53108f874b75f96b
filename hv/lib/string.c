/* SPDX-License-Identifier: MIT */
/*
 * C's own string functions. Short copies, of which the unpackers make
 * millions, end with one word that overlaps what was copied before; long ones
 * are the machine's own (arch_copy_words). GCC would recognise a copying loop
 * and replace it by a call of the function that it is in: the attribute keeps
 * it from that.
 */
#include <stdint.h>

#include <arch_inline.h>

#include "lib/string.h"

/* From so many bytes on, starting the machine's own way pays. */
#define LONG 256

#define NO_IDIOMS __attribute__((optimize("no-tree-loop-distribute-patterns")))

/* Eight bytes of anything, at any address. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

typedef uint32_t __attribute__((may_alias, aligned(1))) half_t;

#define WORD sizeof(word_t)

/* Upwards: also right for areas that overlap when dst is the lower one. */
NO_IDIOMS static void copy_up(unsigned char *d, const unsigned char *s,
			      size_t n)
{
	for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
		*(word_t *)d = *(const word_t *)s;
	while (n--)
		*d++ = *s++;
}

NO_IDIOMS static void copy_down(unsigned char *d, const unsigned char *s,
				size_t n)
{
	for (; n >= WORD; n -= WORD)
		*(word_t *)(d + n - WORD) = *(const word_t *)(s + n - WORD);
	while (n--)
		d[n] = s[n];
}

/* Less than a word. */
static inline void copy_few(unsigned char *d, const unsigned char *s, size_t n)
{
	if (n >= 4) {
		uint32_t first = *(const half_t *)s;
		uint32_t last = *(const half_t *)(s + n - 4);

		*(half_t *)d = first;
		*(half_t *)(d + n - 4) = last;
		return;
	}
	while (n--)
		d[n] = s[n];
}

NO_IDIOMS void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;
	word_t *end = (word_t *)(d + n - WORD);

	if (n < WORD) {
		copy_few(d, s, n);
		return dst;
	}
	*end = *(const word_t *)(s + n - WORD);
	if (n >= LONG) {
		arch_copy_words(d, s, n / WORD);
		return dst;
	}
	for (; (word_t *)d < end; d += WORD, s += WORD)
		*(word_t *)d = *(const word_t *)s;
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		copy_up(dst, src, n);
	else
		copy_down(dst, src, n);
	return dst;
}

NO_IDIOMS void *memset(void *dst, int c, size_t n)
{
	unsigned char *d = dst;
	uint64_t w = (unsigned char)c * 0x0101010101010101UL;

	if (n >= LONG) {
		arch_set_words(d, w, n / WORD);
		d += n & ~(WORD - 1);
		n &= WORD - 1;
	}
	for (; n >= WORD; n -= WORD, d += WORD)
		*(word_t *)d = w;
	while (n--)
		*d++ = (unsigned char)c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n >= WORD; n -= WORD, x += WORD, y += WORD)
		if (*(const word_t *)x != *(const word_t *)y)
			break;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

NO_IDIOMS size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	while (n && *a && *a == *b) {
		a++;
		b++;
		n--;
	}
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

/* The parameter is const and the result is not: C's own signature. */
char *strchr(const char *s, int c)
{
	while (*s != (char)c)
		if (!*s++)
			return NULL;
	return (char *)(uintptr_t)s;
}
