/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space, by the two ports that every PC has: an address
 * goes to one, the other then is that word. Both together are one access,
 * under a lock, whoever asks: a guest's own accesses come this way, too.
 */
#include "arch.h"
#include "lock.h"
#include "x86/port.h"

#define ADDRESS 0xcf8
#define DATA	0xcfc

static struct spinlock pair_lock = SPINLOCK_INIT(LOCK_RANK_PAIR);

uint32_t arch_pci_read(uint32_t address, unsigned int bytes)
{
	uint32_t v;

	spin_lock(&pair_lock);
	port_out32(ADDRESS, address & ~3U);
	v = arch_port_read((uint16_t)(DATA + (address & 3)), bytes);
	spin_unlock(&pair_lock);
	return v;
}

void arch_pci_write(uint32_t address, unsigned int bytes, uint32_t value)
{
	spin_lock(&pair_lock);
	port_out32(ADDRESS, address & ~3U);
	arch_port_write((uint16_t)(DATA + (address & 3)), bytes, value);
	spin_unlock(&pair_lock);
}
