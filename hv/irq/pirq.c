/* SPDX-License-Identifier: MIT */
/*
 * A domain's numbers for interrupts
 *
 *	       map_gsi, map_msi            bind_pirq
 *	FREE ------------------> MAPPED ------------------> BOUND
 *	  ^                        | ^                        |
 *	  |        unmap           | |     the port closes    |
 *	  +------------------------+ +------------------------+
 *
 * A number that is mapped has a vector; what is bound to it, event/ knows.
 * A mapping takes a vector from the whole machine, so its numbers limit how
 * many a domain can have, and only who may ask for it gets any (call/).
 */
#include "bug.h"
#include "errno.h"
#include "event/event.h"
#include "frame/frame.h"
#include "irq/line.h"

static bool is_free(const struct domain *d, uint32_t pirq, bool promised)
{
	uint8_t v = d->irqs.vector[pirq];

	return v == IRQ_NO_VECTOR || (promised && v == IRQ_PROMISED);
}

static bool row_is_free(const struct domain *d, uint32_t pirq, unsigned int n,
			bool promised)
{
	for (unsigned int i = 0; i < n; i++)
		if (!is_free(d, pirq + i, promised))
			return false;
	return true;
}

int irq_pirq_choose(struct irq_locked l, struct domain *d, bool gsi,
		    unsigned int n, int *pirq)
{
	/* The lowest are left to GSIs that have the same number. */
	uint32_t first = MIN(arch_gsis(), EVENT_NR_PIRQS / 2);
	uint32_t last = EVENT_NR_PIRQS - n;

	(void)l;
	if (domain_is_dying(d))
		return -EINVAL;
	if (*pirq >= 0) {
		if ((uint32_t)*pirq > last)
			return -EINVAL;
		return row_is_free(d, (uint32_t)*pirq, n, true) ? 0 : -EEXIST;
	}
	for (uint32_t i = 0; i <= last - first; i++) {
		uint32_t p = gsi ? first + i : last - i;

		if (!row_is_free(d, p, n, false))
			continue;
		*pirq = (int)p;
		return 0;
	}
	return -ENOSPC;
}

void irq_pirq_set(struct irq_locked l, struct domain *d, uint32_t pirq,
		  unsigned int vector)
{
	struct irq *irq = &l.irqs[vector];

	d->irqs.vector[pirq] = (uint8_t)vector;
	if (irq->kind == IRQ_OURS)
		return;
	irq->d = d;
	irq->pirq = (uint16_t)pirq;
	BUG_ON(event_pirq_allow(d, pirq));
}

struct irq *irq_of_pirq(struct irq_locked l, const struct domain *d,
			uint32_t pirq)
{
	uint8_t vector = pirq < EVENT_NR_PIRQS ? d->irqs.vector[pirq] : 0;

	return vector > IRQ_PROMISED ? &l.irqs[vector] : NULL;
}

int irq_promise(struct domain *d, bool gsi, uint32_t *pirq)
{
	struct irq_locked l = irq_lock();
	int p = -1, rc = irq_pirq_choose(l, d, gsi, 1, &p);

	if (!rc) {
		d->irqs.vector[p] = IRQ_PROMISED;
		*pirq = (uint32_t)p;
	}
	irq_unlock(l);
	return rc;
}

/* ---- the bits that ask for PHYSDEVOP_eoi ---- */

static void eoi_bit_set(struct domain *d, uint32_t pirq, bool wanted)
{
	if (!d->irqs.eoi_bits)
		return;
	if (wanted)
		(void)shared_set_bit(d->irqs.eoi_bits, pirq);
	else
		(void)shared_clear_bit(d->irqs.eoi_bits, pirq);
	guest_wrote(d, d->irqs.eoi_bits);
}

static void eoi_bits_fill(struct irq_locked l, struct domain *d)
{
	for (uint32_t p = 0; p < EVENT_NR_PIRQS; p++) {
		const struct irq *irq = irq_of_pirq(l, d, p);

		eoi_bit_set(d, p, irq && irq->level);
	}
}

int irq_eoi_page(struct domain *d, guest_mfn_t m, bool unmasks)
{
	struct frame *f = frame_lookup(m);
	struct irq_locked l;
	int rc = 0;

	if (!f)
		return -EINVAL;
	l = irq_lock();
	if (d->irqs.eoi_bits)
		rc = -EBUSY;
	else if (domain_is_dying(d) || !frame_get_writable(f, d))
		rc = -EINVAL;
	if (!rc) {
		d->irqs.eoi_bits = frame_ptr(f);
		d->irqs.eoi_unmasks = unmasks;
		eoi_bits_fill(l, d);
	}
	irq_unlock(l);
	return rc;
}

/* ---- binding and serving ---- */

