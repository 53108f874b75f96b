/* SPDX-License-Identifier: MIT */
/*
 * Interrupts as messages: MSI and MSI-X of PCI functions
 *
 *	config space of a function          its memory (MSI-X)
 *	  status -> first capability          entry 0: address, data, masked
 *	    id, next, ...                     entry 1: ...
 *	    MSI: control, address, data[, mask bits]
 *	    MSI-X: control, where the table is
 *
 * A message is a write of a word to an address that belongs to a CPU; the
 * word is the vector. So whoever writes these registers chooses which of our
 * vectors a device raises: we do, when a domain maps the interrupt, and the
 * domain is told no vector. (A device that a domain controls could still be
 * made to write such a word with a plain DMA; only an IOMMU would stop it.)
 *
 * The function's own switch, "messages instead of the line", is left to its
 * driver; but an MSI without mask bits has no other mask.
 *
 * A function may lie: its list of capabilities may be a circle, its sizes
 * wrong. The walk is bounded, and each place is checked to be in the
 * function's 256 bytes. A table must lie where no RAM is, in memory that the
 * caller may use.
 */
#include "errno.h"
#include "frame/frame.h"
#include "irq/line.h"

#define CONFIG_ENABLE	0x80000000U
#define VENDOR		0x00
#define COMMAND		0x04
#define COMMAND_MEMORY	(1U << 1)
#define STATUS		0x06
#define STATUS_LIST	(1U << 4)
#define LIST		0x34
#define CONFIG_BYTES	256U
#define CAPABILITY_MIN	0x40
#define CAPABILITIES	48 /* as many as there is room for */
#define CAPABILITY_MSI	0x05
#define CAPABILITY_MSIX 0x11

#define CONTROL		 2 /* from the capability's start */
#define MSI_ENABLE	 (1U << 0)
#define MSI_CAN(control) ((control) >> 1 & 7) /* as a power of two */
#define MSI_USE_SHIFT	 4
#define MSI_USE		 (7U << MSI_USE_SHIFT)
#define MSI_64		 (1U << 7)
#define MSI_MASKABLE	 (1U << 8)
#define MSI_ADDRESS	 4
#define MSIX_LAST	 0x7ffU
#define MSIX_TABLE	 4
#define MSIX_BAR	 7U
#define MSIX_BYTES	 12U
#define MSIX_ENTRY	 16U
#define MSIX_MASKED	 1U

#define MESSAGE_ADDRESS 0xfee00000U
#define MESSAGE_CPU(id) ((id) << 12)

static uint32_t address(uint16_t function, unsigned int at)
{
	return CONFIG_ENABLE | (uint32_t)function << 8 | (at & 0xff);
}

static uint32_t get(uint16_t function, unsigned int at, unsigned int bytes)
{
	return arch_pci_read(address(function, at), bytes);
}

static void put(uint16_t function, unsigned int at, unsigned int bytes,
		uint32_t v)
{
	arch_pci_write(address(function, at), bytes, v);
}

bool irq_function_exists(uint16_t function)
{
	return get(function, VENDOR, 2) != 0xffff;
}

/* Where the function has that capability, 0: nowhere. */
static uint8_t capability(uint16_t function, uint8_t id)
{
	uint8_t at;

	if (!irq_function_exists(function) ||
	    !(get(function, STATUS, 2) & STATUS_LIST))
		return 0;
	at = (uint8_t)get(function, LIST, 1) & 0xfc;
	for (unsigned int i = 0; i < CAPABILITIES; i++) {
		if (at < CAPABILITY_MIN || get(function, at, 1) == id)
			break;
		at = (uint8_t)get(function, at + 1U, 1) & 0xfc;
	}
	return at >= CAPABILITY_MIN && get(function, at, 1) == id ? at : 0;
}

bool irq_function_has_msix(uint16_t function)
{
	return capability(function, CAPABILITY_MSIX) != 0;
}

static uint32_t control(const struct irq *irq)
{
	return get(irq->msi.function, irq->msi.at + CONTROL, 2);
}

