/* SPDX-License-Identifier: MIT */
/* The numbers of the ways in that are no exception; after those of traps. */
#ifndef LODGER_VECTORS_H
#define LODGER_VECTORS_H

#define VECTOR_UPCALL	0x100
#define VECTOR_SYSCALL	0x101
#define VECTOR_FAILSAFE 0x102
#define VECTOR_NONE	0x103

#endif
