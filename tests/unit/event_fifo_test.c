/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface. The guest here takes events as kernels do (clears LINKED
 * and the link by compare-and-exchange, follows what it found), on another CPU
 * than the sender if the explorer wants; and a hostile one writes anything
 * anywhere at any time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "event/event.h"
#include "frame/frame.h"
#include "host/host.h"
#include "mm/mm.h"
#include "model/oracle.h"
#include "sched/sched.h"
#include "time/time.h"

#define PAGES 140

static struct domain *d, *other; /* d has two vcpus and is privileged */
static struct frame *page[PAGES];

static struct domain *domain_make(unsigned int vcpus, bool privileged)
{
	struct domain *x = host_domain_make(PAGES, vcpus, privileged);

	x->sched.weight = SCHED_WEIGHT_DEFAULT;
	assert_int_equal(event_domain_init(x), 0);
	assert_int_equal(timer_reserve(vcpus * TIMERS_PER_VCPU + WATCHDOGS), 0);
	for (unsigned int i = 0; i < vcpus; i++) {
		time_vcpu_init(x->vcpu[i]);
		sched_vcpu_init(x->vcpu[i]);
	}
	return x;
}

/* ---- the guest ---- */

static uint32_t next[2][EVTCHN_FIFO_MAX_QUEUES]; /* where each queue goes on */
static uint32_t seen[64], nr_seen;		 /* ports, in order */

static struct evtchn_fifo_control_block *control(unsigned int vcpu)
{
	return (void *)((char *)frame_ptr(page[0]) + 128 * vcpu);
}

/* The array's pages are page[1], page[2]... */
static event_word_t *word(uint32_t port)
{
	event_word_t *words = frame_ptr(page[1 + port / EVENT_WORDS_PER_PAGE]);

	return &words[port % EVENT_WORDS_PER_PAGE];
}

#define BIT(name) (1U << EVTCHN_FIFO_##name)

static bool has(uint32_t port, uint32_t bit)
{
	return shared_load32(word(port)) & bit;
}

static guest_mfn_t number(unsigned int p)
{
	return guest_mfn(frame_mfn(page[p]).v);
}

/* Changes a word as the guest does: b bits off, while it has not changed. */
static uint32_t word_clear(uint32_t port, uint32_t bits)
{
	atomic32_t *w = (atomic32_t *)word(port);
	uint32_t old = atomic32_load(w);

	while (!atomic32_cmpxchg(w, &old, old & ~bits))
		;
	return old;
}

static void handle_one(unsigned int vcpu, unsigned int q, uint32_t *ready)
{
	uint32_t port = next[vcpu][q], link;

	if (port == 0)
		port = shared_load32(&control(vcpu)->head[q]);
	assert_true(port);
	link = word_clear(port, BIT(LINKED) | EVTCHN_FIFO_LINK_MASK) &
	       EVTCHN_FIFO_LINK_MASK;
	if (link == 0)
		*ready &= ~(1U << q);
	next[vcpu][q] = link;
	if (has(port, BIT(PENDING)) && !has(port, BIT(MASKED))) {
		word_clear(port, BIT(PENDING));
		seen[nr_seen++ % ARRAY_SIZE(seen)] = port;
	}
}

/* The upcall handler. */
static void handle(unsigned int vcpu)
{
	atomic32_t *word_ready = (atomic32_t *)&control(vcpu)->ready;
	uint32_t ready;

	shared_store8(&d->vcpu[vcpu]->info->evtchn_upcall_pending, 0);
	ready = atomic32_xchg(word_ready, 0);
	while (ready) {
		handle_one(vcpu, (unsigned int)__builtin_ctz(ready), &ready);
		ready |= atomic32_xchg(word_ready, 0);
	}
}

static bool upcall(unsigned int vcpu)
{
	return shared_load8(&d->vcpu[vcpu]->info->evtchn_upcall_pending);
}

