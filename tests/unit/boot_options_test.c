/* SPDX-License-Identifier: MIT */
/*
 * The command lines: strings of modules as users write them, each mistake
 * with the message that it must bring, and the hypervisor's own line as
 * Debian's GRUB scripts make it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/options.h"

static void parse(const char *string, struct module_options *o)
{
	struct option_error err;

	if (options_parse_module(1, string, o, &err))
		fail_msg("refused: %s", err.text);
}

/* The message has all of the parts, which are separated by '|'. */
static void expect_parts(const char *message, const char *parts)
{
	char copy[200], *part;

	snprintf(copy, sizeof(copy), "%s", parts);
	for (part = strtok(copy, "|"); part; part = strtok(NULL, "|"))
		if (!strstr(message, part))
			fail_msg("'%s' does not say '%s'", message, part);
}

static void refuse(const char *string, const char *parts)
{
	struct module_options o;
	struct option_error err = { "" };

	assert_int_equal(options_parse_module(3, string, &o, &err), -EINVAL);
	expect_parts(err.text, "module 3");
	expect_parts(err.text, parts);
}

static void test_guest_with_everything(void **state)
{
	struct module_options o;

	(void)state;
	parse("vmlinuz domain=web memory=256M vcpus=2 weight=512 --  "
	      "console=hvc0  ro domain=x",
	      &o);
	assert_int_equal(o.kind, MODULE_DOMAIN);
	assert_string_equal(o.name, "web");
	assert_int_equal(o.memory, 256UL << 20);
	assert_int_equal(o.vcpus, 2);
	assert_int_equal(o.weight, 512);
	assert_string_equal(o.cmdline, "console=hvc0  ro domain=x");
}

static void test_guest_with_little(void **state)
{
	struct module_options o;

	(void)state;
	parse("  placeholder\tdomain=a.b_c-9  ", &o);
	assert_int_equal(o.kind, MODULE_DOMAIN);
	assert_string_equal(o.name, "a.b_c-9");
	assert_int_equal(o.memory, BOOT_MEMORY_DEFAULT);
	assert_int_equal(o.vcpus, 1);
	assert_int_equal(o.weight, BOOT_WEIGHT_DEFAULT);
	assert_string_equal(o.cmdline, "");
	parse("k domain=a --", &o);
	assert_string_equal(o.cmdline, "");
	parse("i ramdisk=web", &o);
	assert_int_equal(o.kind, MODULE_RAMDISK);
	assert_string_equal(o.name, "web");
}

static void test_plain_module_is_not_read(void **state)
{
	struct module_options o;

	(void)state;
	parse("/boot/vmlinuz  root=/dev/sda1 memory=lots ro -- domain=x", &o);
	assert_int_equal(o.kind, MODULE_PLAIN);
	assert_string_equal(o.cmdline, "root=/dev/sda1 memory=lots ro -- "
				       "domain=x");
	parse("vmlinuz", &o);
	assert_string_equal(o.cmdline, "");
	parse("", &o);
	assert_int_equal(o.kind, MODULE_PLAIN);
	assert_string_equal(o.cmdline, "");
	parse(NULL, &o);
	assert_string_equal(o.cmdline, "");
}

