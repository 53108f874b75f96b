/* SPDX-License-Identifier: MIT */
/*
 * With SMAP on, the AC flag lets us touch guests' pages. A guest may have it
 * set when it traps, so each entry clears it; the copies to and from guests
 * set it for as long as they take. The two instructions do not exist on older
 * processors: there, three bytes of no-operation stay in their places.
 */
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/map.h"

extern const struct smap_place {
	uint64_t at;
	uint64_t kind; /* index of code[] */
} smap_patch_start[], smap_patch_end[];
extern char trampoline_image[];

static const uint8_t code[2][3] = { { 0x0f, 0x01, 0xcb },   /* stac */
				    { 0x0f, 0x01, 0xca } }; /* clac */

/* Entry text is written through the image, where it is loaded. */
static char *place(uint64_t at)
{
	return at < MAP_IMAGE ? trampoline_image + (at - MAP_TRAMPOLINE)
			      : (char *)at;
}

void smap_patch(void)
{
	if (!cpu_features.smap)
		return;
	for (const struct smap_place *p = smap_patch_start; p < smap_patch_end;
	     p++)
		memcpy(place(p->at), code[p->kind], sizeof(code[0]));
}