/* Exactly these ports have come since, in that order. */
static void expect(unsigned int n, ...)
{
	va_list args;

	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (upcall(i))
			handle(i);
	assert_int_equal(nr_seen, n);
	va_start(args, n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(seen[i], va_arg(args, uint32_t));
	va_end(args);
	nr_seen = 0;
}

static uint32_t ipi(uint32_t vcpu)
{
	uint32_t port;

	assert_int_equal(event_bind_ipi(d, vcpu, &port), 0);
	return port;
}

static void send(uint32_t port)
{
	assert_int_equal(event_send(d, port), 0);
}

static void begin(unsigned int array_pages)
{
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		assert_int_equal(
			event_fifo_init_control(d, i, number(0), 128 * i), 0);
	for (unsigned int i = 1; i <= array_pages; i++)
		assert_int_equal(event_fifo_expand(d, number(i)), 0);
}

static void close_all(struct domain *x, bool two_levels)
{
	int rc;

	while ((rc = event_reset(x, two_levels)) == -ERESTART)
		;
	assert_int_equal(rc, 0);
}

static int setup(void **state)
{
	(void)state;
	host_init(1600, 2);
	time_init();
	sched_init();
	d = domain_make(2, true);
	other = domain_make(1, false);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_int_equal(frame_alloc_domain(d, 0, &page[i]), 0);
	memset(next, 0, sizeof(next));
	nr_seen = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host_locks_held(0), 0);
	if (oracle_check())
		host_fail("%s", oracle_report());
	close_all(d, true);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_int_equal(
			atomic64_load(&page[i]->type) & FRAME_COUNT_MASK, 0);
	host_fini();
	return 0;
}

/* ---- tests ---- */

static void bad_places(void **state)
{
	struct frame *alien, *ro = page[5];

	(void)state;
	assert_int_equal(frame_alloc_domain(other, 0, &alien), 0);
	assert_int_equal(event_fifo_expand(d, number(1)), -EOPNOTSUPP);
	assert_int_equal(event_fifo_init_control(d, 2, number(0), 0), -ENOENT);
	assert_int_equal(event_fifo_init_control(d, 0, number(0), 4), -EINVAL);
	assert_int_equal(event_fifo_init_control(d, 0, number(0), 4032),
			 -EINVAL);
	assert_int_equal(event_fifo_init_control(d, 0, number(0), UINT32_MAX),
			 -EINVAL);
	assert_int_equal(event_fifo_init_control(d, 0, guest_mfn(1UL << 40), 0),
			 -EINVAL);
	assert_int_equal(
		event_fifo_init_control(d, 0, guest_mfn(frame_mfn(alien).v), 0),
		-EINVAL);
	assert_null(d->event.fifo);
	assert_int_equal(event_fifo_init_control(d, 0, number(0), 4024), 0);
	assert_int_equal(event_fifo_init_control(d, 0, number(0), 0), -EINVAL);
	assert_int_equal(event_fifo_expand(d, guest_mfn(1UL << 40)), -EINVAL);
	assert_int_equal(event_fifo_expand(d, guest_mfn(frame_mfn(alien).v)),
			 -EINVAL);
	/* A descriptor page cannot be written by us either. */
	assert_int_equal(frame_get(ro, d), true);
	assert_int_equal(frame_get_type(ro, FRAME_SEGDESC),
			 FRAME_MUST_VALIDATE);
	frame_type_validated(ro);
	assert_int_equal(event_fifo_expand(d, number(5)), -EINVAL);
	assert_true(frame_put_type(ro));
	frame_type_cleared(ro);
	frame_put(ro);
	for (unsigned int i = 0; i < EVENT_ARRAY_PAGES; i++)
		assert_int_equal(event_fifo_expand(d, number(i + 1)), 0);
	assert_int_equal(event_fifo_expand(d, number(130)), -ENOSPC);
}

static void first_come_first_served(void **state)
{
	uint32_t a = ipi(0), b = ipi(0), c = ipi(0), e = ipi(1);

	(void)state;
	begin(1);
	send(b);
	assert_true(upcall(0));
	assert_false(upcall(1));
	send(c);
	send(a);
	send(e);
	send(b); /* the same event */
	expect(4, b, c, a, e);
	send(a);
	expect(1, a);
	send(a);
	send(a);
	expect(1, a);
	expect(0);
}