/* ---- masks ---- */

static void msi_mask(const struct irq *irq, bool masked)
{
	const struct msi *m = &irq->msi;
	uint32_t c = control(irq), bits;
	unsigned int at = m->at + (c & MSI_64 ? 16U : 12U);

	if (c & MSI_MASKABLE) {
		bits = get(m->function, at, 4) & ~(1U << irq->nth);
		put(m->function, at, 4, bits | (uint32_t)masked << irq->nth);
	} else if (irq->order == 0) {
		c = masked ? c & ~MSI_ENABLE : c | MSI_ENABLE;
		put(m->function, m->at + CONTROL, 2, c);
	} /* else one of many would be all of them */
}

void irq_msi_mask(const struct irq *irq, bool masked)
{
	if (irq->msi.entry)
		irq->msi.entry[3] = masked ? MSIX_MASKED : 0;
	else
		msi_mask(irq, masked);
}

void irq_msi_end(const struct irq *irq)
{
	if (irq->msi.entry)
		irq->msi.entry[3] = MSIX_MASKED;
	else
		put(irq->msi.function, irq->msi.at + CONTROL, 2,
		    control(irq) & ~MSI_ENABLE);
}

/* ---- messages ---- */

/* The first of a row says it for all: the function adds its number. */
static void msi_write(const struct irq *irq, uint32_t to, uint32_t data)
{
	const struct msi *m = &irq->msi;
	uint32_t c = control(irq) & ~MSI_USE;
	unsigned int at = m->at + MSI_ADDRESS;

	put(m->function, at, 4, to);
	if (c & MSI_64)
		put(m->function, at += 4, 4, 0);
	put(m->function, at + 4, 2, data);
	put(m->function, m->at + CONTROL, 2,
	    c | (uint32_t)irq->order << MSI_USE_SHIFT);
}

static void msix_write(const struct irq *irq, uint32_t to, uint32_t data)
{
	volatile uint32_t *entry = irq->msi.entry;

	entry[3] = MSIX_MASKED;
	entry[0] = to;
	entry[1] = 0;
	entry[2] = data;
}

/* What the function has to write, and whether it may. */
static void message_write(struct irq_locked l, const struct irq *irq)
{
	uint32_t to = MESSAGE_ADDRESS | MESSAGE_CPU(this_cpu()->apic_id);
	uint32_t data = (uint32_t)(irq - l.irqs);

	if (irq->msi.entry)
		msix_write(irq, to, data);
	else if (irq->nth == 0)
		msi_write(irq, to, data);
	if (!irq->masked || irq->msi.entry ||
	    (control(irq) & MSI_MASKABLE))
		irq_msi_mask(irq, irq->masked);
}

void irq_msi_restore(uint16_t function)
{
	struct irq_locked l = irq_lock();

	for (unsigned int v = ARCH_VECTOR_FIRST; v < ARCH_VECTOR_END; v++)
		if (irq_is_message(&l.irqs[v]) &&
		    l.irqs[v].msi.function == function)
			message_write(l, &l.irqs[v]);
	irq_unlock(l);
}

/* ---- mapping ---- */

/*
 * Pages with tables of MSI-X, mapped when first used, and for ever: devices
 * stay where they are.
 */
static struct table_page { /* irq lock */
	uint64_t frame;
	volatile uint32_t *words; /* NULL: none yet */
} table_pages[64];

static volatile uint32_t *words_at(struct irq_locked l, uint64_t at)
{
	(void)l;
	for (unsigned int i = 0; i < ARRAY_SIZE(table_pages); i++) {
		struct table_page *p = &table_pages[i];

		if (!p->words) {
			p->frame = at >> PAGE_SHIFT;
			p->words = arch_device_map(maddr(at & PAGE_MASK));
			if (!p->words)
				return NULL;
		}
		if (p->frame == at >> PAGE_SHIFT)
			return p->words + (at & ~PAGE_MASK) / 4;
	}
	return NULL;
}

