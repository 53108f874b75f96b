/* SPDX-License-Identifier: MIT */
/*
 * What a shell script cannot try, one test a name: "selftest" lists the names,
 * "selftest NAME" runs one and exits 0, or says what went wrong and exits 1.
 *
 * The tests are about what a hypervisor can get wrong for a paravirtual Linux:
 * the floating-point state of threads that preempt each other, the thread
 * pointer (an FS base), faults that must become signals with the right
 * address, copy-on-write, mappings that change, debug registers, segments of
 * a local descriptor table, system calls by each of their instructions.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <asm/ldt.h>

#define PAGE 4096
#define THREADS 6

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("selftest: %s (errno %d)\n", what, errno);
	exit(1);
}

static void join_child(pid_t pid, const char *what)
{
	int status = -1;

	check(pid > 0 && waitpid(pid, &status, 0) == pid, "waitpid");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, what);
}

/* --- threads ----------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread unsigned own;
static unsigned shared;

static void *count_up(void *argument)
{
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&mutex);
		shared++;
		pthread_mutex_unlock(&mutex);
		own++;
		if (i % 500 == 0)
			sched_yield();
	}
	return own == 5000 ? NULL : argument;
}

static void run_threads(void *(*body)(void *), const char *what)
{
	pthread_t thread[THREADS];
	void *bad;

	for (long i = 0; i < THREADS; i++)
		check(!pthread_create(&thread[i], NULL, body, (void *)(i + 1)),
		      "pthread_create");
	for (int i = 0; i < THREADS; i++) {
		check(!pthread_join(thread[i], &bad), "pthread_join");
		check(!bad, what);
	}
}

static void test_threads(void)
{
	run_threads(count_up, "a thread's own variable is wrong");
	check(shared == THREADS * 5000, "a locked counter lost increments");
}

/* --- floating point ---------------------------------------------------- */

static double series(long seed)
{
	volatile double sum = 0;

	for (int i = 1; i < 20000; i++)
		sum += sin(seed + i) / i;
	return sum;
}

static double expected[THREADS + 1];

/*
 * Each thread has its own rounding mode (MXCSR and the x87 control word), so
 * that state of another thread gives another sum, and vector registers whose
 * upper halves only XSAVE keeps.
 */
static void set_rounding(long mode)
{
	uint32_t mxcsr = 0x1f80 | (uint32_t)(mode & 3) << 13;
	uint16_t word = (uint16_t)(0x37f | (mode & 3) << 10);

	__asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(word));
}

static bool vectors_survive(long seed)
{
	uint64_t in[4] = { (uint64_t)seed, 2, 3, (uint64_t)~seed };
	uint64_t out[4] = { 0 };

	if (!__builtin_cpu_supports("avx"))
		return true;
	__asm__ volatile("vmovdqu %1, %%ymm9\n\t"
			 "mov %2, %%eax\n\t"
			 "syscall\n\t"
			 "mov $500000, %%ecx\n"
			 "1:\tdec %%ecx\n\t"
			 "jnz 1b\n\t"
			 "vmovdqu %%ymm9, %0\n\t"
			 "vzeroupper"
			 : "=m"(out) : "m"(in), "i"(SYS_sched_yield)
			 : "rax", "rcx", "r11", "xmm9", "memory");
	return !memcmp(in, out, sizeof(in));
}

static void *compute(void *argument)
{
	long seed = (long)argument;

	set_rounding(seed);
	for (int i = 0; i < 8; i++) {
		if (series(seed) != expected[seed])
			return argument;
		if (!vectors_survive(seed))
			return argument;
		sched_yield();
	}
	return NULL;
}

static void test_floating_point(void)
{
	for (long i = 1; i <= THREADS; i++) {
		set_rounding(i);
		expected[i] = series(i);
	}
	set_rounding(0);
	check(expected[1] != series(1), "rounding modes make no difference");
	run_threads(compute, "floating point of a thread is damaged");
}

/* --- signals ----------------------------------------------------------- */

static sigjmp_buf back;
static volatile sig_atomic_t caught, alarms;
static void *volatile caught_at;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)context;
	caught = number;
	caught_at = info->si_addr;
	siglongjmp(back, 1);
}

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	check(!sigaction(number, &action, NULL), "sigaction");
}

/* Run a body that must raise this signal. */
#define raises(number, name, body) do {					\
	caught = 0;							\
	if (!sigsetjmp(back, 1)) {					\
		body;							\
	}								\
	check(caught == (number), "no " #number " from " name);		\
} while (0)

