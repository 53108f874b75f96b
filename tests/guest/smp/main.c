/* SPDX-License-Identifier: MIT */
/*
 * Several vCPUs at work, whether they have a processor each or share one.
 *
 * What belongs to one vCPU is its own wherever it runs: its timer and the
 * virtual interrupt that the timer raises, its runstate, its vcpu_info, its
 * NMI. A port tells the vCPU that it was bound to (bind_vcpu moves those that
 * may move), and that one is woken, no other.
 *
 * A guest flushes translations of its other vCPUs by hypercall, with a mask of
 * them or for all: when the call returns, no vCPU translates by what was there
 * before. A vCPU that did not run meanwhile has nothing to forget, and gets
 * its translations anew when it does.
 *
 * Any vCPU may go down and come up again, and any may end the whole guest;
 * the last one here does.
 *
 * This wants a guest with two vCPUs or more and is skipped elsewhere.
 */
#include "lodger.h"

#define MAX 4

static struct worker {
	void (*volatile job)(unsigned int id);
	volatile unsigned int jobs_done;
	volatile long result;
	unsigned int port; /* wakes it */
	char stack[8192] __attribute__((aligned(16)));
} workers[MAX];

static unsigned int nr;
static vcpu_guest_context_t context;
static struct vcpu_runstate_info areas[MAX];

/* ---- the workers: each waits by poll, with its events masked ---- */

static void poll_port(unsigned int port)
{
	sched_poll_t p;

	memset(&p, 0, sizeof(p));
	set_xen_guest_handle(p.ports, &port);
	p.nr_ports = 1;
	HYPERVISOR_sched_op(SCHEDOP_poll, &p);
	event_clear(port);
}

static void work(unsigned long id)
{
	struct worker *w = &workers[id];

	for (;;) {
		while (!w->job)
			poll_port(w->port);
		w->job((unsigned int)id);
		w->job = NULL;
		barrier();
		w->jobs_done++;
	}
}

/* Has a worker do something, and waits until it has. */
static long run_on(unsigned int id, void (*job)(unsigned int id))
{
	struct worker *w = &workers[id];
	unsigned long end = clock_now() + 10 * SECOND;
	unsigned int before = w->jobs_done;

	w->job = job;
	TEST_RESULT(event_send(w->port), 0);
	while (w->jobs_done == before) {
		TEST_ASSERT(clock_now() < end, "vCPU %u does not work", id);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	return w->result;
}

/* The handler of NMIs: counts, and returns by the iret hypercall. */
void nmi_entry(void);
__asm__(".globl nmi_entry\n"
	"nmi_entry:\n\t"
	"incl	nmi_count(%rip)\n\t"
	"pop	%rcx\n\t"
	"pop	%r11\n\t"
	"push	$0\n\t"
	"push	%rcx\n\t"
	"push	%r11\n\t"
	"push	%rax\n\t"
	"mov	$23, %eax\n\t" /* iret */
	"syscall\n");
extern volatile unsigned int nmi_count;
volatile unsigned int nmi_count;

static void make_context(unsigned int id)
{
	unsigned int i;

	memset(&context, 0, sizeof(context));
	context.flags = VGCF_in_kernel;
	context.user_regs.rip = (unsigned long)work;
	context.user_regs.rdi = id;
	context.user_regs.rsp = (unsigned long)workers[id].stack +
				sizeof(workers[id].stack) - 8;
	context.user_regs.cs = FLAT_KERNEL_CS;
	context.user_regs.ss = FLAT_KERNEL_SS;
	context.user_regs.rflags = 2;
	context.kernel_ss = FLAT_KERNEL_SS;
	context.kernel_sp = context.user_regs.rsp;
	context.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(table_root()));
	for (i = 0; i < 32; i++) {
		context.trap_ctxt[i].vector = (uint8_t)i;
		context.trap_ctxt[i].cs = FLAT_KERNEL_CS;
		context.trap_ctxt[i].address =
			(unsigned long)trap_stubs + i * 16;
	}
	context.trap_ctxt[TRAP_NMI].address = (unsigned long)nmi_entry;
	context.event_callback_eip = (unsigned long)upcall_entry;
	context.failsafe_callback_eip = (unsigned long)failsafe_entry;
	context.syscall_callback_eip = (unsigned long)syscall_entry;
}

static vcpu_info_t *infos[MAX];

static long move_info(unsigned int id, const char *place)
{
	vcpu_register_vcpu_info_t op;

	memset(&op, 0, sizeof(op));
	op.mfn = virt_to_mfn(place);
	op.offset = (unsigned int)((unsigned long)place & ~PAGE_MASK);
	return HYPERVISOR_vcpu_op(VCPUOP_register_vcpu_info, id, &op);
}

