/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any text as a command line
 *
 * The input is a list of strings, each ended by a zero: the hypervisor's own
 * line and those of the modules. Accepted guests are in their limits, a
 * message is one printable line, a command line lies inside its string.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void require_line(const char *s)
{
	require(s[0] != '\0');
	for (; *s; s++)
		require(*s >= ' ' && *s < 127);
}

static void on_report(void *ctx, const char *message)
{
	(void)ctx;
	require_line(message);
}

static void check_guest(const struct boot_guest *g, const char *const *strings,
			unsigned int nr)
{
	const struct module_options *o = &g->options;
	const char *s = strings[g->kernel];

	require(g->kernel < nr);
	require(g->ramdisk < nr || g->ramdisk == BOOT_NO_MODULE);
	require_line(o->name);
	require(o->cmdline >= s && o->cmdline <= s + strlen(s));
	if (g->dom0)
		return;
	require(o->vcpus >= 1 && o->vcpus <= DOMAIN_MAX_VCPUS);
	require(o->weight >= 1 && o->weight <= BOOT_WEIGHT_MAX);
	require(o->memory > 0 && o->memory % PAGE_SIZE == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *strings[BOOT_MODULES_MAX + 2];
	char *text = malloc(size + 1);
	struct hv_options hv;
	struct boot_plan plan;
	struct option_error err = { "" };
	unsigned int nr = 0;

	memcpy(text, input, size);
	text[size] = '\0';
	for (const char *s = text; s <= text + size && nr < ARRAY_SIZE(strings);
	     s += strlen(s) + 1)
		strings[nr++] = s;
	options_parse_hv(strings[0], &hv, on_report, NULL);
	require(hv.console <= (CONSOLE_COM1 | CONSOLE_COM2 | CONSOLE_VGA));
	if (options_plan(strings + 1, nr - 1, &plan, &err))
		require_line(err.text);
	else
		for (unsigned int i = 0; i < plan.nr_guests; i++)
			check_guest(&plan.guest[i], strings + 1, nr - 1);
	free(text);
	return 0;
}
