/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own command line, with the names and forms that Xen's
 * users know: KEY=VALUE, KEY for yes and no-KEY for no. Debian's GRUB lines
 * carry words that are Xen's alone: each is reported once and passed over,
 * so a word that we know and could not read is no reason to stop either.
 */
#include "boot/options.h"
#include "boot/options_spec.h"
#include "boot/options_word.h"
#include "lib/printf.h"
#include "lib/string.h"

/* Without a letter Xen counts memory in KiB. */
#define SIZE_UNIT 1024
#define CPUS_MAX  4095

static bool take_console(struct word v, struct hv_options *o)
{
	uint32_t where = 0;
	struct word w;

	while (word_split(&v, ',', &w)) {
		if (word_is(w, "com1"))
			where |= CONSOLE_COM1;
		else if (word_is(w, "com2"))
			where |= CONSOLE_COM2;
		else if (word_is(w, "vga"))
			where |= CONSOLE_VGA;
		else if (!word_is(w, "none"))
			return false;
	}
	o->console = where;
	return true;
}

static bool uart_take_speed(struct word v, struct uart_options *u)
{
	struct word w;
	uint64_t n;

	word_split(&v, '/', &w);
	if (!word_is(w, "auto")) {
		if (!word_number(w, 4000000, &n) || n == 0)
			return false;
		u->baud = n;
	}
	if (word_split(&v, '/', &w)) {
		if (!word_number(w, UINT32_MAX, &n) || n == 0)
			return false;
		u->clock = n;
	}
	return true;
}

static bool uart_take_frame(struct word w, struct uart_options *u)
{
	if (w.n == 0)
		return true;
	if (w.n != 3 || w.p[0] < '5' || w.p[0] > '8' ||
	    !strchr("noems", w.p[1]) || w.p[2] < '1' || w.p[2] > '2')
		return false;
	u->data_bits = w.p[0] - '0';
	u->parity = w.p[1];
	u->stop_bits = w.p[2] - '0';
	return true;
}

static bool uart_take(struct word v, struct uart_options *out)
{
	struct uart_options u = { .given = true };
	uint64_t port = 0, irq = 0;
	struct word w;

	if (!word_split(&v, ',', &w) || !uart_take_speed(w, &u))
		return false;
	if (word_split(&v, ',', &w) && !uart_take_frame(w, &u))
		return false;
	if (word_split(&v, ',', &w) && w.n && !word_number(w, 0xfff8, &port))
		return false;
	if (word_split(&v, ',', &w) && w.n && !word_number(w, 255, &irq))
		return false;
	if (v.p)
		return false;
	u.port = port;
	u.irq = irq;
	*out = u;
	return true;
}

static bool take_com1(struct word v, struct hv_options *o)
{
	return uart_take(v, &o->com[0]);
}

static bool take_com2(struct word v, struct hv_options *o)
{
	return uart_take(v, &o->com[1]);
}

/* LEVEL or LEVEL/LEVEL: the second, of messages limited to a rate, rules
 * nothing here. An error is never silent, so none is as good as error. */
static bool level_take(struct word v, enum log_level *out)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "none", LOG_ERROR },	    { "error", LOG_ERROR },
		{ "warning", LOG_WARNING }, { "info", LOG_INFO },
		{ "debug", LOG_DEBUG },	    { "all", LOG_DEBUG },
	};
	struct word w;

	if (!word_split(&v, '/', &w))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (word_is(w, levels[i].name)) {
			*out = levels[i].level;
			return true;
		}
	return false;
}

static bool take_loglvl(struct word v, struct hv_options *o)
{
	return level_take(v, &o->loglvl);
}

static bool take_guest_loglvl(struct word v, struct hv_options *o)
{
	return level_take(v, &o->guest_loglvl);
}

static bool memory_take(struct word w, struct memory_request *out)
{
	struct memory_request m = { 0 };

	if (w.n && w.p[0] == '-') {
		m.all_but = true;
		w.p++;
		w.n--;
	}
	if (!word_size(w, SIZE_UNIT, &m.bytes) || m.bytes == 0)
		return false;
	*out = m;
	return true;
}

static bool take_dom0_mem(struct word v, struct hv_options *o)
{
	struct memory_request size = { 0 }, min = { 0 }, max = { 0 };
	struct word w, key;

	while (word_split(&v, ',', &w)) {
		struct word value = w;
		struct memory_request *to = &size;

		word_split(&value, ':', &key);
		if (word_is(key, "min"))
			to = &min;
		else if (word_is(key, "max"))
			to = &max;
		else
			value = w;
		if (!memory_take(value, to))
			return false;
	}
	o->dom0_mem = size;
	o->dom0_mem_min = min;
	o->dom0_mem_max = max;
	return true;
}

/* N, or MIN-MAX of which either may be missing. */
static bool take_dom0_max_vcpus(struct word v, struct hv_options *o)
{
	uint64_t min = 0, max = 0;
	struct word low, high = { NULL, 0 };
	bool range;

	word_split(&v, '-', &low);
	range = word_split(&v, '-', &high);
	if (low.n && !word_number(low, CPUS_MAX, &min))
		return false;
	if (high.n && !word_number(high, CPUS_MAX, &max))
		return false;
	if (!range)
		max = min;
	if (v.p || (!min && !max) || (max && min > max))
		return false;
	o->dom0_vcpus_min = min;
	o->dom0_vcpus_max = max;
	return true;
}

