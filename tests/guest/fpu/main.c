/* SPDX-License-Identifier: MIT */
/*
 * The floating-point unit and its registers.
 *
 * A guest's x87, SSE and AVX state is its own. The hypervisor may switch it
 * lazily or eagerly: whatever it does in between, after a hypercall, a yield,
 * a sleep, an upcall, a trap, a trip to user mode, every register is as it
 * was. It must not have been seen or changed by others either; that takes two
 * guests, and is tested elsewhere.
 *
 * fpu_taskswitch(1) sets the guest's TS flag: the next use of the FPU raises
 * #NM in the guest, which is how a kernel notices that a thread wants its
 * state. Delivery of #NM clears TS, fpu_taskswitch(0) and CLTS clear it too.
 * TS survives sleep, and a guest with TS set does not lose its registers.
 */
#include "lodger.h"

struct state {
	unsigned char xmm[16][16];
	unsigned char x87[16];
	unsigned int mxcsr;
} __attribute__((aligned(16)));

static void load(const struct state *s)
{
	__asm__ __volatile__(
		"fninit\n\tfldt 256(%0)\n\tldmxcsr 272(%0)\n\t"
		"movups 0(%0), %%xmm0\n\tmovups 16(%0), %%xmm1\n\t"
		"movups 32(%0), %%xmm2\n\tmovups 48(%0), %%xmm3\n\t"
		"movups 64(%0), %%xmm4\n\tmovups 80(%0), %%xmm5\n\t"
		"movups 96(%0), %%xmm6\n\tmovups 112(%0), %%xmm7\n\t"
		"movups 128(%0), %%xmm8\n\tmovups 144(%0), %%xmm9\n\t"
		"movups 160(%0), %%xmm10\n\tmovups 176(%0), %%xmm11\n\t"
		"movups 192(%0), %%xmm12\n\tmovups 208(%0), %%xmm13\n\t"
		"movups 224(%0), %%xmm14\n\tmovups 240(%0), %%xmm15"
		:
		: "r"(s)
		: "memory");
}

static void store(struct state *s)
{
	__asm__ __volatile__(
		"fstpt 256(%0)\n\tfldt 256(%0)\n\t"
		"stmxcsr 272(%0)\n\t"
		"movups %%xmm0, 0(%0)\n\tmovups %%xmm1, 16(%0)\n\t"
		"movups %%xmm2, 32(%0)\n\tmovups %%xmm3, 48(%0)\n\t"
		"movups %%xmm4, 64(%0)\n\tmovups %%xmm5, 80(%0)\n\t"
		"movups %%xmm6, 96(%0)\n\tmovups %%xmm7, 112(%0)\n\t"
		"movups %%xmm8, 128(%0)\n\tmovups %%xmm9, 144(%0)\n\t"
		"movups %%xmm10, 160(%0)\n\tmovups %%xmm11, 176(%0)\n\t"
		"movups %%xmm12, 192(%0)\n\tmovups %%xmm13, 208(%0)\n\t"
		"movups %%xmm14, 224(%0)\n\tmovups %%xmm15, 240(%0)"
		:
		: "r"(s)
		: "memory");
}

static struct state pattern, now;
static volatile unsigned int ticks;

static void on_tick(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	ticks++;
}

static void same(const char *after)
{
	memset(&now, 0, sizeof(now));
	store(&now);
	TEST_ASSERT(!memcmp(&now, &pattern, sizeof(now)),
		    "the state changed over %s", after);
}

static void make_pattern(void)
{
	unsigned int i;

	memset(&pattern, 0, sizeof(pattern));
	for (i = 0; i < sizeof(pattern.xmm); i++)
		pattern.xmm[i / 16][i % 16] = (unsigned char)(i * 37 + 11);
	/* The x87 number 1.5 and a rounding mode for SSE. */
	pattern.x87[7] = 0xc0;
	pattern.x87[8] = 0xff;
	pattern.x87[9] = 0x3f;
	pattern.mxcsr = 0x1f80 | 0x6000;
	load(&pattern);
	same("nothing");
}

static void trips(unsigned int port)
{
	unsigned int i;

	for (i = 0; i < 50; i++) {
		HYPERVISOR_xen_version(XENVER_version, NULL);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	same("yields");
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(ticks, 1);
	same("an upcall");
	probe_begin();
	__asm__ __volatile__(PROBE("ud2"));
	TEST_RESULT(probe_end(), TRAP_UD);
	same("a trap");
	for (i = 0; i < 5; i++) {
		ticks = 0;
		TEST_RESULT(timer_set(clock_now() + 5 * MILLISECOND, 0), 0);
		while (!ticks)
			event_block();
		same("sleep");
	}
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	movups	%xmm5, -16(%rsp)\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static void user_mode(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(
		memcmp(program.stack_page + PAGE_SIZE - 16, pattern.xmm[5], 16),
		0);
	same("user mode");
	/* With TS set a user program's use is the kernel's #NM. */
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(1), 0);
	program.regs.rip = USER_CODE;
	TEST_RESULT(user_run(&program), TRAP_NM);
	TEST_RESULT(program.regs.rip, USER_CODE);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	same("#NM from user mode");
	user_destroy(&program);
}

static int use(void)
{
	probe_begin();
	__asm__ __volatile__(PROBE("movups %%xmm0, %%xmm0") : : : "memory");
	return probe_end();
}

static void task_switched(void)
{
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(1), 0);
	HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	ticks = 0;
	TEST_RESULT(timer_set(clock_now() + 5 * MILLISECOND, 0), 0);
	while (!ticks)
		event_block();
	TEST_RESULT(use(), TRAP_NM);
	TEST_RESULT(use(), NO_FAULT);
	same("sleep with TS set");
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(1), 0);
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(0), 0);
	TEST_RESULT(use(), NO_FAULT);
	same("set and clear");
}

/* An x87 exception that the guest unmasked is the guest's, as #MF. */
static void own_exceptions(void)
{
	unsigned short control = 0x37f & ~4;

	probe_begin();
	__asm__ __volatile__("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\t"
			     "fdivrp\n\t" PROBE("fwait") "\tfnclex\n\tfninit"
			     :
			     : "m"(control)
			     : "memory");
	TEST_RESULT(probe_end(), TRAP_MF);
}

void test_main(void)
{
	long timer = event_bind_virq(VIRQ_TIMER, 0);
	long ipi = event_bind_ipi(0);

	TEST_ASSERT(timer > 0 && ipi > 0, "ports %ld %ld", timer, ipi);
	event_set_handler((unsigned int)timer, on_tick, NULL);
	event_set_handler((unsigned int)ipi, on_tick, NULL);
	TEST_RESULT(timer_set_period(0), 0);
	event_unmask((unsigned int)timer);
	event_unmask((unsigned int)ipi);
	ticks = 0;
	make_pattern();
	trips((unsigned int)ipi);
	user_mode();
	task_switched();
	own_exceptions();
}
