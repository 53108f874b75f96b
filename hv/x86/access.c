/* SPDX-License-Identifier: MIT */
/*
 * What of the machine domain 0 may use itself: every number that is no RAM,
 * and every port, but for what is ours. Which numbers are RAM is not said
 * here: those belong to nobody who could be named (memory_give()).
 *
 * Ours are the interrupt controllers, local APICs with the range that their
 * messages go to, I/O APICs and PICs; the timer and its gate; the serial port
 * that we speak by. What of PCI's and the CMOS's pairs of ports is ours is
 * their order (trap/port.c): they are not given, but served.
 */
#include "arch.h"
#include "bug.h"
#include "domain/domain.h"
#include "frame/frame.h"
#include "x86/acpi.h"
#include "x86/uart.h"

#define MESSAGES_FIRST	0xfee00UL
#define MESSAGES_LAST	0xfeeffUL
#define PORT_LAST	0xffffU
#define PM_TIMER_BYTES	4U
#define UART_PORTS	8U
#define IOAPIC_FRAME(a) ((uint64_t)(a)->base >> PAGE_SHIFT)

/* First and last. */
static const uint16_t our_ports[][2] = {
	{ 0x20, 0x21 },	  { 0xa0, 0xa1 }, /* PICs */
	{ 0x40, 0x43 },	  { 0x61, 0x61 }, /* PIT, and its gate */
	{ 0xcfc, 0xcff },		  /* PCI configuration */
};

static void keep(struct domain *d, struct ranges *set, uint64_t first,
		 uint64_t n)
{
	int rc = domain_set_use(d, set, first, first + n - 1, false);

	BUG_ON(rc); /* fewer than a set has room for */
}

void arch_access_give(struct domain *d)
{
	struct domain_access *a = &d->access;
	unsigned int gsis = arch_gsis();
	int rc = domain_set_use(d, &a->memory, 0, ARCH_FRAMES - 1, true);

	if (!rc)
		rc = domain_set_use(d, &a->ports, 0, PORT_LAST, true);
	if (!rc && gsis > 1) /* 0 is the timer's */
		rc = domain_set_use(d, &a->irqs, 1, gsis - 1, true);
	BUG_ON(rc);
	keep(d, &a->memory, MESSAGES_FIRST, MESSAGES_LAST - MESSAGES_FIRST + 1);
	keep(d, &a->memory, acpi.local_apic >> PAGE_SHIFT, 1);
	for (unsigned int i = 0; i < acpi.nioapics; i++)
		keep(d, &a->memory, IOAPIC_FRAME(&acpi.ioapics[i]), 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(our_ports); i++)
		keep(d, &a->ports, our_ports[i][0],
		     our_ports[i][1] - our_ports[i][0] + 1U);
	if (acpi.pm_timer)
		keep(d, &a->ports, acpi.pm_timer, PM_TIMER_BYTES);
	if (uart_port())
		keep(d, &a->ports, uart_port(), UART_PORTS);
}
