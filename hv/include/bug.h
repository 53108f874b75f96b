/* SPDX-License-Identifier: MIT */
/*
 * For our own mistakes only: no guest input may lead here. A failed BUG_ON
 * stops the machine with a dump (x86) or the test (host).
 */
#ifndef LODGE_BUG_H
#define LODGE_BUG_H

#include "types.h"

/* Stops the machine: prints the message, registers and stack, waits. */
_Noreturn void panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#define BUG_ON(cond)                                                   \
	do {                                                           \
		if (unlikely(cond))                                    \
			panic("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

#endif
