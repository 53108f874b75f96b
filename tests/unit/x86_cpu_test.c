/* SPDX-License-Identifier: MIT */
/*
 * What we make of CPUID, on processors that are not here
 *
 * A processor is a list of leaves; any other leaf of a known range reads as
 * zero, and one beyond the highest as the nonsense that processors give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../hv/x86/features.c"

#define INTEL 0x756e6547, 0x6c65746e, 0x49656e69 /* EBX, ECX, EDX */
#define AMD   0x68747541, 0x444d4163, 0x69746e65
#define HYGON 0x6f677948, 0x656e6975, 0x6e65476e
#define TCG   0x54474354, 0x43544743, 0x47435447
#define KVM   0x4b4d564b, 0x564b4d56, 0x0000004d

struct leaf {
	uint32_t leaf, subleaf, out[4];
};

static const struct leaf *processor;

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	uint32_t max = processor[0].out[EAX];

	memset(out, 0, 16);
	if (leaf < 0x40000000 && leaf > max) {
		memset(out, 0xff, 16);
		return;
	}
	for (const struct leaf *l = processor;
	     l->out[EAX] | l->out[EBX] | l->out[ECX] | l->out[EDX]; l++)
		if (l->leaf == leaf && l->subleaf == subleaf)
			memcpy(out, l->out, 16);
}

static struct cpu_features features_of(const struct leaf *p)
{
	struct cpu_features f;

	processor = p;
	features_read(&f, cpuid);
	return f;
}

