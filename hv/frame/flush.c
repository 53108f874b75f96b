/* SPDX-License-Identifier: MIT */
/*
 * Stale translations. When a use of a frame ends (a writable mapping, a page
 * table, ownership itself) some CPU's TLB may still hold a translation of
 * it. Flushing then would be wasteful: most often the guest flushes soon for
 * reasons of its own. So the frame is stamped with the flush clock, and the
 * flush happens when the frame begins another life, on those CPUs that have
 * not flushed since.
 *
 *   clock ---1-----2-------3-----4----->   advances with each full flush
 *   CPU 0    F             F               flushed_at = 3
 *   CPU 1          F                       flushed_at = 2
 *   frame              ^stamp = 2          stale on CPU 1 only (2 <= 2)
 *
 * The stamp is taken before the count that allows the next life drops to
 * zero, so whoever sees the zero sees the stamp. The clock has 32 bits: when
 * it comes round, stamps from before could look new (harmless) and CPUs that
 * have not flushed for 2^32 flushes could look fresh: at zero, all flush.
 */
#include "frame/frame.h"

static atomic32_t flush_clock = { 1 };

/*
 * A bit for each CPU that has ever run a guest: who makes a CPU take up a
 * vcpu notes its flush, so that it is known here before it has translations.
 */
static atomic64_t flush_cpus;
static atomic32_t flush_times[MAX_CPUS];

static void note(struct cpu *c, uint32_t t)
{
	c->flushed_at = t;
	atomic32_store(&flush_times[c->id], t);
}

/* This CPU's first, or the clock has come round. */
static aside void note_rarely(struct cpu *c, uint32_t t)
{
	atomic64_or(&flush_cpus, 1UL << c->id);
	if (t == 0) {
		arch_flush_cpus(atomic64_load(&flush_cpus) & ~(1UL << c->id),
				false, 0);
		t = atomic32_add(&flush_clock, 1) + 1;
	}
	note(c, t);
}

void flush_note(void)
{
	struct cpu *c = this_cpu();
	uint32_t t = atomic32_add(&flush_clock, 1) + 1;

	if (unlikely(c->flushed_at == 0) || unlikely(t == 0))
		note_rarely(c, t);
	else
		note(c, t);
}

void flush_stamp(struct frame *f)
{
	atomic32_store(&f->stamp, atomic32_load(&flush_clock));
}

void flush_stale(struct frame *f)
{
	uint32_t stamp = atomic32_load(&f->stamp);
	uint64_t all = atomic64_load(&flush_cpus), stale = 0;

	for (; all; all &= all - 1) {
		unsigned int id = (unsigned int)__builtin_ctzll(all);

		if (atomic32_load(&flush_times[id]) <= stamp)
			stale |= 1UL << id;
	}
	if (stale)
		arch_flush_cpus(stale, false, 0);
}
