/* SPDX-License-Identifier: MIT */
/*
 * The reference guest: each service of the guest kit, used once.
 *
 * A paravirtual guest is an ordinary kernel whose hardware is an interface.
 * What it needs to live is little, and this page goes through all of it in the
 * order in which a kernel comes up:
 *
 *  - a console to speak on (console_io for the initial domain, else a ring);
 *  - hypercalls: ask the hypervisor for its version;
 *  - traps: an undefined instruction and a stray pointer come back as
 *    exceptions that the guest handles itself;
 *  - memory: frames have two numbers, pfn for the guest and mfn for the
 *    machine, and the two translations agree; a page can be mapped a second
 *    time at any address by asking, and unmapped again;
 *  - events: a channel bound to ourselves calls us back;
 *  - time: a clock that runs, the date, and a timer that wakes us from sleep;
 *  - threads, which are the guest's own affair;
 *  - user programs: code on its own page tables, which comes back to the
 *    kernel by the SYSCALL instruction.
 *
 * When this test passes, everything else in tests/guest can be read.
 */
#include "lodger.h"

#define ELSEWHERE ((unsigned long *)0x10000000000UL)

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	lea	2(%rdi), %rdi\n"
	"	mov	$7, %eax\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static unsigned int events_seen, turns;

static void on_event(unsigned int port, void *argument)
{
	*(unsigned int *)argument += port != 0;
}

static void take_turns(void *argument)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		turns = turns * 2 + (argument != NULL);
		thread_yield();
	}
}

static void traps(void)
{
	unsigned long value;

	probe_begin();
	__asm__ __volatile__(PROBE("ud2"));
	TEST_RESULT(probe_end(), TRAP_UD);
	TEST_RESULT(probe_read(ELSEWHERE, &value), TRAP_PF);
	TEST_RESULT(probe_fault.cr2, ELSEWHERE);
}

static void memory(void)
{
	unsigned long *page = page_alloc();
	unsigned long value = 0;

	TEST_RESULT(mfn_to_pfn(virt_to_mfn(page)), virt_to_pfn(page));
	page[3] = 0x1234;
	TEST_RESULT(table_map(ELSEWHERE, virt_to_mfn(page), PTE_RW), 0);
	TEST_RESULT(probe_read(&ELSEWHERE[3], &value), NO_FAULT);
	TEST_RESULT(value, 0x1234);
	TEST_RESULT(table_unmap(ELSEWHERE), 0);
	TEST_RESULT(probe_read(&ELSEWHERE[3], &value), TRAP_PF);
	page_free(page);
}

static void events(void)
{
	long port = event_bind_ipi(0);

	TEST_ASSERT(port > 0, "event_bind_ipi: %ld", port);
	event_set_handler((unsigned int)port, on_event, &events_seen);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(event_send((unsigned int)port), 0);
	TEST_RESULT(events_seen, 1);
	TEST_RESULT(event_close((unsigned int)port), 0);
}

static void time(void)
{
	unsigned long start = clock_now();
	unsigned int ticks = 0;
	long port;

	/* The one that a vCPU is born with would be taken for ours. */
	TEST_RESULT(timer_set_period(0), 0);
	port = event_bind_virq(VIRQ_TIMER, 0);
	TEST_ASSERT(port > 0, "event_bind_virq: %ld", port);
	TEST_ASSERT(clock_wall(NULL) > 946684800UL, "before the year 2000");
	event_set_handler((unsigned int)port, on_event, &ticks);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(timer_set(start + 20 * MILLISECOND, 0), 0);
	while (!ticks)
		event_block();
	TEST_ASSERT(clock_now() >= start + 20 * MILLISECOND,
		    "the timer fired after %lu ns", clock_now() - start);
	TEST_RESULT(event_close((unsigned int)port), 0);
}

static void threads(void)
{
	struct thread *a = thread_create(take_turns, NULL);
	struct thread *b = thread_create(take_turns, &turns);

	thread_join(a);
	thread_join(b);
	TEST_ASSERT(turns == 0x15 || turns == 0x2a, "turns %x", turns);
}

static void user(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	program.regs.rdi = 40;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rax, 7);
	TEST_RESULT(program.regs.rdi, 42);
	user_destroy(&program);
}

void test_main(void)
{
	long version = HYPERVISOR_xen_version(XENVER_version, NULL);

	printf("hypervisor %ld.%ld, %s, %lu pages free\n", version >> 16,
	       version & 0xffff,
	       is_initial_domain() ? "initial domain" : "guest",
	       page_count_free());
	traps();
	memory();
	events();
	time();
	threads();
	user();
}
