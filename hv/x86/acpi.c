/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables
 *
 *   RSDP -> XSDT or RSDT -+-> MADT (processors, interrupt controllers)
 *                         +-> FADT (power, reset) -> DSDT (\_S5_)
 *                         +-> HPET
 *                         +-> SSDT... (\_S5_ too)
 *
 * Firmware is not an enemy, but it has bugs, and its tables are the first
 * thing we read. So nothing is believed: a table must have a plausible length
 * and a sum of zero, every field is read inside that length, every list is
 * walked by lengths that are checked to move forward, and a table is never
 * reached through another of its own kind. What fails is left out.
 *
 * Nothing here touches the machine: memory is read through the caller's
 * mapper, so that tests can hand in any bytes.
 */
#include "x86/acpi.h"

#include "errno.h"
#include "lib/string.h"
#include "log/log.h"

#define HEADER	   36
#define TABLE_MAX  (4UL << 20)
#define TABLES_MAX 512
#define RSDP_V1	   20
#define RSDP_V2	   36

struct table {
	const uint8_t *bytes;
	size_t n;
};

struct acpi_info acpi;

/* The little-endian number in size bytes at an offset; 0 beyond the end. */
static uint64_t field(const struct table *t, size_t at, unsigned int size)
{
	uint64_t v = 0;

	if (at > t->n || size > t->n - at)
		return 0;
	while (size--)
		v = v << 8 | t->bytes[at + size];
	return v;
}

static bool sum_is_zero(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum += *p++;
	return sum == 0;
}

static bool is(const struct table *t, const char *signature)
{
	return memcmp(t->bytes, signature, 4) == 0;
}