static bool number_take(struct word v, uint32_t *out)
{
	uint64_t n;

	if (!word_number(v, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool take_grant_frames(struct word v, struct hv_options *o)
{
	return number_take(v, &o->grant_frames);
}

static bool take_maptrack_frames(struct word v, struct hv_options *o)
{
	return number_take(v, &o->maptrack_frames);
}

#define RING_MAX (64UL << 20)

/* The ring wants a power of two: the next one below. */
static bool take_conring_size(struct word v, struct hv_options *o)
{
	uint64_t bytes;

	if (!word_size(v, SIZE_UNIT, &bytes) || !bytes || bytes > RING_MAX)
		return false;
	o->conring_bytes = 1UL << (63 - __builtin_clzl(bytes));
	return true;
}

static bool take_console_to_ring(struct word v, struct hv_options *o)
{
	return word_bool(v, &o->console_to_ring);
}

static bool take_noreboot(struct word v, struct hv_options *o)
{
	return word_bool(v, &o->noreboot);
}

/* Text modes, of which we have the one that the firmware set, and "keep". */
static bool take_vga(struct word v, struct hv_options *o)
{
	struct word w;

	while (word_split(&v, ',', &w))
		if (word_is(w, "keep"))
			o->vga_keep = true;
	return true;
}

/* Understood, and of no consequence here. */
static bool take_idle(struct word v, struct hv_options *o)
{
	(void)v;
	(void)o;
	return true;
}

static const struct option {
	const char *key;
	bool (*take)(struct word value, struct hv_options *o);
	const char *expect;
	bool boolean; /* KEY and no-KEY are allowed, too */
} options[] = {
	{ "console", take_console, "a list of com1, com2, vga and none",
	  false },
	{ "com1", take_com1, "BAUD[/CLOCK][,8n1[,PORT[,IRQ]]]", false },
	{ "com2", take_com2, "BAUD[/CLOCK][,8n1[,PORT[,IRQ]]]", false },
	{ "loglvl", take_loglvl, "none, error, warning, info, debug or all",
	  false },
	{ "guest_loglvl", take_guest_loglvl,
	  "none, error, warning, info, debug or all", false },
	{ "dom0_mem", take_dom0_mem, "[SIZE][,min:SIZE][,max:SIZE]", false },
	{ "dom0_max_vcpus", take_dom0_max_vcpus, "NUMBER or MIN-MAX", false },
	{ "maxcpus", take_idle, "", true },
	{ "gnttab_max_frames", take_grant_frames, "NUMBER", false },
	{ "gnttab_max_maptrack_frames", take_maptrack_frames, "NUMBER", false },
	{ "conring_size", take_conring_size, "a size of up to 64M", false },
	{ "console_to_ring", take_console_to_ring, "yes or no", true },
	{ "noreboot", take_noreboot, "yes or no", true },
	{ "real-mode", take_idle, "", true },
	{ "edd", take_idle, "", true },
	{ "vga", take_vga, "", true },
	{ "dom0_vcpus_pin", take_idle, "", true },
	{ "sched", take_idle, "", true },
	{ "smep", take_idle, "", true },
	{ "smap", take_idle, "", true },
	{ "spec-ctrl", option_take_spec_ctrl,
	  "no, or a list of parts such as ibrs=no, rsb=yes, md-clear=no",
	  true },
	{ "xpti", option_take_xpti,
	  "yes, no, default, or dom0=, domu= with these", true },
	{ "tsc_mode", take_idle, "", true },
};

/* The option that the word is, with its value; NULL if there is none. */
static const struct option *option_find(struct word w, struct word *value)
{
	bool no = w.n > 3 && !memcmp(w.p, "no-", 3);
	struct word bare = no ? (struct word){ w.p + 3, w.n - 3 } : w;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (word_has_key(w, options[i].key, value))
			return &options[i];
		if (options[i].boolean && word_is(bare, options[i].key)) {
			*value = (struct word){ no ? "no" : "yes", no ? 2 : 3 };
			return &options[i];
		}
	}
	return NULL;
}

static void option_take(struct word w, bool first, struct hv_options *out,
			option_report_fn *report, void *ctx)
{
	struct shown_word shown = word_show(w);
	struct word value, rest = w, name;
	const struct option *option = option_find(w, &value);
	char text[160];

	if (option && option->take(value, out)) {
		if (!out->spec.idle_parts)
			return;
		out->spec.idle_parts = false;
		snprintf(text, sizeof(text),
			 "option '%s' has parts without effect here",
			 shown.text);
		report(ctx, text);
		return;
	}
	/* The file's name, or GRUB's placeholder. */
	if (!option && first && word_split(&rest, '=', &name) && !rest.p)
		return;
	if (option)
		snprintf(text, sizeof(text),
			 "option '%s' passed over: expected %s", shown.text,
			 option->expect);
	else
		snprintf(text, sizeof(text), "unknown option '%s' passed over",
			 shown.text);
	report(ctx, text);
}

void options_parse_hv(const char *line, struct hv_options *out,
		      option_report_fn *report, void *ctx)
{
	bool first = true;
	struct word w;

	*out = (struct hv_options){
		.console = CONSOLE_COM1 | CONSOLE_VGA,
		.loglvl = LOG_INFO,
		.guest_loglvl = LOG_WARNING,
	};
	while (line && word_next(&line, &w)) {
		option_take(w, first, out, report, ctx);
		first = false;
	}
}