/* An address the compiler knows nothing about. */
static volatile char *wild(uint64_t address)
{
	__asm__ ("" : "+r"(address));
	return (volatile char *)address;
}

static void test_faults(void)
{
	char *volatile page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char stack[65536];
	stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	volatile int zero = 0;
	int file;

	check(!sigaltstack(&other, NULL), "sigaltstack");
	for (int i = 0; i < 5; i++)
		handle((int[]){ SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS }[i],
		       on_fault);
	for (int i = 0; i < 50; i++) {
		raises(SIGSEGV, "a null pointer", *wild(8) = 1);
		check(caught_at == (void *)8, "the address of a fault");
	}
	check(!mprotect(page, PAGE, PROT_READ), "mprotect");
	raises(SIGSEGV, "a read-only page", *(volatile char *)(page + 9) = 1);
	check(caught_at == page + 9, "the address of a write fault");
	page[PAGE] = 1;
	raises(SIGSEGV, "running data", ((void (*)(void))(page + PAGE))());
	raises(SIGSEGV, "the kernel's half",
	       *wild(0xffff880000000000) = 1);
	raises(SIGSEGV, "a wild address",
	       *wild(0x8000000000000000) = 1);
	raises(SIGFPE, "division by zero", zero = 1000 / zero);
	raises(SIGILL, "ud2", __asm__ volatile("ud2"));
	raises(SIGTRAP, "int3", __asm__ volatile("int3"));
	raises(SIGSEGV, "hlt", __asm__ volatile("hlt"));
	raises(SIGSEGV, "cli", __asm__ volatile("cli"));
	raises(SIGSEGV, "a wrong selector",
	       __asm__ volatile("mov %0, %%ds" : : "r"(0x1234)));
	file = open("/tmp/short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	raises(SIGBUS, "beyond the end of a file", *(volatile char *)page);
	unlink("/tmp/short");
}

static void test_signals(void)
{
	struct itimerval every = { { 0, 10000 }, { 0, 10000 } }, none = {};
	pid_t child = fork();
	int status;

	if (!child)
		for (;;)
			pause();
	check(!kill(child, SIGTERM), "kill");
	check(waitpid(child, &status, 0) == child, "waitpid");
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	      "a process outlived SIGTERM");
	signal(SIGALRM, on_alarm);
	check(!setitimer(ITIMER_REAL, &every, NULL), "setitimer");
	while (alarms < 20)
		series(1);
	setitimer(ITIMER_REAL, &none, NULL);
}

/* --- memory ------------------------------------------------------------ */

static void test_copy_on_write(void)
{
	enum { PAGES = 512 };
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(area != MAP_FAILED, "mmap");
	for (int i = 0; i < PAGES; i++)
		area[i * PAGE] = (char)i;
	for (int child = 0; child < 10; child++) {
		pid_t pid = fork();

		if (!pid) {
			for (int i = child; i < PAGES; i += 7) {
				check(area[i * PAGE] == (char)i, "fork");
				area[i * PAGE] = 'x';
			}
			_exit(0);
		}
		join_child(pid, "a child saw wrong memory");
	}
	for (int i = 0; i < PAGES; i++)
		check(area[i * PAGE] == (char)i, "a child changed us");
}

static void test_mappings(void)
{
	for (size_t size = PAGE; size <= 16 << 20; size *= 4) {
		char *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *moved;

		check(area != MAP_FAILED, "mmap");
		for (size_t i = 0; i < size; i += PAGE) {
			check(!area[i], "new memory is not zero");
			area[i] = (char)(i / PAGE);
		}
		check(!mprotect(area, size, PROT_READ), "mprotect");
		moved = mremap(area, size, 2 * size, MREMAP_MAYMOVE);
		check(moved != MAP_FAILED, "mremap");
		check(!mprotect(moved, 2 * size, PROT_READ | PROT_WRITE),
		      "mprotect back");
		for (size_t i = 0; i < size; i += PAGE)
			check(moved[i] == (char)(i / PAGE), "moved memory");
		check(!madvise(moved, size, MADV_DONTNEED), "madvise");
		check(!moved[0], "dropped memory is still there");
		check(!munmap(moved, 2 * size), "munmap");
	}
}

