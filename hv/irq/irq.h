/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of the machine's devices, and the domains that take them. A
 * domain knows one by a number of its own, its pirq, and binds an event
 * channel to it.
 */
#ifndef LODGE_IRQ_H
#define LODGE_IRQ_H

#include "arch.h"
#include "domain/domain.h"
#include "irq/state.h"

/* Forgets all; before the functions below. Needs time_init() and memory. */
void irq_init(void);
/* That vector is no device's, or, if it is a GSI's, that device is ours. */
void irq_reserve(unsigned int vector);
void irq_reserve_gsi(unsigned int vector, uint32_t gsi);

/*
 * The handler of every vector of a device: takes no lock, only notes that it
 * came to this CPU. SOFTIRQ_IRQ then calls irq_run(), which tells whoever has
 * bound it, and says to the CPU that it is done.
 */
void irq_note(unsigned int vector);
void irq_run(void);

/*
 * How a GSI is wired, before it is first used. -EINVAL: there is none.
 * -EEXIST: that has been said before, or it is in use.
 */
[[nodiscard]] int irq_gsi_setup(uint32_t gsi, const struct gsi_wiring *w);

/*
 * Gives the domain a GSI under the number *pirq, or, if that is negative,
 * under a free one. Twice the same is no error. -EINVAL: no such GSI or
 * number. -EEXIST: one of them is in use by the domain as something else.
 * -EBUSY: another domain has the GSI. -ENOSPC: no number, no vector.
 */
[[nodiscard]] int irq_map_gsi(struct domain *d, uint32_t gsi, int *pirq);
/*
 * The same for messages of a PCI function. caller: the domain that has it
 * done, whose memory the function's table is in. n above 1, MSI only: as many
 * in a row. -ENODEV: no such function, or it has no such messages. -EINVAL:
 * not so many. -EEXIST: in use. -EPERM: the table is not in the caller's
 * device memory; -ENXIO: nor in any now.
 */
struct irq_message {
	uint16_t function; /* bus << 8 | device << 3 | function */
	unsigned int n;	   /* 1 to 32 */
	uint32_t entry;	   /* of the table */
	uint64_t table;	   /* what MSI-X's offset counts from; 0: MSI */
};
[[nodiscard]] int irq_map_message(struct domain *caller, struct domain *d,
				  const struct irq_message *m, int *pirq);
/* Writes all messages of a function anew: it has been reset. */
void irq_msi_restore(uint16_t function);
bool irq_function_exists(uint16_t function);
bool irq_function_has_msix(uint16_t function);
/* Takes an interrupt away, and closes its port. -EINVAL: the domain does not
 * have it. */
[[nodiscard]] int irq_unmap(struct domain *d, uint32_t pirq);
/* Promises the domain a number for a mapping to come. -ENOSPC. */
[[nodiscard]] int irq_promise(struct domain *d, bool gsi, uint32_t *pirq);

/*
 * EVTCHNOP_bind_pirq: event_bind_pirq(), and lets the interrupts come.
 * -EBUSY: it is the hypervisor's own. -EPERM: not the domain's.
 */
[[nodiscard]] int irq_bind(struct domain *d, uint32_t pirq, uint32_t *port);
/* PHYSDEVOP_eoi: the guest has served its device; -EINVAL: no such number. */
[[nodiscard]] int irq_eoi(struct domain *d, uint32_t pirq);
/* PHYSDEVOP_irq_status_query: XENIRQSTAT_*. -EINVAL: no such number. */
[[nodiscard]] int irq_status(struct domain *d, uint32_t pirq, uint32_t *flags);
/*
 * PHYSDEVOP_pirq_eoi_gmfn: from now on that frame has a bit for each pirq
 * that needs irq_eoi(); unmasks: which then unmasks the port. -EINVAL: no
 * writable memory of the guest's. -EBUSY: there is one.
 */
[[nodiscard]] int irq_eoi_page(struct domain *d, guest_mfn_t m, bool unmasks);

/* All that the domain has is masked and free again. */
void irq_domain_exit(struct domain *d);

#endif
