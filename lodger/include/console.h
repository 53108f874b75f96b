/* SPDX-License-Identifier: MIT */
/*
 * Two consoles. The hypervisor's own, by the console_io call, is for the
 * initial domain; the ring of start_info.console.domU for all others.
 */
#ifndef LODGER_CONSOLE_H
#define LODGER_CONSOLE_H

#include <stddef.h>

/* Maps the ring when there is one; nothing can be printed before. */
void console_init(void);
/* Writes to whichever console is this guest's; all of text, waiting if full. */
void console_write(const char *text, size_t length);
/* What has been typed, up to size bytes; 0 when there is nothing. */
size_t console_read(char *out, size_t size);

/* The two ways by name. console_io returns what the hypercall returned. */
long console_io_write(const char *text, size_t length);
int console_ring_present(void);
void console_ring_write(const char *text, size_t length);
/* The event channel of the ring, 0 when there is none. */
unsigned int console_ring_port(void);

#endif
