/* SPDX-License-Identifier: MIT */
/* Events to oneself, and the timer. */
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
