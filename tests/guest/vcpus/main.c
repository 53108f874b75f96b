/* SPDX-License-Identifier: MIT */
/*
 * A second vCPU: from nothing to running, and down again.
 *
 * A guest starts on vCPU 0 alone. It gives each further one a whole context
 * with VCPUOP_initialise (registers, trap table, stack for traps, callbacks,
 * page-table root) and starts it with VCPUOP_up. VCPUOP_down stops a vCPU, and
 * up lets it go on behind that call; the context is not given twice. A context
 * is checked like everything a guest says: a root that is no L4 table, or a
 * frame list of a GDT that is not the guest's, is refused.
 *
 * vCPUs speak to each other by ports bound with bind_ipi. A port belongs to
 * the vCPU that it was bound for; whoever sends, that one is woken.
 *
 * This asks for a guest with two vCPUs and is skipped elsewhere. It does not
 * matter whether the machine has two processors.
 */
#include "lodger.h"

static volatile unsigned int steps, events, stop;
static unsigned int port_of_0, port_of_1;
static char second_stack[4096] __attribute__((aligned(16)));

static void on_event(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	events++;
}

/* Runs on vCPU 1 with its events masked: waits by poll. */
static void second(void)
{
	sched_poll_t p;

	for (;;) {
		steps++;
		event_send(port_of_0);
		memset(&p, 0, sizeof(p));
		set_xen_guest_handle(p.ports, &port_of_1);
		p.nr_ports = 1;
		HYPERVISOR_sched_op(SCHEDOP_poll, &p);
		event_clear(port_of_1);
		if (stop)
			HYPERVISOR_vcpu_op(VCPUOP_down, 1, NULL);
	}
}

static vcpu_guest_context_t context;

static void make_context(void)
{
	memset(&context, 0, sizeof(context));
	context.flags = VGCF_in_kernel;
	context.user_regs.rip = (unsigned long)second;
	context.user_regs.rsp =
		(unsigned long)second_stack + sizeof(second_stack) - 8;
	context.user_regs.cs = FLAT_KERNEL_CS;
	context.user_regs.ss = FLAT_KERNEL_SS;
	context.user_regs.rflags = 2;
	context.kernel_ss = FLAT_KERNEL_SS;
	context.kernel_sp = context.user_regs.rsp;
	context.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(table_root()));
	context.event_callback_eip = (unsigned long)upcall_entry;
	context.failsafe_callback_eip = (unsigned long)failsafe_entry;
	context.syscall_callback_eip = (unsigned long)syscall_entry;
}

static long initialise(void)
{
	return HYPERVISOR_vcpu_op(VCPUOP_initialise, 1, &context);
}

static void wait_events(unsigned int want)
{
	unsigned long end = clock_now() + 5 * SECOND;

	while (events < want) {
		TEST_ASSERT(clock_now() < end, "%u events of %u", events, want);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
}

static void bad_contexts(void)
{
	make_context();
	context.ctrlreg[3] = xen_pfn_to_cr3(0xfffffffffUL);
	TEST_REFUSED(initialise());
	make_context();
	context.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(&context));
	TEST_REFUSED(initialise());
	make_context();
	context.gdt_ents = 16;
	context.gdt_frames[0] = virt_to_mfn(table_root());
	TEST_REFUSED(initialise());
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_initialise, 1, 0x10000000000UL),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
}

void test_main(void)
{
	unsigned int i;

	if (HYPERVISOR_vcpu_op(VCPUOP_is_up, 1, NULL) < 0)
		test_skip("this guest has one vCPU");
	TEST_REFUSED(HYPERVISOR_vcpu_op(VCPUOP_up, 1, NULL));
	port_of_0 = (unsigned int)event_bind_ipi(0);
	port_of_1 = (unsigned int)event_bind_ipi(1);
	TEST_ASSERT((int)port_of_0 > 0 && (int)port_of_1 > 0, "ports");
	event_set_handler(port_of_0, on_event, NULL);
	TEST_RESULT(event_unmask(port_of_0), 0);
	bad_contexts();
	make_context();
	shared_info->vcpu_info[1].evtchn_upcall_mask = 1;
	TEST_RESULT(initialise(), 0);
	TEST_RESULT(initialise(), -XEN_EEXIST);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, 1, NULL), 0);
	wait_events(1);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_is_up, 1, NULL), 1);
	for (i = 2; i < 20; i++) {
		TEST_RESULT(event_send(port_of_1), 0);
		wait_events(i);
	}
	TEST_RESULT(steps, 19);
	stop = 1;
	TEST_RESULT(event_send(port_of_1), 0);
	while (HYPERVISOR_vcpu_op(VCPUOP_is_up, 1, NULL))
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	stop = 0;
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, 1, NULL), 0);
	wait_events(20);
}
