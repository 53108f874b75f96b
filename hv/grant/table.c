/* SPDX-License-Identifier: MIT */
/*
 * The grant table of a domain: frames that it shares with us, and our half of
 * each, which says what is in use.
 *
 *	page[0]   shared  512 entries of 8 bytes, or 256 of 16 (version 2)
 *	          active  512 of ours
 *	page[1]   ...
 *	status[0] 2048 words of 16 bits: in version 2 we write only here
 *
 * A frame of it is the domain's, with our permanent use as writable, so that
 * it can become nothing else; the guest maps it like memory of its own, and a
 * builder maps it by its number. It is not of its reservation and never
 * leaves before its end. The table grows when it is asked for more, a frame
 * at a time; limits are set when the domain is made.
 *
 * Lock: domain.grant.lock for all of it.
 */
#include "errno.h"
#include "grant/entry.h"
#include "lib/string.h"
#include "log/log.h"

static struct grant_limits limits = { 64, 1024, 2 };

void grant_limits_set(uint32_t frames, uint32_t maptrack_frames)
{
	if (frames)
		limits.frames = MIN(frames, GRANT_FRAMES_MAX);
	if (maptrack_frames)
		limits.maptrack_frames =
			MIN(maptrack_frames, GRANT_MAPTRACK_MAX);
}

/* One of the numbers: false if it is too large. */
static bool limit_choose(int32_t wanted, uint32_t max, const char *option,
			 uint32_t *out)
{
	*out = wanted < 0 ? max : (uint32_t)wanted;
	if (*out <= max)
		return true;
	log_guest(LOG_WARNING, "a domain of %u grant frames is refused: %s=%u",
		  *out, option, max);
	return false;
}

int grant_limits_choose(int32_t frames, int32_t maptrack_frames,
			uint32_t version, struct grant_limits *out)
{
	out->version = version ? version : limits.version;
	if (version > limits.version ||
	    !limit_choose(frames, limits.frames, "gnttab_max_frames",
			  &out->frames) ||
	    !limit_choose(maptrack_frames, limits.maptrack_frames,
			  "gnttab_max_maptrack_frames", &out->maptrack_frames))
		return -EINVAL;
	return 0;
}

void grant_domain_init(struct domain *d, const struct grant_limits *max)
{
	d->grant = (struct domain_grant){
		.max = max->version ? *max : limits,
		.version = 1,
	};
	spin_init(&d->grant.lock, LOCK_RANK_GRANT);
}

/* ---- its frames ---- */

static uint32_t status_frames(uint32_t frames)
{
	return ROUND_UP(frames * GRANT_ENTRIES_V2, GRANT_STATUSES) /
	       GRANT_STATUSES;
}

static size_t directory_bytes(const struct domain_grant *g)
{
	return g->max.frames * sizeof(struct grant_page) +
	       status_frames(g->max.frames) * sizeof(grant_status_t *);
}

static int directory_make(struct domain_grant *g)
{
	if (!g->page)
		g->page = frame_alloc_bytes(directory_bytes(g));
	if (!g->page)
		return -ENOMEM;
	g->status = (grant_status_t **)(g->page + g->max.frames);
	return 0;
}

#define ACTIVE_BYTES (GRANT_ENTRIES_V1 * sizeof(struct grant_active))

static int page_add(struct grant_locked l)
{
	struct domain_grant *g = &l.d->grant;
	struct grant_page *page = &g->page[g->nr_frames];
	struct frame *f;

	page->active = frame_alloc_bytes(ACTIVE_BYTES);
	if (!page->active)
		return -ENOMEM;
	if (frame_alloc_shared(l.d, &f)) {
		frame_free_bytes(page->active, ACTIVE_BYTES);
		return -ENOMEM;
	}
	page->shared = frame_ptr(f);
	g->nr_frames++;
	return 0;
}

static int status_add(struct grant_locked l)
{
	struct domain_grant *g = &l.d->grant;
	struct frame *f;

	if (frame_alloc_shared(l.d, &f))
		return -ENOMEM;
	g->status[g->nr_status++] = frame_ptr(f);
	return 0;
}

/* Adds one frame, if there are not as many, and have their statuses. */
static int grow_one(struct grant_locked l, uint32_t frames, uint32_t version)
{
	struct domain_grant *g = &l.d->grant;
	int rc;

	if (frames > g->max.frames || domain_is_dying(l.d))
		return -EINVAL;
	frames = MAX(frames, g->nr_frames);
	if (version == 2 && g->nr_status < status_frames(frames))
		rc = directory_make(g) ?: status_add(l);
	else if (g->nr_frames < frames)
		rc = directory_make(g) ?: page_add(l);
	else
		return 0;
	return rc ? rc : -ERESTART;
}

int grant_grow(struct domain *d, uint32_t frames)
{
	int rc;

	do {
		struct grant_locked l = grant_lock(d);

		rc = grow_one(l, frames, d->grant.version);
		grant_unlock(l);
	} while (rc == -ERESTART && !arch_preempt_pending());
	return rc;
}

