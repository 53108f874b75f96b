/* SPDX-License-Identifier: MIT */
/*
 * Places for STAC and CLAC: three bytes that do nothing, which patch.c
 * replaces where the processor has SMAP and we use it.
 */
#ifndef LODGE_X86_SMAP_H
#define LODGE_X86_SMAP_H

#define SMAP_PLACE(kind)                 \
	"771:	nopl (%%rax)\n\t"          \
	".pushsection .patch, \"a\"\n\t" \
	".quad 771b, " kind ", 0\n"      \
	".popsection\n\t"
#define SMAP_STAC SMAP_PLACE("0")
#define SMAP_CLAC SMAP_PLACE("1")

#endif
