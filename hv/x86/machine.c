/* SPDX-License-Identifier: MIT */
/*
 * The end: off, reset, or standing still
 *
 * Off is a sleep state: ACPI says which number to write into which port.
 * There are many ways to reset a PC and none that works on all, so we go from
 * the polite to the certain.
 */
#include "arch.h"
#include "log/log.h"
#include "x86/acpi.h"
#include "x86/paging.h"
#include "x86/port.h"
#include "x86/tsc.h"
#include "x86/uart.h"

#define PM1_SCI_ENABLED	     (1U << 0)
#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_TYPE	     (7U << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP	     (1U << 13)

#define KEYBOARD_STATUS 0x64
#define KEYBOARD_FULL	0x02
#define KEYBOARD_RESET	0xfe
#define RESET_CONTROL	0xcf9
#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc

static _Noreturn void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}

_Noreturn void arch_panic(void)
{
	uart_drain();
	halt();
}

/* While the firmware has the machine in its legacy mode it cannot sleep. */
static void acpi_enable(void)
{
	if ((port_in16(acpi.pm1a_control) & PM1_SCI_ENABLED) ||
	    !acpi.smi_command || !acpi.acpi_enable)
		return;
	port_out8(acpi.smi_command, acpi.acpi_enable);
	for (unsigned int i = 0; i < 3000; i++) {
		if (port_in16(acpi.pm1a_control) & PM1_SCI_ENABLED)
			return;
		tsc_delay_us(1000);
	}
}

static void sleep(uint16_t port, uint8_t type)
{
	uint32_t v = port_in16(port);

	v &= ~(PM1_SLEEP_TYPE | PM1_SLEEP);
	v |= (uint32_t)type << PM1_SLEEP_TYPE_SHIFT;
	port_out16(port, (uint16_t)v);
	port_out16(port, (uint16_t)(v | PM1_SLEEP));
}

_Noreturn void arch_machine_off(void)
{
	__asm__ volatile("cli" : : : "memory");
	uart_drain();
	if (acpi.pm1a_control && acpi.has_s5) {
		acpi_enable();
		sleep(acpi.pm1a_control, acpi.s5_type_a);
		if (acpi.pm1b_control)
			sleep(acpi.pm1b_control, acpi.s5_type_b);
		tsc_delay_us(1000000);
	}
	log_warn("The machine cannot switch itself off. It is safe to do so.");
	arch_panic();
}

void arch_machine_off_by(uint16_t pm1a, uint16_t pm1b)
{
	acpi.has_s5 = true;
	acpi.s5_type_a = (pm1a & PM1_SLEEP_TYPE) >> PM1_SLEEP_TYPE_SHIFT;
	acpi.s5_type_b = (pm1b & PM1_SLEEP_TYPE) >> PM1_SLEEP_TYPE_SHIFT;
}

static void reset_by_acpi(void)
{
	uint64_t at = acpi.reset.address;
	volatile uint8_t *p;

	if (!at)
		return;
	switch (acpi.reset.space) {
	case ACPI_SPACE_MEMORY:
		p = paging_map_device(maddr(at), 1);
		if (p)
			*p = acpi.reset_value;
		break;
	case ACPI_SPACE_IO:
		port_out8((uint16_t)at, acpi.reset_value);
		break;
	case ACPI_SPACE_PCI:
		port_out32(PCI_ADDRESS,
			   0x80000000U | (uint32_t)(at >> 32 & 31) << 11 |
				   (uint32_t)(at >> 16 & 7) << 8 |
				   (uint32_t)(at & 0xfc));
		port_out8((uint16_t)(PCI_DATA + (at & 3)), acpi.reset_value);
		break;
	}
	tsc_delay_us(100000);
}

static void reset_by_keyboard(void)
{
	for (unsigned int i = 0; i < 1000; i++) {
		if (!(port_in8(KEYBOARD_STATUS) & KEYBOARD_FULL))
			break;
		tsc_delay_us(10);
	}
	port_out8(KEYBOARD_STATUS, KEYBOARD_RESET);
	tsc_delay_us(100000);
}

static void reset_by_chipset(void)
{
	uint8_t v = port_in8(RESET_CONTROL) & (uint8_t)~0x06;

	port_out8(RESET_CONTROL, v | 0x02);
	tsc_delay_us(50);
	port_out8(RESET_CONTROL, v | 0x06);
	tsc_delay_us(100000);
}

/* An exception while there is no way to handle any. */
static _Noreturn void reset_by_fault(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0; int3" : : "m"(none));
	halt();
}

_Noreturn void arch_machine_reboot(void)
{
	__asm__ volatile("cli" : : : "memory");
	uart_drain();
	reset_by_acpi();
	reset_by_keyboard();
	reset_by_chipset();
	reset_by_fault();
}
