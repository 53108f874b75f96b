/* SPDX-License-Identifier: MIT */
/*
 * The console ring: one page with two byte rings, one each way. A producer
 * writes the bytes, then the index (a compiler barrier is enough on x86: no
 * store overtakes a store), then notifies the other end by event. Indexes run
 * freely and are masked on use. The other end is trusted by a guest test only
 * as far as that a wrong index reads as a full ring.
 */
#include "lodger.h"
#include <xen/io/console.h>

static struct xencons_interface *ring;
static char ring_window[4096]
	__attribute__((aligned(4096), section(".bss.page")));

void console_init(void)
{
	unsigned long mfn = start_info->console.domU.mfn;

	if (is_initial_domain() || !mfn)
		return;
	if (HYPERVISOR_update_va_mapping(ring_window, pte_make(mfn, PTE_RW),
					 UVMF_INVLPG))
		return;
	ring = (void *)ring_window;
}

int console_ring_present(void)
{
	return ring != NULL;
}

unsigned int console_ring_port(void)
{
	return ring ? start_info->console.domU.evtchn : 0;
}

static void ring_notify(void)
{
	evtchn_send_t send;

	send.port = console_ring_port();
	if (send.port)
		HYPERVISOR_event_channel_op(EVTCHNOP_send, &send);
}

void console_ring_write(const char *text, size_t length)
{
	volatile XENCONS_RING_IDX *cons = &ring->out_cons;
	XENCONS_RING_IDX prod = ring->out_prod;

	while (length) {
		if (prod - *cons >= sizeof(ring->out)) {
			ring->out_prod = prod;
			ring_notify();
			HYPERVISOR_sched_op(SCHEDOP_yield, 0);
			continue;
		}
		ring->out[MASK_XENCONS_IDX(prod, ring->out)] = *text++;
		prod++;
		length--;
	}
	barrier();
	ring->out_prod = prod;
	ring_notify();
}

long console_io_write(const char *text, size_t length)
{
	return HYPERVISOR_console_io(CONSOLEIO_write, length, text);
}

void console_write(const char *text, size_t length)
{
	if (ring)
		console_ring_write(text, length);
	else
		console_io_write(text, length);
}

size_t console_read(char *out, size_t size)
{
	volatile XENCONS_RING_IDX *prod;
	XENCONS_RING_IDX cons;
	size_t n = 0;
	long got;

	if (!ring) {
		got = HYPERVISOR_console_io(CONSOLEIO_read, size, out);
		return got > 0 ? (size_t)got : 0;
	}
	prod = &ring->in_prod;
	for (cons = ring->in_cons; n < size && cons != *prod; cons++)
		out[n++] = ring->in[MASK_XENCONS_IDX(cons, ring->in)];
	barrier();
	ring->in_cons = cons;
	if (n)
		ring_notify();
	return n;
}
