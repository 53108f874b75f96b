/* SPDX-License-Identifier: MIT */
/* The machine's own console: the serial port, and the screen for reading. */
#include "arch.h"
#include "log/log.h"
#include "x86/console.h"
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

void console_setup(const struct hv_options *options, bool efi)
{
	const struct uart_options *com = &options->com[0];
	uint16_t port = UART_COM1;

	if (options->console & CONSOLE_COM2) {
		com = &options->com[1];
		port = UART_COM2;
	}
	if (options->console & (CONSOLE_COM1 | CONSOLE_COM2))
		uart_init(com->port ? com->port : port,
			  com->baud ? com->baud : 115200);
	vga_init(!efi && (options->console & CONSOLE_VGA));
}

void console_listen(void)
{
	if (uart_interrupts_on())
		log_debug("the serial port has no interrupt: no input");
}