static void priorities(void **state)
{
	uint32_t low = ipi(0), mid = ipi(0), high = ipi(0);

	(void)state;
	assert_int_equal(event_fifo_set_priority(d, low, 15), -ENOSYS);
	begin(1);
	assert_int_equal(event_fifo_set_priority(d, low, 16), -EINVAL);
	assert_int_equal(event_fifo_set_priority(d, 0, 1), -EINVAL);
	assert_int_equal(event_fifo_set_priority(d, 99, 1), -EINVAL);
	assert_int_equal(event_fifo_set_priority(d, low, 15), 0);
	assert_int_equal(event_fifo_set_priority(d, high, 0), 0);
	send(low);
	send(mid);
	send(high);
	expect(3, high, mid, low);
	/* A port that is bound anew has the usual one. */
	assert_int_equal(event_close(d, low), 0);
	assert_int_equal(ipi(0), low);
	send(mid);
	send(low);
	expect(2, mid, low);
}

static void masked(void **state)
{
	uint32_t a = ipi(0);

	(void)state;
	begin(1);
	*word(a) |= BIT(MASKED);
	send(a);
	assert_false(upcall(0));
	assert_true(has(a, BIT(PENDING)));
	assert_int_equal(event_unmask(d, a), 0);
	expect(1, a);
	assert_int_equal(event_unmask(d, a), 0);
	expect(0);
	/* Masked while it is in a queue, and unmasked after it was taken. */
	send(a);
	*word(a) |= BIT(MASKED);
	expect(0);
	assert_int_equal(event_unmask(d, a), 0);
	expect(1, a);
}

/* A port moves while it is in a queue: it must not take the queue with it. */
static void moving_ports(void **state)
{
	uint32_t far, a, b = ipi(0), c = ipi(0);

	(void)state;
	assert_int_equal(event_alloc_unbound(d, d->id, &far), 0);
	begin(1);
	assert_int_equal(event_bind_interdomain(d, DOMID_SELF, far, &a), 0);
	expect(1, a);
	for (unsigned int i = 0; i < 4; i++) {
		send(b);
		send(far); /* raises a: the tail of vcpu i % 2's queue 7 */
		assert_int_equal(event_bind_vcpu(d, a, ~i & 1), 0);
		assert_int_equal(event_fifo_set_priority(d, a, i), 0);
		send(c);
		expect(3, b, i % 2 ? c : a, i % 2 ? a : c);
		send(far);
		send(c);
		send(b);
		for (unsigned int v = 0; v < 2; v++)
			handle(v);
		assert_int_equal(nr_seen, 3);
		nr_seen = 0;
		assert_int_equal(event_fifo_set_priority(d, a, 7), 0);
	}
}

static void words_come_late(void **state)
{
	uint32_t port = 0, late[2];

	(void)state;
	begin(1);
	while (port < 1023)
		port = ipi(0);
	late[0] = ipi(0);
	late[1] = ipi(0);
	assert_int_equal(late[0], 1024);
	send(late[1]);
	assert_false(upcall(0));
	for (unsigned int i = 0; i < EVENT_WORDS_PER_PAGE; i++)
		((event_word_t *)frame_ptr(page[2]))[i] = BIT(MASKED);
	assert_int_equal(event_fifo_expand(d, number(2)), 0);
	expect(0);
	assert_int_equal(event_unmask(d, late[0]), 0);
	assert_int_equal(event_unmask(d, late[1]), 0);
	expect(1, late[1]);
	send(late[0]);
	send(late[1]);
	expect(2, late[0], late[1]);
}