/* A signature that can be printed: other bytes become '?'. */
static const char *name(const struct table *t)
{
	static char text[5];

	for (int i = 0; i < 4; i++) {
		char c = (char)t->bytes[i];

		text[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	return text;
}

/* Maps and checks the table at an address. */
static int table_open(struct table *t, uint64_t at, acpi_map_fn *map)
{
	t->n = HEADER;
	t->bytes = at ? map(maddr(at), HEADER) : NULL;
	if (!t->bytes) {
		log_warn("ACPI: no table can be read at %#lx", at);
		return -EFAULT;
	}
	t->n = field(t, 4, 4);
	if (t->n < HEADER || t->n > TABLE_MAX) {
		log_warn("ACPI: %s at %#lx has a length of %zu: left out",
			 name(t), at, t->n);
		return -EINVAL;
	}
	t->bytes = map(maddr(at), t->n);
	if (!t->bytes) {
		log_warn("ACPI: the table at %#lx cannot be read", at);
		return -EFAULT;
	}
	if (!sum_is_zero(t->bytes, t->n)) {
		log_warn("ACPI: %s at %#lx has a wrong checksum: left out",
			 name(t), at);
		return -EINVAL;
	}
	return 0;
}

/* ---- MADT ---- */

static void add_cpu(uint32_t flags, uint32_t apic_id, uint32_t uid)
{
	if (!(flags & 1))
		return;
	for (unsigned int i = 0; i < acpi.ncpus; i++)
		if (acpi.cpus[i].apic_id == apic_id)
			return;
	if (acpi.ncpus == ACPI_CPUS) {
		log_warn("ACPI: processor %u left out: too many", apic_id);
		return;
	}
	acpi.cpus[acpi.ncpus++] = (struct acpi_cpu){ apic_id, uid };
}

static void add_ioapic(const struct table *e)
{
	if (acpi.nioapics == ACPI_IOAPICS) {
		log_warn("ACPI: an I/O APIC left out: too many");
		return;
	}
	acpi.ioapics[acpi.nioapics++] = (struct acpi_ioapic){
		.id = (uint8_t)field(e, 2, 1),
		.base = (uint32_t)field(e, 4, 4),
		.gsi_base = (uint32_t)field(e, 8, 4),
	};
}

static void add_override(const struct table *e)
{
	if (field(e, 2, 1) != 0 || field(e, 3, 1) > 15 ||
	    acpi.noverrides == ACPI_OVERRIDES) {
		log_warn("ACPI: an interrupt override left out");
		return;
	}
	acpi.overrides[acpi.noverrides++] = (struct acpi_override){
		.irq = (uint8_t)field(e, 3, 1),
		.gsi = (uint32_t)field(e, 4, 4),
		.flags = (uint16_t)field(e, 8, 2),
	};
}

static void add_nmi(uint32_t uid, uint16_t flags, uint8_t lint)
{
	if (lint > 1 || acpi.nnmis == ACPI_NMIS) {
		log_warn("ACPI: an NMI input left out");
		return;
	}
	acpi.nmis[acpi.nnmis++] = (struct acpi_nmi){ uid, flags, lint };
}

/* The least length of each kind of entry that we read. */
static const uint8_t madt_length[] = {
	[0] = 8, [1] = 12, [2] = 10, [4] = 6, [5] = 12, [9] = 16, [10] = 12,
};

static void madt_entry(const struct table *e)
{
	uint64_t type = e->bytes[0], uid;

	if (type >= ARRAY_SIZE(madt_length) || !madt_length[type])
		return;
	if (e->n < madt_length[type]) {
		log_warn("ACPI: short MADT entry of type %lu left out", type);
		return;
	}
	switch (type) {
	case 0: /* local APIC */
		add_cpu((uint32_t)field(e, 4, 4), e->bytes[3], e->bytes[2]);
		break;
	case 1:
		add_ioapic(e);
		break;
	case 2:
		add_override(e);
		break;
	case 4: /* local APIC's NMI */
		uid = e->bytes[2] == 0xff ? ACPI_NMI_ALL : e->bytes[2];
		add_nmi((uint32_t)uid, (uint16_t)field(e, 3, 2), e->bytes[5]);
		break;
	case 5: /* the address in 64 bits */
		acpi.local_apic = field(e, 4, 8);
		break;
	case 9: /* x2APIC */
		add_cpu((uint32_t)field(e, 8, 4), (uint32_t)field(e, 4, 4),
			(uint32_t)field(e, 12, 4));
		break;
	case 10: /* x2APIC's NMI */
		add_nmi((uint32_t)field(e, 4, 4), (uint16_t)field(e, 2, 2),
			e->bytes[8]);
		break;
	}
}

static void madt_read(const struct table *t)
{
	struct table e;

	if (t->n < 44) {
		log_warn("ACPI: the MADT is too short");
		return;
	}
	acpi.has_madt = true;
	acpi.local_apic = field(t, 36, 4);
	for (size_t at = 44; at < t->n; at += e.n) {
		e.bytes = t->bytes + at;
		e.n = field(t, at + 1, 1);
		if (e.n < 2 || e.n > t->n - at) {
			log_warn("ACPI: the MADT breaks off at byte %zu", at);
			return;
		}
		madt_entry(&e);
	}
}

/* ---- \_S5_ ---- */

/*
 * Reads one small AML integer at *at and moves on. Anything else than a
 * constant is not one.
 */
static bool aml_integer(const struct table *t, size_t *at, uint64_t *v)
{
	static const uint8_t width[] = { 1, 2, 4 }; /* of 0x0a to 0x0c */
	uint64_t op;
	uint8_t size;

	if (*at >= t->n)
		return false;
	op = t->bytes[(*at)++];
	if (op == 0 || op == 1 || op == 0xff) {
		*v = op;
		return true;
	}
	if (op < 0x0a || op > 0x0c)
		return false;
	size = width[op - 0x0a];
	if (size > t->n - *at)
		return false;
	*v = field(t, *at, size);
	*at += size;
	return true;
}

/*
 * at is behind the name: a package follows, whose first two elements are the
 * types for PM1a and PM1b; of a single one, its two bytes.
 */
static bool s5_package(const struct table *t, size_t at)
{
	uint64_t elements, a, b;

	if (field(t, at, 1) != 0x12 || at + 1 >= t->n)
		return false;
	at++;
	at += 1 + (size_t)(t->bytes[at] >> 6); /* the package's length */
	elements = field(t, at++, 1);
	if (elements < 1 || !aml_integer(t, &at, &a))
		return false;
	b = a >> 8;
	if (elements > 1 && !aml_integer(t, &at, &b))
		return false;
	acpi.has_s5 = true;
	acpi.s5_type_a = a & 7;
	acpi.s5_type_b = b & 7;
	return true;
}

/* Looks for Name (_S5_, Package...) in a table of AML. */
static void s5_search(const struct table *t)
{
	for (size_t i = HEADER + 1; i + 4 < t->n && !acpi.has_s5; i++) {
		const uint8_t *p = t->bytes + i;

		if (p[0] != '_' || memcmp(p, "_S5_", 4) != 0)
			continue;
		if (p[-1] == 0x08 || (p[-1] == '\\' && p[-2] == 0x08))
			(void)s5_package(t, i + 4);
	}
}

/* ---- FADT ---- */

/*
 * A control block: its port in the old field, else in the extended one if
 * that is in port space.
 */
static uint16_t fadt_port(const struct table *t, size_t old, size_t extended)
{
	uint64_t port = field(t, old, 4);

	if (!port && extended && field(t, extended, 1) == ACPI_SPACE_IO)
		port = field(t, extended + 4, 8);
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

#define FADT_TIMER_32 (1 << 8)
#define FADT_RESET    (1 << 10)
#define FADT_NO_CMOS  (1 << 5)

static void fadt_read(const struct table *t, acpi_map_fn *map)
{
	uint64_t flags = field(t, 112, 4), arch = field(t, 109, 2);
	uint64_t at = field(t, 140, 8);
	struct table dsdt;

	acpi.has_fadt = true;
	acpi.smi_command = fadt_port(t, 48, 0);
	acpi.acpi_enable = (uint8_t)field(t, 52, 1);
	acpi.pm1a_control = fadt_port(t, 64, 172);
	acpi.pm1b_control = fadt_port(t, 68, 184);
	acpi.pm_timer = fadt_port(t, 76, 208);
	acpi.pm_timer_32 = flags & FADT_TIMER_32;
	acpi.century = (uint8_t)field(t, 108, 1);
	acpi.no_cmos = arch & FADT_NO_CMOS;
	if ((flags & FADT_RESET) && t->n >= 129) {
		acpi.reset.space = (uint8_t)field(t, 116, 1);
		acpi.reset.address = field(t, 120, 8);
		acpi.reset_value = (uint8_t)field(t, 128, 1);
	}
	if (!at)
		at = field(t, 40, 4);
	if (table_open(&dsdt, at, map) == 0 && is(&dsdt, "DSDT"))
		s5_search(&dsdt);
}

/* ---- HPET ---- */

static void hpet_read(const struct table *t)
{
	if (t->n < 52 || field(t, 40, 1) != ACPI_SPACE_MEMORY) {
		log_warn("ACPI: the HPET is not in memory: left out");
		return;
	}
	if (!acpi.hpet.v)
		acpi.hpet = maddr(field(t, 44, 8));
}

/* ---- the root ---- */

/* Reads one table; a second one of a kind that is single is not ours. */
static void table_read(const struct table *t, acpi_map_fn *map)
{
	if (is(t, "APIC") && !acpi.has_madt)
		madt_read(t);
	else if (is(t, "FACP") && !acpi.has_fadt)
		fadt_read(t, map);
	else if (is(t, "HPET"))
		hpet_read(t);
	else if (is(t, "SSDT"))
		s5_search(t);
}

/* Reads the tables that an RSDT or XSDT lists. */
static void root_read(const struct table *root, acpi_map_fn *map)
{
	unsigned int size = is(root, "XSDT") ? 8 : 4;
	size_t n = MIN((root->n - HEADER) / size, (size_t)TABLES_MAX);
	struct table t;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = field(root, HEADER + i * size, size);

		if (at && table_open(&t, at, map) == 0)
			table_read(&t, map);
	}
}

/* Opens the table that the root pointer names: the XSDT if it can. */
static int root_open(struct table *root, const struct table *rsdp,
		     acpi_map_fn *map)
{
	uint64_t xsdt = 0;

	if (rsdp->n >= RSDP_V2 && field(rsdp, 15, 1) >= 2)
		xsdt = field(rsdp, 24, 8);
	if (xsdt && table_open(root, xsdt, map) == 0 && is(root, "XSDT"))
		return 0;
	if (table_open(root, field(rsdp, 16, 4), map) == 0 && is(root, "RSDT"))
		return 0;
	log_warn("ACPI: the root pointer names no usable table");
	return -ENOENT;
}

/* Is this a root pointer? Its length is made what its sums cover. */
static bool rsdp_check(struct table *t)
{
	size_t length;

	if (t->n < RSDP_V1 || memcmp(t->bytes, "RSD PTR ", 8) != 0 ||
	    !sum_is_zero(t->bytes, RSDP_V1))
		return false;
	length = field(t, 20, 4);
	if (t->n < RSDP_V2 || field(t, 15, 1) < 2 || length < RSDP_V2 ||
	    length > t->n || !sum_is_zero(t->bytes, length))
		t->n = RSDP_V1;
	return true;
}

static bool rsdp_search(struct table *t, uint64_t from, size_t n,
			acpi_map_fn *map)
{
	const uint8_t *p = map(maddr(from), n);

	for (size_t i = 0; p && i + RSDP_V1 <= n; i += 16) {
		*t = (struct table){ p + i, MIN(n - i, (size_t)RSDP_V2) };
		if (rsdp_check(t)) {
			acpi.rsdp = maddr(from + i);
			return true;
		}
	}
	return false;
}

/* The BIOS puts it into the first KiB of its data area, or into its ROM. */
static bool rsdp_find(struct table *t, acpi_map_fn *map)
{
	const uint8_t *p = map(maddr(0x40e), 2);
	uint64_t ebda = p ? (uint64_t)(p[0] | p[1] << 8) << 4 : 0;

	if (ebda >= 0x400 && ebda < 0xa0000 - 0x400 &&
	    rsdp_search(t, ebda, 0x400, map))
		return true;
	return rsdp_search(t, 0xe0000, 0x20000, map);
}

int acpi_init(const void *rsdp, size_t n, acpi_map_fn *map)
{
	struct table root, pointer = { rsdp, n };
	int err;

	memset(&acpi, 0, sizeof(acpi));
	if (!(rsdp && rsdp_check(&pointer)) && !rsdp_find(&pointer, map)) {
		log_warn("ACPI: the firmware has no root pointer");
		return -ENOENT;
	}
	err = root_open(&root, &pointer, map);
	if (err)
		return err;
	root_read(&root, map);
	log_info("ACPI: %u processors, %u I/O APICs%s%s%s", acpi.ncpus,
		 acpi.nioapics, acpi.hpet.v ? ", HPET" : "",
		 acpi.reset.address ? ", reset" : "",
		 acpi.has_s5 ? ", power-off" : "");
	return 0;
}
