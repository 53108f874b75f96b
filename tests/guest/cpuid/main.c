/* SPDX-License-Identifier: MIT */
/*
 * CPUID: what the guest is told about its processor.
 *
 * CPUID does not trap in ring 3, so a guest asks the hypervisor on purpose:
 * the five bytes 0f 0b 78 65 6e (ud2 and "xen") in front of it raise #UD, and
 * the hypervisor answers with the processor as the guest may use it, and goes
 * on behind the CPUID. RAX, RBX, RCX and RDX get 32-bit values, the rest stays.
 * The prefix works in user mode too; in front of any other instruction it is
 * a plain #UD.
 *
 * Leaves from 0x40000000 describe the hypervisor: its name, the version, the
 * number of hypercall pages. What a paravirtual guest cannot use is hidden:
 * large pages, global pages, VMX and SVM, x2APIC, the bits that belong
 * to the hypervisor's own CR4. What it needs is shown: long mode, NX, SYSCALL,
 * PAE, FXSR, SSE2, and bit 31 of ECX: there is a hypervisor.
 */
#include "lodger.h"

#define BIT(n) (1U << (n))

struct leaf {
	unsigned int a, b, c, d;
};

static struct leaf cpuid(unsigned int leaf, unsigned int subleaf)
{
	struct leaf r;

	__asm__ __volatile__(XEN_CPUID
			     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			     : "0"(leaf), "2"(subleaf));
	return r;
}

static struct leaf native(unsigned int leaf, unsigned int subleaf)
{
	struct leaf r;

	__asm__ __volatile__("cpuid"
			     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			     : "0"(leaf), "2"(subleaf));
	return r;
}

static void hypervisor_leaves(void)
{
	struct leaf r = cpuid(0x40000000, 0);
	char name[13];

	memcpy(name, &r.b, 12);
	name[12] = '\0';
	TEST_ASSERT(!strcmp(name, "XenVMMXenVMM"), "the name is %s", name);
	TEST_ASSERT(r.a >= 0x40000002 && r.a < 0x40000100, "last leaf %x", r.a);
	r = cpuid(0x40000001, 0);
	TEST_RESULT(r.a, HYPERVISOR_xen_version(XENVER_version, NULL));
	r = cpuid(0x40000002, 0);
	TEST_RESULT(r.a, 1);
	TEST_RESULT(r.c & 1, 1);
}

static void shown_and_hidden(void)
{
	struct leaf r = cpuid(1, 0);
	struct leaf max = cpuid(0, 0);
	unsigned int need = BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(8) |
			    BIT(15) | BIT(24) | BIT(25) | BIT(26);
	unsigned int hide = BIT(1) | BIT(3) | BIT(13) | BIT(17);

	TEST_RESULT(max.b, native(0, 0).b);
	TEST_ASSERT(max.a >= 1, "last leaf %u", max.a);
	TEST_RESULT(r.a, native(1, 0).a);
	TEST_RESULT(r.d & need, need);
	/* VME PSE PGE PSE36. */
	TEST_RESULT(r.d & hide, 0);
	TEST_ASSERT(r.c & BIT(31), "no hypervisor bit");
	/* MONITOR VMX SMX PCID x2APIC TSC-deadline. */
	TEST_RESULT(r.c & (BIT(5) | BIT(6) | BIT(17) | BIT(21) | BIT(24)), 0);
	r = cpuid(0x80000001, 0);
	TEST_RESULT(r.d & (BIT(11) | BIT(20) | BIT(29)),
		    BIT(11) | BIT(20) | BIT(29));
	/* SVM, and 1 GiB pages. */
	TEST_RESULT(r.c & BIT(2), 0);
	TEST_RESULT(r.d & BIT(26), 0);
	if (max.a >= 7) {
		r = cpuid(7, 0);
		/* SMEP INVPCID MPX SMAP; UMIP PKU CET LA57. */
		TEST_RESULT(r.b & (BIT(7) | BIT(10) | BIT(14) | BIT(20)), 0);
		TEST_RESULT(r.c & (BIT(2) | BIT(3) | BIT(7) | BIT(16)), 0);
	}
	r = cpuid(0x80000008, 0);
	TEST_ASSERT((r.a & 0xff) >= 36 && (r.a & 0xff) <= 52,
		    "%u physical address bits", r.a & 0xff);
	TEST_RESULT((r.a >> 8) & 0xff, 48);
	/* What does not exist is zero. */
	r = cpuid(0xc0000000, 0);
	TEST_RESULT(r.a | r.b | r.c | r.d, 0);
	r = cpuid(0x40000100, 0);
	TEST_RESULT(r.a | r.b | r.c | r.d, 0);
}

/* Nothing may be offered that the machine does not have. */
static void nothing_invented(void)
{
	struct leaf seen = cpuid(1, 0);
	struct leaf real = native(1, 0);

	TEST_RESULT(seen.d & ~real.d, 0);
	TEST_RESULT(seen.c & ~(real.c | BIT(31)), 0);
	seen = cpuid(7, 0);
	real = native(7, 0);
	TEST_RESULT(seen.b & ~real.b, 0);
	TEST_RESULT(seen.c & ~real.c, 0);
	/* Without the bits that AMD repeats from leaf 1. */
	TEST_RESULT(cpuid(0x80000001, 0).d & ~native(0x80000001, 0).d &
			    ~0x0183f3ffU,
		    0);
}

static void state_sizes(void)
{
	struct leaf r, first;
	unsigned int subleaf;

	if (!(cpuid(1, 0).c & BIT(26)))
		return;
	r = cpuid(0xd, 0);
	TEST_RESULT(r.a & 3, 3);
	TEST_ASSERT(r.b >= 576 && r.c >= r.b, "areas %u, %u", r.b, r.c);
	for (subleaf = 2; subleaf < 32; subleaf++) {
		first = cpuid(0xd, subleaf);
		if (r.a & BIT(subleaf))
			TEST_ASSERT(first.a && first.a + first.b <= r.c,
				    "component %u", subleaf);
	}
}

static void registers_and_width(void)
{
	unsigned long a = ~0UL << 32 | 0x40000001;
	unsigned long b = ~0UL, c = ~0UL << 32, d = ~0UL;
	unsigned long rsi = 0x1234;

	__asm__ __volatile__(XEN_CPUID
			     : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(rsi));
	TEST_RESULT(a, HYPERVISOR_xen_version(XENVER_version, NULL));
	TEST_RESULT((b | c | d) >> 32, 0);
	TEST_RESULT(rsi, 0x1234);
	probe_begin();
	__asm__ __volatile__(PROBE(XEN_EMULATE_PREFIX " nop"));
	TEST_RESULT(probe_end(), TRAP_UD);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	.byte	0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static void user_mode(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	program.regs.rax = 0x40000000;
	program.regs.rcx = 0;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rbx, 0x566e6558);
	user_destroy(&program);
}

void test_main(void)
{
	hypervisor_leaves();
	shown_and_hidden();
	nothing_invented();
	state_sizes();
	registers_and_width();
	user_mode();
}
