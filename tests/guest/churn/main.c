/* SPDX-License-Identifier: MIT */
/*
 * Churn: processes that come and go.
 *
 * A busy guest makes and destroys address spaces all day. Each of them is a
 * tree of tables that is validated, pinned, run on, unpinned and torn apart;
 * nothing of it may stay behind, neither here (the count of free pages is the
 * same in the end) nor in the hypervisor (the reservation is, and frames that
 * were tables are used as memory and as tables of other levels again).
 *
 * It also runs the program of each space between others, so that a root is
 * changed far more often than it is made, with events arriving in between.
 */
#include "lodger.h"

#define SPACES 8
#define ROUNDS 40

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	incq	-8(%rsp)\n"
	"	mov	-8(%rsp), %rdi\n"
	"	syscall\n"
	"	jmp	user_code\n"
	"user_code_end:\n"
	"	.previous");

static struct user space[SPACES];
static volatile unsigned int ticks;

static void on_tick(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	ticks++;
	timer_set(clock_now() + MILLISECOND, 0);
}

static void run(struct user *user, unsigned long want)
{
	TEST_RESULT(table_ext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(user->root)),
		    0);
	TEST_RESULT(user_run(user), VECTOR_SYSCALL);
	TEST_RESULT(user->regs.rdi, want);
}

static void round(void)
{
	unsigned int i, turn;

	for (i = 0; i < SPACES; i++)
		user_create(&space[i], user_code, user_code_end);
	for (turn = 1; turn < 6; turn++)
		for (i = 0; i < SPACES; i++)
			run(&space[i], turn);
	for (i = 0; i < SPACES; i++)
		user_destroy(&space[(i * 3) % SPACES]);
}

void test_main(void)
{
	domid_t self = DOMID_SELF;
	long pages = HYPERVISOR_memory_op(XENMEM_current_reservation, &self);
	long port = event_bind_virq(VIRQ_TIMER, 0);
	unsigned long free_before;
	unsigned int i;

	TEST_ASSERT(port > 0, "bind_virq %ld", port);
	event_set_handler((unsigned int)port, on_tick, NULL);
	TEST_RESULT(timer_set_period(0), 0);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(timer_set(clock_now() + MILLISECOND, 0), 0);
	round();
	free_before = page_count_free();
	for (i = 0; i < ROUNDS; i++)
		round();
	TEST_RESULT(page_count_free(), free_before);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_current_reservation, &self),
		    pages);
	TEST_ASSERT(ticks > 3, "%u ticks", ticks);
}
