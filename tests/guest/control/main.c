/* SPDX-License-Identifier: MIT */
/*
 * Control: a privileged domain builds another, runs it and ends it.
 *
 * createdomain makes a domain without memory, paused. It gets a limit
 * (max_mem), a vCPU (max_vcpus) and pages (populate_physmap), which the builder
 * maps by mmu_update in the name of their owner and fills: image, tables, start
 * information. The root is pinned for the new owner, the vCPU gets its
 * registers (setvcpucontext), and unpausedomain lets it run. A pause stops it
 * as often as it was asked for. A domain that shuts down or crashes stays, with
 * the reason, until it is destroyed; destroydomain ends one at any time, and
 * takes all of it. What somebody else still maps, he keeps until he lets go:
 * so long the domain is there, dying.
 *
 * This program is both: domain 0 and, with a word of what to do, the child,
 * whose image is the ramdisk (the file beside; `lodger/run` on Debian's Xen
 * wants it in GUEST_ARGS).
 */
#include "lodger.h"

#define PAGES 1024

extern char _start[];

static struct child child;

/* ---- the children ---- */

/* The last page of memory, which parent and child both know. */
static volatile unsigned long *last_page(void)
{
	return pfn_to_virt(start_info->nr_pages - 1);
}

static void child_ticks(void)
{
	volatile unsigned long *count = last_page();

	for (;;)
		++*count;
}

/* No gate leads anywhere: the first fault is the last. */
static void child_crashes(void)
{
	HYPERVISOR_set_trap_table(NULL);
	__asm__ __volatile__("ud2");
}

static void child_asks(void)
{
	xen_domctl_getdomaininfo_t info;
	domid_t dom;

	TEST_RESULT(control_info(0, &info), -XEN_EPERM);
	TEST_RESULT(control_pause(0), -XEN_EPERM);
	TEST_RESULT(control_destroy(0), -XEN_EPERM);
	TEST_RESULT(control_create(&dom), -XEN_EPERM);
}

static int be_a_child(void)
{
	timer_set_period(0);
	if (option("tick"))
		child_ticks();
	else if (option("crash"))
		child_crashes();
	else if (option("ask"))
		child_asks();
	return option("child");
}

/* ---- the parent ---- */

/* Its test must not have failed: its output would say so. */
static void check_output(void)
{
	static char text[2048];
	const char *why;

	child_output(&child, text, sizeof(text));
	why = strstr(text, "TEST FAIL");
	TEST_ASSERT(!why, "child: %s", why);
	TEST_ASSERT(strstr(text, "lodger:"), "the child has said nothing");
}

static void start(const char *line)
{
	TEST_RESULT(child_create(&child, PAGES, line), 0);
	TEST_RESULT(control_unpause(child.dom), 0);
}

static void run(const char *line)
{
	xen_domctl_getdomaininfo_t info;

	start(line);
	TEST_RESULT(child_wait(&child), SHUTDOWN_poweroff);
	TEST_RESULT(control_info(child.dom, &info), 0);
	TEST_RESULT(info.tot_pages, PAGES);
	check_output();
	child_destroy(&child);
}

static unsigned long ticks(void)
{
	volatile unsigned long *w =
		control_map(0, child.dom, &child.frame[PAGES - 1], 1);
	unsigned long value = *w;

	control_unmap(0, 1);
	return value;
}

/* Lets the others run for some time. */
static void wait(unsigned long milliseconds)
{
	uint64_t end = clock_now() + milliseconds * MILLISECOND;

	while (clock_now() < end)
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
}

static void expect_running(int running)
{
	uint64_t end = clock_now() + 20 * SECOND;
	unsigned long before;

	wait(20);
	before = ticks();
	if (!running) {
		wait(100);
		TEST_RESULT(ticks(), before);
		return;
	}
	while (ticks() == before)
		TEST_ASSERT(clock_now() < end, "the child stands still");
}

