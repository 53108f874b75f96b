/* SPDX-License-Identifier: MIT */
/*
 * Many domains: the last costs what the first did.
 *
 * As many children of 4 MiB as "guests=" says (40), all of them there at once
 * and asleep once they have started. The time of each is taken from the first
 * call of its creation to the last; under QEMU's -icount that is instructions,
 * and then ("exact") the last may cost no more than the first, but for a
 * hundredth. The second is the first that is compared: some things are made
 * once.
 */
#include "lodger.h"

#define PAGES 1024
#define MOST  1000

static struct child child;
static domid_t domains[MOST];

static uint64_t make_one(unsigned long i)
{
	uint64_t start = read_tsc(), end;

	TEST_RESULT(child_create(&child, PAGES, "child"), 0);
	end = read_tsc();
	domains[i] = child.dom;
	TEST_RESULT(control_unpause(child.dom), 0);
	/* It gets its time now, not while the next one is measured. */
	while (child.dom) {
		xen_domctl_getdomaininfo_t info;

		TEST_RESULT(control_info(child.dom, &info), 0);
		if (info.flags & XEN_DOMINF_blocked)
			break;
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	return end - start;
}

static void sleep(void)
{
	timer_set_period(0);
	for (;;)
		HYPERVISOR_sched_op(SCHEDOP_block, 0);
}

void test_main(void)
{
	unsigned long guests = option_number("guests=", 40), i;
	uint64_t first = 0, last = 0, worst = 0;

	if (option("child"))
		sleep();
	timer_set_period(0);
	if (!child_image())
		test_skip("the ramdisk is no guest");
	TEST_ASSERT(guests > 2 && guests <= MOST, "guests=%lu", guests);
	events_off();
	for (i = 0; i < guests; i++) {
		last = make_one(i);
		if (i == 1)
			first = last;
		if (i && last > worst)
			worst = last;
	}
	printf("MANY guests=%lu first=%lu last=%lu worst=%lu\n", guests,
	       (unsigned long)first, (unsigned long)last, (unsigned long)worst);
	TEST_ASSERT(!option("exact") || worst <= first + first / 100,
		    "the first took %lu, one %lu", (unsigned long)first,
		    (unsigned long)worst);
	for (i = 0; i < guests; i++) {
		child.dom = domains[i];
		child_destroy(&child);
	}
}
