/* SPDX-License-Identifier: MIT */
/*
 * The two consoles.
 *
 * console_io is the hypervisor's own console. The initial domain writes to it
 * and reads from it what is typed; a read never waits. For other domains it
 * is a debugging aid that may be refused. Lengths are what they say: zero
 * bytes are fine, a pointer that cannot be read gives -EFAULT.
 *
 * Other domains have a ring in a page of their own, named in start_info with
 * its event channel. What is put into the ring comes out at the other end in
 * order, also when it is more than the ring holds: the writer waits for room.
 * Wrong indices in the ring harm only the domain that wrote them.
 */
#include "lodger.h"
#include <xen/io/console.h>

static void io_console(void)
{
	static const char text[] = "written by console_io\n";
	char typed[16];

	TEST_RESULT(console_io_write(text, sizeof(text) - 1), 0);
	TEST_RESULT(console_io_write(text, 0), 0);
	TEST_RESULT(HYPERVISOR_console_io(CONSOLEIO_write, 16, 0x10000000000UL),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_console_io(CONSOLEIO_write, 16,
					  0xffff830000000000UL),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_console_io(CONSOLEIO_read, sizeof(typed), typed),
		    0);
	TEST_RESULT(HYPERVISOR_console_io(77, 0, typed), -XEN_ENOSYS);
}

static void ring_console(void)
{
	unsigned int i;
	evtchn_status_t s;

	memset(&s, 0, sizeof(s));
	s.dom = DOMID_SELF;
	s.port = console_ring_port();
	TEST_ASSERT(s.port != 0, "the ring has no event channel");
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_status, &s), 0);
	TEST_ASSERT(s.status != EVTCHNSTAT_closed, "the channel is closed");
	/* Three times what the ring holds. */
	for (i = 0; i < 96; i++)
		printf("line %2u of ninety-six, sixty-four bytes as each of"
		       " them is ..\n",
		       i);
}

void test_main(void)
{
	if (is_initial_domain())
		io_console();
	else if (console_ring_present())
		ring_console();
	else
		test_fail("no console at all");
}