void grant_size_get(struct domain *d, struct grant_size *out)
{
	struct grant_locked l = grant_lock(d);

	*out = (struct grant_size){ d->grant.version, d->grant.nr_frames,
				    d->grant.nr_status };
	grant_unlock(l);
}

static struct frame *frame_at(const struct domain_grant *g, bool status,
			      uint32_t i)
{
	return frame_of(arch_frame_of_ptr(status ? (void *)g->status[i]
						 : g->page[i].shared));
}

bool grant_frame_at(struct domain *d, bool status, uint32_t i, uint64_t *out)
{
	struct grant_locked l = grant_lock(d);
	bool ok = i < (status ? d->grant.nr_status : d->grant.nr_frames);

	if (ok)
		*out = frame_mfn(frame_at(&d->grant, status, i)).v;
	grant_unlock(l);
	return ok;
}

static bool is_alone(const struct domain_grant *g, bool status, uint32_t i)
{
	uint64_t refs = atomic64_load(&frame_at(g, status, i)->refs);

	return (refs & FRAME_COUNT_MASK) == 1;
}

/* True when nobody maps the statuses, which version 1 has not. */
static bool statuses_alone(const struct domain_grant *g)
{
	for (uint32_t i = 0; i < g->nr_status; i++)
		if (!is_alone(g, true, i))
			return false;
	return true;
}

bool grant_is_idle(struct domain *d)
{
	struct grant_locked l = grant_lock(d);
	bool idle = !d->grant.active;

	grant_unlock(l);
	return idle;
}

/* Whoever found the domain before its end may still ask for a frame. */
void grant_domain_free(struct domain *d)
{
	struct grant_locked l = grant_lock(d);
	struct domain_grant *g = &d->grant;

	for (uint32_t i = 0; i < g->nr_frames; i++) {
		frame_free_bytes(g->page[i].active, ACTIVE_BYTES);
		frame_retire_shared(d, frame_at(g, false, i));
	}
	for (uint32_t i = 0; i < g->nr_status; i++)
		frame_retire_shared(d, frame_at(g, true, i));
	frame_free_bytes(g->page, directory_bytes(g));
	g->nr_frames = g->nr_status = 0;
	g->page = NULL;
	grant_unlock(l);
}

/* ---- versions ---- */

/* What both can say of a reserved entry. */
struct reserved {
	uint32_t header;
	uint64_t frame;
};

/* Grants of a part of a page, or of another's, version 1 does not know. */
static bool is_whole(uint32_t header)
{
	uint32_t type = header & GTF_type_mask;

	return type == GTF_accept_transfer ||
	       (type == GTF_permit_access && !(header & GTF_sub_page));
}

static void reserved_read(const struct domain_grant *g, struct reserved *out)
{
	struct grant_entry e;

	for (unsigned int i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
		if (!grant_entry_find(g, i, &e))
			return; /* it has no frame yet */
		out[i].header = shared_load32(e.header);
		if (is_whole(out[i].header))
			out[i].frame = grant_entry_frame(&e);
		else
			out[i].header = 0;
	}
}

bool grant_reserved_frame(struct domain *d, unsigned int ref, uint64_t *out)
{
	struct reserved all[GNTTAB_NR_RESERVED_ENTRIES] = { 0 };
	struct grant_locked l = grant_lock(d);

	reserved_read(&d->grant, all);
	grant_unlock(l);
	*out = all[ref].frame;
	return all[ref].header;
}

static void reserved_write(const struct domain_grant *g,
			   const struct reserved *in)
{
	struct grant_entry e;

	for (unsigned int i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
		if (!grant_entry_find(g, i, &e))
			return;
		grant_entry_frame_set(&e, in[i].frame);
		shared_store32(e.header, in[i].header);
	}
}

/* Frames and statuses are there. */
static int version_change(struct grant_locked l, uint32_t version)
{
	struct reserved kept[GNTTAB_NR_RESERVED_ENTRIES] = { 0 };
	struct domain_grant *g = &l.d->grant;

	if (g->active || (version == 1 && !statuses_alone(g)))
		return -EBUSY;
	reserved_read(g, kept);
	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++)
		if (version == 1 && kept[i].frame > UINT32_MAX)
			return -ERANGE;
	for (uint32_t i = 0; i < g->nr_frames; i++)
		memset(g->page[i].shared, 0, PAGE_SIZE);
	for (uint32_t i = 0; i < g->nr_status; i++)
		memset(g->status[i], 0, PAGE_SIZE);
	g->version = version;
	reserved_write(g, kept);
	return 0;
}

int grant_version_set(struct domain *d, uint32_t version)
{
	int rc;

	if (version < 1 || version > d->grant.max.version)
		return -EINVAL;
	do {
		struct grant_locked l = grant_lock(d);

		rc = grow_one(l, d->grant.nr_frames, version);
		if (!rc && d->grant.version != version)
			rc = version_change(l, version);
		grant_unlock(l);
	} while (rc == -ERESTART && !arch_preempt_pending());
	return rc;
}
