/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the lock, and who has the keyboard. */
#ifndef LODGE_CONSOLE_GUEST_H
#define LODGE_CONSOLE_GUEST_H

#include "console/console.h"

extern struct spinlock console_lock;

/* True when the keyboard is d's. */
bool console_has_focus(const struct domain *d);
/* The keyboard is nobody's yet: d may have it. */
void console_focus_offer(const struct domain *d);
/* d goes: the keyboard is another's. */
void console_focus_leave(const struct domain *d);

/* Shows the line that a guest has begun and not ended, if there is one. */
void console_guest_flush(struct domain *d);
/* Puts a typed character in the guest's ring and tells it; if the ring is
 * full it is lost. */
void console_guest_type(struct domain *d, char c);

#endif
