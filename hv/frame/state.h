/* SPDX-License-Identifier: MIT */
/*
 * One struct frame for each machine frame, 32 bytes: the table is the whole
 * truth about who owns what, who uses it and as what. See frame/count.c for
 * the two count words, and docs/memory-map.md for where the table lies.
 */
#ifndef LODGE_FRAME_STATE_H
#define LODGE_FRAME_STATE_H

#include "atomic.h"
#include "lock.h"
#include "types.h"

enum frame_type {
	FRAME_NONE = 0,
	FRAME_WRITABLE, /* may be mapped writable */
	FRAME_L1,
	FRAME_L2,
	FRAME_L3,
	FRAME_L4,
	FRAME_SEGDESC, /* holds descriptors of a GDT or LDT */
	/* A 32-bit guest's: the level is in the low bits as above. */
	FRAME_32 = 8,
	FRAME_L2_HV = FRAME_32 | FRAME_L2,   /* has the hypervisor's range */
	FRAME_L3_ROOT = FRAME_32 | FRAME_L3, /* four entries, and no more */
};

/* The refs word: the owner's id, flags, the general count. */
#define FRAME_OWNER_SHIFT 48
#define FRAME_OWNED	  (1UL << 47) /* the owner's own reference is held */
/* shared by the hypervisor: not on the domain's list or in its reservation */
#define FRAME_SHARED (1UL << 46)
#define FRAME_FREE   (1UL << 45) /* on a free list; order in progress */
#define FRAME_CLEAN  (1UL << 44) /* nobody's, scrubbed and flushed */

/* The count of either word. */
#define FRAME_COUNT_MASK ((1UL << 44) - 1)

/* The type word: type, flags, count of uses. */
#define FRAME_TYPE_SHIFT 60
#define FRAME_VALIDATED	 (1UL << 59) /* contents checked, references held */
#define FRAME_PARTIAL	 (1UL << 58) /* entries below progress hold theirs */
#define FRAME_PINNED	 (1UL << 57) /* one use is the owner's pin */

/*
 * Locks: a: atomic; m: the owner's mm lock; p: the owner's page-list lock,
 * or for a free frame the allocator's; o: written by whoever allocates or
 * frees, when no reference can exist.
 */
struct __attribute__((aligned(16))) frame {
	union {
		atomic64_t refs; /* a, also with type at once */
		struct {
			uint16_t count[3];
			uint16_t owner; /* o: domain id; part of refs */
		};
	};
	atomic64_t type; /* a */
	uint32_t next;	 /* p: mfn of the next on the list, FRAME_NIL */
	uint32_t prev;	 /* p */
	uint16_t spare;
	uint16_t progress; /* m: entries [0,progress) validated, if partial;
			      p: order, if free */
	union {
		atomic32_t stamp; /* a: flush clock when a use ended */
		/* m: its companions' first mfn, while it is a validated root
		 * of a separated domain (mm/companion.c): a stamp from before
		 * was looked at, and its end brings another */
		uint32_t companion;
	};
};
_Static_assert(sizeof(struct frame) == 32, "frame table entry");
_Static_assert(offsetof(struct frame, owner) * 8 == FRAME_OWNER_SHIFT &&
		       offsetof(struct frame, type) == sizeof(atomic64_t),
	       "the count words");

#define FRAME_NIL 0xffffffffU

/*
 * Two owners that are no domains. DOMID_IO has every number that is no RAM:
 * devices, firmware's tables, holes. FRAME_SHOWN has frames of ours that the
 * privileged may read: those of the m2p tables.
 */
#define FRAME_SHOWN DOMID_COW

struct dirty_log;

/* What a domain holds of memory. */
struct domain_frames {
	struct spinlock lock;
	uint32_t first;	       /* lock: head of the list of its frames */
	uint64_t tot_pages;    /* lock: frames on the list */
	uint64_t max_pages;    /* lock: limit of tot_pages */
	uint64_t claimed;      /* the allocator's: free frames kept for it */
	uint32_t logging;      /* a: writes to its pages are noted (dirty.c) */
	struct dirty_log *log; /* NULL until first wanted, then for life */
};

#endif
