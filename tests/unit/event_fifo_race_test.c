/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface, with two CPUs: the guest takes events on another one
 * than the sender's; a hostile one writes anything anywhere at any time.
 */
#include "unit/event_fifo_world.h"

static uint32_t race_port[3];
static unsigned int sends_left;

static void sender(void *arg)
{
	(void)arg;
	while (sends_left) {
		sends_left--;
		send(race_port[host_random() % 3]);
	}
}

static void receiver(void *arg)
{
	(void)arg;
	while (sends_left || upcall(0)) {
		arch_yield_point();
		if (upcall(0))
			handle(0);
	}
}

/* When all is quiet, nothing is left pending and queues are whole. */
static void no_event_is_lost(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		race_port[i] = ipi(0);
	begin(1);
	for (uint64_t seed = 1; seed <= 300; seed++) {
		host_choose_random(seed);
		host_choose_rate(HOST_SWITCH, 300);
		sends_left = 20;
		host_cpu_run(0, receiver, NULL);
		host_cpu_run(1, sender, NULL);
		host_cpus_go();
		host_choose_nothing();
		host_cpu_select(0);
		if (upcall(0))
			handle(0);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(*word(race_port[i]), 0);
		nr_seen = 0;
		send(race_port[2]);
		send(race_port[0]);
		expect(2, race_port[2], race_port[0]);
	}
}

static void scribble(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 300; i++) {
		uint32_t r = (uint32_t)host_random();

		switch (host_random() % 4) {
		case 0:
			shared_store32(word(host_random() % 8), r);
			break;
		case 1:
			shared_store32(&control(r & 1)->head[r % 16], r >> 8);
			break;
		case 2:
			shared_store32(&control(r & 1)->ready, r);
			break;
		default: /* a queue that bites its tail */
			shared_store32(word(r % 8), BIT(LINKED) | (r % 8));
			break;
		}
	}
}

static void anything(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 300; i++) {
		uint32_t port = 1 + (uint32_t)(host_random() % 8);

		switch (host_random() % 8) {
		case 0:
			(void)!event_unmask(d, port);
			break;
		case 1:
			(void)!event_fifo_set_priority(
				d, port, (uint32_t)(host_random() % 17));
			break;
		case 2:
			(void)!event_bind_vcpu(d, port, host_random() & 1);
			break;
		case 3:
			(void)!event_close(d, port);
			break;
		case 4:
			(void)!event_alloc_unbound(d, d->id, &port);
			(void)!event_bind_interdomain(d, DOMID_SELF, port,
						      &port);
			break;
		default:
			(void)!event_send(d, port);
			break;
		}
	}
}

/* Whatever the guest writes, the next honest use finds all in order. */
static void scribbling_harms_nobody(void **state)
{
	uint32_t a, b;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		begin(1);
		host_choose_random(seed);
		host_choose_rate(HOST_SWITCH, 200);
		host_cpu_run(0, scribble, NULL);
		host_cpu_run(1, anything, NULL);
		host_cpus_go();
		host_choose_nothing();
		host_cpu_select(0);
		close_all(d, true);
		memset(frame_ptr(page[0]), 0, PAGE_SIZE);
		memset(frame_ptr(page[1]), 0, PAGE_SIZE);
		memset(next, 0, sizeof(next));
		for (unsigned int i = 0; i < 2; i++)
			d->vcpu[i]->info->evtchn_upcall_pending = 0;
		begin(1);
		a = ipi(0);
		b = ipi(0);
		send(b);
		send(a);
		expect(2, b, a);
		close_all(d, true);
	}
}

/* A sender of another domain at work while the ports go and come. */
static uint32_t pair_near, pair_far;

static void remote_sends(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 30; i++)
		(void)!event_send(other, pair_far);
}

static void resets(void *arg)
{
	(void)arg;
	close_all(d, true);
}

static void reset_waits_for_senders(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		begin(1);
		assert_int_equal(event_alloc_unbound(d, other->id, &pair_near),
				 0);
		assert_int_equal(event_bind_interdomain(other, d->id, pair_near,
							&pair_far),
				 0);
		host_choose_random(seed);
		host_choose_rate(HOST_SWITCH, 300);
		host_cpu_run(0, resets, NULL);
		host_cpu_run(1, remote_sends, NULL);
		host_cpus_go();
		host_choose_nothing();
		host_cpu_select(0);
		assert_null(d->event.fifo);
		close_all(other, true);
		memset(frame_ptr(page[0]), 0, PAGE_SIZE);
		memset(frame_ptr(page[1]), 0, PAGE_SIZE);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_event_is_lost),
		TEST(scribbling_harms_nobody),
		TEST(reset_waits_for_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