static void bring_up(unsigned int id)
{
	vcpu_register_runstate_memory_area_t area;
	long port = event_bind_ipi(id);
	char *page = page_alloc();

	TEST_ASSERT(port > 0, "bind_ipi: %ld", port);
	workers[id].port = (unsigned int)port;
	make_context(id);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_initialise, id, &context), 0);
	/* Before it runs, others may say where its vcpu_info is to be. */
	infos[id] = (vcpu_info_t *)(page + 64 * id);
	TEST_RESULT(move_info(id, (char *)infos[id]), 0);
	infos[id]->evtchn_upcall_mask = 1;
	memset(&area, 0, sizeof(area));
	area.addr.p = (unsigned long)&areas[id];
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_register_runstate_memory_area, id,
				       &area),
		    0);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, id, NULL), 0);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, id, NULL), 0);
	TEST_REFUSED(move_info(id, page + 2048));
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_stop_periodic_timer, id, NULL),
		    0);
}

/* ---- what is a vCPU's own ---- */

static void say_number(unsigned int id)
{
	workers[id].result = id + 100;
}

static void wait_until_idle(unsigned int id)
{
	struct vcpu_runstate_info r;
	unsigned long end = clock_now() + 10 * SECOND;

	do {
		TEST_ASSERT(clock_now() < end, "vCPU %u does not sleep", id);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
		TEST_RESULT(
			HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, id, &r),
			0);
	} while (r.state != RUNSTATE_blocked);
}

static void runstates(unsigned int id)
{
	struct vcpu_runstate_info r;

	TEST_RESULT(run_on(id, say_number), id + 100);
	wait_until_idle(id);
	/* Its area agrees, though its memory is ours to read all the time. */
	TEST_RESULT(((volatile struct vcpu_runstate_info *)&areas[id])->state,
		    RUNSTATE_blocked);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, id, &r), 0);
	TEST_ASSERT(r.time[RUNSTATE_running] && r.time[RUNSTATE_blocked],
		    "vCPU %u never ran, or never slept", id);
}

static void set_timer(unsigned int id)
{
	vcpu_set_singleshot_timer_t op;

	memset(&op, 0, sizeof(op));
	op.timeout_abs_ns = clock_now() + MILLISECOND;
	workers[id].result =
		HYPERVISOR_vcpu_op(VCPUOP_set_singleshot_timer, id, &op);
}

static void wait_pending(unsigned int port)
{
	unsigned long end = clock_now() + 10 * SECOND;

	while (!event_is_pending(port))
		TEST_ASSERT(clock_now() < end, "no event at %u", port);
	event_clear(port);
}

static void timers(unsigned int id)
{
	long port = event_bind_virq(VIRQ_TIMER, id);
	vcpu_set_singleshot_timer_t op;
	vcpu_set_periodic_timer_t period;

	TEST_ASSERT(port > 0, "bind_virq: %ld", port);
	TEST_RESULT(event_bind_virq(VIRQ_TIMER, id), -XEN_EEXIST);
	memset(&op, 0, sizeof(op));
	op.timeout_abs_ns = clock_now() + MILLISECOND;
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_set_singleshot_timer, id, &op),
		    -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_stop_singleshot_timer, id, NULL),
		    -XEN_EINVAL);
	event_clear((unsigned int)port);
	TEST_RESULT(run_on(id, set_timer), 0);
	wait_pending((unsigned int)port);
	period.period_ns = 2 * MILLISECOND;
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_set_periodic_timer, id, &period),
		    0);
	wait_pending((unsigned int)port);
	wait_pending((unsigned int)port);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_stop_periodic_timer, id, NULL),
		    0);
	TEST_RESULT(event_close((unsigned int)port), 0);
}

static void ports(unsigned int id)
{
	unsigned int far = (unsigned int)event_alloc_unbound(DOMID_SELF);
	unsigned int near =
		(unsigned int)event_bind_interdomain(DOMID_SELF, far);
	evtchn_bind_vcpu_t op;
	vcpu_info_t *info = infos[id];

	TEST_ASSERT((int)near > 0, "bind_interdomain: %d", (int)near);
	op.port = near;
	op.vcpu = id;
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_bind_vcpu, &op), 0);
	op.port = workers[id].port;
	TEST_REFUSED(HYPERVISOR_event_channel_op(EVTCHNOP_bind_vcpu, &op));
	event_clear(near);
	TEST_RESULT(event_unmask(near), 0);
	info->evtchn_pending_sel = 0;
	info->evtchn_upcall_pending = 0;
	vcpu_info->evtchn_upcall_pending = 0;
	TEST_RESULT(event_send(far), 0);
	TEST_RESULT(info->evtchn_upcall_pending, 1);
	TEST_RESULT(info->evtchn_pending_sel >> (near / 64) & 1, 1);
	TEST_RESULT(vcpu_info->evtchn_upcall_pending, 0);
	event_mask(near);
	event_clear(near);
	info->evtchn_upcall_pending = 0;
	TEST_RESULT(event_close(near) | event_close(far), 0);
}

static void nmi_to_itself(unsigned int id)
{
	workers[id].result = HYPERVISOR_vcpu_op(VCPUOP_send_nmi, id, NULL);
}

