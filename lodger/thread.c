/* SPDX-License-Identifier: MIT */
/*
 * Cooperative threads: a ring of all threads, the current one at the front.
 * The boot thread is in it from the start and never ends. Kernel threads of
 * one guest share a page-table root and run in the guest's kernel mode, so a
 * switch is a change of stacks and needs no hypercall; the stack_switch call
 * is about the stack on which a *user* program's traps arrive (user.c).
 */
#include "lodger.h"

/* Those that thread_switch() restores. */
#ifdef __i386__
#define THREAD_REGISTERS 4
#else
#define THREAD_REGISTERS 6
#endif

struct thread {
	struct thread *next;
	unsigned long sp;
	void (*function)(void *);
	void *argument;
	int ended;
};

void thread_switch(unsigned long *save_sp, unsigned long load_sp);

static struct thread boot_thread = { &boot_thread, 0, NULL, NULL, 0 };
static struct thread *current = &boot_thread;

static void thread_start(void)
{
	current->function(current->argument);
	current->ended = 1;
	for (;;)
		thread_yield();
}

struct thread *thread_create(void (*function)(void *), void *argument)
{
	struct thread *t = page_alloc();
	unsigned long *top;

	/* The descriptor at the bottom of its page, the stack above it. */
	t->function = function;
	t->argument = argument;
	top = (unsigned long *)((char *)t + PAGE_SIZE);
	*--top = 0; /* thread_start() has no caller */
	*--top = (unsigned long)thread_start;
	top -= THREAD_REGISTERS;
	t->sp = (unsigned long)top;
	t->next = current->next;
	current->next = t;
	return t;
}

void thread_yield(void)
{
	struct thread *from = current;
	struct thread *to = from->next;

	while (to->ended && to != from)
		to = to->next;
	if (to == from)
		return;
	current = to;
	thread_switch(&from->sp, to->sp);
}

void thread_join(struct thread *thread)
{
	struct thread *t = &boot_thread;

	while (!thread->ended)
		thread_yield();
	while (t->next != thread)
		t = t->next;
	t->next = thread->next;
	page_free(thread);
}
