/* SPDX-License-Identifier: MIT */
/*
 * GSIs: inputs of the I/O APICs
 *
 * One domain has a GSI at a time; devices that share a line belong to one
 * domain, and its drivers sort out among themselves whose interrupt it was.
 *
 * How a line is wired (edge or level, active high or low) is known to who
 * reads the firmware's AML, which is domain 0: it says so once, before or
 * after it maps the GSI, and what it says holds from the first binding on. For
 * ISA lines the firmware's table has told us, and the others are PCI's.
 *
 * The hypervisor keeps the line of its own serial port. A domain may map it,
 * as domain 0's kernel maps every ISA line while it boots, but not bind it.
 */
#include "errno.h"
#include "event/event.h"
#include "irq/line.h"
#include "lib/string.h"

static struct gsi {	/* irq lock */
	uint8_t vector; /* IRQ_NO_VECTOR: nobody has it */
	bool told;	/* its wiring is what somebody said */
	struct gsi_wiring wiring;
} gsis[ARCH_GSIS];

void irq_gsi_init(void)
{
	memset(gsis, 0, sizeof(gsis));
}

void irq_gsi_own(struct irq_locked l, uint32_t gsi, unsigned int vector)
{
	(void)l;
	if (gsi < ARCH_GSIS)
		gsis[gsi].vector = (uint8_t)vector;
}

void irq_gsi_forget(struct irq_locked l, uint32_t gsi)
{
	(void)l;
	gsis[gsi].vector = IRQ_NO_VECTOR;
}

struct gsi_wiring irq_gsi_wiring(struct irq_locked l, uint32_t gsi)
{
	struct gsi_wiring w = { false, false };

	(void)l;
	if (gsis[gsi].told)
		return gsis[gsi].wiring;
	(void)!arch_gsi_wiring(gsi, &w); /* it exists */
	return w;
}

static bool exists(uint32_t gsi)
{
	struct gsi_wiring w;

	return gsi < ARCH_GSIS && !arch_gsi_wiring(gsi, &w);
}

static bool is_open(struct irq_locked l, unsigned int vector)
{
	return vector && !(l.irqs[vector].masked & IRQ_UNBOUND);
}

int irq_gsi_setup(uint32_t gsi, const struct gsi_wiring *w)
{
	struct irq_locked l;
	int rc = 0;

	if (!exists(gsi))
		return -EINVAL;
	l = irq_lock();
	if (gsis[gsi].told || is_open(l, gsis[gsi].vector)) {
		rc = -EEXIST;
	} else {
		gsis[gsi].told = true;
		gsis[gsi].wiring = *w;
	}
	irq_unlock(l);
	return rc;
}

/* It has a vector: may the domain have it under that number? */
static int map_again(struct irq_locked l, struct domain *d, uint32_t gsi,
		     int *pirq)
{
	unsigned int vector = gsis[gsi].vector;
	const struct irq *irq = &l.irqs[vector];
	int rc;

	if (irq->d == d) {
		if (*pirq >= 0 && *pirq != irq->pirq)
			return -EEXIST;
		*pirq = irq->pirq;
		return 0;
	}
	if (irq->kind != IRQ_OURS)
		return -EBUSY;
	if (irq_of_pirq(l, d, (uint32_t)*pirq) == irq)
		return 0;
	rc = irq_pirq_choose(l, d, true, 1, pirq);
	if (!rc)
		irq_pirq_set(l, d, (uint32_t)*pirq, vector);
	return rc;
}

static int map(struct irq_locked l, struct domain *d, uint32_t gsi, int *pirq)
{
	unsigned int vector;
	int rc;

	if (gsis[gsi].vector)
		return map_again(l, d, gsi, pirq);
	rc = irq_pirq_choose(l, d, true, 1, pirq);
	if (!rc)
		rc = irq_vectors_alloc(l, IRQ_GSI, 1, &vector);
	if (rc)
		return rc;
	l.irqs[vector].gsi = gsi;
	gsis[gsi].vector = (uint8_t)vector;
	irq_pirq_set(l, d, (uint32_t)*pirq, vector);
	return 0;
}

int irq_map_gsi(struct domain *d, uint32_t gsi, int *pirq)
{
	struct irq_locked l;
	int rc;

	if (!exists(gsi))
		return -EINVAL;
	l = irq_lock();
	rc = map(l, d, gsi, pirq);
	irq_unlock(l);
	return rc;
}
