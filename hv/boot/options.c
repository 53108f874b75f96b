/* SPDX-License-Identifier: MIT */
/*
 * Modules and their strings.
 *
 *	vmlinuz domain=web memory=256M vcpus=2 -- console=hvc0 quiet
 *	initrd.img ramdisk=web
 *
 * A string with neither domain= nor ramdisk= before its "--" is not read as
 * options at all: it is domain 0's kernel and the kernel's whole command
 * line, or the ramdisk behind it. A mistake stops the boot: a guest that
 * starts with less than what was asked for would be found out much later.
 */
#include "boot/options.h"
#include "boot/options_word.h"
#include "errno.h"
#include "lib/printf.h"
#include "lib/string.h"

#define MEMORY_MIN (1UL << 20)
#define MEMORY_MAX (1UL << 44) /* 16 TiB */

#define EXPECT_GUEST                                                        \
	"domain=NAME, memory=SIZE, vcpus=NUMBER, weight=NUMBER, or -- and " \
	"the guest's command line"
#define EXPECT_NAME   "a name of 1 to 31 letters, digits and characters of ._-"
#define EXPECT_MEMORY "whole pages, at least 1M, such as 256M (K, M or G)"

/* The option at hand, for messages. */
struct context {
	unsigned int module;
	struct word file;
	struct option_error *err;
};

/* Says "module 1 (vmlinuz): 'WORD': " and the rest; returns -EINVAL. */
static int refuse(const struct context *c, struct word w, const char *why,
		  const char *more)
{
	struct shown_word file = word_show(c->file);
	bool named = c->file.n > 0 && !word_is(c->file, "placeholder");

	snprintf(c->err->text, sizeof(c->err->text),
		 "module %u%s%s%s: '%s'%s%s", c->module, named ? " (" : "",
		 named ? file.text : "", named ? ")" : "", word_show(w).text,
		 why, more);
	return -EINVAL;
}

static bool name_take(struct word value, struct module_options *out)
{
	if (value.n == 0)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i], lower = c | 0x20;

		if (!(lower >= 'a' && lower <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return word_copy(value, out->name, sizeof(out->name));
}

static bool domain_take(struct word value, struct module_options *out)
{
	out->kind = MODULE_DOMAIN;
	return name_take(value, out);
}

static bool ramdisk_take(struct word value, struct module_options *out)
{
	out->kind = MODULE_RAMDISK;
	return name_take(value, out);
}

static bool memory_take(struct word value, struct module_options *out)
{
	return word_size(value, 0, &out->memory) && out->memory >= MEMORY_MIN &&
	       out->memory <= MEMORY_MAX && out->memory % PAGE_SIZE == 0;
}

static bool count_take(struct word value, uint32_t max, uint32_t *out)
{
	uint64_t n;

	if (!word_number(value, max, &n) || n == 0)
		return false;
	*out = n;
	return true;
}

static bool vcpus_take(struct word value, struct module_options *out)
{
	return count_take(value, DOMAIN_MAX_VCPUS, &out->vcpus);
}

static bool weight_take(struct word value, struct module_options *out)
{
	return count_take(value, BOOT_WEIGHT_MAX, &out->weight);
}

_Static_assert(DOMAIN_MAX_VCPUS == 32 && BOOT_WEIGHT_MAX == 65535 &&
		       DOMAIN_NAME_MAX == 32,
	       "the texts below say so");

static const struct option {
	const char *key;
	bool (*take)(struct word value, struct module_options *out);
	const char *expect;
} options[] = {
	{ "domain", domain_take, EXPECT_NAME },
	{ "ramdisk", ramdisk_take, EXPECT_NAME },
	{ "memory", memory_take, EXPECT_MEMORY },
	{ "vcpus", vcpus_take, "a number from 1 to 32" },
	{ "weight", weight_take, "a number from 1 to 65535" },
};

/* The table's index of the option that the word is, or -1. */
static int option_find(struct word w, struct word *value)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(options); i++)
		if (word_has_key(w, options[i].key, value))
			return i;
	return -1;
}

/* What the string is, by the first domain= or ramdisk= before "--". */
static enum module_kind kind_of(const char *line)
{
	struct word w, value;

	while (word_next(&line, &w) && !word_is(w, "--")) {
		if (word_has_key(w, "domain", &value))
			return MODULE_DOMAIN;
		if (word_has_key(w, "ramdisk", &value))
			return MODULE_RAMDISK;
	}
	return MODULE_PLAIN;
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static int option_take(const struct context *c, struct word w,
		       enum module_kind kind, uint32_t *seen,
		       struct module_options *out)
{
	struct word value;
	int i = option_find(w, &value);

	if (kind == MODULE_RAMDISK &&
	    (i < 0 || options[i].take != ramdisk_take))
		return refuse(c, w, ": expected nothing but ramdisk=NAME", "");
	if (i < 0)
		return refuse(c, w, " is unknown: expected ", EXPECT_GUEST);
	if (kind == MODULE_DOMAIN && options[i].take == ramdisk_take)
		return refuse(c, w, ": expected domain= or ramdisk=, not both",
			      "");
	if (*seen & 1U << i)
		return refuse(c, w, ": expected only one ", options[i].key);
	*seen |= 1U << i;
	if (!options[i].take(value, out))
		return refuse(c, w, ": expected ", options[i].expect);
	return 0;
}

static int options_take(const struct context *c, const char *line,
			enum module_kind kind, struct module_options *out)
{
	uint32_t seen = 0;
	struct word w;

