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

#include "errno.h"
#include "log/log.h"
#include "x86/acpi.h"
#include "x86/paging.h"

#define WINDOW	     0x10 /* byte offset of the data; the index is at 0 */
#define REG_VERSION  1
#define REG_INPUT(n) (0x10 + 2 * (n))
#define INPUT_LOW    (1U << 13)
#define INPUT_LEVEL  (1U << 15)
#define INPUT_MASKED (1U << 16)

static struct ioapic {
	volatile uint32_t *regs; /* NULL: cannot be used */
	uint32_t gsi_base;
	uint32_t inputs;
} ioapics[ACPI_IOAPICS];

static uint32_t reg_read(const struct ioapic *io, uint32_t reg)
{
	io->regs[0] = reg;
	return io->regs[WINDOW / 4];
}

static void reg_write(const struct ioapic *io, uint32_t reg, uint32_t v)
{
	io->regs[0] = reg;
	io->regs[WINDOW / 4] = v;
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

int ioapic_route(uint32_t gsi, unsigned int vector, uint32_t apic_id,
		 bool level, bool low)
{
	uint32_t input, how = vector;
	const struct ioapic *io = find(gsi, &input);

	if (!io)
		return -ENODEV;
	if (apic_id > 0xff)
		return -EINVAL;
	how |= (level ? INPUT_LEVEL : 0) | (low ? INPUT_LOW : 0);
	reg_write(io, REG_INPUT(input), how | INPUT_MASKED);
	reg_write(io, REG_INPUT(input) + 1, apic_id << 24);
	reg_write(io, REG_INPUT(input), how);
	return 0;
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

int ioapic_route_isa(uint8_t irq, unsigned int vector, uint32_t apic_id)
{
	const struct acpi_override *o = find_override(irq);
	uint16_t flags = o ? o->flags : 0;

	return ioapic_route(ioapic_gsi_of_isa(irq), vector, apic_id,
			    (flags & ACPI_TRIGGER) == ACPI_TRIGGER_LEVEL,
			    (flags & ACPI_POLARITY) == ACPI_POLARITY_LOW);
}
