/* SPDX-License-Identifier: MIT */
/* Cooperative threads of the guest's kernel: they run until they yield. */
#ifndef LODGER_THREAD_H
#define LODGER_THREAD_H

struct thread;

/* Makes a runnable thread with a stack of almost 4 KiB: no printf on it. */
struct thread *thread_create(void (*function)(void *), void *argument);
/* Lets the next runnable thread go on; returns when the turn comes back. */
void thread_yield(void);
/* Runs the others until thread has ended, then frees it. */
void thread_join(struct thread *thread);

#endif
