/* SPDX-License-Identifier: MIT */
/*
 * The iret hypercall: the only way into user mode, and the way back from every
 * trap.
 *
 * A guest cannot use the IRET instruction for this: the change of page tables
 * and the change of the event mask must happen together with the change of
 * RIP. So it leaves on its stack what IRET wants, and RAX, R11, RCX and a word
 * of flags below it, and asks. CS with RPL 3 means user mode.
 *
 * Everything that the frame holds is a wish, not an order. The guest may
 * choose the arithmetic flags, DF, TF and AC. IF stands for its event mask:
 * the processor's IF stays set whatever the guest says, or the machine could
 * be stopped by it. IOPL stays 0 and NT, VM, VIF and VIP cannot be had.
 *
 * When the selectors or addresses cannot be loaded, the processor faults in
 * the hypervisor's own return path. That is the guest's fault, and the guest
 * hears of it, by a #GP or by its failsafe callback, and the machine lives
 * (XSA-7 was a SYSRET to an address that is not canonical).
 *
 * With VGCF_in_syscall the return may be by SYSRET, which is quicker and
 * destroys RCX and R11, as a system call does anyway.
 */
#include "lodger.h"

#define RFLAGS_CF     0x1UL
#define RFLAGS_DF     (1UL << 10)
#define RFLAGS_NT     (1UL << 14)
#define RFLAGS_AC     (1UL << 18)
#define RFLAGS_VIF    (1UL << 19)
#define RFLAGS_VIP    (1UL << 20)
#define RFLAGS_ID     (1UL << 21)
#define NON_CANONICAL 0x0000800000000000UL

/* Shows the program's flags in RDI; then spins until TSC passes RSI. */
extern const char user_code[], user_code_end[], user_spin[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	syscall\n"
	"	pushf\n"
	"	pop	%rdi\n"
	"	syscall\n"
	"user_spin:\n"
	"	rdtsc\n"
	"	shl	$32, %rdx\n"
	"	or	%rdx, %rax\n"
	"	cmp	%rsi, %rax\n"
	"	jb	user_spin\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static struct user program;

static void registers(void)
{
	struct trap_frame before;
	unsigned long *word = (unsigned long *)&program.regs;
	unsigned int i;

	for (i = 0; i < 15; i++)
		word[i] = 0x0101010101010101UL * (i + 1);
	before = program.regs;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rip, USER_CODE + 2);
	/* SYSCALL itself puts RIP in RCX and RFLAGS in R11. */
	TEST_RESULT(program.regs.rcx, USER_CODE + 2);
	TEST_RESULT(program.regs.r11 & ~RFLAGS_IF, 2);
	TEST_RESULT(program.regs.rsp, USER_STACK_TOP);
	program.regs.rcx = before.rcx;
	program.regs.r11 = before.r11;
	for (i = 0; i < 15; i++)
		TEST_ASSERT(word[i] == ((unsigned long *)&before)[i],
			    "word %u of the frame is %lx", i, word[i]);
}

static unsigned long flags_after(unsigned long wish)
{
	program.regs.rip = USER_CODE + 2;
	program.regs.rflags = wish;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	return program.regs.rdi;
}

static void flags(void)
{
	unsigned long got;

	got = flags_after(RFLAGS_IF | RFLAGS_CF | RFLAGS_DF | RFLAGS_AC | 2);
	TEST_RESULT(got, RFLAGS_IF | RFLAGS_CF | RFLAGS_DF | RFLAGS_AC | 2);
	got = flags_after(2);
	TEST_RESULT(got, RFLAGS_IF | 2);
	got = flags_after(RFLAGS_IF | RFLAGS_IOPL | RFLAGS_VIF | RFLAGS_VIP |
			  (1UL << 17) | 2);
	TEST_RESULT(got & (RFLAGS_IOPL | (1UL << 17)), 0);
	TEST_RESULT(got & RFLAGS_IF, RFLAGS_IF);
	/* The frame of the system call shows the event mask again. */
	TEST_RESULT(flags_after(2) && (program.regs.rflags & RFLAGS_IF), 0);
	flags_after(2 | RFLAGS_IF);
	TEST_RESULT(program.regs.rflags & RFLAGS_IF, RFLAGS_IF);
	/* TF: one instruction (PUSHF) and then #DB. */
	program.regs.rip = USER_CODE + 2;
	program.regs.rflags = RFLAGS_IF | RFLAGS_TF | 2;
	TEST_RESULT(user_run(&program), TRAP_DB);
	TEST_RESULT(program.regs.rip, USER_CODE + 3);
}