static void pauses(void)
{
	xen_domctl_getdomaininfo_t info;

	TEST_RESULT(child_create(&child, PAGES, "child tick"), 0);
	TEST_RESULT(control_info(child.dom, &info), 0);
	TEST_RESULT(info.flags & XEN_DOMINF_paused, XEN_DOMINF_paused);
	TEST_RESULT(control_unpause(child.dom), 0);
	expect_running(1);
	TEST_RESULT(control_pause(child.dom), 0);
	TEST_RESULT(control_info(child.dom, &info), 0);
	TEST_RESULT(info.flags & XEN_DOMINF_paused, XEN_DOMINF_paused);
	expect_running(0);
	TEST_RESULT(control_pause(child.dom), 0);
	TEST_RESULT(control_unpause(child.dom), 0);
	expect_running(0);
	TEST_RESULT(control_unpause(child.dom), 0);
	expect_running(1);
	/* One too many. */
	TEST_RESULT(control_unpause(child.dom), -XEN_EINVAL);
	expect_running(1);
	child_destroy(&child);
}

static void crash(void)
{
	xen_domctl_getdomaininfo_t info;

	start("child crash");
	TEST_RESULT(child_wait(&child), SHUTDOWN_crash);
	TEST_RESULT(control_info(child.dom, &info), 0);
	TEST_RESULT(info.flags & XEN_DOMINF_dying, 0);
	check_output();
	child_destroy(&child);
}

static void context(void)
{
	static vcpu_guest_context_t c;

	TEST_RESULT(child_create(&child, PAGES, "child tick"), 0);
	TEST_RESULT(
		control_context(child.dom, XEN_DOMCTL_getvcpucontext, 0, &c),
		0);
	TEST_RESULT(c.user_regs.rip, (unsigned long)_start);
	TEST_RESULT(c.flags & VGCF_in_kernel, VGCF_in_kernel);
	TEST_RESULT(
		control_context(child.dom, XEN_DOMCTL_getvcpucontext, 1, &c),
		-XEN_EINVAL);
	TEST_RESULT(control_unpause(child.dom), 0);
	expect_running(1);
	TEST_RESULT(control_pause(child.dom), 0);
	TEST_RESULT(
		control_context(child.dom, XEN_DOMCTL_getvcpucontext, 0, &c),
		0);
	TEST_ASSERT(c.user_regs.rip >= (unsigned long)image_start &&
			    c.user_regs.rip < (unsigned long)image_end,
		    "the child is at %lx", (unsigned long)c.user_regs.rip);
	child_destroy(&child);
}

/* The toolstack writes entries of the child's grant table before it runs. */
static void seeds(void)
{
	grant_entry_v1_t *table;
	grant_handle_t handle;
	char *window = grant_window(0);
	xen_pfn_t mfn;

	TEST_RESULT(child_create(&child, PAGES, "child tick"), 0);
	TEST_RESULT(control_grant_frame(child.dom, &mfn), 0);
	table = control_map(0, child.dom, &mfn, 1);
	table[GNTTAB_RESERVED_CONSOLE].domid = 0;
	table[GNTTAB_RESERVED_CONSOLE].frame = (uint32_t)child.frame[PAGES - 1];
	table[GNTTAB_RESERVED_CONSOLE].flags = GTF_permit_access;
	control_unmap(0, 1);
	TEST_RESULT(control_unpause(child.dom), 0);
	expect_running(1);
	TEST_RESULT(grant_map_at(child.dom, GNTTAB_RESERVED_CONSOLE,
				 GNTMAP_readonly, window, &handle),
		    GNTST_okay);
	TEST_ASSERT(*(volatile unsigned long *)window > 0, "no ticks");
	TEST_RESULT(grant_unmap_at(handle, window), GNTST_okay);
	child_destroy(&child);
}

/* Another domain goes on where it has stopped. */
static void copied(void)
{
	static struct child second;
	unsigned long before;

	start("child tick");
	expect_running(1);
	TEST_RESULT(control_pause(child.dom), 0);
	before = ticks();
	TEST_RESULT(child_copy(&second, &child), 0);
	child_destroy(&child);
	child = second;
	TEST_RESULT(ticks(), before);
	TEST_RESULT(control_unpause(child.dom), 0);
	expect_running(1);
	TEST_ASSERT(ticks() > before, "it began again");
	child_destroy(&child);
}

