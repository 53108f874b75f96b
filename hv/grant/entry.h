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

#endif
