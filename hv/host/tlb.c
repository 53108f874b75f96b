/* SPDX-License-Identifier: MIT */
/*
 * Each simulated CPU's translation caches. They keep what they were given
 * until somebody flushes, however stale it has become: that is what hardware
 * is allowed to do, and what a hostile guest counts on. A root load and a
 * full flush drop all but global entries (guests must have none); a flush of
 * one page drops it even if global, and all cached entries of upper levels,
 * as INVLPG does.
 */
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host/walk.h"

static struct tlb {
	uint64_t root;
	uint64_t companion; /* 0: the guest's accesses take the root, too */
	bool narrow;	    /* the root is a 32-bit guest's L3 */
	struct host_tlb_entry *entry;
	unsigned int n, room;
} tlbs[HOST_MAX_CPUS];

/* request[from][to]: what a busy CPU has been asked and not yet done. */
static struct {
	bool pending, one_page;
	uint64_t va;
} request[HOST_MAX_CPUS][HOST_MAX_CPUS];

bool host_tlb_cache_upper, host_tlb_all;

uint64_t host_root(unsigned int cpu)
{
	return tlbs[cpu].root;
}

uint64_t host_guest_root(unsigned int cpu)
{
	return tlbs[cpu].companion ? tlbs[cpu].companion : tlbs[cpu].root;
}

bool host_root_is_narrow(unsigned int cpu)
{
	return tlbs[cpu].narrow;
}

unsigned int host_tlb_size(unsigned int cpu)
{
	return tlbs[cpu].n;
}

static struct host_tlb_entry *find(unsigned int cpu, unsigned int level,
				   uint64_t va)
{
	struct tlb *t = &tlbs[cpu];

	va = walk_base(va, level);
	for (unsigned int i = 0; i < t->n; i++)
		if (t->entry[i].level == level && t->entry[i].va == va)
			return &t->entry[i];
	return NULL;
}

static struct host_tlb_entry *same(unsigned int cpu,
				   const struct host_tlb_entry *e)
{
	struct tlb *t = &tlbs[cpu];

	for (unsigned int i = 0; i < t->n; i++) {
		const struct host_tlb_entry *old = &t->entry[i];

		if (old->va == e->va && old->level == e->level &&
		    old->mfn == e->mfn && old->owner == e->owner &&
		    old->writable == e->writable)
			return &t->entry[i];
	}
	return NULL;
}

const struct host_tlb_entry *host_tlb_lookup(unsigned int cpu,
					     unsigned int level, uint64_t va)
{
	return find(cpu, level, va);
}

void host_tlb_insert(unsigned int cpu, const struct host_tlb_entry *e)
{
	struct host_tlb_entry *old =
		host_tlb_all ? same(cpu, e) : find(cpu, e->level, e->va);
	struct tlb *t = &tlbs[cpu];

	if (e->level > 1 && !host_tlb_cache_upper)
		return;
	if (old) {
		*old = *e;
		return;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->entry = realloc(t->entry, t->room * sizeof(*t->entry));
		if (!t->entry)
			abort();
	}
	t->entry[t->n++] = *e;
}

void host_tlb_each(void (*fn)(unsigned int cpu, const struct host_tlb_entry *e,
			      void *arg),
		   void *arg)
{
	for (unsigned int cpu = 0; cpu < host_nr_cpus; cpu++)
		for (unsigned int i = 0; i < tlbs[cpu].n; i++)
			fn(cpu, &tlbs[cpu].entry[i], arg);
}

/* Counts calls of host_tlb_fill(), to go into each table once in one. */
static uint32_t fills;

static uint64_t fill_va(const struct host_tlb_entry *from, unsigned int i)
{
	uint64_t va = from->va + ((uint64_t)i << walk_shift(from->level - 1U));

	if (from->level == 5 && i >= ABI_HV_SLOT_FIRST)
		va |= 0xffffUL << 48;
	return va;
}

static void fill(unsigned int cpu, const struct host_tlb_entry *from)
{
	const uint64_t *table = host_walk_entry(from->mfn, 0);

	for (unsigned int i = 0; i < 512; i++) {
		struct host_tlb_entry e, *cached;
		uint64_t va;

		if (!(table[i] & PTE_P) ||
		    (from->level == 5 && i >= ABI_HV_SLOT_FIRST &&
		     i <= ABI_HV_SLOT_LAST))
			continue;
		e = *from;
		va = fill_va(from, i);
		if (from->narrow && from->level < 4 && va >= ABI_HV32_START)
			continue; /* ours, as above */
		if (!host_walk_step(&e, va, false))
			continue;
		if (host_tlb_all || !find(cpu, e.level, va))
			host_tlb_insert(cpu, &e);
		if (e.level == 1)
			continue;
		cached = host_tlb_all ? same(cpu, &e) : NULL;
		if (cached && cached->filled == fills)
			continue;
		if (cached)
			cached->filled = fills;
		fill(cpu, &e);
	}
}

