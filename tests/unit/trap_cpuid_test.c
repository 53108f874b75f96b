/* SPDX-License-Identifier: MIT */
/*
 * The policy of CPUID, over the answers of real processors and over one that
 * claims everything: what is not for a guest is never shown, what a guest
 * needs is, and what is shown fits together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi.h"
#include "trap/cpuid.h"

enum { EAX, EBX, ECX, EDX };

struct leaf {
	uint32_t leaf, subleaf, out[4];
};

struct machine {
	const char *name;
	uint64_t xcr0;
	struct leaf leaves[16];
};

/* The first leaf of each is 0; a line of zeros ends it. */
static const struct machine machines[] = {
	{ "Opteron 2.6 GHz (K8)",
	  0,
	  { { 0, 0, { 1, 0x68747541, 0x444d4163, 0x69746e65 } },
	    { 1, 0, { 0xf5a, 0x800, 0, 0x78bfbff } },
	    { 0x80000000,
	      0,
	      { 0x80000018, 0x68747541, 0x444d4163, 0x69746e65 } },
	    { 0x80000001, 0, { 0xf5a, 0, 0, 0xe1d3fbff } },
	    { 0x80000007, 0, { 0, 0, 0, 0xf } },
	    { 0x80000008, 0, { 0x3028, 0, 0, 0 } } } },
	{ "Nehalem",
	  0,
	  { { 0, 0, { 0xb, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	    { 1, 0, { 0x106a5, 0x3100800, 0x9ce3bd, 0xbfebfbff } },
	    { 4, 0, { 0x1c004121, 0x1c0003f, 0x3f, 0 } },
	    { 0xb, 0, { 1, 2, 0x100, 3 } },
	    { 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	    { 0x80000001, 0, { 0, 0, 1, 0x28100800 } },
	    { 0x80000007, 0, { 0, 0, 0, 0x100 } },
	    { 0x80000008, 0, { 0x3024, 0, 0, 0 } } } },
	{ "Skylake server",
	  0xe7,
	  { { 0, 0, { 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	    { 1, 0, { 0x50654, 0x16400800, 0x7ffefbff, 0xbfebfbff } },
	    { 4, 0, { 0x7c004121, 0x1c0003f, 0x3f, 0 } },
	    { 7, 0, { 0, 0xd39ffffb, 8, 0xbc000600 } },
	    { 0xa, 0, { 0x7300404, 0, 0, 0x603 } },
	    { 0xb, 0, { 1, 2, 0x100, 0x16 } },
	    { 0xd, 0, { 0x2ff, 0xa88, 0xa88, 0 } },
	    { 0xd, 1, { 0xf, 0xa08, 0x100, 0 } },
	    { 0xd, 9, { 8, 0xa80, 0, 0 } },
	    { 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	    { 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	    { 0x80000007, 0, { 0, 0, 0, 0x100 } },
	    { 0x80000008, 0, { 0x302e, 0, 0, 0 } } } },
	{ "EPYC 7002 (Zen 2)",
	  7,
	  { { 0, 0, { 0x10, 0x68747541, 0x444d4163, 0x69746e65 } },
	    { 1, 0, { 0x830f10, 0x200800, 0x7ed8320b, 0x178bfbff } },
	    { 7, 0, { 0, 0x219c91a9, 0x400004, 0 } },
	    { 0xd, 0, { 0x207, 0x340, 0x388, 0 } },
	    { 0xd, 1, { 0xf, 0x340, 0, 0 } },
	    { 0x80000000,
	      0,
	      { 0x80000020, 0x68747541, 0x444d4163, 0x69746e65 } },
	    { 0x80000001, 0, { 0x830f10, 0x40000000, 0x75c237ff, 0x2fd3fbff } },
	    { 0x80000007, 0, { 0, 0x1b, 0, 0x6599 } },
	    { 0x80000008, 0, { 0x3030, 0x18eb757, 0xc07f, 0x10007 } },
	    { 0x8000000a, 0, { 1, 0x8000, 0, 0x13bcff } },
	    { 0x8000001e, 0, { 0, 0x100, 0x200, 0 } },
	    { 0x8000001f, 0, { 0x1000f, 0x16f, 0x1fd, 1 } } } },
	{ "everything", 0xe7, { { 0 } } },
};

static void raw_of(const struct machine *m, uint32_t leaf, uint32_t subleaf,
		   uint32_t raw[4])
{
	bool everything = !m->leaves[0].out[0];

	memset(raw, everything ? 0xff : 0, 16);
	for (size_t i = 0; !everything && i < ARRAY_SIZE(m->leaves); i++)
		if (m->leaves[i].leaf == leaf &&
		    m->leaves[i].subleaf == subleaf) {
			memcpy(raw, m->leaves[i].out, 16);
			return;
		}
}

static struct cpuid_context context_of(const struct machine *m)
{
	struct cpuid_context c = {
		.vcpu_id = 3,
		.fsgsbase = true,
		.xcr0_mask = m->xcr0,
		.xcr0 = m->xcr0 ? 3 : 0,
		.tsc_khz = 2600000,
		.tsc_mul = 0xc4ec4ec4,
		.tsc_shift = -1,
		.address_bits = 46,
	};

	c.xstate[2].size = 256;
	c.xstate[2].offset = 576;
	c.xstate[5].size = 64;
	c.xstate[5].offset = 1088;
	c.xstate[6].size = 512;
	c.xstate[6].offset = 1152;
	c.xstate[7].size = 1024;
	c.xstate[7].offset = 1664;
	c.xstate[7].aligned = true;
	return c;
}

static void ask(const struct machine *m, uint32_t leaf, uint32_t subleaf,
		uint32_t out[4])
{
	struct cpuid_context c = context_of(m);
	uint32_t raw[4];

	raw_of(m, leaf, subleaf, raw);
	trap_cpuid_mask(leaf, subleaf, raw, &c, out);
}

/* What belongs to the hypervisor, whoever has it. */
static const struct {
	uint32_t leaf, subleaf;
	uint8_t reg, bit;
} never[] = {
	{ 1, 0, ECX, 2 },	    /* DTES64 */
	{ 1, 0, ECX, 3 },	    /* MONITOR */
	{ 1, 0, ECX, 5 },	    /* VMX */
	{ 1, 0, ECX, 6 },	    /* SMX */
	{ 1, 0, ECX, 7 },	    /* EIST */
	{ 1, 0, ECX, 15 },	    /* PDCM */
	{ 1, 0, ECX, 17 },	    /* PCID */
	{ 1, 0, ECX, 21 },	    /* x2APIC */
	{ 1, 0, ECX, 24 },	    /* TSC deadline */
	{ 1, 0, EDX, 1 },	    /* VME */
	{ 1, 0, EDX, 3 },	    /* PSE */
	{ 1, 0, EDX, 12 },	    /* MTRR */
	{ 1, 0, EDX, 13 },	    /* PGE */
	{ 1, 0, EDX, 17 },	    /* PSE36 */
	{ 1, 0, EDX, 21 },	    /* DS */
	{ 1, 0, EDX, 29 },	    /* TM */
	{ 7, 0, EBX, 2 },	    /* SGX */
	{ 7, 0, EBX, 4 },	    /* HLE */
	{ 7, 0, EBX, 7 },	    /* SMEP */
	{ 7, 0, EBX, 10 },	    /* INVPCID */
	{ 7, 0, EBX, 11 },	    /* RTM */
	{ 7, 0, EBX, 14 },	    /* MPX */
	{ 7, 0, EBX, 20 },	    /* SMAP */
	{ 7, 0, EBX, 25 },	    /* PT */
	{ 7, 0, ECX, 2 },	    /* UMIP */
	{ 7, 0, ECX, 3 },	    /* PKU */
	{ 7, 0, ECX, 5 },	    /* WAITPKG */
	{ 7, 0, ECX, 7 },	    /* CET_SS */
	{ 7, 0, ECX, 16 },	    /* LA57 */
	{ 7, 0, ECX, 27 },	    /* MOVDIRI */
	{ 7, 0, ECX, 28 },	    /* MOVDIR64B */
	{ 7, 0, EDX, 20 },	    /* CET_IBT */
	{ 7, 0, EDX, 26 },	    /* IBRS */
	{ 7, 0, EDX, 29 },	    /* ARCH_CAPABILITIES */
	{ 0xd, 1, EAX, 3 },	    /* XSAVES */
	{ 0x80000001, 0, ECX, 2 },  /* SVM */
	{ 0x80000001, 0, ECX, 10 }, /* IBS */
	{ 0x80000001, 0, ECX, 22 }, /* TOPOEXT */
	{ 0x80000001, 0, EDX, 3 },  /* PSE */
	{ 0x80000001, 0, EDX, 13 }, /* PGE */
	{ 0x80000001, 0, EDX, 17 }, /* PSE36 */
	{ 0x80000001, 0, EDX, 25 }, /* FFXSR */
	{ 0x80000001, 0, EDX, 26 }, /* PAGE1GB */
};

static void forbidden_is_hidden(void **state)
{
	uint32_t out[4];

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++)
		for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
			ask(&machines[m], never[i].leaf, never[i].subleaf, out);
			if (out[never[i].reg] >> never[i].bit & 1)
				fail_msg("%s: leaf %x register %u bit %u",
					 machines[m].name, never[i].leaf,
					 never[i].reg, never[i].bit);
		}
}

/* Leaves about what a guest does not have read as zeros. */
static void other_leaves_are_empty(void **state)
{
	static const uint32_t leaves[] = {
		3,	    5,		6,	    8,		9,
		0xa,	    0xb,	0xc,	    0x10,	0x12,
		0x14,	    0x1f,	0x40000004, 0x40000006, 0x40000100,
		0x8000000a, 0x8000001b, 0x8000001d, 0x8000001e, 0x8000001f,
		0x80000020, 0x80000022, 0xc0000000, UINT32_MAX
	};
	static const uint32_t zero[4];
	uint32_t out[4];

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++)
		for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
			ask(&machines[m], leaves[i], 0, out);
			if (memcmp(out, zero, sizeof(out)))
				fail_msg("%s: leaf %x", machines[m].name,
					 leaves[i]);
		}
}

/* Nothing is invented but what the policy says. */
static void shown_is_there(void **state)
{
	uint32_t raw[4], out[4];

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		static const uint32_t leaves[] = { 7, 0x80000001, 0x80000007,
						   0x80000002 };

		for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
			raw_of(&machines[m], leaves[i], 0, raw);
			ask(&machines[m], leaves[i], 0, out);
			for (int r = 0; r < 4; r++)
				assert_int_equal(out[r] & ~raw[r], 0);
		}
		raw_of(&machines[m], 1, 0, raw);
		ask(&machines[m], 1, 0, out);
		assert_int_equal(out[EAX], raw[EAX]);
		assert_int_equal(out[ECX] & ~raw[ECX] & ~(1U << 27 | 1U << 31),
				 0);
		assert_int_equal(out[EDX] & ~raw[EDX], 0);
	}
}

static void kernel_finds_what_it_needs(void **state)
{
	/* FPU TSC MSR PAE CX8 CMOV FXSR SSE SSE2; SYSCALL NX LM */
	uint32_t basic = 1U << 0 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 8 |
			 1U << 15 | 1U << 24 | 1U << 25 | 1U << 26;
	uint32_t extended = 1U << 11 | 1U << 20 | 1U << 29;
	uint32_t out[4];

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		ask(&machines[m], 1, 0, out);
		assert_int_equal(out[EDX] & basic, basic);
		assert_true(out[ECX] >> 31);
		/* its number, as if each vcpu had a sibling that is off */
		assert_int_equal(out[EBX] >> 24, 6);
		assert_int_equal(out[EBX] >> 16 & 0xff, 1);
		ask(&machines[m], 0x80000001, 0, out);
		assert_int_equal(out[EDX] & extended, extended);
	}
}

