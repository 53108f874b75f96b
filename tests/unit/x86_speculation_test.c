/* SPDX-License-Identifier: MIT */
/*
 * What we do against speculation, on processors that are not here
 *
 * The table has a line for each kind that is treated differently, with the
 * words of CPUID and of MSR_ARCH_CAPABILITIES that concern it, as the vendor
 * documents them. "old": microcode from before 2018, which says nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../hv/x86/features.c"
#include "../../hv/x86/speculation_choose.c"

#define INTEL  "GenuineIntel"
#define AMD    "AuthenticAMD"
#define HYGON  "HygonGenuine"
#define VIA    "CentaurHauls"
#define ZHAOXI "  Shanghai  "

/* CPUID 7 EDX: what the microcode of 2018 brought, and that of 2019 */
#define E2018 (1U << 26 | 1U << 27 | 1U << 31)
#define E2019 (E2018 | 1U << 10 | 1U << 28)
#define CAPS  (1U << 29)
/* MSR_ARCH_CAPABILITIES */
#define RDCL	1UL
#define EIBRS	2UL
#define SKIP	8UL
#define MDS	(1UL << 5)
#define TAA	(1UL << 8)
#define MMIO	(7UL << 13)
#define FB	(1UL << 17)
#define BHI	(1UL << 20)
#define RFDSN	(1UL << 27)
#define RFDSC	(1UL << 28)
#define BARRIER 0x1000U /* CPUID 0x80000008 EBX: IBPB */

