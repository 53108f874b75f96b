/* SPDX-License-Identifier: MIT */
/*
 * Domains for tests of the lower rooms, put together from those rooms' own
 * parts: memory from the allocator, a tree of page tables that mm/ validates,
 * a vcpu on a CPU. Everything goes through the functions that real creation
 * uses, so that the oracle agrees with what it finds.
 */
#include <stdio.h>
#include <string.h>

#include "grant/grant.h"
#include "host/host.h"
#include "mm/mm.h"
#include "pte.h"

enum domain_width host_width;

static struct vcpu *vcpu_make(struct domain *d, uint32_t id)
{
	struct vcpu *v = frame_alloc_bytes(sizeof(*v));

	if (!v)
		host_fail("no memory for a vcpu");
	v->id = id;
	v->domain = d;
	v->info = (struct vcpu_info *)&d->shared->vcpu_info[id];
	v->sched.stop = VCPU_DOWN;
	v->trap.kernel_mode = true;
	if (arch_vcpu_init(v))
		host_fail("no memory for a vcpu's registers");
	return v;
}

struct domain *host_domain_make(uint64_t max_pages, unsigned int vcpus,
				bool privileged)
{
	struct domain *d = frame_alloc_bytes(sizeof(*d));

	if (!d || vcpus > DOMAIN_MAX_VCPUS)
		host_fail("no memory for a domain");
	d->privileged = privileged;
	d->width = host_width;
	d->state.v = DOMAIN_ALIVE;
	list_init(&d->link);
	frame_domain_init(d, max_pages);
	mm_domain_init(d);
	grant_domain_init(d, &(struct grant_limits){ 0 });
	spin_init(&d->event.lock, LOCK_RANK_EVENT);
	spin_init(&d->access.lock, LOCK_RANK_ACCESS);
	if (domain_publish(d, privileged ? 0 : 1, DOMAIN_IDS))
		host_fail("no room for a domain");
	snprintf(d->name, sizeof(d->name), "dom%u", d->id);
	if (frame_alloc_shared(d, &d->shared_frame))
		host_fail("no memory for shared_info");
	d->shared = frame_ptr(d->shared_frame);
	d->max_vcpus = vcpus;
	for (unsigned int i = 0; i < vcpus; i++)
		d->vcpu[i] = vcpu_make(d, i);
	return d;
}

static uint64_t entry(const struct frame *f, uint64_t flags)
{
	return frame_mfn(f).v << PAGE_SHIFT | PTE_P | PTE_A | flags;
}

static void link(struct frame *table, unsigned int level,
		 const struct frame *below, uint64_t flags)
{
	((uint64_t *)frame_ptr(table))[pte_index(HOST_VA, level)] =
		entry(below, flags);
}

static void tables_fill(struct host_guest *g)
{
	uint64_t *l1 = frame_ptr(g->l1), user = mm_width(g->d)->entry_bits;

	if (g->d->width == WIDTH_64) {
		g->root = g->l4;
		link(g->l4, 4, g->l3, PTE_RW | PTE_US);
		link(g->l3, 3, g->l2, PTE_RW | PTE_US);
	} else {
		g->root = g->l3;
		link(g->l3, 3, g->l2, 0);
		((uint64_t *)frame_ptr(g->l3))[3] = entry(g->l4, 0);
	}
	link(g->l2, 2, g->l1, PTE_RW | PTE_US);
	for (unsigned int i = 0; i < g->nr; i++)
		l1[i] = entry(g->frame[i], user | (i + 4 < g->nr ? PTE_RW : 0));
}

void host_guest_make(struct host_guest *g, unsigned int nr, unsigned int vcpus,
		     bool privileged)
{
	host_guest_fill(g, host_domain_make(nr, vcpus, privileged), nr);
}

void host_guest_fill(struct host_guest *g, struct domain *d, unsigned int nr)
{
	struct mm_locked m;
	int rc;

	memset(g, 0, sizeof(*g));
	if (nr < 5 || nr > ARRAY_SIZE(g->frame))
		host_fail("a guest of %u pages", nr);
	g->d = d;
	g->nr = nr;
	for (unsigned int i = 0; i < nr; i++) {
		if (frame_alloc_domain(g->d, 0, &g->frame[i]))
			host_fail("no memory for a guest");
		mm_m2p_set(g->frame[i], i);
	}
	g->l4 = g->frame[nr - 4];
	g->l3 = g->frame[nr - 3];
	g->l2 = g->frame[nr - 2];
	g->l1 = g->frame[nr - 1];
	tables_fill(g);
	m = mm_lock(g->d);
	while ((rc = mm_get_table(m, g->root, mm_width(d)->root)) == -ERESTART)
		;
	if (d->width == WIDTH_32)
		d->vcpu[0]->mm.root_user = g->root;
	mm_unlock(m);
	if (rc)
		host_fail("the first page tables are refused: %d", rc);
	g->d->vcpu[0]->mm.root_kernel = g->root;
}

void host_vcpu_enter(struct vcpu *v)
{
	struct vcpu *prev = host_this->current;

	if (prev == v)
		return;
	if (prev)
		prev->sched.running = false;
	if (v) {
		v->sched.cpu = (uint16_t)host_this->id;
		v->sched.running = true;
		v->sched.on_cpu = true;
	}
	arch_switch(prev, v);
	if (prev)
		prev->sched.on_cpu = false;
}
