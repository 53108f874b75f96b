/* SPDX-License-Identifier: MIT */
/*
 * The benchmark guest: what is measured, and how.
 *
 * An operation is a function that does one thing once. It is run a few times
 * to warm up, then each run is timed by itself with the TSC; the least and the
 * median of the runs, less what an empty function takes, are one line:
 *
 *	BENCH name per=N samples=N min=TICKS median=TICKS
 *
 * per is how many equal things one run did. What has to happen between the
 * runs (an entry is put back, a bit cleared) is not timed.
 */
#ifndef BENCH_H
#define BENCH_H

#include "lodger.h"

struct operation {
	const char *name;
	long (*run)(void);
	long want;	   /* what run() returns when it worked */
	unsigned int per;  /* 0: 1 */
	unsigned int runs; /* 0: 32 */
	void (*setup)(void);
	void (*before)(void); /* each run */
	void (*cleanup)(void);
};

#define RUNS_MAX 64

/*
 * Nothing-instructions that bench/trace finds in the stream of what is
 * executed: the timed part begins and ends there, and the runs of an operation
 * are all done.
 */
#define MARK_BEGIN "xchg %%bx, %%bx"
#define MARK_END   "xchg %%cx, %%cx"
#define MARK_DONE  "xchg %%dx, %%dx"

void measure(const struct operation *list, unsigned int n);
/* Prints the line for n tick counts that were taken elsewhere. */
void report(const char *name, unsigned long *ticks, unsigned int n,
	    unsigned int per, unsigned long own);
/* Whether the command line asks for this operation: only=NAME, or all. */
int wanted(const char *name);

void bench_memory(void);
void bench_calls(void);
void bench_traps(void);
void bench_user(void);
void bench_updates(void);
void bench_pins(void);
void bench_events(void);
void bench_emulation(void);
void bench_domains(void);
/* What a child does, for ever. */
void bench_child(void) __attribute__((noreturn));

/* entry.S: the shortest handlers; numbers are bytes of RIP to pass over. */
extern char handle_int3[], handle_ud2[], handle_gp2[], handle_gp3[], handle_pf3[];
extern char handle_pf_fix[], handle_upcall[], handle_timer[], handle_syscall[];
extern unsigned long fix_address, fix_entry;
extern unsigned long *handled_word;
extern volatile unsigned long timer_tsc;
/* The iret hypercall, to its own end. */
long iret_alone(void);

/* entry.S: user programs, a rdtsc before and after, one result a run. */
extern const char user_start[], user_end[];
extern const char user_nothing[], user_syscall[], user_fault[];

/*
 * Hypercalls that load no register which the call does not read: with five
 * arguments loaded each time, what is to be measured would be diluted.
 */
static __inline__ long call0(unsigned long op)
{
	long result;

	__asm__ __volatile__("syscall"
			     : "=a"(result)
			     : "0"(op)
			     : "rcx", "r11", "memory");
	return result;
}

static __inline__ long call2(unsigned long op, unsigned long a, unsigned long b)
{
	long result;

	__asm__ __volatile__("syscall"
			     : "=a"(result), "+D"(a), "+S"(b)
			     : "0"(op)
			     : "rcx", "r11", "memory");
	return result;
}

static __inline__ long call3(unsigned long op, unsigned long a, unsigned long b,
			     unsigned long c)
{
	long result;

	__asm__ __volatile__("syscall"
			     : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
			     : "0"(op)
			     : "rcx", "r11", "memory");
	return result;
}

#endif
