/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables, good ones and bad ones
 *
 * Each test writes tables into a small physical memory. The mapper hands out
 * a copy of exactly the bytes asked for, so that the sanitizer sees every
 * read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../hv/x86/acpi.c"

#include "host/host.h"

#define MEMORY (1 << 20)

/* Where the tests put things. */
#define RSDP_AT 0xf0010
#define RSDT_AT 0x1000
#define XSDT_AT 0x2000
#define MADT_AT 0x3000
#define FADT_AT 0x5000
#define DSDT_AT 0x6000
#define HPET_AT 0x7000
#define SSDT_AT 0x9000

static uint8_t memory[MEMORY];
static void *copies[4096];
static size_t ncopies;

static const void *map(maddr_t at, size_t n)
{
	if (at.v > MEMORY || n > MEMORY - at.v)
		return NULL;
	assert_true(ncopies < ARRAY_SIZE(copies));
	copies[ncopies] = malloc(n);
	memcpy(copies[ncopies], memory + at.v, n);
	return copies[ncopies++];
}

static void unmap_all(void)
{
	while (ncopies)
		free(copies[--ncopies]);
}

static int setup(void **state)
{
	(void)state;
	host_init(64, 1); /* for the log's lock */
	log_set_levels(LOG_ERROR, LOG_ERROR);
	memset(memory, 0, sizeof(memory));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unmap_all();
	host_fini();
	return 0;
}

static void put(uint64_t at, unsigned int size, uint64_t v)
{
	for (; size--; v >>= 8)
		memory[at++] = (uint8_t)v;
}

/* Makes the sum of n bytes zero by the byte at an offset. */
static void seal_at(uint64_t at, size_t n, size_t by)
{
	uint8_t sum = 0;

	memory[at + by] = 0;
	for (size_t i = 0; i < n; i++)
		sum += memory[at + i];
	memory[at + by] = (uint8_t)-sum;
}

static size_t length_of(uint64_t at)
{
	size_t n;

	memcpy(&n, memory + at + 4, 4);
	return n & UINT32_MAX;
}

static void seal(uint64_t at)
{
	seal_at(at, length_of(at), 9);
}

/* Begins a table; append() makes it longer. */
static void begin(uint64_t at, const char *signature, size_t n)
{
	memset(memory + at, 0, n);
	memcpy(memory + at, signature, 4);
	put(at + 4, 4, n);
	seal(at);
}

static void append(uint64_t at, const void *bytes, size_t n)
{
	size_t old = length_of(at);

	memcpy(memory + at + old, bytes, n);
	put(at + 4, 4, old + n);
	seal(at);
}

#define APPEND(at, ...)                                  \
	do {                                             \
		const uint8_t bytes[] = { __VA_ARGS__ }; \
		append(at, bytes, sizeof(bytes));        \
	} while (0)

static void append_address(uint64_t at, unsigned int size, uint64_t v)
{
	append(at, &v, size);
}

static void build_rsdp(unsigned int revision)
{
	memcpy(memory + RSDP_AT, "RSD PTR ", 8);
	put(RSDP_AT + 15, 1, revision);
	put(RSDP_AT + 16, 4, RSDT_AT);
	seal_at(RSDP_AT, 20, 8);
	if (revision < 2)
		return;
	put(RSDP_AT + 20, 4, 36);
	put(RSDP_AT + 24, 8, XSDT_AT);
	seal_at(RSDP_AT, 36, 32);
}

/* As the second processor is disabled, there are two. */
static void build_madt(void)
{
	begin(MADT_AT, "APIC", 44);
	put(MADT_AT + 36, 4, 0xfee00000);
	put(MADT_AT + 40, 4, 1);
	APPEND(MADT_AT, 0, 8, 1, 0, 1, 0, 0, 0);
	APPEND(MADT_AT, 0, 8, 2, 1, 0, 0, 0, 0);
	APPEND(MADT_AT, 9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0);
	APPEND(MADT_AT, 1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0);
	APPEND(MADT_AT, 2, 10, 0, 9, 20, 0, 0, 0, 0xf, 0);
	APPEND(MADT_AT, 3, 8, 0, 0, 9, 0, 0, 0);
	APPEND(MADT_AT, 4, 6, 0xff, 5, 0, 1);
	APPEND(MADT_AT, 10, 12, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0);
	APPEND(MADT_AT, 0x7f, 5, 1, 2, 3); /* of a kind that we do not know */
}

