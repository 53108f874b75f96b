/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers as a guest's kernel reads and writes them: a
 * closed list, and how each refusal looks.
 */
#include "unit/trap_world.h"

static void rdmsr_is(uint32_t msr, uint64_t value)
{
	v->regs->rcx = msr;
	v->regs->rax = v->regs->rdx = ~0UL;
	does(INSN(0x0f, 0x32));
	assert_int_equal(v->regs->rax, (uint32_t)value);
	assert_int_equal(v->regs->rdx, value >> 32);
}

static void wrmsr_regs(uint32_t msr, uint64_t value)
{
	v->regs->rcx = msr | 0xffUL << 32;
	v->regs->rax = (uint32_t)value | 0xeeUL << 32;
	v->regs->rdx = value >> 32 | 0xddUL << 32;
}

static void wrmsr_does(uint32_t msr, uint64_t value)
{
	wrmsr_regs(msr, value);
	v->regs->rdx = value >> 32;
	does(INSN(0x0f, 0x30));
}

static void wrmsr_refuses(uint32_t msr, uint64_t value)
{
	wrmsr_regs(msr, value);
	refuses(INSN(0x0f, 0x30));
}

static void bases_by_msr(void **state)
{
	(void)state;
	wrmsr_does(0xc0000100, 0x7fff00001000);
	assert_int_equal(host_loaded(0)->fs_base, 0x7fff00001000);
	wrmsr_does(0xc0000101, 0xffff888000001000);
	assert_int_equal(host_loaded(0)->gs_base, 0xffff888000001000);
	wrmsr_does(0xc0000102, 0x1234);
	assert_int_equal(host_loaded(0)->gs_base_inactive, 0x1234);
	rdmsr_is(0xc0000100, 0x7fff00001000);
	rdmsr_is(0xc0000101, 0xffff888000001000);
	rdmsr_is(0xc0000102, 0x1234);
	wrmsr_refuses(0xc0000100, 0x0000800000000000);
	wrmsr_refuses(0xc0000102, 0x8000000000000000);
	assert_int_equal(host_loaded(0)->fs_base, 0x7fff00001000);
}

static void msrs_of_the_list(void **state)
{
	(void)state;
	rdmsr_is(0x1b, 0xfee00900);
	rdmsr_is(0x10, arch_tsc());
	rdmsr_is(0x8b, 0);
	host_msr_set(0x8b, 0x4500000000);
	rdmsr_is(0x8b, 0x4500000000);
	wrmsr_does(0x8b, 0);
	rdmsr_is(0x277, 0x50100070406);
	wrmsr_does(0x277, 0x50100070406);
	wrmsr_refuses(0x277, 0x7040600070406);
	host_msr_set(0xc0000080, 0x5d01);
	rdmsr_is(0xc0000080, 0xd01);
	wrmsr_does(0xc0000080, 0xd01);
	wrmsr_refuses(0xc0000080, 0x501);
	rdmsr_is(0x1a0, 0x850089);
	wrmsr_refuses(0x1a0, 0);
	rdmsr_is(0x179, 0);
	host_msr_set(0xc0000103, 0);
	wrmsr_does(0xc0000103, 0x2003);
	rdmsr_is(0xc0000103, 0x2003);
	wrmsr_refuses(0xc0000103, 1UL << 32);
}

/* What a guest must not touch: no write gets through, nor any read. */
static void other_msrs_are_refused(void **state)
{
	static const uint32_t msrs[] = {
		0x0,	    0x48,	0x49,	    0x3a,	0x79,
		0x10a,	    0x174,	0x175,	    0x1d9,	0x10b,
		0x200,	    0x2ff,	0x480,	    0x830,	0xc0000081,
		0xc0000082, 0xc0010015, 0xc0010114, 0xc0011029, 0x40000000
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t kept = 0;

		host_msr_set(msrs[i], 0x55);
		v->regs->rcx = msrs[i];
		refuses(INSN(0x0f, 0x32));
		wrmsr_refuses(msrs[i], 1);
		assert_int_equal(arch_msr_read(msrs[i], &kept), 0);
		assert_int_equal(kept, 0x55);
	}
}

static void amd_has_its_own(void **state)
{
	static const uint32_t amd[4] = { 0xd, 0x68747541, 0x444d4163,
					 0x69746e65 };

	(void)state;
	host_cpuid_set(0, 0, amd);
	host_msr_set(0xc0010015, 0x1000011);
	rdmsr_is(0xc0010015, 0x1000000);
	wrmsr_does(0xc0010015, 0);
	rdmsr_is(0xc0010000, 0);
	wrmsr_does(0xc0010007, 5);
	rdmsr_is(0xc0010055, 0);
	host_msr_set(0xc0011029, 3);
	rdmsr_is(0xc0011029, 2);
	v->regs->rcx = 0x1a0; /* Intel's */
	refuses(INSN(0x0f, 0x32));
}

/* A kernel that probes before it has a handler reads zeros. */
static void early_reads_are_faked(void **state)
{
	(void)state;
	v->trap.gates[VECTOR_GP].address = 0;
	rdmsr_is(0x12345, 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bases_by_msr),
		TEST(msrs_of_the_list),
		TEST(other_msrs_are_refused),
		TEST(amd_has_its_own),
		TEST(early_reads_are_faked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