static const struct processor {
	const char *name, *vendor;
	uint8_t family, model;
	bool smep, rtm;
	uint32_t leaf7, leaf72, ext8, ext21;
	uint64_t caps;
	const char *expected;
} processors[] = {
	/* Intel, from the first to the last */
	{ "Pentium 4 Prescott", INTEL, 15, 4, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, separate tables, branches OPEN" },
	{ "Core 2 Penryn", INTEL, 6, 0x17, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, separate tables, branches OPEN, buffers OPEN" },
	{ "Nehalem, old", INTEL, 6, 0x1a, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, separate tables, branches OPEN, buffers OPEN" },
	{ "Nehalem", INTEL, 6, 0x1a, 0, 0, E2018 | 1U << 28, 0, 0, 0, 0,
	  "IBRS at entry, RSB, IBPB between domains, separate tables, "
	  "buffers OPEN" },
	{ "Sandy Bridge", INTEL, 6, 0x2d, 0, 0, E2019, 0, 0, 0, 0,
	  "IBRS at entry, RSB, VERW, IBPB between domains, separate tables" },
	{ "Ivy Bridge", INTEL, 6, 0x3e, 1, 0, E2019, 0, 0, 0, 0,
	  "IBRS at entry, VERW, IBPB between domains, separate tables" },
	{ "Haswell, old", INTEL, 6, 0x3c, 1, 1, 0, 0, 0, 0, 0,
	  "separate tables, branches OPEN, buffers OPEN" },
	{ "Haswell", INTEL, 6, 0x3c, 1, 1, E2019, 0, 0, 0, 0,
	  "IBRS at entry, VERW, IBPB between domains, separate tables" },
	{ "Skylake client", INTEL, 6, 0x5e, 1, 1, E2019, 0, 0, 0, 0,
	  "IBRS at entry, VERW, IBPB between domains, separate tables" },
	{ "Skylake server", INTEL, 6, 0x55, 1, 1, E2019, 0, 0, 0, 0,
	  "IBRS at entry, VERW, IBPB between domains, separate tables" },
	{ "Cascade Lake, TSX", INTEL, 6, 0x55, 1, 1, E2019 | CAPS, 0, 0, 0,
	  RDCL | EIBRS | SKIP | MDS,
	  "IBRS always, BHB, VERW, IBPB between domains" },
	{ "Cascade Lake, no TSX", INTEL, 6, 0x55, 1, 0, E2019 | CAPS, 0, 0, 0,
	  RDCL | EIBRS | SKIP | MDS, "IBRS always, BHB, IBPB between domains" },
	{ "Ice Lake server", INTEL, 6, 0x6a, 1, 1, E2019 | CAPS, 0, 0, 0,
	  RDCL | EIBRS | SKIP | MDS | TAA | FB,
	  "IBRS always, BHB, IBPB between domains" },
	{ "Alder Lake", INTEL, 6, 0x97, 1, 0, E2019 | CAPS, 0x17, 0, 0,
	  RDCL | EIBRS | SKIP | MDS | TAA | MMIO | RFDSC,
	  "IBRS always, BHI_DIS_S, VERW, IBPB between domains" },
	{ "Alder Lake, old", INTEL, 6, 0x97, 1, 0, E2019 | CAPS, 0, 0, 0,
	  RDCL | EIBRS | SKIP | MDS | TAA | MMIO,
	  "IBRS always, BHB, IBPB between domains" },
	{ "Sapphire Rapids", INTEL, 6, 0x8f, 1, 1, E2019 | CAPS, 0x17, 0, 0,
	  RDCL | EIBRS | SKIP | MDS | TAA | MMIO | RFDSN,
	  "IBRS always, BHI_DIS_S, IBPB between domains" },
	{ "one that has no history", INTEL, 6, 0xdd, 1, 0, E2019 | CAPS, 0x17,
	  0, 0, RDCL | EIBRS | SKIP | MDS | TAA | MMIO | RFDSN | BHI,
	  "IBRS always, IBPB between domains" },
	/* its Atoms */
	{ "Bonnell", INTEL, 6, 0x1c, 0, 0, 0, 0, 0, 0, 0, "nothing" },
	{ "Saltwell", INTEL, 6, 0x36, 0, 0, 0, 0, 0, 0, 0, "nothing" },
	{ "Silvermont", INTEL, 6, 0x37, 1, 0, E2019, 0, 0, 0, 0,
	  "IBRS at entry, VERW, IBPB between domains, separate tables" },
	{ "Goldmont", INTEL, 6, 0x5c, 1, 0, E2018, 0, 0, 0, 0,
	  "IBRS at entry, IBPB between domains, separate tables" },
	{ "Goldmont Plus", INTEL, 6, 0x7a, 1, 0, E2018 | CAPS, 0, 0, 0,
	  RDCL | SKIP | MDS, "IBRS at entry, IBPB between domains" },
	{ "Tremont", INTEL, 6, 0x96, 1, 0, E2019 | CAPS, 0, 0, 0,
	  RDCL | EIBRS | SKIP | MDS | RFDSC,
	  "IBRS always, BHB, VERW, IBPB between domains" },
	{ "Knights Landing", INTEL, 6, 0x57, 0, 0, E2019, 0, 0, 0, 0,
	  "IBRS at entry, RSB, VERW, IBPB between domains, "
	  "separate tables" },
	/* AMD and Hygon */
	{ "Opteron (K8)", AMD, 15, 0x41, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, branches OPEN" },
	{ "Bulldozer, old", AMD, 0x15, 1, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, branches OPEN, returns OPEN" },
	{ "Piledriver", AMD, 0x15, 2, 1, 0, 0, 0, BARRIER, 0, 0,
	  "IBPB at entry, RSB, IBPB between domains" },
	{ "Zen", AMD, 0x17, 1, 1, 0, 0, 0, BARRIER, 0, 0,
	  "IBPB at entry, RSB, IBPB between domains" },
	{ "Zen 2", AMD, 0x17, 0x31, 1, 0, 0, 0, 0xd000, 0, 0,
	  "IBPB at entry, RSB, IBPB between domains" },
	{ "Zen 3, old", AMD, 0x19, 1, 1, 0, 0, 0, 0x3004d000, 0, 0,
	  "IBRS at entry, IBPB between domains, returns OPEN" },
	{ "Zen 3", AMD, 0x19, 1, 1, 0, 0, 0, 0x7006d000, 1U << 28, 0,
	  "STIBP, IBPB at entry, IBPB between domains" },
	{ "Zen 4", AMD, 0x19, 0x11, 1, 0, 0, 0, 0x7006d000, 0x10000100, 0,
	  "automatic IBRS, STIBP, IBPB at entry, IBPB between domains" },
	{ "Zen 5", AMD, 0x1a, 2, 1, 0, 0, 0, 0x7006d000, 0x50000100, 0,
	  "automatic IBRS, STIBP, IBPB between domains" },
	{ "Dhyana", HYGON, 0x18, 0, 1, 0, 0, 0, BARRIER, 0, 0,
	  "IBPB at entry, RSB, IBPB between domains" },
	{ "QEMU's qemu64", AMD, 15, 107, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, branches OPEN" },
	/* and others: nobody says that they do not leak */
	{ "VIA Nano", VIA, 6, 15, 0, 0, 0, 0, 0, 0, 0,
	  "RSB, separate tables, branches OPEN" },
	{ "Zhaoxin KX-5000", ZHAOXI, 7, 0x1b, 1, 0, 0, 0, 0, 0, 0,
	  "separate tables" },
	{ "Zhaoxin with IBRS", ZHAOXI, 7, 0x3b, 1, 0, E2018 | CAPS, 0, 0, 0,
	  RDCL, "nothing" },
};

static struct cpu_features features_of(const struct processor *p)
{
	struct cpu_features f = {
		.family = p->family,
		.model = p->model,
		.smep = p->smep,
		.rtm = p->rtm,
		.leaf_7_edx = p->leaf7,
		.leaf_7_2_edx = p->leaf72,
		.leaf_ext8_ebx = p->ext8,
		.leaf_ext21_eax = p->ext21,
	};

	memcpy(f.vendor, p->vendor, 13);
	return f;
}

static struct speculation chosen(const char *name, const struct spec_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(processors); i++) {
		struct cpu_features f = features_of(&processors[i]);

		if (strcmp(processors[i].name, name) == 0)
			return speculation_choose(&f, processors[i].caps, o);
	}
	fail_msg("no processor %s", name);
	return (struct speculation){ 0 };
}

static void expect(const char *name, const struct spec_options *o,
		   const char *words)
{
	struct speculation s = chosen(name, o);
	char text[256];

	speculation_describe(&s, text, sizeof(text));
	if (strcmp(text, words) != 0)
		fail_msg("%s: %s; expected: %s", name, text, words);
}

static void each_processor_gets_what_it_needs(void **state)
{
	static const struct spec_options plain;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(processors); i++)
		expect(processors[i].name, &plain, processors[i].expected);
}

/* What goes to the registers, beside the words. */
static void registers_follow_the_choice(void **state)
{
	static const struct spec_options plain;
	struct speculation s = chosen("Haswell", &plain);

	(void)state;
	assert_true(s.ctrl && s.ctrl_switch);
	assert_int_equal(s.ctrl_hv, SPEC_CTRL_IBRS);
	assert_int_equal(s.ctrl_guest, 0);
	s = chosen("Alder Lake", &plain);
	assert_true(s.ctrl && !s.ctrl_switch);
	assert_int_equal(s.ctrl_hv, SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S);
	assert_int_equal(s.ctrl_guest, s.ctrl_hv);
	s = chosen("Zen", &plain);
	assert_true(!s.ctrl && !s.ctrl_switch);
}

static void everything_off(void **state)
{
	const enum option_choice off = CHOICE_OFF;
	struct spec_options o = {
		off, off, off, off, off, off, off, off,
		off, off, off, off, off, off, off, false,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(processors); i++) {
		struct speculation s = chosen(processors[i].name, &o);

		assert_false(s.ctrl || s.ctrl_switch || s.auto_ibrs ||
			     s.ibpb_entry || s.rsb || s.bhb || s.verw ||
			     s.ibpb_switch || s.l1d_flush || s.separate_dom0 ||
			     s.separate_domu);
		/* The log says what that leaves open. */
		if (strstr(processors[i].expected, "VERW"))
			assert_true(s.open & SPEC_OPEN_BUFFERS);
	}
}

static void forced_where_it_is_not_needed(void **state)
{
	const enum option_choice on = CHOICE_ON;
	struct spec_options o = { 0 };

	(void)state;
	o.ibrs = o.rsb = on;
	expect("Bonnell", &o, "IBRS at entry, RSB");
	o = (struct spec_options){ .verw = on, .ibpb_entry = on, .msr_sc = on };
	expect("Zhaoxin with IBRS", &o, "IBPB at entry, VERW");
	assert_true(chosen("Bonnell", &o).ctrl_switch);
	o = (struct spec_options){ .bhb_entry = on, .l1d_flush = on };
	expect("Zen 5", &o,
	       "automatic IBRS, STIBP, BHB, IBPB between domains, L1D flush");
	o = (struct spec_options){ .xpti_dom0 = on };
	expect("Zen 5", &o,
	       "automatic IBRS, STIBP, IBPB between domains, "
	       "separate tables for domain 0");
	o = (struct spec_options){ .ssbd = on, .psfd = on, .stibp = on };
	expect("Bonnell", &o, "STIBP, SSBD, PSFD");
	o = (struct spec_options){ .unpriv_mmio = on };
	expect("Ice Lake server", &o,
	       "IBRS always, BHB, VERW, IBPB between domains");
}

static void parts_switched_off(void **state)
{
	const enum option_choice off = CHOICE_OFF;
	struct spec_options o = { .xpti_dom0 = off };

	(void)state;
	expect("Silvermont", &o,
	       "IBRS at entry, VERW, IBPB between domains, "
	       "separate tables but for domain 0");
	o = (struct spec_options){ .msr_sc = off, .ibpb = off };
	expect("Goldmont", &o, "separate tables, branches OPEN");
	o = (struct spec_options){ .ibpb_entry = off };
	expect("Zen 2", &o,
	       "IBRS at entry, IBPB between domains, returns OPEN");
	o = (struct spec_options){ .bhi_dis_s = off };
	expect("Alder Lake", &o,
	       "IBRS always, BHB, VERW, IBPB between domains");
	o = (struct spec_options){ .verw = off };
	expect("Tremont", &o,
	       "IBRS always, BHB, IBPB between domains, buffers OPEN");
	o = (struct spec_options){ .ibrs = off, .rsb = off };
	expect("Sandy Bridge", &o,
	       "VERW, IBPB between domains, separate tables, branches OPEN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_processor_gets_what_it_needs),
		cmocka_unit_test(registers_follow_the_choice),
		cmocka_unit_test(everything_off),
		cmocka_unit_test(forced_where_it_is_not_needed),
		cmocka_unit_test(parts_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
