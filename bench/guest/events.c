/* SPDX-License-Identifier: MIT */
/* Events to oneself, by way of a pair of ports and into a queue; the timer. */
#include "bench.h"

#define DELAY 200000UL /* ns */

static evtchn_send_t send;
static unsigned long timer_port;

static void set_callback(const char *handler)
{
	struct callback_register call;

	memset(&call, 0, sizeof(call));
	call.type = CALLBACKTYPE_event;
	call.address = (unsigned long)handler;
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_register, &call), 0);
}

static long event(void)
{
	return call2(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
		     HV_ARG(&send));
}

static void before_masked(void)
{
	event_clear(send.port);
}

static void setup_port(void)
{
	send.port = (evtchn_port_t)event_bind_ipi(0);
}

static void setup_upcall(void)
{
	setup_port();
	handled_word = &shared_info->evtchn_pending[send.port / 64];
	set_callback(handle_upcall);
	TEST_RESULT(event_unmask(send.port), 0);
	events_on();
}

static void cleanup_port(void)
{
	events_off();
	set_callback(upcall_entry);
	TEST_RESULT(event_close(send.port), 0);
}

/* A pair of ports stands for two domains: both ends are ours. */
static unsigned int far;

static void before_far_masked(void)
{
	event_clear(far);
}

static void setup_pair(void)
{
	far = (unsigned int)event_alloc_unbound(DOMID_SELF);
	send.port = (evtchn_port_t)event_bind_interdomain(DOMID_SELF, far);
}

static void setup_pair_upcall(void)
{
	setup_pair();
	handled_word = &shared_info->evtchn_pending[far / 64];
	set_callback(handle_upcall);
	TEST_RESULT(event_unmask(far), 0);
	events_on();
}

static void cleanup_pair(void)
{
	cleanup_port();
	TEST_RESULT(event_close(far), 0);
}

static evtchn_fifo_control_block_t *control;
static event_word_t *words;

static void before_queue(void)
{
	words[send.port] = 0;
	control->ready = 0;
	vcpu_info->evtchn_upcall_pending = 0;
}

/* Without the upcall: the whole way of an event into an empty queue. */
static void setup_queue(void)
{
	evtchn_init_control_t init;
	evtchn_expand_array_t expand;

	control = page_alloc();
	words = page_alloc();
	memset(&init, 0, sizeof(init));
	init.control_gfn = virt_to_mfn(control);
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_init_control, &init),
		    0);
	expand.array_gfn = virt_to_mfn(words);
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_expand_array, &expand),
		    0);
	setup_port();
}

static void cleanup_queue(void)
{
	evtchn_reset_t reset;

	reset.dom = DOMID_SELF;
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_reset, &reset), 0);
	vcpu_info->evtchn_upcall_pending = 0;
	page_free(control);
	page_free(words);
}

static long set_timer_far(void)
{
	return call2(__HYPERVISOR_set_timer_op, clock_now() + SECOND, 0);
}

static long clock_alone(void)
{
	return clock_now() ? 0 : 1;
}

static void stop_timer(void)
{
	HYPERVISOR_set_timer_op(0);
}

static unsigned long time_at(unsigned long tsc)
{
	return vcpu_info->time.system_time +
	       clock_scale(tsc - vcpu_info->time.tsc_timestamp);
}

/* How late the handler is, in ns, when the guest is running or asleep. */
static void lateness(const char *name, int sleep)
{
	unsigned long late[16], deadline;
	unsigned int i;

	if (!wanted(name))
		return;
	for (i = 0; i < ARRAY_SIZE(late); i++) {
		timer_tsc = 0;
		deadline = clock_now() + DELAY;
		TEST_RESULT(HYPERVISOR_set_timer_op(deadline), 0);
		while (!timer_tsc)
			if (sleep)
				event_block();
		late[i] = time_at(timer_tsc) - deadline;
	}
	report(name, late, ARRAY_SIZE(late), 1, 0);
}

static const struct operation operations[] = {
	{ "event_masked", event, .setup = setup_port, .before = before_masked,
	  .cleanup = cleanup_port },
	{ "event_upcall", event, .setup = setup_upcall,
	  .cleanup = cleanup_port },
	{ "event_pair_masked", event, .setup = setup_pair,
	  .before = before_far_masked, .cleanup = cleanup_pair },
	{ "event_pair_upcall", event, .setup = setup_pair_upcall,
	  .cleanup = cleanup_pair },
	{ "event_fifo", event, .setup = setup_queue, .before = before_queue,
	  .cleanup = cleanup_queue },
	{ "clock_now", clock_alone, .want = 0 },
	{ "set_timer_op", set_timer_far, .cleanup = stop_timer }
};

void bench_events(void)
{
	measure(operations, ARRAY_SIZE(operations));
	timer_port = (unsigned long)event_bind_virq(VIRQ_TIMER, 0);
	handled_word = &shared_info->evtchn_pending[timer_port / 64];
	set_callback(handle_timer);
	TEST_RESULT(event_unmask((unsigned int)timer_port), 0);
	events_on();
	lateness("timer_late_running_ns", 0);
	lateness("timer_late_blocked_ns", 1);
	events_off();
	set_callback(upcall_entry);
	TEST_RESULT(event_close((unsigned int)timer_port), 0);
}
