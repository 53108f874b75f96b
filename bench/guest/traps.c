/* SPDX-License-Identifier: MIT */
/* Exceptions in the guest's kernel, and the iret hypercall. */
#include "bench.h"

static char *page;

static void set_gate(unsigned int vector, unsigned int dpl, const char *handler)
{
	trap_info_t table[2];

	memset(table, 0, sizeof(table));
	table[0].vector = (uint8_t)vector;
	TI_SET_DPL(&table[0], dpl);
	table[0].cs = FLAT_KERNEL_CS;
	table[0].address = (unsigned long)handler;
	TEST_RESULT(HYPERVISOR_set_trap_table(table), 0);
}

static long int3(void)
{
	__asm__ __volatile__("int3" : : : "memory");
	return 0;
}

static void gate_int3(void)
{
	set_gate(TRAP_BP, 3, handle_int3);
}

static void gate_int3_back(void)
{
	trap_set_gate(TRAP_BP, 3, 0);
}

static long ud2(void)
{
	__asm__ __volatile__("ud2" : : : "memory");
	return 0;
}

static void gate_ud2(void)
{
	set_gate(TRAP_UD, 0, handle_ud2);
}

static void gate_ud2_back(void)
{
	trap_set_gate(TRAP_UD, 0, 0);
}

/* A selector beyond the table: a fault that is nobody's to emulate. */
static long gp(void)
{
	__asm__ __volatile__("mov %w0, %%es" : : "r"(0xfff8) : "memory");
	return 0;
}

static void gate_gp(void)
{
	set_gate(TRAP_GP, 0, handle_gp2);
}

static void gate_gp_back(void)
{
	trap_set_gate(TRAP_GP, 0, 0);
}

/* A privileged instruction: looked at, not emulated, and then a fault. */
static long gp_lldt(void)
{
	__asm__ __volatile__("lldt %w0" : : "a"(0) : "memory");
	return 0;
}

static void gate_lldt(void)
{
	set_gate(TRAP_GP, 0, handle_gp3);
}

static long pf(void)
{
	__asm__ __volatile__("mov (%0), %%rax"
			     :
			     : "d"(0x10000UL)
			     : "rax", "memory");
	return 0;
}

static void gate_pf(void)
{
	set_gate(TRAP_PF, 0, handle_pf3);
}

static void gate_pf_back(void)
{
	trap_set_gate(TRAP_PF, 0, 0);
}

static void fix_setup(void)
{
	if (!page)
		page = page_alloc();
	fix_address = (unsigned long)page;
	fix_entry = pte_make(virt_to_mfn(page), PTE_RW);
	set_gate(TRAP_PF, 0, handle_pf_fix);
}

static void fix_before(void)
{
	TEST_RESULT(HYPERVISOR_update_va_mapping(page, 0, UVMF_INVLPG), 0);
}

static long fix(void)
{
	return *(volatile long *)page;
}

static const struct operation traps[] = {
	{ "iret", iret_alone, .want = 0 },
	{ "int3", int3, .setup = gate_int3, .cleanup = gate_int3_back },
	{ "ud", ud2, .setup = gate_ud2, .cleanup = gate_ud2_back },
	{ "gp", gp, .setup = gate_gp, .cleanup = gate_gp_back },
	{ "gp_lldt", gp_lldt, .setup = gate_lldt, .cleanup = gate_gp_back },
	{ "pf_kernel", pf, .setup = gate_pf, .cleanup = gate_pf_back },
	{ "pf_fix", fix, .setup = fix_setup, .before = fix_before,
	  .cleanup = gate_pf_back }
};

void bench_traps(void)
{
	measure(traps, ARRAY_SIZE(traps));
}
