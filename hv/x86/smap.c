/* SPDX-License-Identifier: MIT */
/*
 * With SMAP on, the AC flag lets us touch guests' pages; a guest may have it
 * set when it traps, so each entry clears it. CLAC does not exist on older
 * processors: entry.S leaves three bytes of no-operation in its place.
 */
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/map.h"

extern const uint64_t smap_patch_start[], smap_patch_end[];
extern char trampoline_image[];

static const uint8_t clac[3] = { 0x0f, 0x01, 0xca };

void smap_patch(void)
{
	if (!cpu_features.smap)
		return;
	for (const uint64_t *p = smap_patch_start; p < smap_patch_end; p++)
		memcpy(trampoline_image + (*p - MAP_TRAMPOLINE), clac,
		       sizeof(clac));
}
