/* SPDX-License-Identifier: MIT */
/*
 * Loans: a domain maps what another grants to it, and has a handle for it.
 *
 *	granter's table           borrower's handles        its page tables
 *	entry ref  <------------- handle: granter, ref
 *	 |  active: users,         |  mfn, flags
 *	 |  writers                |                         L1 entry
 *	 v                         v                          |
 *	frame  <---- reference ----'          own reference ---'
 *
 * Who holds what, and when:
 *
 *   a handle      one use of the entry (grant/entry.c): the bits in it, a
 *                 reference to the frame, one as writable unless read-only;
 *                 from map until the unmap that ends its last part
 *   an L1 entry   references of its own, like every entry, until it changes.
 *                 Nothing says which handle it came of
 *
 * So a borrower that changes such an entry itself harms nobody: the frame is
 * held by what remains, and the loan can end only by an entry that maps the
 * frame as the handle has it (mm/foreign.c). And a granter that gives the
 * frame away, or dies, leaves it as it is until the last of both has gone.
 *
 * An unmap has two halves for a whole array: entries are cleared; then the
 * borrower's CPUs flush, once; then uses end. Only then does the granter see
 * the bits clear, when no translation is left by which it could be written
 * or read.
 *
 * Handles: free ones are a list, its head a word of index + 1 and a count
 * that each change increases, so that a head which has come back is not taken
 * for the same. Pages of handles are added when the list is empty and stay
 * for the domain's life, so a number is checked against their number alone. A
 * handle belongs to whoever has set BUSY in its flags, or taken it off the
 * list; another vcpu that unmaps it at the same time is told that there is
 * none.
 *
 * No lock is held while another is taken here: entry.c's, mm's, and the list
 * are visited in turn, each step undone if a later one fails.
 */
#include "grant/entry.h"
#include "log/log.h"
#include "mm/mm.h"
#include "pte.h"

#define GRANT_MAP_BUSY 0x80000000U
#define PARTS	       (GNTMAP_device_map | GNTMAP_host_map)

/* ---- handles ---- */

static struct grant_map *map_at(const struct domain_grant *g, uint32_t handle)
{
	return &g->map[handle / GRANT_MAPS][handle % GRANT_MAPS];
}

static uint64_t head_next(uint64_t head, uint32_t first)
{
	return ((head >> 32) + 1) << 32 | first;
}

static bool handle_take(struct domain_grant *g, uint32_t *handle)
{
	uint64_t head = atomic64_load(&g->free_map), next;

	do {
		if (!(uint32_t)head)
			return false;
		*handle = (uint32_t)head - 1;
		/* Another CPU's by now, perhaps: then the head has changed. */
		next = shared_load32(&map_at(g, *handle)->ref);
		next = head_next(head, (uint32_t)next);
	} while (!atomic64_cmpxchg(&g->free_map, &head, next));
	return true;
}

/* A chain from handle to the one of last becomes free. */
static void handles_free(struct domain_grant *g, uint32_t handle,
			 struct grant_map *last)
{
	uint64_t head = atomic64_load(&g->free_map);

	do
		shared_store32(&last->ref, (uint32_t)head);
	while (!atomic64_cmpxchg(&g->free_map, &head,
				 head_next(head, handle + 1)));
}

static bool handles_add(struct grant_locked l)
{
	struct domain_grant *g = &l.d->grant;
	uint32_t n = atomic32_load(&g->nr_maps);
	uint32_t first = n * (uint32_t)GRANT_MAPS;
	struct grant_map *page;

	if ((uint32_t)atomic64_load(&g->free_map))
		return true; /* another vcpu was first */
	if (n == g->max.maptrack_frames) {
		log_guest(LOG_WARNING,
			  "domain %u has no more handles of grants: "
			  "gnttab_max_maptrack_frames=%u",
			  l.d->id, n);
		return false;
	}
	if (!g->map)
		g->map = frame_alloc_bytes(g->max.maptrack_frames *
					   sizeof(*g->map));
	page = g->map ? frame_alloc_bytes(PAGE_SIZE) : NULL;
	if (!page)
		return false;
	for (uint32_t i = 0; i < GRANT_MAPS - 1; i++)
		page[i].ref = first + i + 2;
	g->map[n] = page;
	atomic32_store(&g->nr_maps, n + 1);
	handles_free(g, first, &page[GRANT_MAPS - 1]);
	return true;
}