static void last_leaves(void **state)
{
	uint32_t out[4];

	(void)state;
	ask(&machines[0], 0, 0, out);
	assert_int_equal(out[EAX], 1);
	ask(&machines[2], 0, 0, out);
	assert_int_equal(out[EAX], 0xd);
	assert_int_equal(out[EBX], 0x756e6547);
	ask(&machines[3], 0x80000000, 0, out);
	assert_int_equal(out[EAX], 0x80000020);
	ask(&machines[4], 0x80000000, 0, out);
	assert_int_equal(out[EAX], 0x80000021);
	ask(&machines[4], 7, 0, out);
	assert_int_equal(out[EAX], 1);
	ask(&machines[4], 0x80000008, 0, out);
	assert_int_equal(out[EAX] >> 8, 48);
	assert_int_equal(out[ECX], 0);
	ask(&machines[1], 4, 0, out);
	assert_int_equal(out[EAX], 0x121); /* a cache that nobody shares */
}

static void extended_state_fits_together(void **state)
{
	uint32_t out[4];

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		bool xsave = machines[m].xcr0, avx = machines[m].xcr0 & 4;

		ask(&machines[m], 1, 0, out);
		assert_int_equal(out[ECX] >> 26 & 1, xsave);
		assert_int_equal(out[ECX] >> 27 & 1, xsave);
		assert_int_equal(out[ECX] >> 28 & 1, avx);
		ask(&machines[m], 0xd, 0, out);
		assert_int_equal(out[EAX], machines[m].xcr0);
		assert_int_equal(out[EDX], 0);
		assert_int_equal(out[EBX], xsave ? 576 : 0);
	}
	ask(&machines[2], 0xd, 0, out);
	assert_int_equal(out[ECX], 1664 + 1024);
	ask(&machines[2], 0xd, 9, out); /* PKRU is not for guests */
	assert_int_equal(out[EAX] | out[EBX] | out[ECX], 0);
	ask(&machines[3], 0xd, 0, out);
	assert_int_equal(out[ECX], 576 + 256);
	ask(&machines[4], 0xd, 63, out);
	assert_int_equal(out[EAX], 0);
	ask(&machines[4], 0xd, 64, out);
	assert_int_equal(out[EAX], 0);
	ask(&machines[4], 0xd, 2, out);
	assert_int_equal(out[ECX], UINT32_MAX & ~1U);
}

