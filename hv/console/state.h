/* SPDX-License-Identifier: MIT */
/* The console of a directly booted guest, which the hypervisor serves. */
#ifndef LODGE_CONSOLE_STATE_H
#define LODGE_CONSOLE_STATE_H

#include "types.h"

struct xencons_interface;

#define CONSOLE_LINE 128

/* All under the console lock. */
struct domain_console {
	struct xencons_interface *ring; /* in the guest's frame; NULL: none */
	uint32_t port;			/* event channel to tell the guest */
	uint16_t line_used;
	bool held_return;	 /* a '\r' that waits for what follows it */
	char line[CONSOLE_LINE]; /* output since the last newline */
};

#endif
