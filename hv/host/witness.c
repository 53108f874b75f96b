/* SPDX-License-Identifier: MIT */
/*
 * The lock witness: each simulated CPU has the list of locks it holds, and a
 * lock may be waited for only when its rank is above all of them (lock.h).
 * Two locks of one rank are those of two domains, in the order of their ids.
 * An order that could deadlock is then found by the first test that takes
 * it, without the deadlock. Locks are dropped in any order.
 */
#include "host/host.h"

#define HELD_MAX 16

static struct {
	struct spinlock *lock[HELD_MAX];
	unsigned int n;
} held[HOST_MAX_CPUS];

/* The id of the domain that the lock lies in, -1: in none. */
static int domain_of(const struct spinlock *l)
{
	uintptr_t p = (uintptr_t)l;

	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		if (p >= (uintptr_t)d && p < (uintptr_t)(d + 1))
			return d->id;
	return -1;
}

static bool ordered(const struct spinlock *first, const struct spinlock *second)
{
	int a, b;
	bool on = host_yields;

	if (first->rank != second->rank)
		return first->rank < second->rank;
	host_yields = false;
	a = domain_of(first);
	b = domain_of(second);
	host_yields = on;
	return a >= 0 && a < b;
}

void arch_lock_wanted(struct spinlock *l, uint32_t rank)
{
	unsigned int cpu = host_this->id;

	if (l->rank == 0 || l->rank != rank)
		host_fail("lock %p was never initialised", (void *)l);
	for (unsigned int i = 0; i < held[cpu].n; i++) {
		struct spinlock *h = held[cpu].lock[i];

		if (h == l)
			host_fail("cpu %u takes a lock of rank %u twice", cpu,
				  rank);
		if (!ordered(h, l))
			host_fail("cpu %u takes a lock of rank %u under one "
				  "of rank %u",
				  cpu, rank, h->rank);
	}
}

void arch_lock_taken(struct spinlock *l, uint32_t rank)
{
	unsigned int cpu = host_this->id;

	(void)rank;
	if (held[cpu].n == HELD_MAX)
		host_fail("cpu %u holds too many locks", cpu);
	held[cpu].lock[held[cpu].n++] = l;
}

void arch_lock_dropped(struct spinlock *l, uint32_t rank)
{
	unsigned int cpu = host_this->id, i = 0;

	while (i < held[cpu].n && held[cpu].lock[i] != l)
		i++;
	if (i == held[cpu].n)
		host_fail("cpu %u drops a lock of rank %u that it does not "
			  "hold",
			  cpu, rank);
	held[cpu].lock[i] = held[cpu].lock[--held[cpu].n];
}

unsigned int host_locks_held(unsigned int cpu)
{
	return held[cpu].n;
}

void host_locks_forget(void)
{
	for (unsigned int i = 0; i < HOST_MAX_CPUS; i++)
		held[i].n = 0;
}
