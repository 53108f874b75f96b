/* SPDX-License-Identifier: MIT */
/*
 * Places in our text are written once, at boot, on the first processor, when
 * it is known what this one needs (patch.h). What stands there before costs
 * nothing, or one instruction that does nothing.
 *
 * With SMAP on, the AC flag lets us touch guests' pages. A guest may have it
 * set when it traps, so each entry clears it; the copies to and from guests
 * set it for as long as they take. The two instructions do not exist on older
 * processors: there the no-operations stay.
 *
 * Text is mapped read-only, so it is written where it lies in the direct map;
 * entry text, which is linked elsewhere, through the image.
 */
#include "x86/patch.h"

#include "arch.h"
#include "lib/string.h"
#include "x86/map.h"
#include "x86/paging.h"

extern const struct patch_place {
	uint64_t at, kind;
	uint64_t target; /* of the jump; PATCH_GUARD alone */
} patch_start[], patch_end[];
extern char trampoline_image[];

static const struct {
	uint8_t n, code[5];
} text[] = {
	[PATCH_STAC] = { 3, { 0x0f, 0x01, 0xcb } },
	[PATCH_CLAC] = { 3, { 0x0f, 0x01, 0xca } },
	[PATCH_GUARD] = { 5, { 0xe9 } },
	[PATCH_ROOTS... PATCH_VERW] = { 5, { 0x0f, 0x1f, 0x44, 0, 0 } },
};

void *patch_writable(uint64_t at)
{
	const char *in_image =
		at < MAP_IMAGE ? trampoline_image + (at - MAP_TRAMPOLINE)
			       : (const char *)at;

	return (char *)MAP_DIRECT + paging_image_phys(in_image);
}

static void write_place(const struct patch_place *p)
{
	uint8_t *to = patch_writable(p->at);
	int32_t distance = (int32_t)(p->target - (p->at + 5));

	memcpy(to, text[p->kind].code, text[p->kind].n);
	if (p->kind == PATCH_GUARD)
		memcpy(to + 1, &distance, sizeof(distance));
}

void patch_apply(uint32_t kinds)
{
	uint32_t unused[4];

	for (const struct patch_place *p = patch_start; p < patch_end; p++)
		if (kinds >> p->kind & 1)
			write_place(p);
	arch_cpuid(0, 0, unused); /* what was fetched before is forgotten */
}