static void test_sizes(void **state)
{
	static const struct {
		const char *string;
		uint64_t bytes;
	} sizes[] = {
		{ "k domain=a memory=1M", 1UL << 20 },
		{ "k domain=a memory=65536k", 64UL << 20 },
		{ "k domain=a memory=2g", 2UL << 30 },
		{ "k domain=a memory=1048576B", 1UL << 20 },
		{ "k domain=a memory=0x40M", 64UL << 20 },
		{ "k domain=a memory=16T", 1UL << 44 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct module_options o;

		parse(sizes[i].string, &o);
		assert_int_equal(o.memory, sizes[i].bytes);
	}
}

static void test_mistakes_in_a_value(void **state)
{
	static const char *const memory[] = {
		"memory=",
		"memory=M",
		"memory=256",
		"memory=256X",
		"memory=1.5G",
		"memory=-1M",
		"memory=0M",
		"memory=4K",
		"memory=1025K",
		"memory=17T",
		"memory=99999999999999999999M",
		"memory=18014398509481985K",
		"memory=0x1b",
		"memory=256MM",
	};
	static const char *const counts[] = {
		"vcpus=0",	    "vcpus=33", "vcpus=two",	"vcpus=",
		"vcpus=4294967297", "weight=0", "weight=65536", "weight=1x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		char s[100], parts[100];

		snprintf(s, sizeof(s), "vmlinuz domain=web %s", memory[i]);
		snprintf(parts, sizeof(parts), "(vmlinuz)|'%s'|256M",
			 memory[i]);
		refuse(s, parts);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		char s[100], parts[100];

		snprintf(s, sizeof(s), "vmlinuz %s domain=web", counts[i]);
		snprintf(parts, sizeof(parts),
			 "(vmlinuz)|'%s'|expected a number from 1 to",
			 counts[i]);
		refuse(s, parts);
	}
}

static void test_mistakes_in_a_name(void **state)
{
	(void)state;
	refuse("k domain=", "'domain='|a name of 1 to 31");
	refuse("k domain=a/b", "'domain=a/b'|a name of 1 to 31");
	refuse("k ramdisk=a\x7f"
	       "b",
	       "'ramdisk=a?b'|a name of 1 to 31");
	refuse("k domain=a23456789b123456789c123456789d1x",
	       "a name of 1 to 31");
	refuse("k domain=[", "a name of 1 to 31");
}

static void test_mistakes_in_a_word(void **state)
{
	(void)state;
	refuse("vmlinuz domain=web memroy=256M", "(vmlinuz)|'memroy=256M'|"
						 "unknown|memory=SIZE");
	refuse("placeholder domain=web quiet", "module 3: 'quiet'|unknown");
	refuse("k domain=web memory", "'memory'|unknown");
	refuse("k domain=a domain=b", "'domain=b'|only one domain");
	refuse("k memory=1G domain=a memory=1G", "'memory=1G'|only one");
	refuse("k domain=a ramdisk=a", "'ramdisk=a'|not both");
	refuse("k ramdisk=a domain=a", "'domain=a'|nothing but ramdisk");
	refuse("k ramdisk=a memory=1G", "'memory=1G'|nothing but ramdisk");
	refuse("k ramdisk=a ramdisk=b", "'ramdisk=b'|only one");
	refuse("k ramdisk=a -- x", "'--'|nothing but ramdisk");
}

static void test_forgotten_placeholder(void **state)
{
	(void)state;
	refuse("domain=web memory=256M", "'domain=web'|placeholder");
	refuse("ramdisk=web", "'ramdisk=web'|placeholder");
	refuse("memory=256M domain=web", "'memory=256M'|placeholder");
}

/* Whatever is in it and however long, the message is one printable line. */
static void test_long_and_strange_words(void **state)
{
	struct module_options o;
	struct option_error err;
	char s[1000];

	(void)state;
	memset(s, 'f', sizeof(s));
	for (size_t i = 1; i < sizeof(s); i += 3)
		s[i] = '!' + i % 220;
	memcpy(s + 400, " domain=a ", 10);
	s[sizeof(s) - 1] = '\0';
	assert_int_equal(options_parse_module(9, s, &o, &err), -EINVAL);
	assert_true(strlen(err.text) < sizeof(err.text));
	for (const char *p = err.text; *p; p++)
		assert_in_range(*p, ' ', 126);
	expect_parts(err.text, "module 9|...");
}

static void test_strings_cut_anywhere(void **state)
{
	static const char whole[] =
		"vmlinuz domain=web memory=256M vcpus=2 weight=512 -- x y";

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		struct module_options o;
		struct option_error err = { "" };
		char *s = malloc(n + 1);
		int ret;

		memcpy(s, whole, n);
		s[n] = '\0';
		ret = options_parse_module(0, s, &o, &err);
		assert_true(ret == 0 ? o.cmdline >= s && o.cmdline <= s + n
				     : err.text[0] != '\0');
		free(s);
	}
}