/* A Skylake server: everything that we use. */
#define BASIC_EDX 0xbfebfbff
static const struct leaf skylake[] = {
	{ 0, 0, { 0x16, INTEL } },
	{ 1, 0, { 0x00050654, 0, 0x77fefbff, BASIC_EDX } },
	{ 7, 0, { 0, 0xd39ffffb, 0x4, 0x20000000 } },
	{ 0xd, 0, { 0x2e7, 2696, 2696, 0 } },
	{ 0xd, 1, { 0xf, 0, 0, 0 } },
	{ 0xd, 2, { 256, 576, 0, 0 } },
	{ 0xd, 5, { 64, 1088, 0, 0 } },
	{ 0xd, 6, { 512, 1152, 0, 0 } },
	{ 0xd, 7, { 1024, 1664, 0, 0 } },
	{ 0xd, 9, { 8, 2688, 0, 0 } },
	{ 0x15, 0, { 2, 168, 25000000, 0 } },
	{ 0x16, 0, { 2100, 3700, 100, 0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000007, 0, { 0, 0, 0, 0x100 } },
	{ 0x80000008, 0, { 0x302e, 0, 0, 0 } },
	{},
};

static void a_processor_with_everything(void **state)
{
	struct cpu_features f = features_of(skylake);

	(void)state;
	assert_string_equal(f.vendor, "GenuineIntel");
	assert_int_equal(f.family, 6);
	assert_int_equal(f.model, 0x55);
	assert_int_equal(f.stepping, 4);
	assert_int_equal(f.phys_bits, 46);
	assert_int_equal(f.virt_bits, 48);
	assert_true(f.apic && f.x2apic && f.tsc && f.tsc_deadline);
	assert_true(f.invariant_tsc && f.pae && f.pge && f.pat && f.fxsr);
	assert_true(f.sse2 && f.mce && f.nx && f.long_mode && f.syscall);
	assert_true(f.gbpages && f.fsgsbase && f.smep && f.smap && f.umip);
	assert_true(f.xsave && f.xsaveopt && f.avx && f.avx512);
	assert_true(f.arch_capabilities && !f.tcg);
	/* not the protection keys' component, which is there too */
	assert_int_equal(f.xcr0, 0xe7);
	assert_int_equal(f.xsave_bytes, 2688);
	assert_int_equal(f.tsc_hz_exact, 2100000000);
	assert_int_equal(f.tsc_hz_nominal, 2100000000);
	assert_null(features_missing(&f));
}

/* Copies a processor to change it; the change must hit an existing leaf. */
static struct leaf changed[ARRAY_SIZE(skylake)];

static void change(uint32_t leaf, unsigned int reg, uint32_t v)
{
	for (size_t i = 0; i < ARRAY_SIZE(changed) - 1; i++) {
		if (changed[i].leaf == leaf && changed[i].subleaf == 0) {
			changed[i].out[reg] = v;
			return;
		}
	}
	fail_msg("no leaf %#x", leaf);
}

static struct cpu_features with(uint32_t leaf, unsigned int reg, uint32_t v)
{
	memcpy(changed, skylake, sizeof(changed));
	change(leaf, reg, v);
	return features_of(changed);
}

static void what_is_missing_is_named(void **state)
{
	static const struct {
		uint32_t leaf, reg, v;
		const char *name;
	} lacks[] = {
		{ 0x80000001, EDX, 0x0c100800, "64-bit mode" },
		{ 0x80000001, EDX, 0x2c000800, "no-execute pages (NX)" },
		{ 0x80000001, EDX, 0x2c100000, "SYSCALL" },
		{ 1, EDX, BASIC_EDX & ~(1U << 9), "a local APIC" },
		{ 1, EDX, BASIC_EDX & ~(1U << 4), "a time-stamp counter" },
		{ 1, EDX, BASIC_EDX & ~(1U << 13), "global pages (PGE)" },
		{ 1, EDX, BASIC_EDX & ~(1U << 16), "page attributes (PAT)" },
		{ 1, EDX, BASIC_EDX & ~(1U << 26), "SSE2" },
		/* no extended leaves at all, as on a 32-bit processor */
		{ 0x80000000, EAX, 0x00000000, "64-bit mode" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		struct cpu_features f =
			with(lacks[i].leaf, lacks[i].reg, lacks[i].v);
		const char *missing = features_missing(&f);

		assert_non_null(missing);
		assert_string_equal(missing, lacks[i].name);
	}
}

/* QEMU's emulator has SMAP; we do without it there, and only there. */
static void the_emulator_gets_no_smap(void **state)
{
	struct leaf guest[ARRAY_SIZE(skylake) + 1] = {};
	struct cpu_features f;

	(void)state;
	memcpy(guest, skylake, sizeof(skylake));
	guest[1].out[ECX] |= 1U << 31;
	guest[ARRAY_SIZE(skylake) - 1] =
		(struct leaf){ 0x40000000, 0, { 0x40000001, TCG } };
	f = features_of(guest);
	assert_string_equal(f.hypervisor, "TCGTCGTCGTCG");
	assert_true(f.tcg && !f.smap && f.smep);

	guest[ARRAY_SIZE(skylake) - 1] =
		(struct leaf){ 0x40000000, 0, { 0x40000001, KVM } };
	f = features_of(guest);
	assert_string_equal(f.hypervisor, "KVMKVMKVM");
	assert_true(!f.tcg && f.smap);

	/* without the hypervisor's bit its leaf says nothing */
	guest[1].out[ECX] &= ~(1U << 31);
	guest[ARRAY_SIZE(skylake) - 1] =
		(struct leaf){ 0x40000000, 0, { 0x40000001, TCG } };
	f = features_of(guest);
	assert_true(!f.tcg && f.smap);
}

static void xsave_components_that_need_each_other(void **state)
{
	struct cpu_features f;

	(void)state;
	/* an AVX-512 component missing: none of them */
	f = with(0xd, EAX, 0xa7);
	assert_int_equal(f.xcr0, 7);
	assert_int_equal(f.xsave_bytes, 832);
	assert_true(f.avx && !f.avx512);
	/* no AVX: no AVX-512 either */
	f = with(0xd, EAX, 0xe3);
	assert_int_equal(f.xcr0, 3);
	assert_int_equal(f.xsave_bytes, 576);
	assert_false(f.avx || f.avx512);
	/* nothing, as leaf and flag disagree */
	f = with(0xd, EAX, 0);
	assert_int_equal(f.xcr0, 0);
	assert_int_equal(f.xsave_bytes, 512);
	assert_false(f.xsave || f.avx);
	f = with(1, ECX, 0x77fefbff & ~(1U << 26));
	assert_int_equal(f.xcr0, 0);
	assert_false(f.xsave || f.avx || f.avx512);
}

/* Leaves beyond the highest give all ones here: none may be believed. */
static void leaves_that_are_not_there(void **state)
{
	struct cpu_features f = with(0, EAX, 1);

	(void)state;
	assert_false(f.smep || f.smap || f.fsgsbase || f.umip || f.avx512);
	assert_false(f.arch_capabilities);
	assert_int_equal(f.xcr0, 0);
	assert_int_equal(f.tsc_hz_exact, 0);
	assert_int_equal(f.tsc_hz_nominal, 0);
	assert_null(features_missing(&f));

	f = with(0x80000000, EAX, 0x80000001);
	assert_int_equal(f.phys_bits, 36);
	assert_int_equal(f.virt_bits, 48);
	assert_false(f.invariant_tsc);
	assert_null(features_missing(&f));
}

static void the_crystal_may_be_unknown(void **state)
{
	struct cpu_features f = with(0x15, ECX, 0);

	(void)state;
	assert_int_equal(f.tsc_hz_exact, 0);
	f = with(0x15, EAX, 0);
	assert_int_equal(f.tsc_hz_exact, 0);
	f = with(0x16, EAX, 0);
	assert_int_equal(f.tsc_hz_nominal, 0);
}

static void who_leaks_nonpresent_entries(void **state)
{
	static const struct {
		uint32_t vendor[3], signature;
		uint64_t capabilities;
		bool leaks;
	} known[] = {
		{ { INTEL }, 0x000106a5, 0, true },	   /* Nehalem */
		{ { INTEL }, 0x00050654, 0, true },	   /* Skylake */
		{ { INTEL }, 0x00050657, RDCL_NO, false }, /* Cascade Lake */
		{ { INTEL }, 0x000506f1, 0, false },	   /* Denverton */
		{ { INTEL }, 0x000106c2, 0, false },	   /* first Atom */
		{ { INTEL }, 0x00000f4a, 0, true },	   /* Pentium 4 */
		{ { AMD }, 0x00800f12, 0, false },	   /* Zen */
		{ { AMD }, 0x00060fb1, 0, false },	   /* qemu64 */
		{ { HYGON }, 0x00900f02, 0, false },
		{ { 0x746e6543, 0x736c7561, 0x48727561 }, 0x6fe, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct cpu_features f;

		memcpy(changed, skylake, sizeof(changed));
		for (unsigned int reg = 0; reg < 3; reg++)
			change(0, EBX + reg, known[i].vendor[reg]);
		change(1, EAX, known[i].signature);
		f = features_of(changed);
		if (features_leak_nonpresent(&f, known[i].capabilities) !=
		    known[i].leaks)
			fail_msg("example %zu, %s %u/%#x", i, f.vendor,
				 f.family, f.model);
	}
}

static void who_keeps_x87_addresses(void **state)
{
	static const uint32_t amd[] = { AMD };

	(void)state;
	assert_false(features_of(skylake).x87_keeps_addresses);
	memcpy(changed, skylake, sizeof(changed));
	for (unsigned int reg = 0; reg < 3; reg++)
		change(0, EBX + reg, amd[reg]);
	assert_true(features_of(changed).x87_keeps_addresses);
	/* Zen 2 and later say that they save and load them always. */
	change(0x80000008, EBX, 1U << 2);
	assert_false(features_of(changed).x87_keeps_addresses);
}

static void extended_family_and_model(void **state)
{
	struct cpu_features f = with(1, EAX, 0x00a20f10);

	(void)state;
	assert_int_equal(f.family, 0x19);
	assert_int_equal(f.model, 0x21);
	/* the extended model counts for families 6 and 15 alone */
	f = with(1, EAX, 0x00010543);
	assert_int_equal(f.family, 5);
	assert_int_equal(f.model, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_processor_with_everything),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(the_emulator_gets_no_smap),
		cmocka_unit_test(xsave_components_that_need_each_other),
		cmocka_unit_test(leaves_that_are_not_there),
		cmocka_unit_test(the_crystal_may_be_unknown),
		cmocka_unit_test(who_leaks_nonpresent_entries),
		cmocka_unit_test(who_keeps_x87_addresses),
		cmocka_unit_test(extended_family_and_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
