/* SPDX-License-Identifier: MIT */
/* Privileged instructions that the hypervisor emulates. */
#include "bench.h"

#define MSR_FS_BASE 0xc0000100
#define SPARE_PORT  0x80 /* the diagnostic port: nothing listens */

static long cpuid(void)
{
	unsigned long a = 0;

	/* The forced-emulation prefix: UD2, "xen". */
	__asm__ __volatile__("ud2; .ascii \"xen\"; cpuid"
			     : "+a"(a)
			     :
			     : "rbx", "rcx", "rdx", "memory");
	return a == 0;
}

static long rdmsr(void)
{
	unsigned long a, d;

	__asm__ __volatile__("rdmsr" : "=a"(a), "=d"(d) : "c"(MSR_FS_BASE));
	return 0;
}

static long wrmsr(void)
{
	__asm__ __volatile__("wrmsr"
			     :
			     : "a"(0), "d"(0), "c"(MSR_FS_BASE)
			     : "memory");
	return 0;
}

static long in(void)
{
	unsigned long a = 0;

	__asm__ __volatile__("in %%dx, %%al" : "+a"(a) : "d"(SPARE_PORT));
	return 0;
}

static long out(void)
{
	__asm__ __volatile__("out %%al, %%dx" : : "a"(0), "d"(SPARE_PORT));
	return 0;
}

static long cr0(void)
{
	unsigned long v;

	__asm__ __volatile__("mov %%cr0, %0" : "=r"(v));
	return 0;
}

static long cr4(void)
{
	unsigned long v;

	__asm__ __volatile__("mov %%cr4, %0" : "=r"(v));
	return 0;
}

static void allow_ports(void)
{
	struct physdev_set_iopl set = { 1 };

	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set), 0);
}

static const struct operation operations[] = {
	{ "emulate_cpuid", cpuid, .want = 0 },
	{ "emulate_rdmsr", rdmsr, .want = 0 },
	{ "emulate_wrmsr_fs", wrmsr, .want = 0 },
	{ "emulate_in", in, .setup = allow_ports },
	{ "emulate_out", out, .setup = allow_ports },
	{ "emulate_cr0", cr0, .want = 0 },
	{ "emulate_cr4", cr4, .want = 0 }
};

void bench_emulation(void)
{
	measure(operations, ARRAY_SIZE(operations));
}
