/* SPDX-License-Identifier: MIT */
/*
 * CLI and STI in the guest's kernel.
 *
 * A guest masks its events in vcpu_info, and these two instructions do not
 * reach that mask: with a virtual IOPL that allows the kernel to execute them
 * (1 or more) they do nothing, without it they raise #GP.
 */
#include "lodger.h"

static int faults;

static int on_fault(struct trap_frame *frame)
{
	faults++;
	frame->rip += 1;
	return 1;
}

static void try_both(unsigned int iopl)
{
	struct physdev_set_iopl set;
	unsigned char *mask =
		&shared_info->vcpu_info[0].evtchn_upcall_mask;

	set.iopl = iopl;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set), 0);
	faults = 0;
	*mask = 0;
	__asm__ volatile("cli" : : : "memory");
	TEST_RESULT(*mask, 0);
	*mask = 1;
	__asm__ volatile("sti" : : : "memory");
	TEST_RESULT(*mask, 1);
	*mask = 0;
	TEST_RESULT(faults, iopl ? 0 : 2);
}

void test_main(void)
{
	trap_set_hook(13, on_fault);
	try_both(0);
	try_both(1);
	try_both(3);
	test_pass();
}
