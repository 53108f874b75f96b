/* SPDX-License-Identifier: MIT */
/*
 * Grants: a domain lends pages to another by entries of a table that both it
 * and we write. Operations give GNTST_*, as the interface has it for each
 * entry of a batch; -ERESTART: there is something better to do, call again.
 */
#ifndef LODGE_GRANT_H
#define LODGE_GRANT_H

#include "domain/domain.h"
#include "frame/frame.h"

/* ---- the table (table.c) ---- */

/* What a domain gets for which its builder says nothing; at boot. */
void grant_limits_set(uint32_t frames, uint32_t maptrack_frames);
/*
 * Limits for a new domain: negative numbers and version 0 are the defaults.
 * -EINVAL, with a line in the log: beyond what the command line allows.
 */
[[nodiscard]] int grant_limits_choose(int32_t frames, int32_t maptrack_frames,
				      uint32_t version,
				      struct grant_limits *out);
/* An empty table of version 1; limits of version 0: the defaults. */
void grant_domain_init(struct domain *d, const struct grant_limits *limits);
/* True when no entry is in use. */
bool grant_is_idle(struct domain *d);
/* Frees all of a dying domain whose entries nobody uses; frames that others
 * have mapped become pages of it. */
void grant_domain_free(struct domain *d);

/* What a reserved entry lends, if it lends a page: the guest's own word. */
bool grant_reserved_frame(struct domain *d, unsigned int ref, uint64_t *out);

/* Makes the table at least so many frames long. -ENOMEM, -ERESTART; -EINVAL:
 * beyond its limit, or it is dying. */
[[nodiscard]] int grant_grow(struct domain *d, uint32_t frames);

struct grant_size {
	uint32_t version, frames, status_frames;
};
void grant_size_get(struct domain *d, struct grant_size *out);
/*
 * Changes the layout of entries; all but the reserved ones become empty.
 * -EBUSY: some are in use; -EINVAL: no such version for this domain; -ERANGE:
 * a reserved one's frame does not fit. -ENOMEM, -ERESTART.
 */
[[nodiscard]] int grant_version_set(struct domain *d, uint32_t version);
/* The number of its i-th frame: of the table, or of statuses. False: none. */
[[nodiscard]] bool grant_frame_at(struct domain *d, bool status, uint32_t i,
				  uint64_t *out);

/*
 * One use of an entry (entry.c): the bits in it say so, and the frame is held
 * with a reference, with one as writable if writing.
 */
struct grant_use {
	struct domain *granter;
	uint32_t ref;
	bool writing;
	struct frame *f;
	/* Of a copy: which part of the page was granted. */
	uint32_t from, to;
	/* Of an entry that passes on another's: that one, or NULL. */
	struct domain *passed_by;
	uint32_t passed_ref;
};

/* ---- mappings (map.c) ---- */

/* One map_grant_ref of v's, copied in: its answer is in op. -ERESTART. */
[[nodiscard]] int grant_map(struct vcpu *v, struct gnttab_map_grant_ref *op);

/* One unmap_grant_ref or unmap_and_replace, as the guest has it. */
struct grant_unmap {
	union {
		struct gnttab_unmap_grant_ref op;
		struct gnttab_unmap_and_replace replace;
		uint64_t word[3];
	};
	/* map.c's: what remains of the loan. */
	struct grant_map *map; /* NULL: none ends */
	uint32_t flags;
};
/*
 * Ends n loans of v's; each has its answer. -ERESTART: the first *done have,
 * the others are as they were.
 */
[[nodiscard]] int grant_unmap(struct vcpu *v, struct grant_unmap *ops,
			      unsigned int n, bool replace, unsigned int *done);
/*
 * Ends all loans that a domain has from others, whose tables are taken apart.
 * -ERESTART: there may be more.
 */
[[nodiscard]] int grant_domain_exit(struct domain *d);

/* ---- copies (copy.c) ---- */

/* One side of a copy, which the next may have, too. */
struct grant_side {
	struct gnttab_copy_ptr at;
	bool by_ref;
	struct grant_use use; /* f is NULL: not held */
};
struct grant_sides {
	struct grant_side from, to;
};
/* One copy of v's, copied in. Returns GNTST_*. */
[[nodiscard]] int grant_copy(struct vcpu *v, const struct gnttab_copy *op,
			     struct grant_sides *sides);
/* After the last one. */
void grant_copies_end(struct grant_sides *sides);

/* ---- frames for good, and entries (transfer.c) ---- */

/* One transfer of v's, copied in. Returns GNTST_*; but with bad_page the
 * frame is no longer its. */
[[nodiscard]] int grant_transfer(struct vcpu *v,
				 const struct gnttab_transfer *op);
/* Exchanges two entries of d's table. Returns GNTST_*. */
[[nodiscard]] int grant_swap(struct domain *d, uint32_t a, uint32_t b);
/* Notes the pages of d, whose log is on, that others may write now. */
void grant_note_dirty(struct domain *d);
/* What is in use of d's table, to the log. */
void grant_dump(struct domain *d);

#endif