static volatile unsigned int ticks;

static void on_tick(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	ticks++;
}

/* Events reach the kernel while user code runs, which then goes on. */
static void upcall_from_user(void)
{
	long port = event_bind_virq(VIRQ_TIMER, 0);
	unsigned long step = 0;

	TEST_ASSERT(port > 0, "bind_virq: %ld", port);
	event_set_handler((unsigned int)port, on_tick, NULL);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(timer_set_period(0), 0);
	ticks = 0;
	while (clock_scale(step) < 60 * MILLISECOND)
		step += 1000000;
	TEST_RESULT(timer_set(clock_now() + 10 * MILLISECOND, 0), 0);
	program.regs.rip = USER_CODE + (unsigned long)(user_spin - user_code);
	program.regs.rflags = RFLAGS_IF | 2;
	program.regs.rsi = read_tsc() + step;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(ticks, 1);
	/* And not while the frame said that events are masked. */
	TEST_RESULT(timer_set(clock_now() + 10 * MILLISECOND, 0), 0);
	program.regs.rip = USER_CODE + (unsigned long)(user_spin - user_code);
	program.regs.rflags = 2;
	program.regs.rsi = read_tsc() + step;
	events_off();
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(ticks, 1);
	TEST_ASSERT(vcpu_info->evtchn_upcall_pending, "no event waits");
	events_on();
	TEST_RESULT(ticks, 2);
	TEST_RESULT(event_close((unsigned int)port), 0);
}

static unsigned long run_with(unsigned long rip, unsigned long cs,
			      unsigned long ss)
{
	program.regs.rip = rip;
	program.regs.cs = cs;
	program.regs.ss = ss;
	program.regs.rflags = RFLAGS_IF | 2;
	return user_run(&program);
}

static int refused(unsigned long vector)
{
	return vector == TRAP_GP || vector == VECTOR_FAILSAFE;
}

static void bad_frames(void)
{
	static const unsigned long selectors[] = { 0x3,	   0x8,	   0x13,
						   0x1b,   0x33,   0xe03b,
						   0xe02b, 0xfff3, 0xe017 };
	unsigned long v;
	unsigned int i;

	v = run_with(NON_CANONICAL, FLAT_USER_CS64, FLAT_USER_SS64);
	TEST_ASSERT(refused(v), "non-canonical rip: vector %lx", v);
	program.iret_flags = VGCF_in_syscall;
	v = run_with(NON_CANONICAL, FLAT_USER_CS64, FLAT_USER_SS64);
	TEST_ASSERT(refused(v), "the same by sysret: vector %lx", v);
	TEST_RESULT(run_with(USER_CODE, FLAT_USER_CS64, FLAT_USER_SS64),
		    VECTOR_SYSCALL);
	program.iret_flags = 0;
	for (i = 0; i < ARRAY_SIZE(selectors); i++) {
		v = run_with(USER_CODE, selectors[i] | 3, FLAT_USER_SS64);
		TEST_ASSERT(refused(v), "cs %lx: vector %lx", selectors[i], v);
	}
	v = run_with(USER_CODE, FLAT_USER_CS64, FLAT_USER_CS64);
	TEST_ASSERT(refused(v), "a code segment as ss: vector %lx", v);
	TEST_RESULT(run_with(USER_CODE, FLAT_USER_CS64, FLAT_USER_SS64),
		    VECTOR_SYSCALL);
}

void test_main(void)
{
	user_create(&program, user_code, user_code_end);
	registers();
	flags();
	upcall_from_user();
	bad_frames();
	user_destroy(&program);
}
