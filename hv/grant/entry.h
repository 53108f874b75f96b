/* SPDX-License-Identifier: MIT */
/* Locks and entries, for the files of this room; see table.c and entry.c. */
#ifndef LODGE_GRANT_ENTRY_H
#define LODGE_GRANT_ENTRY_H

#include "grant/grant.h"

/* Witness: d's grant lock is held. Never two at once. */
struct grant_locked {
	struct domain *d;
};

static inline struct grant_locked grant_lock(struct domain *d)
{
	spin_lock(&d->grant.lock);
	return (struct grant_locked){ d };
}

static inline void grant_unlock(struct grant_locked l)
{
	spin_unlock(&l.d->grant.lock);
}

/* ---- entries (entry.c) ---- */

/* Entries that the table has now. */
static inline uint32_t grant_entries(const struct domain_grant *g)
{
	return g->nr_frames * (uint32_t)(g->version == 1 ? GRANT_ENTRIES_V1
							 : GRANT_ENTRIES_V2);
}

/* Our half of entry ref, which there is. */
static inline struct grant_active *grant_active(const struct domain_grant *g,
						uint32_t ref)
{
	return g->version == 1 ? &g->page[ref / GRANT_ENTRIES_V1]
					  .active[ref % GRANT_ENTRIES_V1]
			       : &g->page[ref / GRANT_ENTRIES_V2]
					  .active[ref % GRANT_ENTRIES_V2];
}

/* The guest's half: flags and domain, the first word in both versions. */
static inline uint32_t *grant_header(const struct domain_grant *g, uint32_t ref)
{
	return g->version == 1 ? (uint32_t *)&g->page[ref / GRANT_ENTRIES_V1]
					 .v1[ref % GRANT_ENTRIES_V1]
			       : (uint32_t *)&g->page[ref / GRANT_ENTRIES_V2]
					 .v2[ref % GRANT_ENTRIES_V2];
}

/* A reference to a frame of d's (NULL: there is none), if writing with a use
 * as writable. Returns GNTST_*. */
[[nodiscard]] int grant_frame_get(struct domain *d, struct frame *f,
				  bool writing);
/*
 * Begins a use of entry ref of granter's by a domain of that id. Only a copy
 * may use what grants less than a page. Returns GNTST_*.
 */
[[nodiscard]] int grant_use_begin(struct domain *granter, uint32_t ref,
				  uint16_t by, bool writing, bool copy,
				  struct grant_use *out);
/* Ends it; no CPU has a translation that came of it. */
void grant_use_end(const struct grant_use *use);

#endif
