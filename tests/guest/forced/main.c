/* SPDX-License-Identifier: MIT */
/*
 * The forced-emulation prefix before other instructions than CPUID.
 *
 * ud2 and "xen" before an instruction has the hypervisor carry it out even if
 * it would not have faulted. The interface promises that for CPUID alone (see
 * the test cpuid); Lodge does it for every instruction that it emulates, and
 * what is not one of them stays the #UD that it is. The whole, prefix and
 * instruction, counts as one: RIP ends behind it, a fault leaves RIP at the
 * prefix. User mode may force what it could have executed anyhow.
 */
#include "lodger.h"

#define FORCED "ud2; .ascii \"xen\"; "

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	" FORCED "rdtsc\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static void carried_out(void)
{
	unsigned long value = 0, lo, hi;

	probe_begin();
	__asm__ __volatile__(PROBE(FORCED "rdtsc") : "=a"(lo), "=d"(hi));
	TEST_RESULT(probe_end(), NO_FAULT);
	TEST_ASSERT(lo | hi, "no time");
	probe_begin();
	__asm__ __volatile__(PROBE(FORCED "mov %%cr3, %0") : "=r"(value));
	TEST_RESULT(probe_end(), NO_FAULT);
	TEST_RESULT(value >> 12, virt_to_mfn(table_root()));
	probe_begin();
	__asm__ __volatile__(PROBE(FORCED "mov %%cr0, %0") : "=r"(value));
	TEST_RESULT(probe_end(), NO_FAULT);
	TEST_ASSERT(value & 1, "cr0 is %lx", value);
}

static void stays_invalid(void)
{
	unsigned long before = 5;

	probe_begin();
	__asm__ __volatile__(PROBE(FORCED "inc %0") : "+r"(before));
	TEST_RESULT(probe_end(), TRAP_UD);
	TEST_RESULT(before, 5);
	probe_begin();
	__asm__ __volatile__(PROBE(FORCED "hlt") : : : "memory");
	TEST_RESULT(probe_end(), TRAP_UD);
	probe_begin();
	__asm__ __volatile__(PROBE(FORCED FORCED "rdtsc") : : : "rax", "rdx");
	TEST_RESULT(probe_end(), TRAP_UD);
	/* What its kernel may do, a program may not. */
	{
		struct user program;

		user_create(&program, user_code, user_code_end);
		TEST_RESULT(user_run(&program), TRAP_UD);
		TEST_RESULT(program.regs.rip, USER_CODE);
		user_destroy(&program);
	}
}

void test_main(void)
{
	if (!on_lodge())
		test_skip("promised by Lodge alone");
	carried_out();
	stays_invalid();
}
