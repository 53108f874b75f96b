/* SPDX-License-Identifier: MIT */
/* Formatted printing and the few string functions a freestanding C needs. */
#ifndef LODGER_PRINT_H
#define LODGER_PRINT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Knows %c %s %d %i %u %x %p %%, the lengths l, ll (u and x only) and z, width,
 * '-' and '0'. */
int vsnprintf(char *out, size_t size, const char *format, va_list args);
int snprintf(char *out, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
/* To the console; a line longer than 511 characters is cut. */
int printf(const char *format, ...) PRINTF_LIKE(1, 2);

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
/* The first place where word begins in text, or NULL. */
const char *strstr(const char *text, const char *word);

#endif
