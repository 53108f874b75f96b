/* SPDX-License-Identifier: MIT */
/*
 * Events between two domains.
 *
 * A port waits, unbound, for one domain; that one binds a port of its own to
 * it, and from then on each end's send is pending at the other. A privileged
 * domain makes the waiting ports in another domain's name, as the builder of
 * a guest does for its console and store. Nobody else can: another domain's
 * ports are none of an unprivileged guest's business, to make, to look at or
 * to reset; and a port that waits for somebody else cannot be bound.
 *
 * When one end is closed, or its domain ends, the other one waits again for
 * the same domain.
 *
 * Two guests are needed, both this program: domain 0, and one with the word
 * "peer" on its command line, which answers each event on the port that it
 * came by (the file beside). Alone it is skipped.
 */
#include "lodger.h"

#define PORTS  4
#define ROUNDS 200

static volatile unsigned int came[EVENT_PORTS];

static void count(unsigned int port, void *argument)
{
	(void)argument;
	came[port]++;
}

static void answer(unsigned int port, void *argument)
{
	count(port, argument);
	TEST_RESULT(event_send(port), 0);
}

static void listen(unsigned int port, event_handler_t handler)
{
	event_set_handler(port, handler, NULL);
	TEST_RESULT(event_unmask(port), 0);
}

static long status(domid_t dom, unsigned int port, evtchn_status_t *s)
{
	memset(s, 0, sizeof(*s));
	s->dom = dom;
	s->port = port;
	return HYPERVISOR_event_channel_op(EVTCHNOP_status, s);
}

static long alloc_for(domid_t dom, domid_t remote)
{
	evtchn_alloc_unbound_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.dom = dom;
	op.remote_dom = remote;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &op);
	return rc ? rc : (long)op.port;
}

static long reset_of(domid_t dom)
{
	evtchn_reset_t op;

	op.dom = dom;
	return HYPERVISOR_event_channel_op(EVTCHNOP_reset, &op);
}

static void wait_for(volatile unsigned int *count, unsigned int want)
{
	unsigned long end = clock_now() + 20 * SECOND;

	while (*count < want) {
		TEST_ASSERT(clock_now() < end, "%u events of %u", *count, want);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
}

/* ---- the peer ---- */

static void not_its_business(void)
{
	evtchn_status_t s;
	unsigned int port;

	TEST_RESULT(alloc_for(0, DOMID_SELF), -XEN_EPERM);
	TEST_RESULT(alloc_for(77, DOMID_SELF), -XEN_EPERM);
	TEST_RESULT(status(0, 1, &s), -XEN_EPERM);
	TEST_RESULT(reset_of(0), -XEN_EPERM);
	TEST_RESULT(event_bind_interdomain(77, 1), -XEN_ESRCH);
	for (port = 0; port < 20; port++)
		TEST_REFUSED(event_bind_interdomain(0, port));
	/* Its own ports may wait for whomever it likes. */
	port = (unsigned int)event_alloc_unbound(77);
	TEST_RESULT(status(DOMID_SELF, port, &s), 0);
	TEST_RESULT(s.u.unbound.dom, 77);
	TEST_RESULT(event_close(port), 0);
}

/* Those that domain 0 has made in our name and bound. */
static void find_ports(unsigned int *ports)
{
	unsigned long end = clock_now() + 20 * SECOND;
	evtchn_status_t s;
	unsigned int n, port;

	do {
		TEST_ASSERT(clock_now() < end, "domain 0 does nothing");
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
		for (n = 0, port = 1; port < 64 && n < PORTS; port++)
			if (status(DOMID_SELF, port, &s) == 0 &&
			    s.status == EVTCHNSTAT_interdomain &&
			    s.u.interdomain.dom == 0)
				ports[n++] = port;
	} while (n < PORTS);
}

static void peer(void)
{
	unsigned int ports[PORTS], i;

	not_its_business();
	find_ports(ports);
	for (i = 0; i < PORTS - 1; i++)
		listen(ports[i], answer);
	listen(ports[i], count);
	while (!came[ports[PORTS - 1]])
		event_block();
}

/* ---- domain 0 ---- */

static void expect_status(domid_t dom, unsigned int port, unsigned int what,
			  domid_t other)
{
	evtchn_status_t s;

	TEST_RESULT(status(dom, port, &s), 0);
	TEST_RESULT(s.status, what);
	/* Of both kinds the first field is the domain. */
	TEST_RESULT(s.u.unbound.dom, other);
}

static unsigned int bind(unsigned int far)
{
	long near = event_bind_interdomain(1, far);

	TEST_ASSERT(near > 0, "bind_interdomain: %ld", near);
	TEST_RESULT(event_is_pending((unsigned int)near), 1);
	event_clear((unsigned int)near);
	expect_status(1, far, EVTCHNSTAT_interdomain, 0);
	expect_status(DOMID_SELF, (unsigned int)near, EVTCHNSTAT_interdomain,
		      1);
	TEST_REFUSED(event_bind_interdomain(1, far));
	came[near] = 0;
	listen((unsigned int)near, count);
	return (unsigned int)near;
}

static void wait_until_unbound(unsigned int port)
{
	unsigned long end = clock_now() + 20 * SECOND;
	evtchn_status_t s;

	do {
		TEST_ASSERT(clock_now() < end, "the peer does not end");
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
		TEST_RESULT(status(DOMID_SELF, port, &s), 0);
	} while (s.status != EVTCHNSTAT_unbound);
	TEST_RESULT(s.u.unbound.dom, 1);
}

static void domain_0(long first)
{
	unsigned int far[PORTS], near[PORTS], i, round;

	far[0] = (unsigned int)first;
	for (i = 1; i < PORTS; i++)
		far[i] = (unsigned int)alloc_for(1, DOMID_SELF);
	TEST_RESULT(alloc_for(77, DOMID_SELF), -XEN_ESRCH);
	expect_status(1, far[0], EVTCHNSTAT_unbound, 0);
	for (i = 0; i < PORTS; i++)
		near[i] = bind(far[i]);
	for (round = 1; round <= ROUNDS; round++) {
		for (i = 0; i < PORTS - 1; i++)
			TEST_RESULT(event_send(near[i]), 0);
		for (i = 0; i < PORTS - 1; i++)
			wait_for(&came[near[i]], round);
	}
	TEST_RESULT(came[near[PORTS - 1]], 0);
	TEST_RESULT(event_close(near[1]), 0);
	expect_status(1, far[1], EVTCHNSTAT_unbound, 0);
	near[1] = bind(far[1]);
	TEST_RESULT(event_send(near[1]), 0);
	wait_for(&came[near[1]], 1);
	TEST_RESULT(event_send(near[PORTS - 1]), 0);
	for (i = 0; i < PORTS; i++)
		wait_until_unbound(near[i]);
	TEST_RESULT(event_send(near[0]), 0);
}

void test_main(void)
{
	long first;

	timer_set_period(0);
	events_on();
	if (option("peer")) {
		peer();
		return;
	}
	first = alloc_for(1, DOMID_SELF);
	if (first < 0)
		test_skip("there is no other guest");
	domain_0(first);
}