void host_tlb_fill(unsigned int cpu)
{
	struct host_tlb_entry root = host_walk_root(cpu);

	fills++;
	if (root.mfn)
		fill(cpu, &root);
	/* Walks may go on from what is cached of upper levels, too. */
	for (unsigned int i = 0; host_tlb_all && i < tlbs[cpu].n; i++) {
		struct host_tlb_entry e = tlbs[cpu].entry[i];

		tlbs[cpu].entry[i].filled = fills;
		if (e.level > 1 && e.filled != fills)
			fill(cpu, &e);
	}
}

static void drop(unsigned int cpu, bool one_page, uint64_t va)
{
	struct tlb *t = &tlbs[cpu];
	unsigned int kept = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		struct host_tlb_entry *e = &t->entry[i];
		bool keep = one_page
				    ? e->level == 1 && e->va != walk_base(va, 1)
				    : e->level == 1 && e->global;

		if (keep)
			t->entry[kept++] = *e;
	}
	t->n = kept;
	if (host_tlb_all)
		host_tlb_fill(cpu);
}

size_t host_tlb_bytes(unsigned int cpu)
{
	return sizeof(struct tlb) + tlbs[cpu].n * sizeof(*tlbs[cpu].entry);
}

void host_tlb_save(unsigned int cpu, void *to)
{
	struct tlb *t = &tlbs[cpu];

	memcpy(to, t, sizeof(*t));
	if (t->n)
		memcpy((char *)to + sizeof(*t), t->entry,
		       t->n * sizeof(*t->entry));
}

void host_tlb_load(unsigned int cpu, const void *from)
{
	struct tlb *t = &tlbs[cpu], old;

	memcpy(&old, from, sizeof(old));
	t->root = old.root;
	t->companion = old.companion;
	t->narrow = old.narrow;
	t->n = old.n; /* there is room: it never shrinks */
	if (old.n)
		memcpy(t->entry, (const char *)from + sizeof(old),
		       old.n * sizeof(*t->entry));
}

static void roots_load(mfn_t root, mfn_t companions, bool narrow)
{
	unsigned int cpu = host_this->id;

	if (root.v && root.v < HOST_RESERVED_FRAMES)
		host_fail("cpu %u loads a root in reserved memory", cpu);
	tlbs[cpu].root = root.v;
	tlbs[cpu].companion = companions.v ? companions.v + cpu : 0;
	tlbs[cpu].narrow = narrow;
	drop(cpu, false, 0);
}

void arch_root_load(mfn_t root)
{
	roots_load(root, mfn(0), false);
}

void arch_roots_load(mfn_t root, mfn_t companions)
{
	roots_load(root, companions, false);
}

void arch_root32_load(mfn_t l3)
{
	roots_load(l3, mfn(0), true);
}

void arch_flush_local(void)
{
	flush_note();
	drop(host_this->id, false, 0);
}

void arch_flush_page_local(uint64_t va)
{
	drop(host_this->id, true, va);
}

static void serve(unsigned int from, unsigned int to)
{
	struct cpu *me = host_this;
	bool yields = host_yields;

	host_yields = false;
	host_this = &host_cpus[to];
	if (request[from][to].one_page)
		arch_flush_page_local(request[from][to].va);
	else
		arch_flush_local();
	request[from][to].pending = false;
	host_this = me;
	host_yields = yields;
}

void host_interrupts(void)
{
	for (unsigned int i = 0; i < host_nr_cpus; i++)
		if (request[i][host_this->id].pending)
			serve(i, host_this->id);
}

static bool answered(unsigned int from)
{
	bool all = true;

	for (unsigned int i = 0; i < host_nr_cpus; i++) {
		if (!request[from][i].pending)
			continue;
		if (!host_cpu_busy(i))
			serve(from, i);
		else
			all = false;
	}
	return all;
}

void arch_flush_cpus(uint64_t cpus, bool one_page, uint64_t va)
{
	unsigned int me = host_this->id;

	for (; cpus; cpus &= cpus - 1) {
		unsigned int to = (unsigned int)__builtin_ctzll(cpus);

		if (to >= host_nr_cpus)
			host_fail("flush of cpu %u, which does not exist", to);
		request[me][to].pending = true;
		request[me][to].one_page = one_page;
		request[me][to].va = va;
	}
	if (request[me][me].pending)
		serve(me, me);
	while (!answered(me)) {
		host_interrupts();
		if (!host_switch_away())
			host_fail("cpu %u waits for a flush for ever", me);
	}
}
