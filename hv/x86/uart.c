/* SPDX-License-Identifier: MIT */
/*
 * The serial port
 *
 * Output is polled: the log must get out from anywhere, in any state. Input
 * comes by interrupt into a ring with one producer, the handler on the boot
 * CPU, and one consumer, the console; each moves its own index only:
 *
 *	   tail (consumer)      head (producer)
 *	   v                    v
 *	...|a|b|c|d|e|f|g|h|i|j|.......
 *
 * Indices run freely and are reduced to a slot where they are used. When the
 * ring is full, what arrives is dropped.
 *
 * A machine may have no serial port, or one that never gets ready. Reads of
 * an absent one give all ones; a device that once kept us waiting for too
 * long is not waited for again until it has been ready by itself.
 */
#include "x86/uart.h"

#include "arch.h"
#include "atomic.h"
#include "errno.h"
#include "irq/irq.h"
#include "types.h"
#include "x86/cpu.h"
#include "x86/ioapic.h"
#include "x86/port.h"
#include "x86/vectors.h"

#define CLOCK 115200 /* the rate at divisor 1 */

/* Registers; the first two are the divisor's while LCR_DIVISOR is set. */
#define DATA	0
#define IER	1
#define FCR	2 /* written */
#define IIR	2 /* read */
#define LCR	3
#define MCR	4
#define LSR	5
#define MSR	6
#define SCRATCH 7

#define IER_RECEIVED	 0x01
#define FCR_ENABLE_CLEAR 0x07 /* an interrupt for every byte */
#define IIR_FIFO	 0xc0
#define LCR_8N1		 0x03
#define LCR_DIVISOR	 0x80
#define MCR_DTR_RTS	 0x03
#define MCR_OUT2	 0x08 /* lets the interrupt through */
#define MCR_LOOP	 0x10
#define LSR_RECEIVED	 0x01
#define LSR_ROOM	 0x20
#define LSR_IDLE	 0x40

#define PATIENCE 200000 /* reads of LSR: at least 100 ms on a real bus */
#define BURST	 256	/* bytes that one interrupt takes */
#define RING	 1024	/* a power of two */

static struct {
	uint16_t port; /* 0: there is none */
	uint8_t fifo;  /* bytes that fit when LSR_ROOM is set */
	bool interrupts;
	uint32_t patience;
} uart;

static struct {
	atomic32_t head, tail;
	uint8_t bytes[RING];
} ring;

static uint8_t get(unsigned int reg)
{
	return port_in8((uint16_t)(uart.port + reg));
}

static void put(unsigned int reg, uint8_t v)
{
	port_out8((uint16_t)(uart.port + reg), v);
}

/* The scratch register keeps what it is told, or modem lines loop back. */
static bool is_present(void)
{
	uint8_t lines;

	put(SCRATCH, 0x5a);
	if (get(LSR) == 0xff)
		return false;
	if (get(SCRATCH) == 0x5a) {
		put(SCRATCH, 0xa5);
		if (get(SCRATCH) == 0xa5)
			return true;
	}
	put(MCR, MCR_LOOP | 0x0a);
	lines = get(MSR) & 0xf0;
	put(MCR, 0);
	return lines == 0x90;
}

void uart_init(uint16_t port, uint32_t baud)
{
	uint32_t divisor = baud && baud <= CLOCK ? CLOCK / baud : 1;

	uart.port = port;
	uart.patience = PATIENCE;
	if (!is_present()) {
		uart.port = 0;
		return;
	}
	put(IER, 0);
	put(LCR, LCR_8N1 | LCR_DIVISOR);
	put(DATA, (uint8_t)divisor);
	put(IER, (uint8_t)(divisor >> 8));
	put(LCR, LCR_8N1);
	put(FCR, FCR_ENABLE_CLEAR);
	put(MCR, MCR_DTR_RTS);
	uart.fifo = (get(IIR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
}

/* Waits for a bit of LSR; false when it does not come. */
static bool wait_for(uint8_t bit)
{
	for (uint32_t i = 0; i < uart.patience; i++) {
		if (get(LSR) & bit) {
			uart.patience = PATIENCE;
			return true;
		}
		__asm__ volatile("pause");
	}
	uart.patience = 1;
	return false;
}

static void send(uint8_t c)
{
	static uint8_t room;

	if (!room) {
		if (!wait_for(LSR_ROOM))
			return;
		room = uart.fifo;
	}
	room--;
	put(DATA, c);
}

uint16_t uart_port(void)
{
	return uart.port;
}

void uart_write(const char *s, size_t n)
{
	if (!uart.port)
		return;
	for (; n--; s++) {
		if (*s == '\n')
			send('\r');
		send((uint8_t)*s);
	}
}

void uart_drain(void)
{
	if (uart.port)
		(void)wait_for(LSR_IDLE);
}

void uart_interrupt(void)
{
	uint32_t head = atomic32_load(&ring.head);
	uint32_t tail = atomic32_load(&ring.tail);
	uint8_t c;

	if (!uart.port)
		return;
	(void)get(IIR);
	for (unsigned int i = 0; i < BURST && (get(LSR) & LSR_RECEIVED); i++) {
		c = get(DATA);
		if (head - tail < RING)
			ring.bytes[head++ % RING] = c;
	}
	atomic32_store(&ring.head, head);
	cpu_raise(this_cpu(), SOFTIRQ_CONSOLE);
}

int uart_getc(void)
{
	uint32_t tail = atomic32_load(&ring.tail);
	int c;

	if (tail == atomic32_load(&ring.head)) {
		if (uart.interrupts || !uart.port || !(get(LSR) & LSR_RECEIVED))
			return -1;
		return get(DATA);
	}
	c = ring.bytes[tail % RING];
	atomic32_store(&ring.tail, tail + 1);
	return c;
}

static uint8_t isa_irq(void)
{
	return uart.port == UART_COM2 || uart.port == 0x2e8 ? 3 : 4;
}

/* The first that devices can have, before anybody else asks for one. */
unsigned int uart_vector(void)
{
	return ARCH_VECTOR_FIRST;
}

int uart_interrupts_on(void)
{
	struct gsi_wiring w;
	uint32_t gsi;
	int err;

	if (!uart.port)
		return -ENODEV;
	gsi = ioapic_gsi_of_isa(isa_irq());
	err = arch_gsi_wiring(gsi, &w);
	if (!err)
		err = arch_gsi_route(gsi, uart_vector(), &w);
	if (err)
		return err;
	irq_reserve_gsi(uart_vector(), gsi);
	arch_gsi_mask(gsi, false);
	uart.interrupts = true;
	put(MCR, MCR_DTR_RTS | MCR_OUT2);
	put(IER, IER_RECEIVED);
	return 0;
}
