/* SPDX-License-Identifier: MIT */
/*
 * Delay: what one guest does does not keep another waiting.
 *
 * Beside domain 0 a second guest makes the hypervisor work as hard as it can:
 * it pins and unpins page tables that map 4 GiB, makes them the root and
 * leaves them, and updates entries in batches of thousands. Each of these is interrupted when something
 * better is to be done, so a timer of domain 0 is never late by more than the
 * hypervisor's longest step.
 *
 * It says how many nanoseconds the latest of "times=N" timers was late. Under
 * QEMU's -icount, where time is executed instructions, none may be later than
 * "limit=N". It begins "after=N" seconds.
 */
#include "lodger.h"

#define MIB	0x100000UL
#define BASE	0x10000000000UL
#define SPACE	(4096 * MIB)
#define UPDATES 4096UL

/* ---- the heavy guest ---- */

static pte_t *root;
static void *frames[16];

static void space_make(void)
{
	unsigned long i;

	for (i = 0; i < 16; i++)
		frames[i] = page_alloc();
	root = page_alloc();
	for (i = 0; i < 512; i++)
		if (i < 256 || i >= 272)
			root[i] = table_root()[i];
	for (i = 0; i < SPACE / PAGE_SIZE; i++)
		table_build(root, (void *)(BASE + i * PAGE_SIZE),
			    pte_make(virt_to_mfn(frames[i % 16]), PTE_RW));
	TEST_RESULT(table_seal(root), 0);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root)), 0);
}

static void pin_and_use(void)
{
	unsigned long mfn = virt_to_mfn(root);

	TEST_RESULT(table_ext(MMUEXT_PIN_L4_TABLE, mfn), 0);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, mfn), 0);
	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(table_root())),
		    0);
}

static void update_much(void)
{
	static mmu_update_t list[UPDATES];
	pte_t *entry = table_lookup(frames[0]);
	unsigned int done;
	unsigned long i;

	for (i = 0; i < UPDATES; i++) {
		list[i].ptr = virt_to_machine(entry);
		list[i].val = *entry;
	}
	TEST_RESULT(HYPERVISOR_mmu_update(list, UPDATES, &done, DOMID_SELF), 0);
	TEST_RESULT(done, UPDATES);
}

static void work_hard(void)
{
	space_make();
	printf("heavy: ready\n");
	for (;;) {
		pin_and_use();
		update_much();
	}
}

/* ---- the one that waits ---- */

static volatile unsigned long fired;

static void on_timer(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	fired = clock_now();
}

/* Waits for a timer, asleep; by how many nanoseconds it was late. */
static unsigned long wait_once(unsigned long nanoseconds)
{
	unsigned long deadline = clock_now() + nanoseconds;

	fired = 0;
	TEST_RESULT(timer_set(deadline, 0), 0);
	events_off();
	while (!fired) {
		event_block();
		events_off();
	}
	events_on();
	return fired - deadline;
}

void test_main(void)
{
	unsigned long limit = option_number("limit=", 0);
	unsigned long n = option_number("times=", 300), i, late, most = 0;
	long port;

	if (!is_initial_domain())
		work_hard();
	port = event_bind_virq(VIRQ_TIMER, 0);
	TEST_ASSERT(port > 0, "no timer: %ld", port);
	event_set_handler((unsigned int)port, on_timer, NULL);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	TEST_RESULT(timer_set_period(0), 0);
	/* The other one has a million entries to write first. */
	late = wait_once(option_number("after=", 0) * SECOND);
	for (i = 0; i < n; i++) {
		late = wait_once(200000 + i * 1777 % 900000);
		most = late > most ? late : most;
	}
	printf("DELAY latest=%lu of=%lu\n", most, n);
	TEST_ASSERT(!limit || most <= limit, "a timer was late by %lu ns", most);
}
