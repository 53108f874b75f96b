/* SPDX-License-Identifier: MIT */
/*
 * What Linux costs on what is below it: a program in the ramdisk, the same on
 * Lodge, on Xen and on the bare machine. Each operation is done some times
 * between two reads of the TSC, which counts instructions under -icount; that
 * is a sample. The least and the median of the samples are printed in the
 * form of the benchmark guest (guest/bench.h).
 *
 * With an argument it does nothing: that is what fork+exec executes.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLES	    24
#define CALLS	    200
#define ROUND_TRIPS 50
#define PAGES	    512
#define PAGE_SIZE   4096

static const char *self;
static unsigned long own_ticks;
static int to_child[2], from_child[2];
static char *memory;

static unsigned long read_tsc(void)
{
	unsigned int low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long)high << 32 | low;
}

static void fail(const char *what)
{
	perror(what);
	puts("LINUX FAIL");
	exit(1);
}

static int ascending(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a;
	unsigned long y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

/* Times run() by itself, SAMPLES times after two to warm up. */
static void measure(const char *name, unsigned int per, void (*before)(void),
		    void (*run)(void))
{
	unsigned long ticks[SAMPLES], start;
	int i;

	for (i = -2; i < SAMPLES; i++) {
		if (before)
			before();
		start = read_tsc();
		run();
		if (i >= 0)
			ticks[i] = read_tsc() - start;
	}
	qsort(ticks, SAMPLES, sizeof(*ticks), ascending);
	if (!own_ticks)
		own_ticks = ticks[0];
	printf("BENCH %s per=%u samples=%d min=%lu median=%lu\n", name, per,
	       SAMPLES, ticks[0] - own_ticks, ticks[SAMPLES / 2] - own_ticks);
	fflush(stdout);
}

static void nothing(void)
{
}

static void thousand(void)
{
	__asm__ volatile(".rept 1000; nop; .endr");
}

static void null_calls(void)
{
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
}

static void echo(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1)
		if (write(to, &byte, 1) != 1)
			break;
	_exit(0);
}

static void ping_pong(void)
{
	char byte = 0;

	for (int i = 0; i < ROUND_TRIPS; i++)
		if (write(to_child[1], &byte, 1) != 1 ||
		    read(from_child[0], &byte, 1) != 1)
			fail("pipe");
}

static void pipes(void)
{
	pid_t child;

	if (pipe(to_child) || pipe(from_child))
		fail("pipe");
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		close(to_child[1]);
		echo(to_child[0], from_child[1]);
	}
	measure("linux_pipe", ROUND_TRIPS, NULL, ping_pong);
	close(to_child[1]);
	waitpid(child, NULL, 0);
}

static void map(void)
{
	if (memory)
		munmap(memory, PAGES * PAGE_SIZE);
	memory = mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	/* A large page would make one fault of them all. */
	madvise(memory, PAGES * PAGE_SIZE, MADV_NOHUGEPAGE);
}

static void touch(void)
{
	for (int i = 0; i < PAGES; i++)
		*(volatile char *)(memory + i * PAGE_SIZE) = 1;
}

static void unmap(void)
{
	munmap(memory, PAGES * PAGE_SIZE);
	memory = NULL;
}

static void map_and_touch(void)
{
	map();
	touch();
}

static void fork_exec_wait(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		execl(self, self, "nothing", (char *)NULL);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		fail("fork, exec, wait");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	self = argv[0];
	measure("nothing", 1, NULL, nothing);
	measure("nops", 1000, NULL, thousand);
	measure("linux_syscall", CALLS, NULL, null_calls);
	pipes();
	measure("linux_fault", PAGES, map, touch);
	measure("linux_unmap", PAGES, map_and_touch, unmap);
	measure("linux_fork", 1, NULL, fork_exec_wait);
	puts("LINUX PASS");
	return 0;
}
