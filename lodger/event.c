/* SPDX-License-Identifier: MIT */
/*
 * Event channels. A port is a bit in three places: pending (set by the
 * hypervisor, cleared here), mask (ours alone), and its word's bit in the
 * vCPU's selector (set when a pending bit of that word wants attention).
 * When the selector becomes nonzero, upcall_pending is set, and, unless the
 * vCPU's mask byte forbids it, the callback runs, entered with the mask set.
 *
 * The order in event_upcall() is the one that loses nothing: clear
 * upcall_pending first, then take the selector in one exchange, then look at
 * the words; whatever arrives later sets upcall_pending again, and the iret
 * that leaves the handler delivers it.
 */
#include "lodger.h"

#define WORD_BITS (8 * sizeof(unsigned long))

static struct {
	event_handler_t handler;
	void *argument;
} handlers[EVENT_PORTS];

volatile unsigned long event_upcall_count;

static unsigned long exchange(volatile unsigned long *word, unsigned long v)
{
	__asm__ __volatile__("xchg %0, %1" : "+r"(v), "+m"(*word) : : "memory");
	return v;
}

static void bit_set(volatile unsigned long *words, unsigned long bit)
{
	__asm__ __volatile__("lock; bts %1, %0"
			     : "+m"(words[bit / WORD_BITS])
			     : "r"(bit % WORD_BITS)
			     : "memory", "cc");
}

static void bit_clear(volatile unsigned long *words, unsigned long bit)
{
	__asm__ __volatile__("lock; btr %1, %0"
			     : "+m"(words[bit / WORD_BITS])
			     : "r"(bit % WORD_BITS)
			     : "memory", "cc");
}

static int bit_test(const volatile unsigned long *words, unsigned long bit)
{
	return (words[bit / WORD_BITS] >> (bit % WORD_BITS)) & 1;
}

void event_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shared_info->evtchn_mask); i++)
		shared_info->evtchn_mask[i] = ~0UL;
}

static void deliver_word(unsigned int word)
{
	unsigned long ready;
	unsigned int port;

	for (;;) {
		ready = ((volatile unsigned long *)
				 shared_info->evtchn_pending)[word] &
			~((volatile unsigned long *)
				  shared_info->evtchn_mask)[word];
		if (!ready)
			return;
		port = word * WORD_BITS + (unsigned int)__builtin_ctzl(ready);
		event_clear(port);
		if (port < EVENT_PORTS && handlers[port].handler)
			handlers[port].handler(port, handlers[port].argument);
	}
}

void event_upcall(struct trap_frame *frame)
{
	unsigned long words;

	(void)frame;
	event_upcall_count++;
	do {
		*(volatile uint8_t *)&vcpu_info->evtchn_upcall_pending = 0;
		words = exchange(&vcpu_info->evtchn_pending_sel, 0);
		for (; words; words &= words - 1)
			deliver_word((unsigned int)__builtin_ctzl(words));
	} while (*(volatile uint8_t *)&vcpu_info->evtchn_upcall_pending);
}

void event_set_handler(unsigned int port, event_handler_t handler,
		       void *argument)
{
	handlers[port].handler = handler;
	handlers[port].argument = argument;
}

long event_bind_ipi(unsigned int vcpu)
{
	evtchn_bind_ipi_t bind;
	long error;

	bind.vcpu = vcpu;
	bind.port = 0;
	error = HYPERVISOR_event_channel_op(EVTCHNOP_bind_ipi, &bind);
	return error ? error : (long)bind.port;
}

long event_bind_virq(unsigned int virq, unsigned int vcpu)
{
	evtchn_bind_virq_t bind;
	long error;

	bind.virq = virq;
	bind.vcpu = vcpu;
	bind.port = 0;
	error = HYPERVISOR_event_channel_op(EVTCHNOP_bind_virq, &bind);
	return error ? error : (long)bind.port;
}

long event_alloc_unbound(domid_t remote)
{
	evtchn_alloc_unbound_t alloc;
	long error;

	alloc.dom = DOMID_SELF;
	alloc.remote_dom = remote;
	alloc.port = 0;
	error = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);
	return error ? error : (long)alloc.port;
}

long event_bind_interdomain(domid_t remote, unsigned int remote_port)
{
	evtchn_bind_interdomain_t bind;
	long error;

	bind.remote_dom = remote;
	bind.remote_port = remote_port;
	bind.local_port = 0;
	error = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &bind);
	return error ? error : (long)bind.local_port;
}

long event_close(unsigned int port)
{
	evtchn_close_t close;
	long error;

	close.port = port;
	error = HYPERVISOR_event_channel_op(EVTCHNOP_close, &close);
	/* The number may come back, and a new port must start masked. */
	if (!error)
		event_mask(port);
	return error;
}

long event_send(unsigned int port)
{
	evtchn_send_t send;

	send.port = port;
	return HYPERVISOR_event_channel_op(EVTCHNOP_send, &send);
}

long event_unmask(unsigned int port)
{
	evtchn_unmask_t unmask;

	unmask.port = port;
	return HYPERVISOR_event_channel_op(EVTCHNOP_unmask, &unmask);
}

void event_mask(unsigned int port)
{
	bit_set(shared_info->evtchn_mask, port);
}

void event_clear(unsigned int port)
{
	bit_clear(shared_info->evtchn_pending, port);
}

int event_is_pending(unsigned int port)
{
	return bit_test(shared_info->evtchn_pending, port);
}

int event_is_masked(unsigned int port)
{
	return bit_test(shared_info->evtchn_mask, port);
}

int events_off(void)
{
	volatile uint8_t *mask = &vcpu_info->evtchn_upcall_mask;
	int before = *mask;

	*mask = 1;
	barrier();
	return before;
}

void events_on(void)
{
	barrier();
	*(volatile uint8_t *)&vcpu_info->evtchn_upcall_mask = 0;
	barrier();
	/* Any hypercall delivers what arrived meanwhile; this is the least. */
	if (*(volatile uint8_t *)&vcpu_info->evtchn_upcall_pending)
		HYPERVISOR_xen_version(XENVER_version, NULL);
}

void events_restore(int mask)
{
	if (!mask)
		events_on();
}

void event_block(void)
{
	HYPERVISOR_sched_op(SCHEDOP_block, 0);
}
