/* SPDX-License-Identifier: MIT */
/*
 * CLI and STI in the guest's kernel: instructions that a kernel may execute
 * before it has patched them away.
 *
 * The guest's interrupt flag is its event mask, but these two instructions do
 * not reach it: they are carried out as nothing at all, whatever the virtual
 * IOPL is. Debian's kernel executes CLI before anything of it is set up, even
 * before it has a trap table.
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
	int before;

	set.iopl = iopl;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set), 0);
	faults = 0;
	before = *mask;
	__asm__ volatile("cli" : : : "memory");
	printf("iopl %u: cli faults %d mask %d -> %d\n", iopl, faults, before, *mask);
	*mask = 1;
	__asm__ volatile("sti" : : : "memory");
	printf("iopl %u: sti faults %d mask 1 -> %d\n", iopl, faults, *mask);
	*mask = before;
}

void test_main(void)
{
	trap_handler_set(13, on_fault);
	try_both(0);
	try_both(1);
	try_both(3);
	test_pass();
}
