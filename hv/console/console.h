/* SPDX-License-Identifier: MIT */
/* The machine's console, shared between the log, domain 0 and guests. */
#ifndef LODGE_CONSOLE_H
#define LODGE_CONSOLE_H

#include "domain/domain.h"

/* CONSOLEIO_write of domain 0, text copied in, any length up to 128. */
void console_write_raw(struct domain *d, const char *s, size_t n);
/* CONSOLEIO_read: typed characters waiting for domain d; returns how many. */
size_t console_read(struct domain *d, char *buf, size_t n);

/*
 * A directly booted guest's console page, of which the caller holds a
 * writable reference until after console_guest_detach(), and its port.
 */
void console_guest_attach(struct domain *d, struct xencons_interface *ring,
			  uint32_t port);
/* Takes the guest's last words and forgets the page. */
void console_guest_detach(struct domain *d);
/* What a crashed guest whose console another domain serves wrote last, in the
 * log. */
void console_last_words(struct domain *d);
/* The guest told us through its console port: take its output. */
void console_guest_kick(struct domain *d);
/* SOFTIRQ_CONSOLE: hands typed characters to who has the keyboard. */
void console_input_run(void);
/* Gives the keyboard to the next domain that can have it, in order of ids,
 * and says so: what Ctrl-a three times does. */
void console_focus_next(void);

#endif
