/* SPDX-License-Identifier: MIT */
/*
 * How long is a run? A run is short, so it is timed alone and the least of
 * many is kept: what an interrupt adds to one run is in no other. Under
 * QEMU's -icount the TSC counts executed instructions, some ticks each; how
 * many is found by running a thousand, and printed first.
 */
#include "bench.h"

static unsigned long own_ticks;

int wanted(const char *name)
{
	const char *only = strstr((const char *)start_info->cmd_line, "only=");
	size_t n = strlen(name);

	if (!only)
		return 1;
	only += 5;
	return memcmp(only, name, n) == 0 && (only[n] == ' ' || !only[n]);
}

static void sort(unsigned long *v, unsigned int n)
{
	unsigned long x;
	unsigned int i, j;

	for (i = 1; i < n; i++) {
		x = v[i];
		for (j = i; j && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

void report(const char *name, unsigned long *ticks, unsigned int n,
	    unsigned int per, unsigned long own)
{
	__asm__ __volatile__(MARK_DONE : : : "memory");
	sort(ticks, n);
	printf("BENCH %s per=%u samples=%u min=%lu median=%lu\n", name, per, n,
	       ticks[0] - own, ticks[n / 2] - own);
}

static unsigned long run_once(const struct operation *op)
{
	unsigned long start, end;
	long result;

	if (op->before)
		op->before();
	start = read_tsc();
	__asm__ __volatile__(MARK_BEGIN : : : "memory");
	result = op->run();
	__asm__ __volatile__(MARK_END : : : "memory");
	end = read_tsc();
	TEST_ASSERT(result == op->want, "%s is %ld, not %ld", op->name, result,
		    op->want);
	return end - start;
}

static unsigned int run_all(const struct operation *op, unsigned long *ticks)
{
	unsigned int runs = op->runs ? op->runs : 32;
	unsigned int i;

	for (i = 0; i < (runs + 3) / 4; i++)
		run_once(op);
	for (i = 0; i < runs; i++)
		ticks[i] = run_once(op);
	return runs;
}

void measure(const struct operation *list, unsigned int n)
{
	static unsigned long ticks[RUNS_MAX];
	const struct operation *op;
	unsigned int runs;

	for (op = list; op < list + n; op++) {
		if (!wanted(op->name))
			continue;
		if (op->setup)
			op->setup();
		runs = run_all(op, ticks);
		if (op->cleanup)
			op->cleanup();
		report(op->name, ticks, runs, op->per ? op->per : 1, own_ticks);
	}
}

static long nothing(void)
{
	return 0;
}

static long thousand(void)
{
	__asm__ __volatile__(".rept 1000; nop; .endr");
	return 0;
}

static void calibrate(void)
{
	static const struct operation none = { "none", nothing, .want = 0 };
	static const struct operation nops = { "nops", thousand, .want = 0 };
	unsigned long ticks[RUNS_MAX];

	report("nothing", ticks, run_all(&none, ticks), 1, 0);
	own_ticks = ticks[0];
	report("nops", ticks, run_all(&nops, ticks), 1000, own_ticks);
}

void test_main(void)
{
	timer_set_period(0);
	events_off();
	if (option("child"))
		bench_child();
	calibrate();
	bench_memory();
	bench_calls();
	bench_traps();
	bench_user();
	bench_updates();
	bench_pins();
	bench_events();
	bench_emulation();
	bench_domains();
}
