/* SPDX-License-Identifier: MIT */
/*
 * Segment bases by instruction (XSA-293).
 *
 * With FSGSBASE shown in CPUID and set in CR4, RDFSBASE, WRGSBASE and their
 * like run in ring 3 without a trap, in the guest's kernel and in its programs.
 * What a guest writes in this way the hypervisor has not seen. It must read
 * the bases back from the processor when it switches vCPUs, and between the
 * guest's modes: the program's GS base and the kernel's are two, and each
 * mode finds its own again, while FS is shared as it stands.
 *
 * Clearing the bit in CR4 takes the instructions away: #UD.
 */
#include "lodger.h"

#define CR4_FSGSBASE 0x10000UL

static unsigned long words[2] = { 0x6b1, 0x6b2 };

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	rdgsbase %rax\n"
	"	rdfsbase %rbx\n"
	"	wrgsbase %rdi\n"
	"	wrfsbase %rsi\n"
	"	syscall\n"
	"	jmp	user_code\n"
	"user_code_end:\n"
	"	.previous");

static int change_cr4(unsigned long set, unsigned long clear)
{
	unsigned long cr4;

	__asm__ __volatile__("mov %%cr4, %0" : "=r"(cr4));
	cr4 = (cr4 | set) & ~clear;
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%cr4") : : "r"(cr4) : "memory");
	return probe_end();
}

static int write_gs(unsigned long base)
{
	probe_begin();
	__asm__ __volatile__(PROBE("wrgsbase %0") : : "r"(base) : "memory");
	return probe_end();
}

static unsigned long read_gs(void)
{
	unsigned long base;

	__asm__ __volatile__("rdgsbase %0" : "=r"(base));
	return base;
}

static void sleep(void)
{
	sched_poll_t p;

	memset(&p, 0, sizeof(p));
	p.timeout = clock_now() + 5 * MILLISECOND;
	TEST_RESULT(HYPERVISOR_sched_op(SCHEDOP_poll, &p), 0);
}

static void kernel(void)
{
	unsigned long v;

	TEST_RESULT(write_gs((unsigned long)&words[0]), NO_FAULT);
	__asm__ __volatile__("mov %%gs:0, %0" : "=r"(v));
	TEST_RESULT(v, 0x6b1);
	sleep();
	TEST_RESULT(read_gs(), &words[0]);
	TEST_RESULT(probe_rdmsr(0xc0000101, &v), NO_FAULT);
	TEST_RESULT(v, &words[0]);
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_GS_KERNEL, &words[1]),
		    0);
	TEST_RESULT(read_gs(), &words[1]);
}

static void programs(void)
{
	struct user program;

	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_GS_USER, 0x111000), 0);
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_FS, 0x222000), 0);
	user_create(&program, user_code, user_code_end);
	program.regs.rdi = 0x333000;
	program.regs.rsi = 0x444000;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rax, 0x111000);
	TEST_RESULT(program.regs.rbx, 0x222000);
	TEST_RESULT(read_gs(), &words[1]);
	sleep();
	TEST_RESULT(read_gs(), &words[1]);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rax, 0x333000);
	TEST_RESULT(program.regs.rbx, 0x444000);
	user_destroy(&program);
}

void test_main(void)
{
	unsigned int a = 7, b, c = 0, d;

	__asm__ __volatile__(XEN_CPUID : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(b & 1))
		test_skip("the processor has no FSGSBASE");
	TEST_RESULT(change_cr4(0, CR4_FSGSBASE), NO_FAULT);
	TEST_RESULT(write_gs((unsigned long)&words[0]), TRAP_UD);
	TEST_RESULT(change_cr4(CR4_FSGSBASE, 0), NO_FAULT);
	kernel();
	programs();
	TEST_RESULT(change_cr4(0, CR4_FSGSBASE), NO_FAULT);
	sleep();
	TEST_RESULT(write_gs(0), TRAP_UD);
}
