/* SPDX-License-Identifier: MIT */
/*
 * Loans. Each handle holds one use of an entry of its granter's table: a
 * reference to the frame, and a use as writable if it is for writing. What
 * the table says of its entries is recounted from all handles there are: no
 * copy is under way when the oracle looks.
 *
 * A domain without privilege maps another's frame, or has it in a TLB, only
 * while a handle of its own allows it.
 */
#include "grant/entry.h"
#include "parts.h"

static uint32_t map_flags(const struct grant_map *m)
{
	return m->flags.v;
}

static const struct grant_map *handle_of(const struct domain *d, uint32_t i)
{
	return &d->grant.map[i / GRANT_MAPS][i % GRANT_MAPS];
}

static uint32_t handles(const struct domain *d)
{
	return d->grant.nr_maps.v * (uint32_t)GRANT_MAPS;
}

bool oracle_lent(const struct domain *d, uint64_t mfn, bool writable)
{
	for (uint32_t i = 0; i < handles(d); i++) {
		const struct grant_map *m = handle_of(d, i);

		if (map_flags(m) && m->mfn == mfn &&
		    (!writable || !(map_flags(m) & GNTMAP_readonly)))
			return true;
	}
	return false;
}

static void handle_holds(struct expected *e, const struct domain *d, uint32_t i,
			 const struct grant_map *m)
{
	const struct domain *granter = domain_find(m->domain);
	struct grant_entry entry;

	if (!map_flags(m))
		return;
	if (map_flags(m) & ~(GNTMAP_guest_avail_mask | 0x1fU) ||
	    !(map_flags(m) & (GNTMAP_device_map | GNTMAP_host_map)))
		oracle_fault("dom%u's handle %u: flags %#x", d->id, i,
			     map_flags(m));
	if (!granter || !grant_entry_find(&granter->grant, m->ref, &entry) ||
	    entry.active->mfn != m->mfn) {
		oracle_fault("dom%u's handle %u: entry %u of dom%u", d->id, i,
			     m->ref, m->domain);
		return;
	}
	e[m->mfn].refs++;
	e[m->mfn].uses[FRAME_WRITABLE] += !(map_flags(m) & GNTMAP_readonly);
}

static void entry_compare(const struct domain *d, uint32_t ref,
			  const struct grant_active *a)
{
	uint32_t users = 0, writers = 0;

	for (struct domain *b = domain_next(-1); b; b = domain_next(b->id))
		for (uint32_t i = 0; i < handles(b); i++) {
			const struct grant_map *m = handle_of(b, i);

			if (!map_flags(m) || m->domain != d->id ||
			    m->ref != ref)
				continue;
			users++;
			writers += !(map_flags(m) & GNTMAP_readonly);
			if (a->domain != b->id)
				oracle_fault("dom%u's entry %u is dom%u's, not "
					     "dom%u's",
					     d->id, ref, a->domain, b->id);
		}
	if (a->users != users || a->writers != writers)
		oracle_fault("dom%u's entry %u: %u users, %u writers expected, "
			     "%u and %u found",
			     d->id, ref, users, writers, a->users, a->writers);
}

/* Each is looked for in all handles only if it, or any, is in use. */
static void table_compare(const struct domain *d)
{
	const struct domain_grant *g = &d->grant;
	struct grant_entry e;
	uint32_t active = 0;

	for (uint32_t p = 0; p < g->nr_frames; p++)
		for (uint32_t i = 0; i < GRANT_ENTRIES_V1; i++)
			active += g->page[p].active[i].users;
	if (active != g->active)
		oracle_fault("dom%u: %u users of its grants, %u said", d->id,
			     active, g->active);
	for (uint32_t ref = 0; active && grant_entry_find(g, ref, &e); ref++)
		if (e.active->users)
			entry_compare(d, ref, e.active);
}

void oracle_grants(struct expected *e, const struct domain *d)
{
	for (uint32_t i = 0; i < handles(d); i++)
		handle_holds(e, d, i, handle_of(d, i));
	table_compare(d);
}
