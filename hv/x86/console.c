/* SPDX-License-Identifier: MIT */
/* The machine's own console: the serial port, and the screen for reading. */
#include "arch.h"
#include "x86/uart.h"
#include "x86/vga.h"

void arch_console_write(const char *s, size_t n)
{
	uart_write(s, n);
	vga_write(s, n);
}

int arch_console_read(void)
{
	return uart_getc();
}
