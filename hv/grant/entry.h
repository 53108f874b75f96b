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

/* Where all of an entry is. */
struct grant_entry {
	union { /* the guest's half; flags and domain are its first word */
		uint32_t *header;
		struct grant_entry_v1 *v1;
		union grant_entry_v2 *v2;
	};
	struct grant_active *active; /* ours */
	uint32_t *bits;		     /* the word that tells the guest of us */
	uint32_t shift;		     /* where there */
	uint32_t version;
};

/* Entry ref of a table; false: there is none. */
static inline bool grant_entry_find(const struct domain_grant *g, uint32_t ref,
				    struct grant_entry *e)
{
	uint32_t at = ref % GRANT_ENTRIES_V1, n = ref / GRANT_ENTRIES_V1;
	bool v1 = g->version == 1;

	if (unlikely(!v1)) {
		at = ref % GRANT_ENTRIES_V2;
		n = ref / GRANT_ENTRIES_V2;
	}
	if (unlikely(n >= g->nr_frames))
		return false;
	e->version = g->version;
	e->active = &g->page[n].active[at];
	e->v1 = &g->page[n].v1[at];
	e->bits = e->header;
	e->shift = 0;
	if (likely(v1))
		return true;
	e->v2 = &g->page[n].v2[at];
	e->bits = (uint32_t *)g->status[ref / GRANT_STATUSES] +
		  ref % GRANT_STATUSES / 2;
	e->shift = ref % 2 * 16;
	return true;
}

/* The frame that the guest has written there, or will read. */
static inline uint64_t grant_entry_frame(const struct grant_entry *e)
{
	return likely(e->version == 1) ? shared_load32(&e->v1->frame)
				       : shared_load64(&e->v2->full_page.frame);
}

static inline void grant_entry_frame_set(const struct grant_entry *e,
					 uint64_t m)
{
	if (e->version == 1)
		shared_store32(&e->v1->frame, (uint32_t)m);
	else
		shared_store64(&e->v2->full_page.frame, m);
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