static void build_fadt(void)
{
	begin(FADT_AT, "FACP", 244);
	put(FADT_AT + 40, 4, DSDT_AT);
	put(FADT_AT + 48, 4, 0xb2);
	put(FADT_AT + 52, 1, 0xf1);
	put(FADT_AT + 64, 4, 0x604);
	put(FADT_AT + 76, 4, 0x608);
	put(FADT_AT + 108, 1, 0x32);
	put(FADT_AT + 109, 2, 1 << 5);
	put(FADT_AT + 112, 4, 1 << 8 | 1 << 10);
	put(FADT_AT + 116, 1, ACPI_SPACE_IO);
	put(FADT_AT + 120, 8, 0xcf9);
	put(FADT_AT + 128, 1, 0xf);
	put(FADT_AT + 184, 1, ACPI_SPACE_IO);
	put(FADT_AT + 188, 8, 0x704);
	seal(FADT_AT);
}

static void build_dsdt(void)
{
	begin(DSDT_AT, "DSDT", 36);
	APPEND(DSDT_AT, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 1, 1);
	APPEND(DSDT_AT, 0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 5,
	       0x0b, 3, 0, 0, 0);
}

static void build_others(void)
{
	begin(HPET_AT, "HPET", 56);
	put(HPET_AT + 44, 8, 0xfed00000);
	seal(HPET_AT);
}

static void build_root(uint64_t at, const char *signature, unsigned int size)
{
	static const uint64_t tables[] = { MADT_AT, 0, FADT_AT, HPET_AT };

	begin(at, signature, 36);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		append_address(at, size, tables[i]);
}

static void build(unsigned int revision)
{
	build_madt();
	build_fadt();
	build_dsdt();
	build_others();
	build_root(RSDT_AT, "RSDT", 4);
	build_root(XSDT_AT, "XSDT", 8);
	build_rsdp(revision);
}

static void check_machine(void)
{
	assert_true(acpi.has_madt && acpi.has_fadt);
	assert_int_equal(acpi.local_apic, 0xfee00000);
	assert_int_equal(acpi.ncpus, 2);
	assert_int_equal(acpi.cpus[0].uid, 1);
	assert_int_equal(acpi.cpus[1].apic_id, 0x1234);
	assert_int_equal(acpi.cpus[1].uid, 7);
	assert_int_equal(acpi.nioapics, 1);
	assert_int_equal(acpi.ioapics[0].base, 0xfec00000);
	assert_int_equal(acpi.ioapics[0].gsi_base, 24);
	assert_int_equal(acpi.noverrides, 1);
	assert_int_equal(acpi.overrides[0].irq, 9);
	assert_int_equal(acpi.overrides[0].gsi, 20);
	assert_int_equal(acpi.overrides[0].flags, 0xf);
	assert_int_equal(acpi.nnmis, 2);
	assert_int_equal(acpi.nmis[0].uid, ACPI_NMI_ALL);
	assert_int_equal(acpi.nmis[0].lint, 1);
	assert_int_equal(acpi.nmis[0].flags, 5);
	assert_int_equal(acpi.nmis[1].uid, 7);
	assert_int_equal(acpi.nmis[1].lint, 0);
	assert_int_equal(acpi.smi_command, 0xb2);
	assert_int_equal(acpi.acpi_enable, 0xf1);
	assert_int_equal(acpi.pm1a_control, 0x604);
	assert_int_equal(acpi.pm1b_control, 0x704);
	assert_int_equal(acpi.pm_timer, 0x608);
	assert_true(acpi.pm_timer_32 && acpi.no_cmos);
	assert_int_equal(acpi.century, 0x32);
	assert_int_equal(acpi.reset.space, ACPI_SPACE_IO);
	assert_int_equal(acpi.reset.address, 0xcf9);
	assert_int_equal(acpi.reset_value, 0xf);
	assert_true(acpi.has_s5);
	assert_int_equal(acpi.s5_type_a, 5);
	assert_int_equal(acpi.s5_type_b, 3);
	assert_int_equal(acpi.hpet.v, 0xfed00000);
}

static void a_root_in_rom_is_found(void **state)
{
	(void)state;
	build(0);
	memory[XSDT_AT] = 'x';
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_int_equal(acpi.rsdp.v, RSDP_AT);
	check_machine();
}

