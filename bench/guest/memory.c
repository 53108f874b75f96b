/* SPDX-License-Identifier: MIT */
/*
 * How much memory has nobody? A privileged guest may ask the hypervisor how
 * many pages are free; what is neither free nor the guest's, the hypervisor
 * keeps for itself. Only for the word "physinfo" on the command line; a
 * hypervisor that does not answer is silent here.
 */
#define __XEN_TOOLS__ 1
#include "bench.h"
#include <xen/sysctl.h>

void bench_memory(void)
{
	struct xen_sysctl call;

	if (!strstr((const char *)start_info->cmd_line, "physinfo"))
		return;
	memset(&call, 0, sizeof(call));
	call.cmd = XEN_SYSCTL_physinfo;
	call.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	if (call2(__HYPERVISOR_sysctl, (unsigned long)&call, 0))
		return;
	printf("PHYSINFO own=%lu free=%lu scrub=%lu\n", start_info->nr_pages,
	       (unsigned long)call.u.physinfo.free_pages,
	       (unsigned long)call.u.physinfo.scrub_pages);
}
