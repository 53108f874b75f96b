/* SPDX-License-Identifier: MIT */
/*
 * Event channels: the interrupts of a paravirtual guest.
 *
 * A port has two bits in the shared page. The hypervisor sets PENDING; the
 * guest clears it. MASK is the guest's alone. When PENDING goes from 0 to 1 on
 * a port that is not masked, the hypervisor sets the port's word in the vCPU's
 * selector and then upcall_pending, and if the vCPU's own mask allows it the
 * guest's callback runs before the guest executes another instruction. The
 * callback is entered with the vCPU's mask set.
 *
 * Nothing may be lost. A port that is masked when the event arrives stays
 * PENDING; EVTCHNOP_unmask clears MASK and raises what was missed, which the
 * guest could not do by itself without a race. While the vCPU's mask is set,
 * upcall_pending says that something waits, and it is delivered on the way
 * out of the first hypercall (or iret) after the guest has cleared the mask.
 * A second event on a pending port is the same event.
 *
 * Ports come in kinds: IPI to a vCPU of the same domain; virtual interrupts
 * (VIRQ), one port for each and vCPU; channels between domains, which begin
 * unbound and are open only to the domain they were made for. A domain may
 * connect two ports of its own. Wrong numbers are refused by name.
 *
 * A guest has a bit for each port in as many words as its longs have bits.
 * Built in both widths.
 */
#include "lodger.h"

#define LONG_BITS (8 * sizeof(long))
#define PORTS	  (LONG_BITS * LONG_BITS)

static volatile unsigned int seen, masked_in_handler;
static unsigned int order[8];

static void on_event(unsigned int port, void *argument)
{
	(void)argument;
	masked_in_handler += vcpu_info->evtchn_upcall_mask;
	if (seen < ARRAY_SIZE(order))
		order[seen] = port;
	seen++;
}

static unsigned int listen(long port)
{
	TEST_ASSERT(port > 0, "no port: %ld", port);
	event_set_handler((unsigned int)port, on_event, NULL);
	return (unsigned int)port;
}

static void deliver(unsigned int port)
{
	seen = masked_in_handler = 0;
	TEST_RESULT(event_unmask(port), 0);
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(seen, 1);
	TEST_RESULT(order[0], port);
	TEST_RESULT(masked_in_handler, 1);
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 0);
	TEST_RESULT(event_is_pending(port), 0);
}

static void port_mask(unsigned int port)
{
	seen = 0;
	event_mask(port);
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(seen, 0);
	TEST_RESULT(event_is_pending(port), 1);
	TEST_RESULT(event_unmask(port), 0);
	TEST_RESULT(seen, 1);
	TEST_RESULT(event_is_masked(port), 0);
	/* Unmasking what is not pending raises nothing. */
	TEST_RESULT(event_unmask(port), 0);
	TEST_RESULT(seen, 1);
}

static void vcpu_mask(unsigned int port)
{
	seen = 0;
	events_off();
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(seen, 0);
	TEST_RESULT(vcpu_info->evtchn_upcall_pending, 1);
	TEST_RESULT((vcpu_info->evtchn_pending_sel >> (port / LONG_BITS)) & 1,
		    1);
	/* Clearing the mask does nothing by itself; the next call does. */
	*(volatile uint8_t *)&vcpu_info->evtchn_upcall_mask = 0;
	clock_spin(MILLISECOND);
	HYPERVISOR_xen_version(XENVER_version, NULL);
	TEST_RESULT(seen, 1);
	/* And so does a trap: the iret back delivers. */
	seen = 0;
	events_off();
	TEST_RESULT(event_send(port), 0);
	*(volatile uint8_t *)&vcpu_info->evtchn_upcall_mask = 0;
	probe_begin();
	__asm__ __volatile__(PROBE("ud2"));
	TEST_RESULT(probe_end(), TRAP_UD);
	TEST_RESULT(seen, 1);
}

static void several(unsigned int a, unsigned int b, unsigned int c)
{
	TEST_RESULT(event_unmask(a) | event_unmask(b) | event_unmask(c), 0);
	seen = 0;
	events_off();
	event_send(c);
	event_send(a);
	event_send(b);
	event_mask(b);
	events_on();
	TEST_RESULT(seen, 2);
	TEST_RESULT(event_is_pending(b), 1);
	TEST_RESULT(event_unmask(b), 0);
	TEST_RESULT(seen, 3);
	TEST_RESULT(order[2], b);
}