static void compact_size_is_aligned(void **state)
{
	struct cpuid_context c = context_of(&machines[2]);
	const uint32_t raw[4] = { 0xf, 0, 0, 0 };
	uint32_t out[4];

	(void)state;
	c.xcr0 = c.xcr0_mask;
	c.xstate[6].size = 8;
	trap_cpuid_mask(0xd, 1, raw, &c, out);
	assert_int_equal(out[EAX], 7);
	/* 576 + 256 + 64 + 8, then aligned to 64, + 1024 */
	assert_int_equal(out[EBX], 960 + 1024);
	c.xcr0 = 1;
	trap_cpuid_mask(0xd, 1, raw, &c, out);
	assert_int_equal(out[EBX], 576);
}

/* Without AVX-512 in XCR0 none of its family is left, without AVX none. */
static void features_follow_xcr0(void **state)
{
	struct cpuid_context c = context_of(&machines[4]);
	uint32_t raw[4], out[4];

	(void)state;
	memset(raw, 0xff, sizeof(raw));
	c.xcr0_mask = 7;
	trap_cpuid_mask(7, 0, raw, &c, out);
	assert_int_equal(out[EBX] & 0xdc230000, 0);
	assert_int_equal(out[EBX] >> 5 & 1, 1);
	assert_int_equal(out[ECX] & (1U << 1 | 1U << 11), 0);
	assert_int_equal(out[ECX] >> 9 & 1, 1);
	trap_cpuid_mask(7, 1, raw, &c, out);
	assert_int_equal(out[EAX], 1U << 4);
	c.xcr0_mask = 3;
	trap_cpuid_mask(7, 0, raw, &c, out);
	assert_int_equal(out[EBX] >> 5 & 1, 0);
	assert_int_equal(out[ECX] & (3U << 9), 0);
	trap_cpuid_mask(0x80000001, 0, raw, &c, out);
	assert_int_equal(out[ECX] & (1U << 11 | 1U << 16), 0);
	c.fsgsbase = false;
	trap_cpuid_mask(7, 0, raw, &c, out);
	assert_int_equal(out[EBX] & 1, 0);
	assert_int_equal(out[EBX] >> 3 & 1, 1); /* BMI1 stays */
}