/* --- plans --------------------------------------------------------------- */

#define PLAN(plan, err, ...)                                        \
	options_plan((const char *const[]){ __VA_ARGS__ },          \
		     sizeof((const char *const[]){ __VA_ARGS__ }) / \
			     sizeof(char *),                        \
		     (plan), (err))

static void test_plan_of_domain_0(void **state)
{
	struct boot_plan plan;
	struct option_error err;

	(void)state;
	assert_int_equal(
		PLAN(&plan, &err, "/vmlinuz root=/dev/ram0", "/initrd.img"), 0);
	assert_int_equal(plan.nr_guests, 1);
	assert_true(plan.guest[0].dom0);
	assert_int_equal(plan.guest[0].kernel, 0);
	assert_int_equal(plan.guest[0].ramdisk, 1);
	assert_string_equal(plan.guest[0].options.name, "Domain-0");
	assert_string_equal(plan.guest[0].options.cmdline, "root=/dev/ram0");
	assert_int_equal(PLAN(&plan, &err, "k", "k2 domain=a", "i ramdisk=a"),
			 0);
	assert_int_equal(plan.nr_guests, 2);
	assert_int_equal(plan.guest[0].ramdisk, BOOT_NO_MODULE);
	assert_int_equal(plan.guest[1].kernel, 1);
	assert_int_equal(plan.guest[1].ramdisk, 2);
	assert_false(plan.guest[1].dom0);
}

static void test_plan_without_domain_0(void **state)
{
	struct boot_plan plan;
	struct option_error err;

	(void)state;
	assert_int_equal(PLAN(&plan, &err, "i ramdisk=b", "k domain=a",
			      "k domain=b memory=64M -- x"),
			 0);
	assert_int_equal(plan.nr_guests, 2);
	assert_false(plan.guest[0].dom0);
	assert_int_equal(plan.guest[0].ramdisk, BOOT_NO_MODULE);
	assert_int_equal(plan.guest[1].kernel, 2);
	assert_int_equal(plan.guest[1].ramdisk, 0);
	assert_int_equal(plan.guest[1].options.memory, 64UL << 20);
}

static void refuse_plan(const char *const *strings, unsigned int nr,
			const char *parts)
{
	struct boot_plan plan;
	struct option_error err = { "" };

	assert_int_equal(options_plan(strings, nr, &plan, &err), -EINVAL);
	expect_parts(err.text, parts);
}

#define REFUSE_PLAN(parts, ...)                                    \
	refuse_plan((const char *const[]){ __VA_ARGS__ },          \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / \
			    sizeof(char *),                        \
		    (parts))

static void test_plans_that_cannot_be(void **state)
{
	const char *many[BOOT_MODULES_MAX + 1];
	char names[BOOT_MODULES_MAX][20];
	struct boot_plan plan;
	struct option_error err;

	(void)state;
	assert_int_equal(options_plan(NULL, 0, &plan, &err), -EINVAL);
	expect_parts(err.text, "no module");
	REFUSE_PLAN("module 1|domain=a|module 0", "k domain=a", "k domain=a");
	REFUSE_PLAN("module 1|Domain-0|module 0", "k", "k domain=Domain-0");
	REFUSE_PLAN("module 1|ramdisk=b|no guest", "k domain=a", "i ramdisk=b");
	REFUSE_PLAN("module 0|ramdisk=a|no guest", "i ramdisk=a");
	REFUSE_PLAN("module 2|second|module 1", "k domain=a", "i ramdisk=a",
		    "i ramdisk=a");
	REFUSE_PLAN("module 2|second|module 1", "k", "i", "i ramdisk=Domain-0");
	REFUSE_PLAN("module 1|domain=NAME", "k domain=a", "i");
	REFUSE_PLAN("module 2|domain=NAME", "k", "i", "j");
	REFUSE_PLAN("module 1|'nonsense'|unknown", "k", "k domain=a nonsense");
	for (unsigned int i = 0; i < BOOT_MODULES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "k domain=g%u", i);
		many[i] = names[i];
	}
	many[BOOT_MODULES_MAX] = "k";
	assert_int_equal(options_plan(many, BOOT_GUESTS_MAX, &plan, &err), 0);
	assert_int_equal(options_plan(many, BOOT_GUESTS_MAX + 1, &plan, &err),
			 -EINVAL);
	expect_parts(err.text, "module 32|at most 32");
	assert_int_equal(options_plan(many, BOOT_MODULES_MAX + 1, &plan, &err),
			 -EINVAL);
	expect_parts(err.text, "65 modules");
}

