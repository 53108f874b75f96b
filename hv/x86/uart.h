/* SPDX-License-Identifier: MIT */
/* A 16550 serial port, the machine's console. */
#ifndef LODGE_X86_UART_H
#define LODGE_X86_UART_H

#include <stddef.h>
#include <stdint.h>

#define UART_COM1 0x3f8
#define UART_COM2 0x2f8

/*
 * Sets up the port, 8 bits, no parity. Without a working one there all else
 * does nothing. Sending never waits for longer than a sick device deserves.
 */
void uart_init(uint16_t port, uint32_t baud);
/* Its first port; 0: there is none. */
uint16_t uart_port(void);
/* Sends; a newline goes out as carriage return and newline. */
void uart_write(const char *s, size_t n);
/* Waits until what was sent is on the wire. */
void uart_drain(void);
/* The next character received, or -1. One caller at a time. */
int uart_getc(void);
/*
 * Routes the port's interrupt to this CPU: from now on received characters
 * are kept and SOFTIRQ_CONSOLE tells of them. Needs the local and I/O APICs;
 * -errno: it stays polled.
 */
[[nodiscard]] int uart_interrupts_on(void);
/* The device's vector. */
unsigned int uart_vector(void);
/* The interrupt handler's work: takes what was received. */
void uart_interrupt(void);

#endif
