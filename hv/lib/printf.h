/* SPDX-License-Identifier: MIT */
/* Formatted text into a buffer: what logging and messages need of printf. */
#ifndef LODGE_PRINTF_H
#define LODGE_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As C's, for %d %i %u %x %X %c %s %p %% with flags '-' '0' '#' '+' ' ',
 * width and precision (numbers or *), and lengths hh h l ll z. Never writes
 * beyond size bytes, ends with a zero if size is not 0, and returns the
 * length that the whole text has.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
