/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks. Interrupt handlers take none (they only set bits), so a lock
 * never has to keep interrupts off, and a CPU that spins opens a window for
 * them (arch_relax): whoever holds the lock and waits for our answer to an
 * interrupt gets it. The rank is the lock's place in the order of
 * docs/locking.md; in a process, arch_lock_* hold every thread to it.
 */
#ifndef LODGE_LOCK_H
#define LODGE_LOCK_H

#include "atomic.h"
#include "types.h"

/* Outermost first: a lock may be taken only while all held have lower rank. */
enum lock_rank {
	LOCK_RANK_VCPUS = 1, /* vcpus that are being initialised */
	LOCK_RANK_DOMLIST,   /* the table of domains */
	LOCK_RANK_MM,	     /* a domain's page tables */
	LOCK_RANK_GRANT,     /* a domain's grant table */
	LOCK_RANK_IRQ,	     /* the machine's interrupts */
	LOCK_RANK_EVENT,     /* a domain's event channels */
	LOCK_RANK_FIFO,	     /* a domain's queues of events */
	LOCK_RANK_SCHED,     /* run queues and vcpu states */
	LOCK_RANK_TIMER,     /* a CPU's timers */
	LOCK_RANK_PAGES,     /* a domain's list of pages */
	LOCK_RANK_HEAP,	     /* the page allocator */
	LOCK_RANK_CONSOLE,   /* guests' console rings, keyboard focus */
	LOCK_RANK_REAPER,    /* the lists of domains that ended */
	LOCK_RANK_ACCESS,    /* what machine a domain may use */
	LOCK_RANK_LOG,	     /* the log ring and the line under way */
	LOCK_RANK_PAIR,	     /* two registers of a device, used as one */
};

struct spinlock {
	atomic32_t held;
	uint32_t rank;
};

#define SPINLOCK_INIT(r)                   \
	{                                  \
		.held = { 0 }, .rank = (r) \
	}

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	l->held.v = 0;
	l->rank = rank;
}

static inline bool spin_trylock(struct spinlock *l)
{
	if (atomic32_xchg(&l->held, 1))
		return false;
	arch_lock_taken(l, l->rank);
	return true;
}

static inline void spin_lock(struct spinlock *l)
{
	arch_lock_wanted(l, l->rank);
	while (unlikely(atomic32_xchg(&l->held, 1)))
		while (atomic32_load(&l->held))
			arch_relax();
	arch_lock_taken(l, l->rank);
}

static inline void spin_unlock(struct spinlock *l)
{
	arch_lock_dropped(l, l->rank);
	atomic32_store(&l->held, 0);
}

#endif
