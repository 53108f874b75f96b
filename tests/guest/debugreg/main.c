/* SPDX-License-Identifier: MIT */
/*
 * Debug registers: the guest may set breakpoints, on itself only.
 *
 * DR0-DR3 hold addresses, DR7 says what each of them watches and whether it is
 * on, DR6 says what happened. The guest sets them by set_debugreg or by MOV,
 * which is emulated. A breakpoint is honoured for the guest's code and raises
 * #DB at its gate, with DR6 telling which. An address in the hypervisor's
 * range is refused, or the hypervisor would trap on itself; so is a DR7 that
 * asks for what a guest may not have (GD, which traps on DR accesses, and I/O
 * breakpoints without CR4.DE, and lengths that do not exist). Bits that are
 * fixed read as the processor has them. DR4 and DR5 are no registers, and
 * numbers above 7 do not exist.
 *
 * get_debugreg returns the value itself, so an error cannot be told from a
 * value that looks like one; the interface's headers say so themselves.
 */
#include "lodger.h"

static volatile unsigned long watched[2];
static struct trap_frame seen;
static volatile unsigned int traps;

static int on_debug(struct trap_frame *frame)
{
	seen = *frame;
	traps++;
	return 1;
}

static unsigned long watch(unsigned int n, unsigned long kind)
{
	/* Local enable, and kind and length 8 in the upper half. */
	return 0x400 | 1UL << (2 * n) | (kind | 2UL << 2) << (16 + 4 * n);
}

static void values(void)
{
	static const unsigned long refused[] = { 0xffff800000000000UL,
						 0xffff82d080000000UL,
						 0xffff87ffffffffffUL };
	unsigned int reg, i;

	for (reg = 0; reg < 4; reg++) {
		TEST_RESULT(HYPERVISOR_set_debugreg(reg, 0x1000 * reg), 0);
		TEST_RESULT(HYPERVISOR_get_debugreg(reg), 0x1000 * reg);
		for (i = 0; i < ARRAY_SIZE(refused); i++)
			TEST_REFUSED(HYPERVISOR_set_debugreg(reg, refused[i]));
		TEST_RESULT(HYPERVISOR_get_debugreg(reg), 0x1000 * reg);
		TEST_RESULT(HYPERVISOR_set_debugreg(reg, 0), 0);
	}
	TEST_REFUSED(HYPERVISOR_set_debugreg(8, 0));
	TEST_REFUSED(HYPERVISOR_set_debugreg(1000, 0));
	TEST_REFUSED(HYPERVISOR_get_debugreg(8));
	TEST_RESULT(HYPERVISOR_set_debugreg(7, 0), 0);
	TEST_RESULT(HYPERVISOR_get_debugreg(7) & ~0x400UL, 0);
	TEST_RESULT(HYPERVISOR_set_debugreg(6, 0), 0);
	TEST_RESULT(HYPERVISOR_get_debugreg(6), 0xffff0ff0UL);
	/* GD is taken out or refused. */
	if (HYPERVISOR_set_debugreg(7, 0x2400) == 0)
		TEST_RESULT(HYPERVISOR_get_debugreg(7) & 0x2000, 0);
	TEST_RESULT(HYPERVISOR_set_debugreg(7, 0), 0);
}

/* Values are not errors, whatever they look like: also in a multicall. */
static void values_like_errors(void)
{
	multicall_entry_t call;
	long value;

	for (value = -1; value > -200; value--) {
		TEST_RESULT(HYPERVISOR_set_debugreg(0, value), 0);
		TEST_RESULT(HYPERVISOR_get_debugreg(0), value);
		memset(&call, 0, sizeof(call));
		call.op = __HYPERVISOR_get_debugreg;
		TEST_RESULT(HYPERVISOR_multicall(&call, 1), 0);
		TEST_RESULT(call.result, value);
	}
	TEST_RESULT(HYPERVISOR_set_debugreg(0, 0), 0);
}

static void data_breakpoint(void)
{
	trap_set_hook(TRAP_DB, on_debug);
	TEST_RESULT(HYPERVISOR_set_debugreg(1, &watched[1]), 0);
	TEST_RESULT(HYPERVISOR_set_debugreg(7, watch(1, 1)), 0);
	traps = 0;
	watched[0] = 1;
	TEST_RESULT(traps, 0);
	watched[1] = 1;
	TEST_RESULT(traps, 1);
	TEST_RESULT(HYPERVISOR_get_debugreg(6) & 0xf, 2);
	TEST_RESULT(HYPERVISOR_set_debugreg(6, 0), 0);
	TEST_RESULT(watched[1], 1);
	TEST_RESULT(traps, 1);
	/* The hypervisor's own access on our behalf does not count. */
	TEST_RESULT(HYPERVISOR_sched_op(SCHEDOP_yield, 0), 0);
	watched[1] = 2;
	TEST_RESULT(traps, 2);
	TEST_RESULT(HYPERVISOR_set_debugreg(7, 0), 0);
	watched[1] = 3;
	TEST_RESULT(traps, 2);
	TEST_RESULT(HYPERVISOR_set_debugreg(6, 0), 0);
	trap_set_hook(TRAP_DB, NULL);
}

static void by_instruction(void)
{
	unsigned long v = 0x4000;

	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%dr2") : : "r"(v));
	TEST_RESULT(probe_end(), NO_FAULT);
	TEST_RESULT(HYPERVISOR_get_debugreg(2), 0x4000);
	v = 0;
	probe_begin();
	__asm__ __volatile__(PROBE("mov %%dr2, %0") : "+r"(v));
	TEST_RESULT(probe_end(), NO_FAULT);
	TEST_RESULT(v, 0x4000);
	v = 0xffff800000000000UL;
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%dr2") : : "r"(v));
	TEST_RESULT(probe_end(), TRAP_GP);
	TEST_RESULT(HYPERVISOR_get_debugreg(2), 0x4000);
}

void test_main(void)
{
	values();
	values_like_errors();
	data_breakpoint();
	by_instruction();
}
