/* SPDX-License-Identifier: MIT */
/*
 * Our string functions against the C library's, at every small size and
 * alignment, in buffers of exact size so that the sanitizer sees a byte too
 * many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *lodge_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *lodge_memmove(void *dst, const void *src, size_t n);
void *lodge_memset(void *dst, int c, size_t n);
int lodge_memcmp(const void *a, const void *b, size_t n);
size_t lodge_strlen(const char *s);
size_t lodge_strnlen(const char *s, size_t max);
int lodge_strcmp(const char *a, const char *b);
int lodge_strncmp(const char *a, const char *b, size_t n);
char *lodge_strchr(const char *s, int c);

#define SIZE_MAX_TRIED 200

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void fill(unsigned char *p, size_t n, unsigned char first)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(first + 7 * i);
}

static void copies_and_fills(void **state)
{
	(void)state;
	for (size_t n = 0; n < SIZE_MAX_TRIED; n++)
		for (size_t at = 0; at < 9; at++) {
			unsigned char *src = malloc(n + at + 1);
			unsigned char *dst = malloc(n + at + 1);

			fill(src, n + at, (unsigned char)n);
			memset(dst, 0xee, n + at);
			assert_ptr_equal(lodge_memcpy(dst + at, src, n),
					 dst + at);
			assert_memory_equal(dst + at, src, n);
			for (size_t i = 0; i < at; i++)
				assert_int_equal(dst[i], 0xee);
			assert_ptr_equal(lodge_memset(dst + at, 0x1a5, n),
					 dst + at);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(dst[at + i], 0xa5);
			free(src);
			free(dst);
		}
}

static void moves_overlap(void **state)
{
	unsigned char ours[256], theirs[256];

	(void)state;
	for (size_t n = 0; n < 150; n++)
		for (size_t from = 0; from < 100; from += 3)
			for (size_t to = 0; to < 100; to += 7) {
				fill(ours, sizeof(ours), 1);
				fill(theirs, sizeof(theirs), 1);
				lodge_memmove(ours + to, ours + from, n);
				memmove(theirs + to, theirs + from, n);
				assert_memory_equal(ours, theirs, 256);
			}
}

static void compares(void **state)
{
	unsigned char a[64], b[64];

	(void)state;
	for (size_t n = 0; n <= 64; n++)
		for (size_t at = 0; at < 64; at++)
			for (int d = -1; d <= 1; d++) {
				fill(a, 64, 3);
				fill(b, 64, 3);
				b[at] = (unsigned char)(b[at] + d * 100);
				assert_int_equal(sign(lodge_memcmp(a, b, n)),
						 sign(memcmp(a, b, n)));
			}
}

static void strings(void **state)
{
	static const char *const s[] = { "",	 "a",	  "b",
					 "ab",	 "abc",	  "abd",
					 "\xff", "a\xff", "abcdefghij" };

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		assert_int_equal(lodge_strlen(s[i]), strlen(s[i]));
		for (size_t n = 0; n < 12; n++)
			assert_int_equal(lodge_strnlen(s[i], n),
					 strnlen(s[i], n));
		for (int c = 0; c < 256; c++)
			assert_ptr_equal(lodge_strchr(s[i], c),
					 strchr(s[i], c));
		for (size_t j = 0; j < 9; j++) {
			assert_int_equal(sign(lodge_strcmp(s[i], s[j])),
					 sign(strcmp(s[i], s[j])));
			for (size_t n = 0; n < 12; n++)
				assert_int_equal(
					sign(lodge_strncmp(s[i], s[j], n)),
					sign(strncmp(s[i], s[j], n)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_and_fills),
		cmocka_unit_test(moves_overlap),
		cmocka_unit_test(compares),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