static void test_ping_pong(void)
{
	int there[2], back_here[2];
	char byte = 0;
	pid_t pid;

	check(!pipe(there) && !pipe(back_here), "pipe");
	pid = fork();
	for (int i = 0; i < 1000; i++) {
		if (!pid) {
			check(read(there[0], &byte, 1) == 1, "read");
			byte++;
			check(write(back_here[1], &byte, 1) == 1, "write");
		} else {
			check(write(there[1], &byte, 1) == 1, "write");
			check(read(back_here[0], &byte, 1) == 1, "read");
			check(byte == (char)(i + 1), "a lost byte");
		}
	}
	if (!pid)
		_exit(0);
	join_child(pid, "the other end");
}

/* --- what only a hypervisor makes hard --------------------------------- */

static volatile long watched;

static void traced(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	watched = 1;
	_exit(0);
}

static long debug_register(pid_t pid, int number)
{
	return ptrace(PTRACE_PEEKUSER, pid,
		      offsetof(struct user, u_debugreg) + (size_t)number * 8,
		      0);
}

static void set_debug_register(pid_t pid, int number, unsigned long value)
{
	check(!ptrace(PTRACE_POKEUSER, pid,
		      offsetof(struct user, u_debugreg) + (size_t)number * 8,
		      value), "setting a debug register");
}

static void test_debug_registers(void)
{
	pid_t pid = fork();
	int status, steps = 0;

	if (!pid)
		traced();
	check(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "stop");
	for (; steps < 20; steps++) {
		check(!ptrace(PTRACE_SINGLESTEP, pid, 0, 0), "single step");
		check(waitpid(pid, &status, 0) == pid, "waitpid");
		check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
		      "a single step ended otherwise");
	}
	set_debug_register(pid, 0, (unsigned long)&watched);
	set_debug_register(pid, 7, 0x90001);
	check(!ptrace(PTRACE_CONT, pid, 0, 0), "continue");
	check(waitpid(pid, &status, 0) == pid, "waitpid");
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
	      "no trap at a watched variable");
	check(debug_register(pid, 6) & 1, "DR6 does not say which");
	check(ptrace(PTRACE_PEEKDATA, pid, &watched, 0) == 1, "peek");
	set_debug_register(pid, 7, 0);
	check(!ptrace(PTRACE_CONT, pid, 0, 0), "continue");
	join_child(pid, "the traced process");
}

static void test_segments(void)
{
	static uint32_t value = 0x12345678;
	struct user_desc entry = { .entry_number = 3, .limit = 0xfffff,
				   .base_addr = (unsigned)(uintptr_t)&value,
				   .seg_32bit = 1, .limit_in_pages = 1,
				   .useable = 1 };
	uint32_t seen = 0;

	if (syscall(SYS_modify_ldt, 1, &entry, sizeof(entry)) &&
	    errno == ENOSYS)
		return;
	for (int i = 0; i < 100; i++) {
		__asm__ volatile("mov %1, %%gs; mov %%gs:0, %0"
				 : "=r"(seen) : "r"(3 << 3 | 7));
		check(seen == value, "a segment of the LDT");
		sched_yield();
		__asm__ volatile("mov %%gs:0, %0" : "=r"(seen));
		check(seen == value, "a segment after a switch");
	}
	__asm__ volatile("mov %0, %%gs" : : "r"(0));
}

static void test_system_calls(void)
{
	uint64_t result, before, after;
	struct timespec last = {}, now;

	for (int i = 0; i < 2000; i++)
		check(syscall(SYS_getppid) == getppid(), "syscall");
	/* 20 is getpid in the 32-bit table, reached from 64-bit code too. */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L)
			 : "r8", "r9", "r10", "r11", "memory");
	check((pid_t)result == getpid(), "int $0x80");
	for (int i = 0; i < 2000; i++) {
		check(!clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
		check(now.tv_sec > last.tv_sec ||
		      (now.tv_sec == last.tv_sec &&
		       now.tv_nsec >= last.tv_nsec), "time goes backwards");
		last = now;
	}
	before = __builtin_ia32_rdtsc();
	after = __builtin_ia32_rdtsc();
	check(after > before, "the TSC does not advance");
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "threads", test_threads },
	{ "floating-point", test_floating_point },
	{ "faults", test_faults },
	{ "signals", test_signals },
	{ "copy-on-write", test_copy_on_write },
	{ "mappings", test_mappings },
	{ "ping-pong", test_ping_pong },
	{ "debug-registers", test_debug_registers },
	{ "segments", test_segments },
	{ "system-calls", test_system_calls },
};

int main(int count, char **argument)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (count < 2) {
			puts(tests[i].name);
		} else if (!strcmp(argument[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	}
	return count < 2 ? 0 : 1;
}