static void nmis(unsigned int id)
{
	unsigned int before = nmi_count;

	TEST_RESULT(run_on(id, nmi_to_itself), 0);
	TEST_RESULT(nmi_count, before + 1);
	wait_until_idle(id);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_send_nmi, id, NULL), 0);
	TEST_RESULT(run_on(id, say_number), id + 100);
	TEST_RESULT(nmi_count, before + 2);
}

/* ---- translations ---- */

static volatile unsigned long *window; /* a page of address space */
static unsigned long mfns[2];

static void look(unsigned int id)
{
	workers[id].result = (long)*window;
}

static void look_at_all(unsigned long want)
{
	unsigned int id;

	TEST_RESULT(*window, want);
	for (id = 1; id < nr; id++)
		TEST_RESULT(run_on(id, look), (long)want);
}

static long ext(unsigned int cmd, unsigned long *mask)
{
	struct mmuext_op op;

	memset(&op, 0, sizeof(op));
	op.cmd = cmd;
	op.arg1.linear_addr = (unsigned long)window;
	if (mask)
		set_xen_guest_handle(op.arg2.vcpumask, mask);
	return HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void flushes(void)
{
	unsigned long all = (1UL << nr) - 1, flags[6], round, i;
	char *pages[2];

	for (i = 0; i < 2; i++) {
		pages[i] = page_alloc();
		*(unsigned long *)pages[i] = 1000 + i;
		mfns[i] = virt_to_mfn(pages[i]);
	}
	window = page_alloc();
	flags[0] = UVMF_TLB_FLUSH | UVMF_ALL;
	flags[1] = UVMF_INVLPG | UVMF_ALL;
	flags[2] = UVMF_TLB_FLUSH | (unsigned long)&all;
	flags[3] = UVMF_INVLPG | (unsigned long)&all;
	flags[4] = flags[5] = UVMF_NONE;
	for (round = 0; round < 24; round++) {
		TEST_RESULT(HYPERVISOR_update_va_mapping(
				    window, pte_make(mfns[round & 1], PTE_RW),
				    flags[round % 6]),
			    0);
		if (round % 12 == 4)
			TEST_RESULT(ext(MMUEXT_TLB_FLUSH_ALL, NULL), 0);
		if (round % 12 == 5)
			TEST_RESULT(ext(MMUEXT_INVLPG_ALL, NULL), 0);
		if (round % 12 == 10)
			TEST_RESULT(ext(MMUEXT_TLB_FLUSH_MULTI, &all), 0);
		if (round % 12 == 11)
			TEST_RESULT(ext(MMUEXT_INVLPG_MULTI, &all), 0);
		look_at_all(1000 + (round & 1));
	}
	TEST_REFUSED(ext(MMUEXT_TLB_FLUSH_MULTI, (void *)0x10000000000UL));
	TEST_REFUSED(
		HYPERVISOR_update_va_mapping(window, pte_make(mfns[0], PTE_RW),
					     UVMF_INVLPG | 0x10000000000UL));
}

/* ---- down, up, and the end ---- */

static void go_down(unsigned int id)
{
	workers[id].result = HYPERVISOR_vcpu_op(VCPUOP_down, id, NULL);
}

static void down_and_up(unsigned int id)
{
	unsigned long end = clock_now() + 10 * SECOND;
	struct worker *w = &workers[id];
	unsigned int before = w->jobs_done;

	w->job = go_down;
	TEST_RESULT(event_send(w->port), 0);
	while (HYPERVISOR_vcpu_op(VCPUOP_is_up, id, NULL)) {
		TEST_ASSERT(clock_now() < end, "vCPU %u does not go", id);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	/* An event does not bring it back. */
	TEST_RESULT(event_send(w->port), 0);
	clock_spin(2 * MILLISECOND);
	TEST_RESULT(w->jobs_done, before);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, id, NULL), 0);
	while (w->jobs_done == before)
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	TEST_RESULT(w->result, 0);
	/* One is taken down by another while it sleeps. */
	wait_until_idle(id);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_down, id, NULL), 0);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_is_up, id, NULL), 0);
	TEST_RESULT(HYPERVISOR_vcpu_op(VCPUOP_up, id, NULL), 0);
	TEST_RESULT(run_on(id, say_number), id + 100);
}

static void pass(unsigned int id)
{
	(void)id;
	test_pass();
}

void test_main(void)
{
	unsigned int id;

	events_off();
	timer_set_period(0);
	while (nr < MAX && HYPERVISOR_vcpu_op(VCPUOP_is_up, nr, NULL) >= 0)
		nr++;
	if (nr < 2)
		test_skip("this guest has one vCPU");
	for (id = 1; id < nr; id++)
		bring_up(id);
	for (id = 1; id < nr; id++) {
		runstates(id);
		timers(id);
		ports(id);
		nmis(id);
	}
	flushes();
	for (id = 1; id < nr; id++)
		down_and_up(id);
	workers[nr - 1].job = pass;
	TEST_RESULT(event_send(workers[nr - 1].port), 0);
	for (;;)
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
}
