/* SPDX-License-Identifier: MIT */
/* What a domain has of the machine's interrupts. */
#ifndef LODGE_IRQ_STATE_H
#define LODGE_IRQ_STATE_H

#include "event/state.h"

struct domain_irqs {
	/* irq lock: of each pirq, its vector, or one of these */
	uint8_t vector[EVENT_NR_PIRQS];
	uint64_t *eoi_bits; /* irq lock to set, once: in a frame of the guest's
			     * with a writable use; a bit for each pirq that
			     * PHYSDEVOP_eoi is wanted of. NULL: none */
	bool eoi_unmasks;   /* as eoi_bits: that call unmasks the port, too */
};
#define IRQ_NO_VECTOR 0
#define IRQ_PROMISED  1 /* the number is taken, by PHYSDEVOP_get_free_pirq */

#endif