	while (word_next(&line, &w)) {
		int ret;

		if (kind == MODULE_DOMAIN && word_is(w, "--")) {
			out->cmdline = skip_blanks(line);
			return 0;
		}
		ret = option_take(c, w, kind, &seen, out);
		if (ret)
			return ret;
	}
	out->cmdline = line; /* its end */
	return 0;
}

int options_parse_module(unsigned int module, const char *string,
			 struct module_options *out, struct option_error *err)
{
	struct context c = { .module = module, .err = err };
	const char *line = string ? string : "";
	struct word first, value;
	enum module_kind kind;

	*out = (struct module_options){ 0 };
	if (word_next(&line, &first) && option_find(first, &value) >= 0)
		return refuse(&c, first,
			      " is where the file's name is expected: write "
			      "'placeholder' before it",
			      "");
	c.file = first;
	kind = kind_of(line);
	if (kind == MODULE_PLAIN) {
		out->cmdline = skip_blanks(line);
		return 0;
	}
	out->memory = BOOT_MEMORY_DEFAULT;
	out->vcpus = 1;
	out->weight = BOOT_WEIGHT_DEFAULT;
	return options_take(&c, line, kind, out);
}

/* --- from strings to guests ---------------------------------------------- */

static int refuse_plan(struct option_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse_plan(struct option_error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

static struct boot_guest *plan_find(struct boot_plan *plan, const char *name)
{
	for (unsigned int i = 0; i < plan->nr_guests; i++)
		if (!strcmp(plan->guest[i].options.name, name))
			return &plan->guest[i];
	return NULL;
}

static int plan_add_guest(struct boot_plan *plan, unsigned int module,
			  const struct module_options *o,
			  struct option_error *err)
{
	const struct boot_guest *same = plan_find(plan, o->name);

	if (same)
		return refuse_plan(err,
				   "module %u: domain=%s is the name of a "
				   "guest already, module %u: expected another "
				   "name",
				   module, o->name, same->kernel);
	if (plan->nr_guests == BOOT_GUESTS_MAX)
		return refuse_plan(err,
				   "module %u: domain=%s is one guest too "
				   "many: expected at most %u",
				   module, o->name, BOOT_GUESTS_MAX);
	plan->guest[plan->nr_guests++] = (struct boot_guest){
		.kernel = module,
		.ramdisk = BOOT_NO_MODULE,
		.options = *o,
	};
	return 0;
}

static int plan_add_plain(struct boot_plan *plan, unsigned int module,
			  struct module_options *o, struct option_error *err)
{
	struct boot_guest *g = &plan->guest[0];

	if (module == 0) {
		snprintf(o->name, sizeof(o->name), "Domain-0");
		*g = (struct boot_guest){ .ramdisk = BOOT_NO_MODULE,
					  .dom0 = true,
					  .options = *o };
		plan->nr_guests = 1;
		return 0;
	}
	if (module == 1 && g->dom0) {
		g->ramdisk = 1;
		return 0;
	}
	return refuse_plan(err,
			   "module %u: expected domain=NAME or "
			   "ramdisk=NAME: only modules 0 and 1 can be domain "
			   "0's kernel and ramdisk",
			   module);
}

static int plan_add_ramdisk(struct boot_plan *plan, unsigned int module,
			    const char *name, struct option_error *err)
{
	struct boot_guest *g = plan_find(plan, name);

	if (!g)
		return refuse_plan(err,
				   "module %u: ramdisk=%s is for no guest: "
				   "expected the name that a domain= has",
				   module, name);
	if (g->ramdisk != BOOT_NO_MODULE)
		return refuse_plan(err,
				   "module %u: ramdisk=%s is the second "
				   "one: expected only module %u to be that "
				   "guest's",
				   module, name, g->ramdisk);
	g->ramdisk = module;
	return 0;
}

/* Kernels and plain modules first: a ramdisk may stand before its guest. */
static int plan_pass(const char *const *strings, unsigned int nr, bool ramdisks,
		     struct boot_plan *out, struct option_error *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct module_options o;
		int ret = options_parse_module(i, strings[i], &o, err);

		if (ret == 0 && ramdisks && o.kind == MODULE_RAMDISK)
			ret = plan_add_ramdisk(out, i, o.name, err);
		if (ret == 0 && !ramdisks && o.kind == MODULE_DOMAIN)
			ret = plan_add_guest(out, i, &o, err);
		if (ret == 0 && !ramdisks && o.kind == MODULE_PLAIN)
			ret = plan_add_plain(out, i, &o, err);
		if (ret)
			return ret;
	}
	return 0;
}

int options_plan(const char *const *strings, unsigned int nr,
		 struct boot_plan *out, struct option_error *err)
{
	int ret;

	*out = (struct boot_plan){ 0 };
	if (nr == 0)
		return refuse_plan(err, "no module: expected a kernel as "
					"module 0, such as domain 0's");
	if (nr > BOOT_MODULES_MAX)
		return refuse_plan(err, "%u modules: expected at most %u", nr,
				   BOOT_MODULES_MAX);
	ret = plan_pass(strings, nr, false, out, err);
	if (ret)
		return ret;
	return plan_pass(strings, nr, true, out, err);
}