static aside bool handle_make(struct domain *d, uint32_t *handle)
{
	bool more;

	do {
		struct grant_locked l = grant_lock(d);

		more = handles_add(l);
		grant_unlock(l);
	} while (more && !handle_take(&d->grant, handle));
	return more;
}

/* ---- map ---- */

/* Bits of an entry that a guest may choose: those that it may keep its own
 * notes in, and whether programs of a 32-bit guest may use it. What another
 * domain writes is not run. */
static uint64_t pte_of(const struct frame *f, uint32_t flags)
{
	uint64_t notes = (flags >> _GNTMAP_guest_avail0 & 7) << 9;

	return frame_mfn(f).v << PAGE_SHIFT | PTE_P | PTE_A | PTE_D | notes |
	       (PTE_NX & ~arch_pte_reserved) |
	       (flags & GNTMAP_readonly ? 0 : PTE_RW) |
	       (flags & GNTMAP_application_map ? PTE_US : 0);
}

static struct mm_at place_of(uint64_t addr, uint32_t flags)
{
	return (struct mm_at){ addr, flags & GNTMAP_contains_pte };
}

static int host_map(struct vcpu *v, const struct gnttab_map_grant_ref *op,
		    const struct grant_use *use)
{
	int rc;

	if (!(op->flags & GNTMAP_host_map))
		return 0;
	rc = mm_foreign_set(v, place_of(op->host_addr, op->flags),
			    pte_of(use->f, op->flags), use->granter);
	return rc && rc != -ERESTART ? GNTST_general_error : rc;
}

/* Who finds the handle by its number finds all of it. */
static void handle_begin(struct grant_map *m, uint32_t flags,
			 const struct grant_use *use)
{
	shared_store32(&m->ref, use->ref);
	m->mfn = (uint32_t)frame_mfn(use->f).v;
	m->domain = use->granter->id;
	atomic32_store(&m->flags, flags & ~GRANT_MAP_BUSY);
}

static int map(struct vcpu *v, struct gnttab_map_grant_ref *op)
{
	struct domain_grant *g = &v->domain->grant;
	struct domain *granter = domain_find(op->dom);
	struct grant_use use;
	uint32_t handle;
	int rc;

	if (unlikely(!(op->flags & PARTS)))
		return GNTST_bad_gntref;
	if (unlikely(!granter))
		return GNTST_bad_domain;
	if (unlikely(!handle_take(g, &handle)) &&
	    !handle_make(v->domain, &handle))
		return GNTST_no_space;
	rc = grant_use_begin(granter, op->ref, v->domain->id,
			     !(op->flags & GNTMAP_readonly), false, &use);
	if (unlikely(rc))
		goto err_handle;
	rc = host_map(v, op, &use);
	if (unlikely(rc))
		goto err_use;
	op->handle = handle;
	op->dev_bus_addr = frame_mfn(use.f).v << PAGE_SHIFT;
	handle_begin(map_at(g, handle), op->flags, &use);
	return GNTST_okay;

err_use:
	grant_use_end(&use);
err_handle:
	handles_free(g, handle, map_at(g, handle));
	return rc;
}

int grant_map(struct vcpu *v, struct gnttab_map_grant_ref *op)
{
	int rc = map(v, op);

	if (unlikely(rc == -ERESTART))
		return rc;
	op->status = (int16_t)rc;
	return 0;
}

/* ---- unmap ---- */

/* The handle, if it is this caller's to end now; NULL: there is none. */
static inline struct grant_map *handle_claim(struct domain_grant *g,
					     uint32_t handle, uint32_t *flags)
{
	struct grant_map *m;

	if (handle / GRANT_MAPS >= atomic32_load(&g->nr_maps))
		return NULL;
	m = map_at(g, handle);
	*flags = atomic32_load(&m->flags);
	return *flags && !(*flags & GRANT_MAP_BUSY) &&
			       atomic32_cmpxchg(&m->flags, flags,
						*flags | GRANT_MAP_BUSY)
		       ? m
		       : NULL;
}