static void a_root_in_the_data_area_is_found(void **state)
{
	(void)state;
	build(2);
	put(0x40e, 2, 0x9f80);
	memcpy(memory + 0x9fbe0, memory + RSDP_AT, 20);
	memset(memory + RSDP_AT, 0, 36);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_int_equal(acpi.rsdp.v, 0x9fbe0);
	check_machine();
}

static void the_loaders_copy_is_used(void **state)
{
	uint8_t copy[36];

	(void)state;
	build(2);
	memory[RSDT_AT] = 'r';
	memcpy(copy, memory + RSDP_AT, sizeof(copy));
	memset(memory + RSDP_AT, 0, sizeof(copy));
	assert_int_equal(acpi_init(copy, sizeof(copy), map), 0);
	assert_int_equal(acpi.rsdp.v, 0);
	check_machine();
}

/* The copy of an old tag has 20 bytes, whatever revision it names. */
static void a_short_copy_leads_to_the_rsdt(void **state)
{
	uint8_t copy[20];

	(void)state;
	build(2);
	memory[XSDT_AT] = 'x';
	memcpy(copy, memory + RSDP_AT, sizeof(copy));
	assert_int_equal(acpi_init(copy, sizeof(copy), map), 0);
	check_machine();
}

static void a_bad_xsdt_leaves_the_rsdt(void **state)
{
	(void)state;
	build(2);
	memory[XSDT_AT + 40]++;
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	check_machine();
}

static void without_a_root_there_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(acpi_init(NULL, 0, map), -ENOENT);
	build(0);
	memory[RSDP_AT + 8]++;
	assert_int_equal(acpi_init(NULL, 0, map), -ENOENT);
	memory[RSDP_AT + 8]--;
	memory[RSDT_AT + 9]++;
	assert_int_equal(acpi_init(NULL, 0, map), -ENOENT);
	assert_false(acpi.has_madt || acpi.has_fadt || acpi.has_s5);
}

static void a_table_with_a_wrong_sum_is_left_out(void **state)
{
	(void)state;
	build(2);
	memory[MADT_AT + 9]++;
	memory[DSDT_AT + 9]++;
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_false(acpi.has_madt);
	assert_int_equal(acpi.ncpus, 0);
	assert_true(acpi.has_fadt && !acpi.has_s5);
	assert_int_equal(acpi.hpet.v, 0xfed00000);
}

static void impossible_lengths_are_left_out(void **state)
{
	static const uint32_t lengths[] = {
		0, 4, 35, MEMORY, UINT32_MAX, TABLE_MAX, TABLE_MAX + 1
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		build(2);
		put(HPET_AT + 4, 4, lengths[i]);
		assert_int_equal(acpi_init(NULL, 0, map), 0);
		assert_int_equal(acpi.hpet.v, 0);
		assert_true(acpi.has_fadt);
	}
}

static void tables_that_name_each_other_end(void **state)
{
	(void)state;
	build(2);
	append_address(XSDT_AT, 8, XSDT_AT);
	append_address(XSDT_AT, 8, RSDT_AT);
	append_address(XSDT_AT, 8, FADT_AT);
	append_address(XSDT_AT, 8, MADT_AT);
	put(FADT_AT + 140, 8, FADT_AT);
	seal(FADT_AT);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_false(acpi.has_s5);
	assert_int_equal(acpi.ncpus, 2);
}

static void a_madt_that_breaks_off_keeps_its_beginning(void **state)
{
	size_t whole;

	(void)state;
	build(2);
	whole = length_of(MADT_AT);
	for (size_t n = 36; n < whole; n++) {
		put(MADT_AT + 4, 4, n);
		seal(MADT_AT);
		assert_int_equal(acpi_init(NULL, 0, map), 0);
		assert_int_equal(acpi.has_madt, n >= 44);
		assert_int_equal(acpi.ncpus, n < 52 ? 0 : n < 76 ? 1 : 2);
		assert_int_equal(acpi.nioapics, n >= 88);
		unmap_all();
	}
}

