/* SPDX-License-Identifier: MIT */
/*
 * Extended state: XSAVE, XCR0 and the wide registers.
 *
 * Where CPUID shows XSAVE, the guest's kernel sets CR4.OSXSAVE and chooses with
 * XSETBV which components it uses. x87 is always on; AVX needs SSE; what the
 * processor or the hypervisor does not offer, and combinations that do not
 * exist, raise #GP, and XCR0 stays as it was. CPUID leaf 0xd describes the
 * layout, EBX for what is enabled now.
 *
 * All components survive whatever the hypervisor does in between, the upper
 * halves of the AVX registers too, which an old-style save would lose.
 */
#include "lodger.h"

static unsigned char wide[16][32] __attribute__((aligned(32)));
static unsigned char now[16][32] __attribute__((aligned(32)));

static void cpuid(unsigned int leaf, unsigned int *a, unsigned int *b,
		  unsigned int *c)
{
	unsigned int d;

	*c = 0;
	*a = leaf;
	__asm__ __volatile__(XEN_CPUID : "+a"(*a), "=b"(*b), "+c"(*c), "=d"(d));
}

static int set_xcr0(unsigned long value)
{
	probe_begin();
	__asm__ __volatile__(PROBE("xsetbv")
			     :
			     : "a"(value), "d"(value >> 32), "c"(0)
			     : "memory");
	return probe_end();
}

static unsigned long get_xcr0(void)
{
	unsigned long lo, hi;

	__asm__ __volatile__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return hi << 32 | lo;
}

static int set_os_bit(void)
{
	unsigned long cr4;

	probe_begin();
	__asm__ __volatile__(
		"mov %%cr4, %0\n\tor $0x40000, %0\n" PROBE("mov %0, %%cr4")
		: "=r"(cr4)
		:
		: "memory", "cc");
	return probe_end();
}

static void choices(unsigned long offered)
{
	unsigned long bad[8];
	unsigned int i;

	bad[0] = 0;
	bad[1] = 2;
	bad[2] = 1 | 4;
	bad[3] = 1UL << 63 | 1;
	bad[4] = ~offered;
	bad[5] = ~0UL;
	bad[6] = 1 | 1UL << 40;
	bad[7] = 1 | 1UL << 19;
	TEST_RESULT(set_xcr0(1), NO_FAULT);
	TEST_RESULT(get_xcr0(), 1);
	TEST_RESULT(set_xcr0(3), NO_FAULT);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		TEST_ASSERT(set_xcr0(bad[i]) == TRAP_GP, "XCR0 %lx", bad[i]);
		TEST_RESULT(get_xcr0(), 3);
	}
}

static void load_wide(void)
{
	__asm__ __volatile__(
		"vmovups 0(%0), %%ymm0\n\tvmovups 32(%0), %%ymm1\n\t"
		"vmovups 224(%0), %%ymm7\n\tvmovups 256(%0), %%ymm8\n\t"
		"vmovups 480(%0), %%ymm15"
		:
		: "r"(wide)
		: "memory");
}

static void check_wide(const char *after)
{
	memset(now, 0, sizeof(now));
	__asm__ __volatile__(
		"vmovups %%ymm0, 0(%0)\n\tvmovups %%ymm1, 32(%0)\n\t"
		"vmovups %%ymm7, 224(%0)\n\tvmovups %%ymm8, 256(%0)\n\t"
		"vmovups %%ymm15, 480(%0)"
		:
		: "r"(now)
		: "memory");
	TEST_ASSERT(!memcmp(now[0], wide[0], 32) &&
			    !memcmp(now[1], wide[1], 32) &&
			    !memcmp(now[7], wide[7], 32) &&
			    !memcmp(now[8], wide[8], 32) &&
			    !memcmp(now[15], wide[15], 32),
		    "the wide registers changed over %s", after);
}

static void survive(void)
{
	sched_poll_t p;
	unsigned int i;

	for (i = 0; i < sizeof(wide); i++)
		wide[i / 32][i % 32] = (unsigned char)(i * 7 + 3);
	load_wide();
	for (i = 0; i < 20; i++)
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	check_wide("yields");
	for (i = 0; i < 5; i++) {
		memset(&p, 0, sizeof(p));
		p.timeout = clock_now() + 5 * MILLISECOND;
		TEST_RESULT(HYPERVISOR_sched_op(SCHEDOP_poll, &p), 0);
		check_wide("sleep");
	}
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(1), 0);
	HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(0), 0);
	check_wide("TS");
}

void test_main(void)
{
	unsigned int a, b, c;

	cpuid(1, &a, &b, &c);
	if (!(c & (1U << 26)))
		test_skip("the processor has no XSAVE");
	TEST_RESULT(set_os_bit(), NO_FAULT);
	cpuid(1, &a, &b, &c);
	TEST_ASSERT(c & (1U << 27), "OSXSAVE does not show");
	cpuid(0xd, &a, &b, &c);
	choices(a);
	if (!(a & 4))
		test_skip("the processor has no AVX");
	TEST_RESULT(set_xcr0(7), NO_FAULT);
	TEST_RESULT(get_xcr0(), 7);
	cpuid(0xd, &a, &b, &c);
	TEST_ASSERT(b >= 832 && c >= b, "areas %u, %u", b, c);
	survive();
}
