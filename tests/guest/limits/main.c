/* SPDX-License-Identifier: MIT */
/*
 * Limits, and the calls that set the scene: how many ports, which gates, which
 * assists, and what happens beyond.
 *
 * A guest can ask for event ports until there are none left; then the answer
 * is -ENOSPC, everything it has goes on working, and closing one makes room.
 *
 * set_trap_table takes a list that ends with an address of 0. It may hold all
 * 256 vectors; an address that is not canonical is refused, as it could not
 * be loaded; a list that runs into an unmapped page stops there with -EFAULT.
 * The null pointer takes all gates away.
 *
 * vm_assist switches on what a kernel wants done for it; what a hypervisor
 * does not know it refuses.
 */
#include "lodger.h"

static unsigned short ports[5000];

static void ports_run_out(void)
{
	unsigned int n = 0, i;
	long port;

	for (;;) {
		port = event_bind_ipi(0);
		if (port < 0)
			break;
		TEST_ASSERT(n < ARRAY_SIZE(ports), "ports without end");
		ports[n++] = (unsigned short)port;
	}
	TEST_RESULT(port, -XEN_ENOSPC);
	TEST_ASSERT(n >= 900, "only %u ports", n);
	TEST_RESULT(event_alloc_unbound(DOMID_SELF), -XEN_ENOSPC);
	TEST_RESULT(event_bind_virq(VIRQ_DEBUG, 0), -XEN_ENOSPC);
	TEST_RESULT(event_send(ports[n - 1]), 0);
	TEST_RESULT(event_is_pending(ports[n - 1]), 1);
	TEST_RESULT(event_close(ports[n / 2]), 0);
	TEST_RESULT(event_bind_ipi(0), ports[n / 2]);
	for (i = 0; i < n; i++)
		TEST_RESULT(event_close(ports[i]), 0);
}

static void gates(void)
{
	static trap_info_t table[257];
	trap_info_t *edge =
		(void *)(0x10000000000UL + PAGE_SIZE - sizeof(trap_info_t));
	void *page = page_alloc();
	unsigned int v;

	for (v = 0; v < 256; v++) {
		table[v].vector = (uint8_t)v;
		table[v].flags = v == TRAP_BP ? 3 : 0;
		table[v].cs = FLAT_KERNEL_CS;
		table[v].address = (unsigned long)trap_stubs + v * 16;
	}
	TEST_RESULT(HYPERVISOR_set_trap_table(table), 0);
	probe_begin();
	__asm__ __volatile__(PROBE("int3"));
	TEST_RESULT(probe_end(), TRAP_BP);
	table[7].address = 0x0000800000000000UL;
	TEST_RESULT(HYPERVISOR_set_trap_table(table), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_set_trap_table(0x18000000000UL), -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_set_trap_table(0xffff830000000000UL),
		    -XEN_EFAULT);
	TEST_RESULT(table_map(edge, virt_to_mfn(page), PTE_RW), 0);
	*edge = table[3];
	TEST_RESULT(HYPERVISOR_set_trap_table(edge), -XEN_EFAULT);
	TEST_RESULT(table_unmap(edge), 0);
	page_free(page);
	/* All gates off and on again: nothing may trap in between. */
	TEST_RESULT(HYPERVISOR_set_trap_table(NULL), 0);
	table[7].address = (unsigned long)trap_stubs + 7 * 16;
	TEST_RESULT(HYPERVISOR_set_trap_table(table), 0);
	probe_begin();
	__asm__ __volatile__(PROBE("ud2"));
	TEST_RESULT(probe_end(), TRAP_UD);
}

static void assists(void)
{
	static const unsigned int known[] = {
		VMASST_TYPE_writable_pagetables, VMASST_TYPE_pae_extended_cr3,
		VMASST_TYPE_runstate_update_flag
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable, known[i]),
			    0);
		TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_disable, known[i]),
			    0);
	}
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable, 63), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable, 1000), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_vm_assist(7, VMASST_TYPE_pae_extended_cr3),
		    -XEN_ENOSYS);
}

void test_main(void)
{
	ports_run_out();
	gates();
	assists();
}