static void entries_too_short_for_their_kind_are_left_out(void **state)
{
	static const uint8_t lengths[] = {
		8, 12, 10, 0, 6, 12, 0, 0, 0, 16, 12
	};

	(void)state;
	build(2);
	begin(MADT_AT, "APIC", 44);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint8_t e[16] = { (uint8_t)i, (uint8_t)(lengths[i] - 1),
				  1,	      1,
				  1,	      1,
				  1,	      1,
				  1,	      1,
				  1,	      1,
				  1,	      1,
				  1,	      1 };

		if (lengths[i])
			append(MADT_AT, e, e[1]);
	}
	APPEND(MADT_AT, 0, 8, 9, 9, 1, 0, 0, 0);
	APPEND(MADT_AT, 0, 0, 9, 8, 1, 0, 0, 0); /* would be for ever */
	APPEND(MADT_AT, 0, 8, 9, 7, 1, 0, 0, 0);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_true(acpi.has_madt);
	assert_int_equal(acpi.ncpus, 1);
	assert_int_equal(acpi.cpus[0].apic_id, 9);
	assert_int_equal(acpi.nioapics + acpi.noverrides + acpi.nnmis, 0);
	assert_int_equal(acpi.local_apic, 0);
}

static void more_than_we_keep_is_left_out(void **state)
{
	(void)state;
	build(2);
	begin(MADT_AT, "APIC", 44);
	for (unsigned int i = 0; i < 300; i++)
		APPEND(MADT_AT, 9, 16, 0, 0, (uint8_t)i, (uint8_t)(i >> 8), 0,
		       0, 1, 0, 0, 0, 0, 0, 0, 0);
	for (unsigned int i = 0; i < 40; i++) {
		APPEND(MADT_AT, 1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0);
		APPEND(MADT_AT, 2, 10, 0, 9, 20, 0, 0, 0, 0xf, 0);
		APPEND(MADT_AT, 4, 6, 0xff, 5, 0, 1);
	}
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_int_equal(acpi.ncpus, ACPI_CPUS);
	assert_int_equal(acpi.nioapics, ACPI_IOAPICS);
	assert_int_equal(acpi.noverrides, ACPI_OVERRIDES);
	assert_int_equal(acpi.nnmis, ACPI_NMIS);
}

static void a_processor_named_twice_is_one(void **state)
{
	(void)state;
	build(2);
	begin(MADT_AT, "APIC", 44);
	APPEND(MADT_AT, 0, 8, 1, 3, 1, 0, 0, 0);
	APPEND(MADT_AT, 9, 16, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_int_equal(acpi.ncpus, 1);
}

/* ---- \_S5_ ---- */

static const struct {
	uint8_t n;
	uint8_t bytes[24];
	int a, b; /* -1: there is none */
} packages[] = {
	/* as QEMU writes it */
	{ 11, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0 }, 0, 0 },
	{ 12, { 8, '\\', '_', 'S', '5', '_', 0x12, 6, 4, 1, 1, 0 }, 1, 1 },
	/* a length of two bytes, and a double word */
	{ 17,
	  { 8, '_', 'S', '5', '_', 0x12, 0x49, 0, 2, 0x0c, 6, 0, 0, 0, 0x0a, 7,
	    0 },
	  6,
	  7 },
	/* one element for both */
	{ 11, { 8, '_', 'S', '5', '_', 0x12, 5, 1, 0x0b, 5, 4 }, 5, 4 },
	/* nothing follows, or not enough, or something else */
	{ 5, { 8, '_', 'S', '5', '_' }, -1, -1 },
	{ 6, { 8, '_', 'S', '5', '_', 0x12 }, -1, -1 },
	{ 7, { 8, '_', 'S', '5', '_', 0x12, 0xc9 }, -1, -1 },
	{ 8, { 8, '_', 'S', '5', '_', 0x12, 6, 4 }, -1, -1 },
	{ 9, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a }, -1, -1 },
	{ 10, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5 }, -1, -1 },
	{ 12, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0c, 5, 0, 0 }, -1, -1 },
	{ 11, { 8, '_', 'S', '5', '_', 0x12, 6, 0, 5, 5, 5 }, -1, -1 },
	{ 11, { 8, '_', 'S', '5', '_', 0x11, 6, 4, 1, 1, 1 }, -1, -1 },
	{ 12, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 'A', 1, 1, 1 }, -1, -1 },
	{ 11, { 9, '_', 'S', '5', '_', 0x12, 6, 4, 1, 1, 1 }, -1, -1 },
};