static void virqs(void)
{
	unsigned int port = listen(event_bind_virq(VIRQ_DEBUG, 0));

	TEST_RESULT(event_bind_virq(VIRQ_DEBUG, 0), -XEN_EEXIST);
	TEST_RESULT(event_bind_virq(99, 0), -XEN_EINVAL);
	TEST_RESULT(event_bind_virq(VIRQ_TIMER, 500), -XEN_ENOENT);
	/* A virtual interrupt is the hypervisor's to send. */
	TEST_RESULT(event_send(port), -XEN_EINVAL);
	TEST_RESULT(event_close(port), 0);
	port = listen(event_bind_virq(VIRQ_DEBUG, 0));
	TEST_RESULT(event_close(port), 0);
}

static long status(unsigned int port, evtchn_status_t *s)
{
	memset(s, 0, sizeof(*s));
	s->dom = DOMID_SELF;
	s->port = port;
	return HYPERVISOR_event_channel_op(EVTCHNOP_status, s);
}

static void channel_to_self(void)
{
	evtchn_status_t s;
	unsigned int a, b;

	a = listen(event_alloc_unbound(DOMID_SELF));
	TEST_RESULT(status(a, &s), 0);
	TEST_RESULT(s.status, EVTCHNSTAT_unbound);
	/* Nobody listens yet: the event vanishes, and that is no error. */
	TEST_RESULT(event_send(a), 0);
	b = listen(event_bind_interdomain(DOMID_SELF, a));
	TEST_RESULT(status(a, &s), 0);
	TEST_RESULT(s.status, EVTCHNSTAT_interdomain);
	TEST_RESULT(s.u.interdomain.port, b);
	/* The end that has just been bound is pending at once. */
	TEST_RESULT(event_is_pending(b), 1);
	event_clear(b);
	seen = 0;
	TEST_RESULT(event_unmask(a), 0);
	TEST_RESULT(event_unmask(b), 0);
	TEST_RESULT(event_send(a), 0);
	TEST_RESULT(order[0], b);
	TEST_RESULT(event_send(b), 0);
	TEST_RESULT(order[1], a);
	TEST_ASSERT(event_bind_interdomain(DOMID_SELF, a) < 0, "bound twice");
	TEST_RESULT(event_close(a), 0);
	TEST_RESULT(status(b, &s), 0);
	TEST_RESULT(s.status, EVTCHNSTAT_unbound);
	TEST_RESULT(event_close(b), 0);
	TEST_RESULT(status(b, &s), 0);
	TEST_RESULT(s.status, EVTCHNSTAT_closed);
}

static void refused(void)
{
	static const unsigned int bad[] = { 0,	  1000,	  4095,
					    4096, 131072, 0xffffffffU };
	evtchn_status_t s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		TEST_RESULT(event_send(bad[i]), -XEN_EINVAL);
		TEST_RESULT(event_close(bad[i]), -XEN_EINVAL);
	}
	TEST_RESULT(event_unmask(0xffffffffU), -XEN_EINVAL);
	TEST_RESULT(status(0xffffffffU, &s), -XEN_EINVAL);
	TEST_RESULT(status(0, &s), 0);
	TEST_RESULT((long)s.status, EVTCHNSTAT_closed);
	TEST_RESULT(event_bind_ipi(500), -XEN_ENOENT);
	TEST_RESULT(event_bind_interdomain(4000, 1), -XEN_ESRCH);
	TEST_RESULT(event_bind_interdomain(DOMID_SELF, 1000), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_event_channel_op(77, &s), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_bind_ipi,
						HYPERVISOR_VIRT_START - 4096),
		    -XEN_EFAULT);
}

/* Ports are given out, taken back, and given out again. */
static void many(void)
{
	static unsigned short ports[700];
	unsigned int round, i;
	long port;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(ports); i++) {
			port = event_bind_ipi(0);
			TEST_ASSERT(port > 0 && port < (long)PORTS, "%ld",
				    port);
			ports[i] = (unsigned short)port;
		}
		deliver(listen(ports[ARRAY_SIZE(ports) - 1]));
		for (i = 0; i < ARRAY_SIZE(ports); i++)
			TEST_RESULT(event_close(ports[i]), 0);
	}
}

void test_main(void)
{
	unsigned int a = listen(event_bind_ipi(0));
	unsigned int b = listen(event_bind_ipi(0));
	unsigned int c = listen(event_bind_ipi(0));

	deliver(a);
	port_mask(a);
	vcpu_mask(a);
	several(a, b, c);
	TEST_RESULT(event_close(a) | event_close(b) | event_close(c), 0);
	TEST_RESULT(event_send(a), -XEN_EINVAL);
	virqs();
	channel_to_self();
	refused();
	many();
}
