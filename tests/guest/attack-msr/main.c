/* SPDX-License-Identifier: MIT */
/*
 * Attack: every model-specific register (XSA-333).
 *
 * The guest reads each MSR number of the ranges that processors use and
 * writes three values to it. Whatever the hypervisor answers, #GP or a value,
 * the machine goes on, and what belongs to the machine is as before: hypercalls
 * and system calls still arrive where they did (the SYSCALL registers), timers
 * fire (the APIC and the TSC), EFER and PAT read the same, and the guest has
 * not got hold of the registers that hold another's secrets.
 */
#include "lodger.h"

static volatile unsigned int ticks;
static unsigned long readable, writable;

static void on_tick(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	ticks++;
}

static void attack(unsigned int msr)
{
	static const unsigned long values[] = { 0, ~0UL, 0x0000800000000000UL };
	unsigned long v;
	unsigned int i;

	/* Those hold the bases we run on: segments and msr test them. */
	if (msr >= 0xc0000100U && msr <= 0xc0000102U)
		return;
	readable += probe_rdmsr(msr, &v) == NO_FAULT;
	for (i = 0; i < ARRAY_SIZE(values); i++)
		writable += probe_wrmsr(msr, values[i]) == NO_FAULT;
}

static void range(unsigned int first, unsigned int last)
{
	for (; first <= last; first++)
		attack(first);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

void test_main(void)
{
	unsigned long efer, pat, v, start;
	struct user program;
	long port = event_bind_virq(VIRQ_TIMER, 0);

	TEST_ASSERT(port > 0, "bind_virq %ld", port);
	event_set_handler((unsigned int)port, on_tick, NULL);
	TEST_RESULT(timer_set_period(0), 0);
	TEST_RESULT(probe_rdmsr(0xc0000080U, &efer), NO_FAULT);
	TEST_RESULT(probe_rdmsr(0x277, &pat), NO_FAULT);
	start = clock_now();
	range(0, 0x1fff);
	range(0x40000000U, 0x400000ffU);
	range(0xc0000000U, 0xc0001fffU);
	range(0xc0010000U, 0xc0011fffU);
	printf("%lu could be read, %lu writes were taken\n", readable,
	       writable);
	TEST_RESULT(probe_rdmsr(0xc0000080U, &v), NO_FAULT);
	TEST_RESULT(v, efer);
	TEST_RESULT(probe_rdmsr(0x277, &v), NO_FAULT);
	TEST_RESULT(v, pat);
	TEST_ASSERT(clock_now() > start && clock_now() - start < 60 * SECOND,
		    "the clock jumped");
	ticks = 0;
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(timer_set(clock_now() + 5 * MILLISECOND, 0), 0);
	while (!ticks)
		event_block();
	user_create(&program, user_code, user_code_end);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	user_destroy(&program);
}
