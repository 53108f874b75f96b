/* SPDX-License-Identifier: MIT */
/*
 * From the first C instruction to test_main(). The order: the console, so
 * that everything after it can complain; the shared page; traps; memory;
 * then events are let in.
 */
#include "lodger.h"

const start_info_t *start_info;
shared_info_t *shared_info;
vcpu_info_t *vcpu_info;
int start_mask;

static char shared_window[4096]
	__attribute__((aligned(4096), section(".bss.page")));

void lodger_main(const start_info_t *si);

int option(const char *word)
{
	const char *line = (const char *)start_info->cmd_line;
	size_t n = strlen(word);
	const char *at;

	for (at = strstr(line, word); at; at = strstr(at + 1, word))
		if ((at == line || at[-1] == ' ') &&
		    (at[n] == ' ' || at[n] == '\0'))
			return 1;
	return 0;
}

unsigned long option_number(const char *key, unsigned long otherwise)
{
	const char *line = (const char *)start_info->cmd_line;
	const char *at = strstr(line, key);
	unsigned long value = 0;

	if (!at || (at != line && at[-1] != ' '))
		return otherwise;
	for (at += strlen(key); *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (unsigned long)(*at - '0');
	return value;
}

int on_lodge(void)
{
	xen_extraversion_t extra;
	xen_compile_info_t info;

	memset(&extra, 0, sizeof(extra));
	memset(&info, 0, sizeof(info));
	HYPERVISOR_xen_version(XENVER_extraversion, &extra);
	HYPERVISOR_xen_version(XENVER_compile_info, &info);
	extra[sizeof(extra) - 1] = '\0';
	info.compiler[sizeof(info.compiler) - 1] = '\0';
	info.compile_by[sizeof(info.compile_by) - 1] = '\0';
	return strstr(extra, "odge") || strstr(info.compiler, "odge") ||
	       strstr(info.compile_by, "odge") || option("lodge");
}

static void map_shared_info(void)
{
	if (HYPERVISOR_update_va_mapping(shared_window,
					 start_info->shared_info | PTE_RW,
					 UVMF_INVLPG))
		test_fail("cannot map shared_info at machine address %lx",
			  start_info->shared_info);
	shared_info = (void *)shared_window;
	vcpu_info = &shared_info->vcpu_info[0];
}

void lodger_main(const start_info_t *si)
{
	start_info = si;
	console_init();
	printf("lodger: %s, %lu pages, test %s, line \"%s\"\n", si->magic,
	       si->nr_pages, test_name, (const char *)si->cmd_line);
	map_shared_info();
	start_mask = vcpu_info->evtchn_upcall_mask;
	trap_init();
	page_init();
	event_init();
	events_on();
	test_main();
	test_pass();
}
