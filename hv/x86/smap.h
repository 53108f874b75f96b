/* SPDX-License-Identifier: MIT */
#ifndef LODGE_X86_SMAP_H
#define LODGE_X86_SMAP_H

/* Before entry text becomes read-only: puts CLAC where entry.S left room,
 * if this processor has SMAP and we use it. */
void smap_patch(void);

#endif
