/* SPDX-License-Identifier: MIT */
/*
 * Lines, their vectors, and what happens when one interrupts
 *
 *	device -> vector -> irq_note() : a bit, SOFTIRQ_IRQ
 *	                    irq_run()  : the event; masked, if need be; done
 *
 * Until irq_run() has said "done", the CPU lets in no second interrupt of the
 * same priority or a lower one: however a device rages, each of its
 * interrupts costs one round on the way back to a guest, which then runs at
 * least one instruction.
 *
 * A level line is masked before "done" and stays so until the guest's EOI
 * (PHYSDEVOP_eoi): a driver that is dead leaves it masked. An edge, or a
 * message, is told once and forgotten. If so many come that the guest has
 * not looked at the first yet when the UNHEARD_MAXth arrives, the line is
 * masked for a pause. What it would have said meanwhile may be lost, so after
 * the pause the event is raised once more: the guest finds nothing new at
 * worst. A line that nobody has bound is masked when it comes; who closes a
 * port leaves that to the next interrupt.
 *
 * A domain's lines are taken away before it goes (irq_domain_exit), under the
 * same lock, so irq_run() never meets one that is gone. A stray interrupt of a
 * vector that is free is done, and no more.
 */
#include "irq/line.h"

#include "bug.h"
#include "errno.h"
#include "event/event.h"
#include "lib/string.h"
#include "time/time.h"

#define VECTORS	    256
#define UNHEARD_MAX 64
#define PAUSE_NS    5000000UL

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_IRQ);
static struct irq irqs[VECTORS]; /* lock */
static unsigned int storms;	 /* lock: lines that pause */
static struct timer pause_end;	 /* lock: set while there are any */
/* A CPU's own, and its handlers', which come in windows only: bits. */
static uint64_t noted[MAX_CPUS][VECTORS / 64];

struct irq_locked irq_lock(void)
{
	spin_lock(&lock);
	return (struct irq_locked){ irqs };
}

void irq_unlock(struct irq_locked l)
{
	(void)l;
	spin_unlock(&lock);
}

void irq_init(void)
{
	memset(irqs, 0, sizeof(irqs));
	memset(noted, 0, sizeof(noted));
	storms = 0;
	irq_gsi_init();
	timer_init(&pause_end, TIMER_IRQ);
	if (timer_reserve(1))
		panic("no memory for a timer");
}

void irq_reserve(unsigned int vector)
{
	struct irq_locked l = irq_lock();

	l.irqs[vector].kind = IRQ_OURS;
	irq_unlock(l);
}

void irq_reserve_gsi(unsigned int vector, uint32_t gsi)
{
	struct irq_locked l = irq_lock();

	l.irqs[vector].kind = IRQ_OURS;
	irq_gsi_own(l, gsi, vector);
	irq_unlock(l);
}

/* ---- vectors ---- */

static bool all_free(struct irq_locked l, unsigned int first, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (l.irqs[first + i].kind != IRQ_FREE)
			return false;
	return true;
}

int irq_vectors_alloc(struct irq_locked l, enum irq_kind kind, unsigned int n,
		      unsigned int *first)
{
	unsigned int v = ARCH_VECTOR_FIRST / n * n;

	if (v < ARCH_VECTOR_FIRST)
		v += n;
	for (; v + n <= ARCH_VECTOR_END; v += n) {
		if (!all_free(l, v, n))
			continue;
		for (unsigned int i = 0; i < n; i++)
			l.irqs[v + i] = (struct irq){
				.kind = (uint8_t)kind,
				.masked = IRQ_UNBOUND,
			};
		*first = v;
		return 0;
	}
	return -ENOSPC;
}

void irq_vector_free(struct irq_locked l, unsigned int vector)
{
	struct irq *irq = &l.irqs[vector];

	irq_mask(irq, IRQ_UNBOUND);
	if (irq->kind == IRQ_GSI)
		irq_gsi_forget(l, irq->gsi);
	else
		irq_msi_end(irq);
	*irq = (struct irq){ .kind = IRQ_FREE };
}

/* ---- masks ---- */

/* The device's own mask becomes what we want of it. */
static void mask_write(const struct irq *irq, bool masked)
{
	if (irq->kind == IRQ_GSI)
		arch_gsi_mask(irq->gsi, masked);
	else
		irq_msi_mask(irq, masked);
}

void irq_mask(struct irq *irq, uint8_t reasons)
{
	if (!irq->masked)
		mask_write(irq, true);
	irq->masked |= reasons;
}

void irq_unmask(struct irq *irq, uint8_t reasons)
{
	if (!irq->masked)
		return;
	irq->masked &= (uint8_t)~reasons;
	if (!irq->masked)
		mask_write(irq, false);
}

/* ---- interrupts ---- */

void irq_note(unsigned int vector)
{
	struct cpu *c = this_cpu();

	noted[c->id][vector / 64] |= 1UL << vector % 64;
	cpu_raise(c, SOFTIRQ_IRQ);
}

static void storm_begin(struct irq *irq)
{
	irq_mask(irq, IRQ_STORM);
	if (storms++ == 0)
		timer_set(&pause_end, time_now_ns() + PAUSE_NS);
}

static void came(struct irq *irq)
{
	int told;

	if (!irq->d)
		return;
	if (irq->level)
		irq_mask(irq, IRQ_IN_SERVICE);
	told = event_raise_pirq(irq->d, irq->pirq);
	if (told < 0)
		irq_mask(irq, IRQ_UNBOUND);
	else if (told)
		irq->unheard = 0;
	else if (!irq->level && ++irq->unheard >= UNHEARD_MAX)
		storm_begin(irq);
}

/* The pause is over: all that storms may come again. */
static void storms_end(struct irq_locked l)
{
	for (unsigned int v = ARCH_VECTOR_FIRST; v < ARCH_VECTOR_END; v++) {
		struct irq *irq = &l.irqs[v];

		if (!(irq->masked & IRQ_STORM))
			continue;
		irq->unheard = 0;
		irq_unmask(irq, IRQ_STORM);
		(void)event_raise_pirq(irq->d, irq->pirq);
	}
	storms = 0;
}

/* Those of 64 vectors that have been noted; returns how many. */
static unsigned int word_run(struct irq_locked l, unsigned int word)
{
	uint64_t *mine = &noted[this_cpu()->id][word], bits = *mine;
	unsigned int n = 0;

	*mine = 0;
	for (; bits; bits &= bits - 1, n++)
		came(&l.irqs[word * 64 + (unsigned int)__builtin_ctzl(bits)]);
	return n;
}

void irq_run(void)
{
	struct irq_locked l = irq_lock();
	unsigned int n = 0;

	for (unsigned int word = 0; word < VECTORS / 64; word++)
		n += word_run(l, word);
	if (unlikely(storms) && !timer_is_set(&pause_end))
		storms_end(l);
	irq_unlock(l);
	arch_irq_done(n);
}
