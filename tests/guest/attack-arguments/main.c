/* SPDX-License-Identifier: MIT */
/*
 * Attack: arguments that make no sense.
 *
 * Every call that takes a pointer or a number gets pointers to nothing, to the
 * hypervisor, to memory that cannot be written, to the last bytes of a page;
 * numbers at each end of their range; and structures of noise. Only calls that
 * would rightly end or cripple this guest are left out (shutdown, down, the
 * entry points, its own page tables: attack-random has those).
 *
 * Nothing is asked of the answers. The machine lives, the guest's own state
 * (ports, timers, traps, memory) still works afterwards, and a page next to
 * each buffer is as it was.
 */
#include "lodger.h"

#define EDGE   ((char *)0x10000000000UL)
#define ROUNDS 60000

static unsigned long state = 88172645463325252UL;
static unsigned long taken;
static unsigned char *noise;

static unsigned long random(unsigned long below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static unsigned long number(void)
{
	switch (random(6)) {
	case 0:
		return random(16);
	case 1:
		return -random(16);
	case 2:
		return 1UL << random(64);
	case 3:
		return (1UL << random(64)) - 1;
	case 4:
		return state;
	default:
		return random(1UL << random(32));
	}
}

/* A page of small and large numbers, in 32 and in 64 bits. */
static void make_noise(void)
{
	unsigned int i;

	for (i = 0; i < 256; i += 8) {
		unsigned long v = number();

		if (random(2))
			v = (v & 0xffffffff) | number() << 32;
		memcpy(noise + i, &v, 8);
	}
	memcpy(EDGE + PAGE_SIZE - 256, noise, 256);
}

static unsigned long pointer(void)
{
	switch (random(9)) {
	case 0:
		return 0;
	case 1:
		return 0x18000000000UL;
	case 2:
		return 0xffff800000000000UL + (random(1UL << 47) & ~7UL);
	case 3:
		return (unsigned long)table_root() + random(4096);
	case 4:
		return number();
	case 5:
	case 6:
		return (unsigned long)EDGE + PAGE_SIZE - random(257);
	default:
		return (unsigned long)noise;
	}
}

static const unsigned int event_ops[] = { 0, 1, 2,  4,	5,  6, 7,
					  8, 9, 11, 13, 14, 77 };
static const unsigned int memory_ops[] = { 2,  3,  4,  5,  7,  9,  10, 12,
					   14, 15, 16, 17, 18, 19, 20, 21,
					   23, 25, 26, 28, 40, 63 };
static const unsigned int vcpu_ops[] = { 4, 6, 7, 8, 9, 11, 12, 14, 99 };

#define PICK(list) ((list)[random(ARRAY_SIZE(list))])

/* Noise as a list might be any call at all: there only lengths of 0. */
static long multicall(void)
{
	unsigned long list = pointer();
	unsigned long page = list & PAGE_MASK;

	if (page == (unsigned long)noise || page == (unsigned long)EDGE ||
	    page == (unsigned long)table_root())
		return HYPERVISOR_multicall(list, 0);
	return HYPERVISOR_multicall(list & 1UL << 63 ? list : 0, random(3));
}

static long one_call(void)
{
	switch (random(14)) {
	case 0:
		return HYPERVISOR_xen_version(random(14), pointer());
	case 1:
		return HYPERVISOR_event_channel_op(PICK(event_ops), pointer());
	case 2:
		return HYPERVISOR_memory_op(PICK(memory_ops) | number() << 6,
					    pointer());
	case 3:
		return HYPERVISOR_vcpu_op(PICK(vcpu_ops), random(3), pointer());
	case 4:
		return HYPERVISOR_vcpu_op(number() | 0x4000, number(), NULL);
	case 5:
		return HYPERVISOR_set_debugreg(random(4), number());
	case 6:
		return HYPERVISOR_get_debugreg(number());
	case 7:
		return HYPERVISOR_update_descriptor(number(), number());
	case 8:
		return multicall();
	case 9:
		return HYPERVISOR_console_io(1 + random(4), random(300),
					     pointer());
	case 10:
		return HYPERVISOR_set_segment_base(random(3), number());
	case 11:
		return HYPERVISOR_callback_op(1 + random(4), pointer());
	case 12:
		return HYPERVISOR_vm_assist(random(3), 36 + number());
	default:
		return hypercall(64 + number() % 1000, number(), number(),
				 pointer(), pointer(), number());
	}
}

static volatile unsigned int ticks;

static void on_tick(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	ticks++;
}

static int on_nmi(struct trap_frame *frame)
{
	(void)frame;
	return 1;
}

static void still_works(void)
{
	long port;

	port = event_bind_virq(VIRQ_TIMER, 0);
	if (port == -XEN_EEXIST)
		return;
	TEST_ASSERT(port > 0, "bind_virq %ld", port);
	event_set_handler((unsigned int)port, on_tick, NULL);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(timer_set(clock_now() + 5 * MILLISECOND, 0), 0);
	while (!ticks)
		event_block();
	probe_begin();
	__asm__ __volatile__(PROBE("ud2"));
	TEST_RESULT(probe_end(), TRAP_UD);
}

void test_main(void)
{
	unsigned char *guard = page_alloc();
	unsigned int i;

	trap_set_hook(TRAP_NMI, on_nmi);
	noise = page_alloc();
	(void)page_alloc();
	TEST_RESULT(table_map(EDGE, virt_to_mfn(page_alloc()), PTE_RW), 0);
	memset(guard, 0xa5, PAGE_SIZE);
	state += option_number("seed=", 0) * 0x9e3779b97f4a7c15UL;
	for (i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0)
			make_noise();
		taken += one_call() >= 0;
	}
	for (i = 0; i < PAGE_SIZE; i++)
		TEST_ASSERT(guard[i] == 0xa5, "the guard page was written");
	printf("%u calls, %lu were not refused\n", ROUNDS, taken);
	TEST_RESULT(HYPERVISOR_set_debugreg(7, 0), 0);
	still_works();
}
