/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface, with one CPU: which pages may be its control blocks and
 * arrays, in which order events come, and how it ends.
 */
#include "unit/event_fifo_world.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
