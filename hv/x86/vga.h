/* SPDX-License-Identifier: MIT */
/* The VGA text screen, 80 by 25, as a BIOS leaves it. */
#ifndef LODGE_X86_VGA_H
#define LODGE_X86_VGA_H

#include <stdbool.h>
#include <stddef.h>

/* Clears the screen and writes on it from now on, if there is one. */
void vga_init(bool present);
/* Writes text; newline, carriage return, backspace and tab have effect. */
void vga_write(const char *s, size_t n);
/* In a panic: the screen is ours again. */
void vga_take_back(void);

#endif
