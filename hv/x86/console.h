/* SPDX-License-Identifier: MIT */
/* The machine's own console: a serial port, and the VGA screen. */
#ifndef LODGE_X86_CONSOLE_H
#define LODGE_X86_CONSOLE_H

#include "boot/boot.h"

/* Sets up what the options ask for; under UEFI there is no VGA text. */
void console_setup(const struct hv_options *options, bool efi);
/* Interrupts work now: take what is typed. */
void console_listen(void);

#endif