/* In the middle: at each step of its life. */
static void cut_short(void)
{
	xen_domctl_getdomaininfo_t info;
	xen_pfn_t frame[8];
	unsigned int i, step;
	domid_t dom;

	for (step = 0; step < 4; step++) {
		TEST_RESULT(control_create(&dom), 0);
		if (step > 0)
			TEST_RESULT(control_limits(dom, 8), 0);
		for (i = 0; i < 8; i++)
			frame[i] = i;
		if (step > 1)
			TEST_RESULT(control_populate(dom, 0, 8, frame), 8);
		if (step > 2) {
			/* No more than its limit. */
			TEST_RESULT(control_populate(dom, 0, 8, frame), 0);
			TEST_RESULT(control_info(dom, &info), 0);
			TEST_RESULT(info.tot_pages, 8);
		}
		child.dom = dom;
		child_destroy(&child);
	}
	TEST_RESULT(child_create(&child, PAGES, "child tick"), 0);
	child_destroy(&child);
	TEST_RESULT(control_destroy(child.dom), -XEN_ESRCH);
	TEST_RESULT(control_unpause(child.dom), -XEN_ESRCH);
	start("child tick");
	expect_running(1);
	child_destroy(&child);
}

/* Somebody maps a page of it when it ends. */
static void lingers(void)
{
	xen_domctl_getdomaininfo_t info;
	volatile unsigned long *w;

	start("child tick");
	expect_running(1);
	w = control_map(0, child.dom, &child.frame[PAGES - 1], 1);
	TEST_RESULT(control_destroy(child.dom), 0);
	wait(20);
	TEST_RESULT(control_info(child.dom, &info), 0);
	TEST_RESULT(info.flags & XEN_DOMINF_dying, XEN_DOMINF_dying);
	TEST_ASSERT(*w > 0, "the page was given away");
	control_unmap(0, 1);
	child_gone(&child);
}

static void refusals(void)
{
	xen_domctl_getdomaininfo_t info;
	xen_domctl_t op;

	TEST_RESULT(control_info(77, &info), -XEN_ESRCH);
	TEST_RESULT(control_pause(77), -XEN_ESRCH);
	TEST_RESULT(control_destroy(0), -XEN_EINVAL);
	TEST_RESULT(control_pause(0), -XEN_EINVAL);
	memset(&op, 0, sizeof(op));
	op.cmd = XEN_DOMCTL_getdomaininfo;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1;
	TEST_RESULT(HYPERVISOR_domctl(&op), -XEN_EACCES);
	TEST_RESULT(HYPERVISOR_domctl(16), -XEN_EFAULT);
	memset(&op, 0, sizeof(op));
	op.u.createdomain.flags = ~0U;
	op.u.createdomain.max_vcpus = 1;
	TEST_RESULT(control_domctl(XEN_DOMCTL_createdomain, 0, &op),
		    -XEN_EINVAL);
	TEST_RESULT(control_domctl(999, 0, &op), -XEN_ENOSYS);
}

/* A free page may take its time on the way back. */
static void expect_free_pages(unsigned long want)
{
	uint64_t end = clock_now() + 10 * SECOND;
	unsigned long has;

	while ((has = control_free_pages()) != want)
		TEST_ASSERT(clock_now() < end, "%lu free pages, not %lu", has,
			    want);
}

void test_main(void)
{
	unsigned long before;

	if (be_a_child())
		return;
	timer_set_period(0);
	if (!child_image())
		test_skip("the ramdisk is no guest");
	refusals();
	/* What is made once and kept is made now (a place for our handles). */
	run("child");
	seeds();
	wait(300);
	before = control_free_pages();
	run("child");
	expect_free_pages(before);
	run("child ask");
	pauses();
	crash();
	context();
	seeds();
	copied();
	cut_short();
	lingers();
	expect_free_pages(before);
}
