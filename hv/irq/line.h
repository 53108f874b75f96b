/* SPDX-License-Identifier: MIT */
/* Lines and their vectors, for the files of this room. */
#ifndef LODGE_IRQ_LINE_H
#define LODGE_IRQ_LINE_H

#include "irq/irq.h"

enum irq_kind {
	IRQ_FREE,
	IRQ_OURS, /* the hypervisor's own */
	IRQ_GSI,
	IRQ_MSI,
	IRQ_MSIX,
};

/* Why a line is masked. */
enum {
	IRQ_UNBOUND = 1 << 0,	 /* nobody would be told */
	IRQ_IN_SERVICE = 1 << 1, /* a level one, until the guest's EOI */
	IRQ_STORM = 1 << 2,	 /* it came too often, for a while */
};

/* What a PCI function has been told to write. */
struct msi {
	uint16_t function; /* bus << 8 | device << 3 | function */
	uint8_t at;	   /* of the capability, in its configuration */
	uint32_t number;   /* MSI-X: of the entry, which is here: */
	volatile uint32_t *entry;
};

/* One interrupt with a vector. All under the irq lock. */
struct irq {
	struct domain *d; /* who has it; NULL: free, or ours */
	uint16_t pirq;	  /* its number for d */
	uint8_t kind;	  /* enum irq_kind */
	uint8_t masked;	  /* IRQ_UNBOUND... */
	bool level;
	uint8_t unheard;    /* times that it came while its event was pending */
	uint8_t nth, order; /* its place in a row of 2^order vectors */
	uint32_t gsi;
	struct msi msi;
};

static inline bool irq_is_message(const struct irq *irq)
{
	return irq->kind == IRQ_MSI || irq->kind == IRQ_MSIX;
}

/* Witness: the irq lock is held. */
struct irq_locked {
	struct irq *irqs; /* by vector */
};

struct irq_locked irq_lock(void);
void irq_unlock(struct irq_locked l);

/*
 * Takes n free vectors in a row, the first a multiple of n (1, 2, 4...), for
 * interrupts of that kind that nobody has yet, all masked. -ENOSPC.
 */
[[nodiscard]] int irq_vectors_alloc(struct irq_locked l, enum irq_kind kind,
				    unsigned int n, unsigned int *first);
/* Masks it and makes its vector free. */
void irq_vector_free(struct irq_locked l, unsigned int vector);
/* Adds or removes reasons to mask it. */
void irq_mask(struct irq *irq, uint8_t reasons);
void irq_unmask(struct irq *irq, uint8_t reasons);

/* ---- GSIs (gsi.c) ---- */

/* As somebody has said that it is wired, or else the firmware. */
struct gsi_wiring irq_gsi_wiring(struct irq_locked l, uint32_t gsi);
void irq_gsi_init(void);
void irq_gsi_own(struct irq_locked l, uint32_t gsi, unsigned int vector);
/* The vector goes: its GSI has none. */
void irq_gsi_forget(struct irq_locked l, uint32_t gsi);

/* ---- messages (msi.c) ---- */

void irq_msi_mask(const struct irq *irq, bool masked);
/* The function shall write it no more. */
void irq_msi_end(const struct irq *irq);

/* ---- a domain's numbers (pirq.c) ---- */

/*
 * A number for n mappings in a row: at *pirq, or, if that is negative, free
 * ones, from the bottom for GSIs, from the top for others. -EINVAL, -EEXIST,
 * -ENOSPC.
 */
[[nodiscard]] int irq_pirq_choose(struct irq_locked l, struct domain *d,
				  bool gsi, unsigned int n, int *pirq);
/* The domain has a vector under that number from now on. */
void irq_pirq_set(struct irq_locked l, struct domain *d, uint32_t pirq,
		  unsigned int vector);
/* The line that the domain has under a number, which may be any; or NULL. */
struct irq *irq_of_pirq(struct irq_locked l, const struct domain *d,
			uint32_t pirq);

#endif
