/* SPDX-License-Identifier: MIT */
/*
 * The vCPU's own affairs: is_up, vcpu_info, runstate, identity.
 *
 * A guest learns how many vCPUs it has by asking for each number in turn:
 * VCPUOP_is_up is 1 or 0 for one that exists and -ENOENT for one that does
 * not. (Linux asks 8192 times while it boots.)
 *
 * The event words and the time of a vCPU may be moved once from the shared
 * page to a place of the guest's choice. The guest must own the frame, the
 * place must not cross a page, and pending and mask move with it; afterwards
 * the hypervisor writes there. While it does, the frame stays writable memory:
 * it can become neither a page table nor somebody else's.
 *
 * The runstate area, by virtual address, tells how long the vCPU has been
 * running, runnable, blocked and offline. The four times add up to the time
 * since the vCPU began, and the state in the guest's own eyes is "running".
 * get_runstate_info returns the same by value.
 */
#include "lodger.h"

static struct vcpu_runstate_info area;
static volatile unsigned int seen;

static void on_event(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	seen++;
}

static void numbers(void)
{
	static const unsigned int nobody[] = { 64,	  127,	1000,
					       8191,	  8192, 0x7fffffff,
					       0xffffffff };
	unsigned int i;

	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_is_up, 0, NULL), 1);
	for (i = 0; i < ARRAY_SIZE(nobody); i++)
		TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_is_up, nobody[i], NULL),
			    -XEN_ENOENT);
	TEST_RESULT(HYPERVISOR_vcpu_op(99, 0, NULL), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, 8191, NULL), -XEN_ENOENT);
	/* A vCPU's timer is its own to set. */
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
}

static long move_info(unsigned long mfn, unsigned int offset)
{
	vcpu_register_vcpu_info_t where;

	memset(&where, 0, sizeof(where));
	where.mfn = mfn;
	where.offset = offset;
	return HYPERVISOR_vcpu_op(VCPUOP_register_vcpu_info, 0, &where);
}

static void moved_info(void)
{
	char *page = page_alloc();
	long ipi = event_bind_ipi(0);
	unsigned int port = (unsigned int)ipi;
	unsigned long before;

	TEST_ASSERT(ipi > 0, "bind_ipi %ld", ipi);
	event_set_handler(port, on_event, NULL);
	TEST_RESULT(event_unmask(port), 0);
	TEST_REFUSED(move_info(virt_to_mfn(page), PAGE_SIZE - 63));
	TEST_REFUSED(move_info(virt_to_mfn(page), PAGE_SIZE));
	TEST_REFUSED(move_info(virt_to_mfn(page), 0xfffffff8U));
	TEST_REFUSED(move_info(0xfffffffffUL, 0));
	TEST_REFUSED(move_info(virt_to_mfn(table_root()), 0));
	/* An event that is pending and held back must survive the move. */
	events_off();
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(move_info(virt_to_mfn(page), 512), 0);
	vcpu_info = (vcpu_info_t *)(page + 512);
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 1);
	TEST_RESULT(vcpu_info->evtchn_upcall_pending, 1);
	TEST_RESULT(seen, 0);
	events_on();
	TEST_RESULT(seen, 1);
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(seen, 2);
	/* Time goes on in the new place. */
	before = clock_now();
	clock_spin(5 * MILLISECOND);
	TEST_ASSERT(clock_now() > before, "the clock stands");
	TEST_RESULT(probe_read((char *)0x10000000123UL, &before), TRAP_PF);
	TEST_RESULT(vcpu_info->arch.cr2, 0x10000000123UL);
	/* Once only; and the frame is held as what it is. */
	TEST_REFUSED(move_info(virt_to_mfn(page), 1024));
	TEST_RESULT(page_protect(page), 0);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)));
	TEST_RESULT(page_unprotect(page), 0);
	TEST_RESULT(event_close(port), 0);
}

static long set_area(void *where)
{
	vcpu_register_runstate_memory_area_t reg;

	memset(&reg, 0, sizeof(reg));
	reg.addr.p = (unsigned long)where;
	return HYPERVISOR_vcpu_op(VCPUOP_register_runstate_memory_area, 0,
				  &reg);
}

static unsigned long total(const struct vcpu_runstate_info *r)
{
	return r->time[0] + r->time[1] + r->time[2] + r->time[3];
}

static void sleep_for(unsigned long nanoseconds)
{
	sched_poll_t p;

	memset(&p, 0, sizeof(p));
	p.timeout = clock_now() + nanoseconds;
	TEST_RESULT(HYPERVISOR_sched_op(SCHEDOP_poll, &p), 0);
}

static void runstate(void)
{
	struct vcpu_runstate_info first, second;
	unsigned long start, slept;

	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, 0, &first), 0);
	TEST_RESULT(first.state, RUNSTATE_running);
	start = clock_now();
	sleep_for(50 * MILLISECOND);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, 0, &second),
		    0);
	slept = clock_now() - start;
	TEST_ASSERT(second.time[RUNSTATE_blocked] >=
			    first.time[RUNSTATE_blocked] + 40 * MILLISECOND,
		    "blocked %lu ns",
		    (unsigned long)(second.time[RUNSTATE_blocked] -
				    first.time[RUNSTATE_blocked]));
	TEST_ASSERT(total(&second) - total(&first) >= 40 * MILLISECOND &&
			    total(&second) - total(&first) <
				    slept + 50 * MILLISECOND,
		    "%lu ns in %lu", total(&second) - total(&first), slept);
	memset(&area, 0xff, sizeof(area));
	TEST_RESULT(set_area(&area), 0);
	TEST_RESULT(area.state, RUNSTATE_running);
	first = area;
	sleep_for(30 * MILLISECOND);
	TEST_RESULT(area.state, RUNSTATE_running);
	TEST_ASSERT(area.time[RUNSTATE_blocked] >=
			    first.time[RUNSTATE_blocked] + 25 * MILLISECOND,
		    "area");
	TEST_ASSERT(area.state_entry_time <= clock_now() &&
			    area.state_entry_time > first.state_entry_time,
		    "entry");
	/* A bad address is refused, or not written: it harms nobody. */
	set_area((void *)0x10000000000UL);
	sleep_for(MILLISECOND);
	TEST_ASSERT(set_area((void *)0xffff82d080000000UL) < 0,
		    "the hypervisor's memory as runstate area");
	sleep_for(MILLISECOND);
	set_area(NULL);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, 8000, &first),
		    -XEN_ENOENT);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, 0,
				       0x10000000000UL),
		    -XEN_EFAULT);
}

void test_main(void)
{
	numbers();
	moved_info();
	runstate();
}
