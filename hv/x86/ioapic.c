/* SPDX-License-Identifier: MIT */
/*
 * I/O APICs
 *
 * Each has an index register and a data window behind it; from index 0x10 on
 * there are two words for each input: how it is delivered, and to whom. An
 * input of the machine as a whole is its GSI: the I/O APIC's first one, plus
 * the number of the input.
 */
#include "x86/ioapic.h"

#include "arch.h"
#include "errno.h"
#include "lock.h"
#include "log/log.h"
#include "x86/acpi.h"
#include "x86/paging.h"

#define WINDOW	     0x10 /* byte offset of the data; the index is at 0 */
#define REG_VERSION  1
#define REG_INPUT(n) (0x10 + 2 * (n))
#define ISA_IRQS     16
#define INPUT_LOW    (1U << 13)
#define INPUT_LEVEL  (1U << 15)
#define INPUT_MASKED (1U << 16)

static struct ioapic {
	volatile uint32_t *regs; /* NULL: cannot be used */
	uint32_t gsi_base;
	uint32_t inputs;
} ioapics[ACPI_IOAPICS];

/* What each input's lower word is when it is not masked. */
static uint32_t routes[ARCH_GSIS];

/* The index and the window behind it are one register. */
static struct spinlock pair_lock = SPINLOCK_INIT(LOCK_RANK_PAIR);

static uint32_t reg_read(const struct ioapic *io, uint32_t reg)
{
	uint32_t v;

	spin_lock(&pair_lock);
	io->regs[0] = reg;
	v = io->regs[WINDOW / 4];
	spin_unlock(&pair_lock);
	return v;
}

static void reg_write(const struct ioapic *io, uint32_t reg, uint32_t v)
{
	spin_lock(&pair_lock);
	io->regs[0] = reg;
	io->regs[WINDOW / 4] = v;
	spin_unlock(&pair_lock);
}

void ioapic_init(void)
{
	for (unsigned int i = 0; i < acpi.nioapics; i++) {
		struct ioapic *io = &ioapics[i];
		uint32_t version;

		io->gsi_base = acpi.ioapics[i].gsi_base;
		io->regs = paging_map_device(maddr(acpi.ioapics[i].base), 32);
		version = io->regs ? reg_read(io, REG_VERSION) : UINT32_MAX;
		if (version == UINT32_MAX) {
			log_warn("I/O APIC at %#x does not answer",
				 acpi.ioapics[i].base);
			io->regs = NULL;
			continue;
		}
		io->inputs = (version >> 16 & 0xff) + 1;
		for (uint32_t n = 0; n < io->inputs; n++)
			reg_write(io, REG_INPUT(n), INPUT_MASKED);
	}
}

/* The I/O APIC with that input, whose number there goes to *input. */
static const struct ioapic *find(uint32_t gsi, uint32_t *input)
{
	for (unsigned int i = 0; i < acpi.nioapics; i++) {
		const struct ioapic *io = &ioapics[i];

		if (io->regs && gsi >= io->gsi_base &&
		    gsi - io->gsi_base < io->inputs) {
			*input = gsi - io->gsi_base;
			return io;
		}
	}
	return NULL;
}

unsigned int arch_gsis(void)
{
	unsigned int end = 0;

	for (unsigned int i = 0; i < acpi.nioapics; i++)
		if (ioapics[i].regs)
			end = MAX(end, ioapics[i].gsi_base + ioapics[i].inputs);
	return MIN(end, ARCH_GSIS);
}

int arch_gsi_route(uint32_t gsi, unsigned int vector,
		   const struct gsi_wiring *w)
{
	uint32_t input, apic_id = this_cpu()->apic_id;
	const struct ioapic *io = find(gsi, &input);

	if (!io || gsi >= ARCH_GSIS)
		return -ENODEV;
	if (apic_id > 0xff)
		return -EINVAL;
	routes[gsi] = vector | (w->level ? INPUT_LEVEL : 0) |
		      (w->low ? INPUT_LOW : 0);
	arch_gsi_mask(gsi, true);
	reg_write(io, REG_INPUT(input) + 1, apic_id << 24);
	return 0;
}

void arch_gsi_mask(uint32_t gsi, bool masked)
{
	uint32_t input;
	const struct ioapic *io = find(gsi, &input);

	if (io)
		reg_write(io, REG_INPUT(input),
			  routes[gsi] | (masked ? INPUT_MASKED : 0));
}

int arch_ioapic_read(uint64_t base, uint32_t reg, uint32_t *value,
		     uint32_t *gsi)
{
	for (unsigned int i = 0; i < acpi.nioapics; i++) {
		const struct ioapic *io = &ioapics[i];
		uint32_t input = (reg - REG_INPUT(0)) / 2;

		if (acpi.ioapics[i].base != base || !io->regs)
			continue;
		*value = reg_read(io, reg);
		*gsi = reg % 2 == 0 && input < io->inputs ? io->gsi_base + input
							  : ARCH_NO_GSI;
		return 0;
	}
	return -EINVAL;
}

static const struct acpi_override *find_override(uint8_t irq)
{
	for (unsigned int i = 0; i < acpi.noverrides; i++)
		if (acpi.overrides[i].irq == irq)
			return &acpi.overrides[i];
	return NULL;
}

uint32_t ioapic_gsi_of_isa(uint8_t irq)
{
	const struct acpi_override *o = find_override(irq);

	return o ? o->gsi : irq;
}

/* ISA lines are edges and high, PCI's are level and low, but for those of
 * which the firmware says something else. */
int arch_gsi_wiring(uint32_t gsi, struct gsi_wiring *w)
{
	uint32_t input;

	if (!find(gsi, &input))
		return -ENODEV;
	w->level = w->low = gsi >= ISA_IRQS;
	for (unsigned int i = 0; i < acpi.noverrides; i++) {
		const struct acpi_override *o = &acpi.overrides[i];

		if (o->gsi != gsi)
			continue;
		w->level = (o->flags & ACPI_TRIGGER) == ACPI_TRIGGER_LEVEL;
		w->low = (o->flags & ACPI_POLARITY) == ACPI_POLARITY_LOW;
	}
	return 0;
}