static void power_off_is_found_in_aml(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++) {
		build(2);
		begin(DSDT_AT, "DSDT", 36);
		append(DSDT_AT, packages[i].bytes, packages[i].n);
		assert_int_equal(acpi_init(NULL, 0, map), 0);
		assert_int_equal(acpi.has_s5, packages[i].a >= 0);
		if (packages[i].a < 0)
			continue;
		assert_int_equal(acpi.s5_type_a, packages[i].a);
		assert_int_equal(acpi.s5_type_b, packages[i].b);
	}
}

static void power_off_may_be_in_an_ssdt(void **state)
{
	(void)state;
	build(2);
	begin(SSDT_AT, "SSDT", 36);
	APPEND(SSDT_AT, 8, '_', 'S', '5', '_', 0x12, 6, 4, 1, 0, 0, 0);
	append_address(XSDT_AT, 8, SSDT_AT);
	memcpy(memory + DSDT_AT + 36, "________________________", 24);
	seal(DSDT_AT);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_true(acpi.has_s5);
	assert_int_equal(acpi.s5_type_a, 1);
	assert_int_equal(acpi.s5_type_b, 0);
}

/* An FADT as short as of ACPI 1.0, or shorter. */
static void an_old_fadt_has_no_reset(void **state)
{
	(void)state;
	build(0);
	put(FADT_AT + 4, 4, 116);
	seal(FADT_AT);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_int_equal(acpi.pm1a_control, 0x604);
	assert_int_equal(acpi.pm1b_control, 0);
	assert_int_equal(acpi.reset.address, 0);
	assert_true(acpi.has_s5);
	put(FADT_AT + 4, 4, 40);
	seal(FADT_AT);
	assert_int_equal(acpi_init(NULL, 0, map), 0);
	assert_int_equal(acpi.pm1a_control, 0);
	assert_false(acpi.has_s5);
}

/*
 * Bytes at random, sums made right again: whatever comes out, the counts are
 * within the arrays and nothing is read beyond what was mapped.
 */
static void random_damage_does_no_harm(void **state)
{
	static const uint64_t tables[] = { RSDT_AT, XSDT_AT, MADT_AT, FADT_AT,
					   DSDT_AT, HPET_AT };
	uint32_t seed = 1;

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		memset(memory, 0, 0x10000);
		build(round % 2 * 2);
		for (unsigned int i = 0; i < 1 + round % 4; i++) {
			uint64_t at;
			size_t n;

			seed = seed * 1664525 + 1013904223;
			at = tables[(seed >> 24) % ARRAY_SIZE(tables)];
			n = MIN(length_of(at), (size_t)0x1000);
			memory[at + (seed >> 8 & 0xffff) % MAX(n, 10UL)] ^=
				(uint8_t)(1U << (seed >> 29));
			n = length_of(at);
			if (n > 9 && n < 0x1000)
				seal(at);
		}
		(void)!acpi_init(NULL, 0, map);
		assert_true(acpi.ncpus <= ACPI_CPUS);
		assert_true(acpi.nioapics <= ACPI_IOAPICS);
		assert_true(acpi.noverrides <= ACPI_OVERRIDES);
		assert_true(acpi.nnmis <= ACPI_NMIS);
		for (unsigned int i = 0; i < acpi.nnmis; i++)
			assert_true(acpi.nmis[i].lint <= 1);
		unmap_all();
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_root_in_rom_is_found),
		TEST(a_root_in_the_data_area_is_found),
		TEST(the_loaders_copy_is_used),
		TEST(a_short_copy_leads_to_the_rsdt),
		TEST(a_bad_xsdt_leaves_the_rsdt),
		TEST(without_a_root_there_is_nothing),
		TEST(a_table_with_a_wrong_sum_is_left_out),
		TEST(impossible_lengths_are_left_out),
		TEST(tables_that_name_each_other_end),
		TEST(a_madt_that_breaks_off_keeps_its_beginning),
		TEST(entries_too_short_for_their_kind_are_left_out),
		TEST(more_than_we_keep_is_left_out),
		TEST(a_processor_named_twice_is_one),
		TEST(power_off_is_found_in_aml),
		TEST(power_off_may_be_in_an_ssdt),
		TEST(an_old_fadt_has_no_reset),
		TEST(random_damage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