/* The port is there: routes the line as it is wired and lets it come. */
static int start(struct irq_locked l, struct irq *irq)
{
	struct gsi_wiring w;
	int rc = 0;

	irq_mask(irq, IRQ_UNBOUND);
	if (irq->kind == IRQ_GSI) {
		w = irq_gsi_wiring(l, irq->gsi);
		irq->level = w.level;
		rc = arch_gsi_route(irq->gsi, (unsigned int)(irq - l.irqs), &w);
	}
	if (rc)
		return rc;
	eoi_bit_set(irq->d, irq->pirq, irq->level);
	irq->unheard = 0;
	irq_unmask(irq, (uint8_t)~IRQ_STORM);
	return 0;
}

static int bind(struct irq_locked l, struct domain *d, uint32_t pirq,
		uint32_t *port)
{
	struct irq *irq = irq_of_pirq(l, d, pirq);
	int rc;

	if (irq && irq->kind == IRQ_OURS)
		return -EBUSY;
	if (irq && irq->kind == IRQ_GSI &&
	    !domain_may_use(d, &d->access.irqs, irq->gsi, irq->gsi))
		return -EPERM;
	rc = event_bind_pirq(d, pirq, port);
	if (rc)
		return rc;
	rc = irq ? start(l, irq) : -EINVAL;
	if (rc)
		(void)!event_close(d, *port);
	return rc;
}

int irq_bind(struct domain *d, uint32_t pirq, uint32_t *port)
{
	struct irq_locked l = irq_lock();
	int rc = bind(l, d, pirq, port);

	irq_unlock(l);
	return rc;
}

int irq_eoi(struct domain *d, uint32_t pirq)
{
	struct irq_locked l;
	struct irq *irq;

	if (pirq >= EVENT_NR_PIRQS)
		return -EINVAL;
	l = irq_lock();
	irq = irq_of_pirq(l, d, pirq);
	if (irq)
		irq_unmask(irq, IRQ_IN_SERVICE);
	irq_unlock(l);
	if (d->irqs.eoi_unmasks)
		event_unmask_pirq(d, pirq);
	return 0;
}

/* What is not bound yet will be as it is wired now. */
static bool is_level(struct irq_locked l, const struct irq *irq)
{
	return irq->kind == IRQ_GSI ? irq_gsi_wiring(l, irq->gsi).level : false;
}

int irq_status(struct domain *d, uint32_t pirq, uint32_t *flags)
{
	struct irq_locked l;
	const struct irq *irq;

	if (pirq >= EVENT_NR_PIRQS)
		return -EINVAL;
	l = irq_lock();
	irq = irq_of_pirq(l, d, pirq);
	*flags = irq && is_level(l, irq) ? XENIRQSTAT_needs_eoi : 0;
	irq_unlock(l);
	return 0;
}

/* ---- the end ---- */

/* One line of a row; not all of them need have a number. */
static void line_free(struct irq_locked l, struct irq *irq)
{
	struct domain *d = irq->d;

	if (d) {
		d->irqs.vector[irq->pirq] = IRQ_NO_VECTOR;
		event_pirq_take(d, irq->pirq);
		eoi_bit_set(d, irq->pirq, false);
	}
	irq_vector_free(l, (unsigned int)(irq - l.irqs));
}

/* Messages that were mapped in a row go together. */
static void unmap(struct irq_locked l, struct domain *d, uint32_t pirq)
{
	uint8_t vector = d->irqs.vector[pirq];
	struct irq *irq = &l.irqs[vector], *row;
	unsigned int n;

	d->irqs.vector[pirq] = IRQ_NO_VECTOR;
	if (vector <= IRQ_PROMISED || irq->kind == IRQ_OURS)
		return;
	row = irq - irq->nth;
	n = 1U << irq->order;
	for (unsigned int i = 0; i < n; i++)
		line_free(l, &row[i]);
}

int irq_unmap(struct domain *d, uint32_t pirq)
{
	struct irq_locked l;
	int rc = -EINVAL;

	if (pirq >= EVENT_NR_PIRQS)
		return rc;
	l = irq_lock();
	if (d->irqs.vector[pirq] != IRQ_NO_VECTOR) {
		unmap(l, d, pirq);
		rc = 0;
	}
	irq_unlock(l);
	return rc;
}

void irq_domain_exit(struct domain *d)
{
	struct irq_locked l = irq_lock();

	for (uint32_t p = 0; p < EVENT_NR_PIRQS; p++)
		unmap(l, d, p);
	if (d->irqs.eoi_bits)
		frame_put_writable(
			frame_of(arch_frame_of_ptr(d->irqs.eoi_bits)));
	d->irqs.eoi_bits = NULL;
	irq_unlock(l);
}