/* --- the hypervisor's line ----------------------------------------------- */

struct reports {
	unsigned int nr;
	char text[10][200];
};

static void keep_report(void *ctx, const char *message)
{
	struct reports *r = ctx;

	assert_in_range(r->nr, 0, ARRAY_SIZE(r->text) - 1);
	snprintf(r->text[r->nr++], sizeof(r->text[0]), "%s", message);
}

static struct reports parse_hv(const char *line, struct hv_options *o)
{
	struct reports r = { 0 };

	options_parse_hv(line, o, keep_report, &r);
	return r;
}

static void test_hv_defaults(void **state)
{
	struct hv_options o;

	(void)state;
	assert_int_equal(parse_hv(NULL, &o).nr, 0);
	assert_int_equal(parse_hv("placeholder", &o).nr, 0);
	assert_int_equal(parse_hv("build/lodge", &o).nr, 0);
	assert_int_equal(o.console, CONSOLE_COM1 | CONSOLE_VGA);
	assert_int_equal(o.loglvl, LOG_INFO);
	assert_int_equal(o.guest_loglvl, LOG_WARNING);
	assert_int_equal(o.dom0_mem.bytes, 0);
	assert_false(o.noreboot);
	assert_int_equal(o.spec.ibrs, CHOICE_DEFAULT);
}

static void test_hv_line_of_debian(void **state)
{
	struct hv_options o;
	struct reports r;

	(void)state;
	r = parse_hv("placeholder dom0_mem=1024M,max:2G dom0_max_vcpus=2 "
		     "loglvl=all guest_loglvl=error/all com1=115200,8n1 "
		     "console=com1,vga noreboot no-real-mode edd=off "
		     "vga=text-80x25,keep ucode=scan dom0_vcpus_pin",
		     &o);
	assert_int_equal(r.nr, 1);
	assert_string_equal(r.text[0], "unknown option 'ucode=scan' passed "
				       "over");
	assert_true(o.vga_keep);
	assert_int_equal(o.dom0_mem.bytes, 1UL << 30);
	assert_int_equal(o.dom0_mem_min.bytes, 0);
	assert_int_equal(o.dom0_mem_max.bytes, 2UL << 30);
	assert_int_equal(o.dom0_vcpus_min, 2);
	assert_int_equal(o.dom0_vcpus_max, 2);
	assert_int_equal(o.loglvl, LOG_DEBUG);
	assert_int_equal(o.guest_loglvl, LOG_ERROR);
	assert_int_equal(o.console, CONSOLE_COM1 | CONSOLE_VGA);
	assert_true(o.noreboot);
}

static void test_hv_first_word_may_be_an_option(void **state)
{
	struct hv_options o;

	(void)state;
	assert_int_equal(parse_hv("noreboot", &o).nr, 0);
	assert_true(o.noreboot);
	assert_int_equal(parse_hv("no-real-mode console=none", &o).nr, 0);
	assert_int_equal(o.console, 0);
	assert_int_equal(parse_hv("iommu=off", &o).nr, 1);
}

