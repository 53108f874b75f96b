/* SPDX-License-Identifier: MIT */
/* Grant tables: what a domain has of its own, and of others'. */
#ifndef LODGE_GRANT_STATE_H
#define LODGE_GRANT_STATE_H

#include "abi.h"
#include "atomic.h"
#include "lock.h"
#include "types.h"

/* Upper limits of what the command line or a builder may ask for. */
#define GRANT_FRAMES_MAX   1024U
#define GRANT_MAPTRACK_MAX 16384U

/* Entries of a frame; only half of them are used in version 2. */
#define GRANT_ENTRIES_V1 (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define GRANT_ENTRIES_V2 (PAGE_SIZE / sizeof(union grant_entry_v2))
#define GRANT_STATUSES	 (PAGE_SIZE / sizeof(grant_status_t))
#define GRANT_MAPS	 (PAGE_SIZE / sizeof(struct grant_map))

/* An entry in use, as we know it: what the shared one says is the guest's. */
struct grant_active {
	uint32_t mfn;	  /* users hold references to it */
	uint32_t users;	  /* handles and copies under way */
	uint32_t writers; /* those among them that may write */
	uint16_t domain;  /* whose users they are */
	uint16_t spare;
};

/* A frame of the table, which the guest sees, and our half of it. */
struct grant_page {
	union {
		void *shared;
		struct grant_entry_v1 *v1;
		union grant_entry_v2 *v2;
	};
	struct grant_active *active; /* GRANT_ENTRIES_V1 of them */
};

/* What one handle stands for (grant/map.c). */
struct grant_map {
	atomic32_t flags; /* a: 0: free; or GNTMAP_*, GRANT_MAP_* */
	uint32_t ref;	  /* in the granter's table; of a free one the next */
	uint32_t mfn;
	uint16_t domain; /* the granter */
	uint16_t spare;
};
_Static_assert(sizeof(struct grant_map) == 16, "a power of two");

struct grant_limits {
	uint32_t frames, maptrack_frames;
	uint32_t version; /* 1 or 2; 0: none of these is said */
};

/* Locks: g: grant lock; a: atomic; c: constant after creation. */
struct domain_grant {
	struct spinlock lock;
	struct grant_limits max; /* c */
	uint32_t version;	 /* g: 1 or 2 */
	uint32_t nr_frames;	 /* g */
	uint32_t nr_status;	 /* g: frames of statuses */
	uint32_t active;	 /* g: users of all entries */
	struct grant_page *page; /* g: max.frames of them; NULL: none yet */
	grant_status_t **status; /* g: behind them */

	/* Its handles: pages come, and stay until its end. */
	struct grant_map **map; /* a: g to change */
	atomic32_t nr_maps;	/* a: pages of handles; g to change */
	atomic64_t free_map;	/* a: the first free handle, see map.c */
	uint32_t exit_at;	/* the reaper's */
};

#endif