static void only_domain_0_sees_acpi(void **state)
{
	struct cpuid_context c = context_of(&machines[1]);
	uint32_t raw[4], out[4];

	(void)state;
	raw_of(&machines[1], 1, 0, raw);
	trap_cpuid_mask(1, 0, raw, &c, out);
	assert_int_equal(out[EDX] >> 22 & 1, 0);
	c.privileged = true;
	trap_cpuid_mask(1, 0, raw, &c, out);
	assert_int_equal(out[EDX] >> 22 & 1, 1);
}

static void hypervisor_leaves(void **state)
{
	struct cpuid_context c = context_of(&machines[2]);
	const uint32_t raw[4] = { UINT32_MAX, UINT32_MAX, UINT32_MAX,
				  UINT32_MAX };
	uint32_t out[4];

	(void)state;
	trap_cpuid_mask(0x40000000, 0, raw, &c, out);
	assert_memory_equal(&out[1], "XenVMMXenVMM", 12);
	assert_true(out[EAX] >= 0x40000003);
	trap_cpuid_mask(0x40000001, 0, raw, &c, out);
	assert_int_equal(out[EAX], 4 << 16 | 17);
	trap_cpuid_mask(0x40000002, 0, raw, &c, out);
	assert_int_equal(out[EAX], 1);
	assert_int_equal(out[ECX], 1);
	trap_cpuid_mask(0x40000003, 0, raw, &c, out);
	assert_int_equal(out[EAX], 0);
	assert_int_equal(out[ECX], 2600000);
	c.invariant_tsc = c.rdtscp = true;
	trap_cpuid_mask(0x40000003, 0, raw, &c, out);
	assert_int_equal(out[EAX], 6);
	trap_cpuid_mask(0x40000003, 1, raw, &c, out);
	assert_int_equal(out[ECX], 0xc4ec4ec4);
	assert_int_equal((int32_t)out[EDX], -1);
	trap_cpuid_mask(0x40000003, 2, raw, &c, out);
	assert_int_equal(out[EAX], 2600000);
	trap_cpuid_mask(0x40000005, 0, raw, &c, out);
	assert_int_equal(out[EBX], 46);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbidden_is_hidden),
		cmocka_unit_test(other_leaves_are_empty),
		cmocka_unit_test(shown_is_there),
		cmocka_unit_test(kernel_finds_what_it_needs),
		cmocka_unit_test(last_leaves),
		cmocka_unit_test(extended_state_fits_together),
		cmocka_unit_test(compact_size_is_aligned),
		cmocka_unit_test(features_follow_xcr0),
		cmocka_unit_test(only_domain_0_sees_acpi),
		cmocka_unit_test(hypervisor_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