static void test_hv_uarts(void **state)
{
	struct hv_options o;

	(void)state;
	assert_int_equal(parse_hv("x com1=115200,8n1 "
				  "com2=auto/1843200,7e2,0x2f8,3",
				  &o)
				 .nr,
			 0);
	assert_true(o.com[0].given);
	assert_int_equal(o.com[0].baud, 115200);
	assert_int_equal(o.com[0].data_bits, 8);
	assert_int_equal(o.com[0].parity, 'n');
	assert_int_equal(o.com[0].stop_bits, 1);
	assert_int_equal(o.com[0].port, 0);
	assert_int_equal(o.com[1].baud, 0);
	assert_int_equal(o.com[1].clock, 1843200);
	assert_int_equal(o.com[1].data_bits, 7);
	assert_int_equal(o.com[1].parity, 'e');
	assert_int_equal(o.com[1].stop_bits, 2);
	assert_int_equal(o.com[1].port, 0x2f8);
	assert_int_equal(o.com[1].irq, 3);
	parse_hv("x com1=9600,,0x3e8", &o);
	assert_int_equal(o.com[0].baud, 9600);
	assert_int_equal(o.com[0].port, 0x3e8);
}

static void test_hv_memory_and_vcpus_of_domain_0(void **state)
{
	struct hv_options o;

	(void)state;
	parse_hv("x dom0_mem=min:64M,-128M,max:-1G", &o);
	assert_true(o.dom0_mem.all_but && o.dom0_mem_max.all_but);
	assert_int_equal(o.dom0_mem.bytes, 128UL << 20);
	assert_int_equal(o.dom0_mem_min.bytes, 64UL << 20);
	assert_int_equal(o.dom0_mem_max.bytes, 1UL << 30);
	parse_hv("x dom0_mem=524288", &o);
	assert_int_equal(o.dom0_mem.bytes, 512UL << 20);
	parse_hv("x dom0_max_vcpus=2-4", &o);
	assert_int_equal(o.dom0_vcpus_min, 2);
	assert_int_equal(o.dom0_vcpus_max, 4);
	parse_hv("x dom0_max_vcpus=-4", &o);
	assert_int_equal(o.dom0_vcpus_min, 0);
	assert_int_equal(o.dom0_vcpus_max, 4);
	parse_hv("x dom0_max_vcpus=3-", &o);
	assert_int_equal(o.dom0_vcpus_min, 3);
	assert_int_equal(o.dom0_vcpus_max, 0);
}

static void test_hv_mitigations(void **state)
{
	struct hv_options o;

	(void)state;
	assert_int_equal(
		parse_hv("x spec-ctrl=no xpti=no no-smep smap=0", &o).nr, 0);
	assert_int_equal(o.spec.ibrs, CHOICE_OFF);
	assert_int_equal(o.spec.verw, CHOICE_OFF);
	assert_int_equal(o.spec.xpti_dom0, CHOICE_OFF);
	assert_int_equal(o.spec.xpti_domu, CHOICE_OFF);
	parse_hv("x xpti=dom0=false,domu=on tsc_mode=always_emulate", &o);
	assert_int_equal(o.spec.xpti_dom0, CHOICE_OFF);
	assert_int_equal(o.spec.xpti_domu, CHOICE_ON);
	assert_false(o.vga_keep);
	/* Words that change nothing here are understood all the same. */
	assert_int_equal(parse_hv("x xpti sched=bvt maxcpus=1 tsc_mode=native "
				  "vga=text-80x25 edd=off no-smap",
				  &o)
				 .nr,
			 0);
	assert_int_equal(o.spec.xpti_domu, CHOICE_ON);
}

