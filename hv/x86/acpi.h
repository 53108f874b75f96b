/* SPDX-License-Identifier: MIT */
/*
 * What the firmware's ACPI tables say of the machine, as far as it is said
 * without interpreting AML.
 */
#ifndef LODGE_X86_ACPI_H
#define LODGE_X86_ACPI_H

#include "types.h"

#define ACPI_CPUS      256
#define ACPI_IOAPICS   16
#define ACPI_OVERRIDES 24
#define ACPI_NMIS      8

struct acpi_cpu {
	uint32_t apic_id;
	uint32_t uid; /* the processor's name in AML and in acpi_nmi */
};

struct acpi_ioapic {
	uint32_t base; /* physical address of its registers */
	uint32_t gsi_base;
	uint8_t id;
};

/* flags of overrides and NMIs: polarity and trigger as on an MPS bus */
#define ACPI_POLARITY	   0x3
#define ACPI_POLARITY_LOW  0x3
#define ACPI_TRIGGER	   0xc
#define ACPI_TRIGGER_LEVEL 0xc

/* ISA interrupt irq arrives as gsi. */
struct acpi_override {
	uint32_t gsi;
	uint16_t flags;
	uint8_t irq;
};

/* An NMI is wired to this input (0, 1) of this processor's local APIC. */
#define ACPI_NMI_ALL UINT32_MAX
struct acpi_nmi {
	uint32_t uid; /* ACPI_NMI_ALL: of every processor */
	uint16_t flags;
	uint8_t lint;
};

/* A register anywhere; address 0: there is none. */
enum acpi_space {
	ACPI_SPACE_MEMORY,
	ACPI_SPACE_IO,
	ACPI_SPACE_PCI, /* bus 0: device << 32 | function << 16 | offset */
};
struct acpi_register {
	uint64_t address;
	uint8_t space; /* enum acpi_space, or what we do not know */
};

/* Filled once at boot, constant after. What was not found is 0. */
struct acpi_info {
	maddr_t rsdp; /* where it was found; 0: the loader gave a copy */

	/* MADT */
	bool has_madt;
	uint64_t local_apic;
	unsigned int ncpus, nioapics, noverrides, nnmis;
	struct acpi_cpu cpus[ACPI_CPUS]; /* enabled ones, in table order */
	struct acpi_ioapic ioapics[ACPI_IOAPICS];
	struct acpi_override overrides[ACPI_OVERRIDES];
	struct acpi_nmi nmis[ACPI_NMIS];

	/* FADT */
	bool has_fadt;
	bool pm_timer_32; /* the PM timer has 32 bits, not 24 */
	bool no_cmos;	  /* there is no CMOS clock */
	uint16_t smi_command, pm1a_control, pm1b_control, pm_timer; /* ports */
	uint8_t acpi_enable; /* what to say to smi_command */
	uint8_t century;     /* CMOS register of the century */
	uint8_t reset_value;
	struct acpi_register reset;

	/* \_S5_: sleep types that mean "off" */
	bool has_s5;
	uint8_t s5_type_a, s5_type_b;

	maddr_t hpet;
};

extern struct acpi_info acpi;

/*
 * Makes firmware memory readable: n bytes at a physical address, or NULL.
 * The result stays valid. On the machine this is paging_map_firmware().
 */
typedef const void *acpi_map_fn(maddr_t at, size_t n);

/*
 * Fills acpi. rsdp is the loader's copy of the root pointer, n bytes, or
 * NULL: then low memory is searched for it. Whatever is malformed is left
 * out with a message; -ENOENT when there is no usable root at all.
 */
[[nodiscard]] int acpi_init(const void *rsdp, size_t n, acpi_map_fn *map);

#endif