/* As many as there can be, above what two levels have; and back again. */
static void many_and_back(void **state)
{
	uint32_t port, mine = ipi(0), before;

	(void)state;
	send(mine); /* pending from before */
	before = frame_free_pages();
	begin(5);
	expect(1, mine);
	do
		port = ipi(0);
	while (port < 4999);
	send(4999);
	send(17);
	expect(2, 4999, 17);
	close_all(d, false);
	assert_non_null(d->event.fifo);
	assert_int_equal(event_send(d, 4999), -EINVAL);
	assert_int_equal(ipi(0), 1);
	close_all(d, true);
	assert_null(d->event.fifo);
	assert_int_equal(event_unmask(d, 4999), -EINVAL);
	/* But for the channels that two levels have room for. */
	assert_int_equal(frame_free_pages() + 15, before);
	port = ipi(0);
	d->vcpu[0]->info->evtchn_upcall_pending = 0;
	d->vcpu[0]->info->evtchn_pending_sel = 0;
	send(port);
	assert_true(upcall(0));
	assert_true(shared_test_bit(d->shared->evtchn_pending, port));
	memset(frame_ptr(page[0]), 0, PAGE_SIZE);
	memset(frame_ptr(page[1]), 0, PAGE_SIZE);
	shared_clear_bit(d->shared->evtchn_pending, port);
	memset(next, 0, sizeof(next));
	begin(1);
	send(port);
	expect(1, port);
}

static void limits(void **state)
{
	struct frame *f;
	uint32_t port;

	(void)state;
	assert_int_equal(frame_alloc_domain(other, 0, &f), 0);
	assert_int_equal(
		event_fifo_init_control(other, 0, guest_mfn(frame_mfn(f).v), 0),
		0);
	for (uint32_t i = 1; i < EVENT_PORTS; i++)
		assert_int_equal(event_bind_ipi(other, 0, &port), 0);
	assert_int_equal(event_bind_ipi(other, 0, &port), -ENOSPC);
	close_all(other, true);
}

/* A reset that is interrupted goes on; meanwhile nothing can be opened. */
static void reset_in_pieces(void **state)
{
	unsigned int pieces = 0;
	uint32_t port;
	int rc;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		ipi(0);
	host_choose_random(1);
	host_choose_rate(HOST_PREEMPT, 1000);
	while ((rc = event_reset(d, true)) == -ERESTART) {
		assert_int_equal(event_bind_ipi(d, 0, &port), -EBUSY);
		pieces++;
	}
	assert_int_equal(rc, 0);
	assert_in_range(pieces, 15, 32);
	host_choose_nothing();
	assert_int_equal(ipi(0), 1);
}

/* Whoever copies the guest elsewhere hears of our writes into its pages. */
static void writes_are_noted(void **state)
{
	uint32_t a = ipi(0), b = ipi(0);

	(void)state;
	begin(1);
	for (unsigned int i = 0; i < 2; i++)
		mm_m2p_set(page[i], i);
	*word(b) |= BIT(MASKED);
	assert_int_equal(dirty_start(d), 0);
	send(b); /* only its word */
	assert_false(dirty_noted(d, page[0]));
	assert_true(dirty_noted(d, page[1]));
	send(a);
	assert_true(dirty_noted(d, page[0]));
	dirty_stop(d);
	assert_int_equal(dirty_start(d), 0);
	assert_false(dirty_noted(d, page[1]));
	assert_int_equal(event_unmask(d, b), 0);
	assert_true(dirty_noted(d, page[1]));
	expect(2, a, b);
	dirty_stop(d);
	dirty_exit(d);
}

static void polls_its_word(void **state)
{
	struct vcpu *v = d->vcpu[0];
	uint32_t port = ipi(0);

	(void)state;
	begin(1);
	sched_start(v, VCPU_DOWN);
	assert_ptr_equal(sched_pick(), v);
	v->info->evtchn_upcall_mask = 1;
	*word(port) |= BIT(MASKED);
	assert_int_equal(event_poll(v, &port, 1, 0), 0);
	assert_null(sched_pick());
	send(port);
	assert_ptr_equal(sched_pick(), v);
	assert_int_equal(event_poll(v, &port, 1, 0), 0);
	assert_ptr_equal(sched_pick(), v);
	sched_stop(v, VCPU_DOWN);
	assert_null(sched_pick());
}

/* ---- races ---- */

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
		TEST(bad_places),
		TEST(first_come_first_served),
		TEST(priorities),
		TEST(masked),
		TEST(moving_ports),
		TEST(words_come_late),
		TEST(many_and_back),
		TEST(limits),
		TEST(reset_in_pieces),
		TEST(writes_are_noted),
		TEST(polls_its_word),
		TEST(no_event_is_lost),
		TEST(scribbling_harms_nobody),
		TEST(reset_waits_for_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