static int msix_find(struct irq_locked l, struct domain *caller,
		     const struct irq_message *m, struct msi *msi)
{
	uint32_t table = get(m->function, msi->at + MSIX_TABLE, 4);
	uint64_t at = m->table + (table & ~MSIX_BAR) + m->entry * MSIX_ENTRY;
	uint64_t frame = at >> PAGE_SHIFT;

	if (msi->at + MSIX_BYTES > CONFIG_BYTES)
		return -ENODEV;
	if (m->entry > (get(m->function, msi->at + CONTROL, 2) & MSIX_LAST) ||
	    at < m->table || (at & ~PAGE_MASK) > PAGE_SIZE - MSIX_ENTRY)
		return -EINVAL;
	if (!(get(m->function, COMMAND, 2) & COMMAND_MEMORY))
		return -ENXIO;
	if (frame >= ARCH_FRAMES || !frame_is_device(frame_of(mfn(frame))) ||
	    !domain_may_use(caller, &caller->access.memory, frame, frame))
		return -EPERM;
	msi->entry = words_at(l, at);
	return msi->entry ? 0 : -ENOMEM;
}

/* The power of two of messages that n of them take. */
static uint8_t order_of(unsigned int n)
{
	uint8_t order = 0;

	while (1U << order < n)
		order++;
	return order;
}

static int msi_find(const struct irq_message *m, const struct msi *msi)
{
	uint32_t c = get(m->function, msi->at + CONTROL, 2);
	unsigned int bytes =
		(c & MSI_64 ? 14 : 10) + (c & MSI_MASKABLE ? 10 : 0);

	if (msi->at + bytes > CONFIG_BYTES)
		return -ENODEV;
	return order_of(m->n) > MSI_CAN(c) ? -EINVAL : 0;
}

static bool is_used(struct irq_locked l, const struct irq_message *m)
{
	for (unsigned int v = ARCH_VECTOR_FIRST; v < ARCH_VECTOR_END; v++) {
		const struct irq *irq = &l.irqs[v];

		if (irq_is_message(irq) && irq->msi.function == m->function &&
		    (irq->kind == IRQ_MSI || !m->table ||
		     irq->msi.number == m->entry))
			return true;
	}
	return false;
}

static int find(struct irq_locked l, struct domain *caller,
		const struct irq_message *m, struct msi *msi)
{
	*msi = (struct msi){
		.function = m->function,
		.number = m->entry,
		.at = capability(m->function,
				 m->table ? CAPABILITY_MSIX : CAPABILITY_MSI),
	};
	if (!msi->at)
		return -ENODEV;
	if (is_used(l, m))
		return -EEXIST;
	/* Without remapping no message can name more. */
	if (this_cpu()->apic_id > 0xff)
		return -EOPNOTSUPP;
	return m->table ? msix_find(l, caller, m, msi) : msi_find(m, msi);
}

/* Nobody hears those of the row that were not asked for. */
static void map(struct irq_locked l, struct domain *d, const struct msi *msi,
		unsigned int first, unsigned int n, uint32_t pirq)
{
	uint8_t order = order_of(n);

	for (unsigned int i = 0; i < 1U << order; i++) {
		struct irq *irq = &l.irqs[first + i];

		irq->msi = *msi;
		irq->nth = (uint8_t)i;
		irq->order = order;
		if (i < n)
			irq_pirq_set(l, d, pirq + i, first + i);
		message_write(l, irq);
	}
}

int irq_map_message(struct domain *caller, struct domain *d,
		    const struct irq_message *m, int *pirq)
{
	struct irq_locked l = irq_lock();
	unsigned int first;
	struct msi msi;
	int rc = find(l, caller, m, &msi);

	if (!rc)
		rc = irq_pirq_choose(l, d, false, m->n, pirq);
	if (!rc)
		rc = irq_vectors_alloc(l, m->table ? IRQ_MSIX : IRQ_MSI,
				       1U << order_of(m->n), &first);
	if (!rc)
		map(l, d, &msi, first, m->n, (uint32_t)*pirq);
	irq_unlock(l);
	return rc;
}