/* Ends the parts of the loan that op names, if both can be. */
static inline int parts_end(struct vcpu *v, struct grant_unmap *u, bool replace,
			    bool *cleared)
{
	uint64_t bus = replace ? 0 : u->op.dev_bus_addr;
	uint64_t instead = replace ? u->replace.new_addr : 0;
	struct frame *f = frame_of(mfn(u->map->mfn));
	uint32_t ends = 0;
	int rc;

	if (unlikely(bus) && (u->flags & GNTMAP_device_map)) {
		if (bus != frame_mfn(f).v << PAGE_SHIFT)
			return GNTST_bad_dev_addr;
		ends = GNTMAP_device_map;
	}
	if (u->op.host_addr && (u->flags & GNTMAP_host_map)) {
		rc = mm_foreign_clear(v, place_of(u->op.host_addr, u->flags), f,
				      !(u->flags & GNTMAP_readonly), instead);
		if (unlikely(rc))
			return rc == -ERESTART ? rc : GNTST_general_error;
		*cleared = true;
		ends |= GNTMAP_host_map;
	}
	u->flags &= ~ends;
	return GNTST_okay;
}

/* The first half: false, and nothing has changed, if it is to be repeated. */
static inline bool unmap_begin(struct vcpu *v, struct grant_unmap *u,
			       bool replace, bool *cleared)
{
	int rc = GNTST_bad_handle;

	u->map = handle_claim(&v->domain->grant, u->op.handle, &u->flags);
	if (likely(u->map != NULL))
		rc = parts_end(v, u, replace, cleared);
	if (unlikely(rc == -ERESTART)) {
		atomic32_store(&u->map->flags, u->flags);
		return false;
	}
	u->op.status = (int16_t)rc;
	return true;
}

/* The handle's use of its entry ends, and the handle is free. */
static void handle_end(struct domain_grant *g, struct grant_map *m,
		       uint32_t handle, uint32_t flags)
{
	struct grant_use use = {
		.granter = domain_find(m->domain),
		.ref = m->ref,
		.writing = !(flags & GNTMAP_readonly),
		.f = frame_of(mfn(m->mfn)),
	};

	BUG_ON(!use.granter); /* it lingers, for the frame */
	atomic32_store(&m->flags, 0);
	grant_use_end(&use);
	handles_free(g, handle, m);
}

int grant_unmap(struct vcpu *v, struct grant_unmap *ops, unsigned int n,
		bool replace, unsigned int *done)
{
	struct domain_grant *g = &v->domain->grant;
	bool cleared = false;
	unsigned int i = 0;

	while (i < n && unmap_begin(v, &ops[i], replace, &cleared))
		i++;
	*done = i;
	if (cleared)
		mm_flush_all(v);
	for (struct grant_unmap *u = ops; u < ops + i; u++) {
		if (likely(u->map) && likely(!(u->flags & PARTS)))
			handle_end(g, u->map, u->op.handle, u->flags);
		else if (u->map)
			atomic32_store(&u->map->flags, u->flags);
	}
	return i < n ? -ERESTART : 0;
}

/* ---- the end of the borrower ---- */

#define HANDLES_AT_ONCE 64

int grant_domain_exit(struct domain *d)
{
	struct domain_grant *g = &d->grant;
	uint32_t n = atomic32_load(&g->nr_maps);

	while (g->exit_at < n * GRANT_MAPS) {
		uint32_t handle = g->exit_at++;
		struct grant_map *m = map_at(g, handle);
		uint32_t flags = atomic32_load(&m->flags);

		if (flags)
			handle_end(g, m, handle, flags);
		if (handle % HANDLES_AT_ONCE == HANDLES_AT_ONCE - 1 &&
		    arch_preempt_pending())
			return -ERESTART;
	}
	atomic64_store(&g->free_map, 0);
	atomic32_store(&g->nr_maps, 0);
	for (uint32_t i = 0; i < n; i++)
		frame_free_bytes(g->map[i], PAGE_SIZE);
	frame_free_bytes(g->map, g->max.maptrack_frames * sizeof(*g->map));
	g->map = NULL;
	return 0;
}
