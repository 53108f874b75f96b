/* SPDX-License-Identifier: MIT */
/*
 * Devices: an I/O APIC of 24 inputs that only remembers what it was told, and
 * PCI configuration spaces that the test fills. A test has a device interrupt
 * by its vector; a line that is masked does not get through.
 */
#include <string.h>

#include "errno.h"
#include "host/host.h"
#include "irq/irq.h"

#define GSIS	   24
#define IOAPIC_AT  0xfec00000
#define INPUT_BASE 0x10

struct host_gsi host_gsis[GSIS];
uint64_t host_irqs_done;

static struct {
	uint32_t address; /* of the function: 0x80000000 | bus... */
	uint8_t config[256];
} functions[HOST_PCI_MAX];
static unsigned int nr_functions;

void host_devices_init(void)
{
	memset(host_gsis, 0, sizeof(host_gsis));
	for (unsigned int i = 0; i < GSIS; i++)
		host_gsis[i].masked = true;
	host_irqs_done = 0;
	nr_functions = 0;
	memset(host_device_page, 0, PAGE_SIZE);
}

unsigned int arch_gsis(void)
{
	return GSIS;
}

int arch_gsi_wiring(uint32_t gsi, struct gsi_wiring *w)
{
	if (gsi >= GSIS)
		return -ENODEV;
	w->level = w->low = gsi >= 16;
	return 0;
}

int arch_gsi_route(uint32_t gsi, unsigned int vector,
		   const struct gsi_wiring *w)
{
	if (gsi >= GSIS)
		return -ENODEV;
	host_gsis[gsi] = (struct host_gsi){ vector, *w, true };
	return 0;
}

void arch_gsi_mask(uint32_t gsi, bool masked)
{
	host_gsis[gsi].masked = masked;
}

int arch_ioapic_read(uint64_t base, uint32_t reg, uint32_t *value,
		     uint32_t *gsi)
{
	uint32_t input = (reg - INPUT_BASE) / 2;

	if (base != IOAPIC_AT)
		return -EINVAL;
	*value = reg == 1 ? (GSIS - 1) << 16 | 0x20 : 0;
	*gsi = reg % 2 == 0 && input < GSIS ? input : ARCH_NO_GSI;
	return 0;
}

bool host_gsi_raise(uint32_t gsi)
{
	if (host_gsis[gsi].masked)
		return false;
	irq_note(host_gsis[gsi].vector);
	return true;
}

void arch_irq_done(unsigned int n)
{
	host_irqs_done += n;
}

/* ---- PCI ---- */

uint32_t host_device_page[PAGE_SIZE / 4];

/* There is one, wherever it is. */
volatile uint32_t *arch_device_map(maddr_t page)
{
	(void)page;
	return host_device_page;
}

uint8_t *host_pci_add(uint32_t address)
{
	if (nr_functions == HOST_PCI_MAX)
		host_fail("too many PCI functions");
	functions[nr_functions].address = address;
	memset(functions[nr_functions].config, 0, 256);
	return functions[nr_functions++].config;
}

static uint8_t *config_at(uint32_t address)
{
	for (unsigned int i = 0; i < nr_functions; i++)
		if (functions[i].address == (address & ~0xffU))
			return &functions[i].config[address & 0xff];
	return NULL;
}

uint32_t arch_pci_read(uint32_t address, unsigned int bytes)
{
	const uint8_t *at = config_at(address);
	uint32_t v = UINT32_MAX;

	if ((address & 3) + bytes > 4)
		host_fail("PCI access across a word");
	if (at)
		v = 0;
	for (unsigned int i = 0; at && i < bytes; i++)
		v |= (uint32_t)at[i] << 8 * i;
	return bytes == 4 ? v : v & ((1U << 8 * bytes) - 1);
}

void arch_pci_write(uint32_t address, unsigned int bytes, uint32_t value)
{
	uint8_t *at = config_at(address);

	if ((address & 3) + bytes > 4)
		host_fail("PCI access across a word");
	for (unsigned int i = 0; at && i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}
