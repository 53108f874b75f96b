/* SPDX-License-Identifier: MIT */
/*
 * The virtual NMI.
 *
 * VCPUOP_send_nmi interrupts a vCPU at vector 2 of its trap table, whether its
 * events are masked or not: kernels use it to look into a vCPU that is stuck.
 * Here the vCPU sends it to itself, and the handler has run before the
 * hypercall returns. The gate's flag for masking events applies as for any
 * gate, and the frame shows what was interrupted.
 *
 * As on the processor, an NMI that comes while one is being handled waits, and
 * the return by iret (not by any other trap's end in between) lets it in. Two
 * that wait are one.
 */
#include "lodger.h"

static volatile unsigned int seen, depth, deepest, send_more;
static struct trap_frame frame_seen;

static void send(void)
{
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
}

static int on_nmi(struct trap_frame *frame)
{
	frame_seen = *frame;
	seen++;
	if (++depth > deepest)
		deepest = depth;
	while (send_more) {
		send_more--;
		send();
	}
	depth--;
	return 1;
}

void test_main(void)
{
	trap_set_hook(TRAP_NMI, on_nmi);
	send();
	TEST_RESULT(seen, 1);
	TEST_RESULT(frame_seen.cs & 3, 0);
	TEST_ASSERT(frame_seen.rflags & RFLAGS_IF, "events were on");
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 0);
	/* Masked events do not hold it back. */
	events_off();
	send();
	TEST_RESULT(seen, 2);
	TEST_ASSERT(!(frame_seen.rflags & RFLAGS_IF), "events were off");
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 1);
	events_on();
	/* Sent from its own handler: one more, and not inside. */
	seen = deepest = 0;
	send_more = 1;
	send();
	TEST_RESULT(seen, 2);
	TEST_RESULT(deepest, 1);
	/* Two that wait are one. */
	seen = 0;
	send_more = 2;
	send();
	TEST_RESULT(seen, 2);
	TEST_RESULT(deepest, 1);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_send_nmi, 8191, NULL),
		    -XEN_ENOENT);
}
