/* SPDX-License-Identifier: MIT */
/*
 * What the distribution's decompression libraries want of a C library, as
 * the linker tells, beyond the mem* functions of lib/.
 *
 * The image room hands each library an allocator at every call, so nothing
 * ever calls these three: they stand where the archives' default paths name
 * them. They have no memory to give, and a library that did ask would report
 * that it got none.
 */
#include <stddef.h>

#include "bug.h"

void *malloc(size_t bytes);
void *calloc(size_t items, size_t bytes);
void free(void *p);
_Noreturn void __stack_chk_fail(void);

void *malloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

void *calloc(size_t items, size_t bytes)
{
	(void)items;
	(void)bytes;
	return NULL;
}

void free(void *p)
{
	BUG_ON(p);
}

/* A function of a library found that its frame was written beyond. */
void __stack_chk_fail(void)
{
	panic("stack overwritten inside a decompression library");
}

/*
 * Zstandard calls these if anybody defines them; the references are weak, and
 * a weak reference to nothing is at address 0, too far from this image. So
 * they exist, and say that nobody traces.
 */
unsigned long long ZSTD_trace_decompress_begin(const void *dctx);
void ZSTD_trace_decompress_end(unsigned long long trace, const void *what);

unsigned long long ZSTD_trace_decompress_begin(const void *dctx)
{
	(void)dctx;
	return 0;
}

void ZSTD_trace_decompress_end(unsigned long long trace, const void *what)
{
	(void)trace;
	(void)what;
}