static void test_hv_spec_ctrl(void **state)
{
	struct hv_options o;
	struct reports r;

	(void)state;
	/* In order: what xpti= asked for before stays, and later words win. */
	parse_hv("x xpti=dom0 spec-ctrl=no-xen,rsb,no-ibpb,ibpb=on", &o);
	assert_int_equal(o.spec.xpti_dom0, CHOICE_ON);
	assert_int_equal(o.spec.xpti_domu, CHOICE_OFF);
	assert_int_equal(o.spec.msr_sc, CHOICE_OFF);
	assert_int_equal(o.spec.rsb, CHOICE_ON);
	assert_int_equal(o.spec.ibpb, CHOICE_ON);
	parse_hv("x spec-ctrl=md-clear=pv=no,ibpb-entry=yes,bhb-entry=pv=1",
		 &o);
	assert_int_equal(o.spec.verw, CHOICE_OFF);
	assert_int_equal(o.spec.ibpb_entry, CHOICE_ON);
	assert_int_equal(o.spec.bhb_entry, CHOICE_ON);
	assert_int_equal(o.spec.ibrs, CHOICE_DEFAULT);
	parse_hv("x spec-ctrl=pv=no no-xpti", &o);
	assert_int_equal(o.spec.rsb, CHOICE_OFF);
	assert_int_equal(o.spec.ibpb, CHOICE_DEFAULT);
	assert_int_equal(o.spec.xpti_domu, CHOICE_OFF);
	/* Known, and nothing to it here: said so, the rest is taken. */
	r = parse_hv("x spec-ctrl=bti-thunk=lfence,rsb=hvm=no,no-gds-mit,ssbd",
		     &o);
	assert_int_equal(r.nr, 1);
	expect_parts(r.text[0], "parts without effect");
	assert_int_equal(o.spec.ssbd, CHOICE_ON);
	assert_int_equal(o.spec.rsb, CHOICE_DEFAULT);
}

/* A known option with a value that is none leaves the default. */
static void test_hv_malformed_values(void **state)
{
	static const char *const wrong[] = {
		"console=com3",
		"console=",
		"com1=",
		"com1=0",
		"com1=fast",
		"com1=9600,9n1",
		"com1=9600,8x1",
		"com1=9600,8n3",
		"com1=9600,8n1,port",
		"com1=9600,8n1,0x10000",
		"com1=9600,8n1,1,256",
		"com1=9600,8n1,1,4,5",
		"com1=9600/x",
		"loglvl=loud",
		"guest_loglvl=",
		"dom0_mem=",
		"dom0_mem=big",
		"dom0_mem=1G,min:",
		"dom0_mem=-",
		"dom0_mem=10%",
		"dom0_mem=0",
		"dom0_max_vcpus=",
		"dom0_max_vcpus=-",
		"dom0_max_vcpus=4-2",
		"dom0_max_vcpus=1-2-3",
		"dom0_max_vcpus=x",
		"noreboot=maybe",
		"xpti=dom1",
		"xpti=dom0=x",
		"spec-ctrl=gds-mitt",
		"spec-ctrl=yes",
		"spec-ctrl=xen",
		"spec-ctrl=bti-thunk=jump",
		"spec-ctrl=rsb=maybe",
		"spec-ctrl=rsb,ibrs=pv=1",
		"spec-ctrl=",
	};
	struct hv_options plain, o;

	(void)state;
	parse_hv("x", &plain);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char line[100];
		struct reports r;

		snprintf(line, sizeof(line), "x %s", wrong[i]);
		r = parse_hv(line, &o);
		assert_int_equal(r.nr, 1);
		expect_parts(r.text[0], "passed over: expected");
		expect_parts(r.text[0], wrong[i]);
		assert_memory_equal(&o, &plain, sizeof(o));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest_with_everything),
		cmocka_unit_test(test_guest_with_little),
		cmocka_unit_test(test_plain_module_is_not_read),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_mistakes_in_a_value),
		cmocka_unit_test(test_mistakes_in_a_name),
		cmocka_unit_test(test_mistakes_in_a_word),
		cmocka_unit_test(test_forgotten_placeholder),
		cmocka_unit_test(test_long_and_strange_words),
		cmocka_unit_test(test_strings_cut_anywhere),
		cmocka_unit_test(test_plan_of_domain_0),
		cmocka_unit_test(test_plan_without_domain_0),
		cmocka_unit_test(test_plans_that_cannot_be),
		cmocka_unit_test(test_hv_defaults),
		cmocka_unit_test(test_hv_line_of_debian),
		cmocka_unit_test(test_hv_first_word_may_be_an_option),
		cmocka_unit_test(test_hv_uarts),
		cmocka_unit_test(test_hv_memory_and_vcpus_of_domain_0),
		cmocka_unit_test(test_hv_mitigations),
		cmocka_unit_test(test_hv_spec_ctrl),
		cmocka_unit_test(test_hv_malformed_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
