/* SPDX-License-Identifier: MIT */
/* What a port may become, who may bind it, and whom its events reach. */
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
#include "host/host.h"
#include "sched/sched.h"
#include "time/time.h"

static struct domain *a, *b; /* b has two vcpus */

static struct domain *domain_make(unsigned int vcpus)
{
	struct domain *d = host_domain_make(8, vcpus, false);

	d->sched.weight = SCHED_WEIGHT_DEFAULT;
	assert_int_equal(event_domain_init(d), 0);
	assert_int_equal(timer_reserve(vcpus * TIMERS_PER_VCPU + WATCHDOGS), 0);
	for (unsigned int i = 0; i < vcpus; i++) {
		time_vcpu_init(d->vcpu[i]);
		sched_vcpu_init(d->vcpu[i]);
	}
	return d;
}

static int setup(void **state)
{
	(void)state;
	host_init(256, 2);
	time_init();
	sched_init();
	a = domain_make(1);
	b = domain_make(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host_locks_held(0), 0);
	host_fini();
	return 0;
}

static uint32_t status_of(struct domain *d, uint32_t port)
{
	struct evtchn_status s = { .port = port };

	assert_int_equal(event_status(d, &s), 0);
	return s.status;
}

static bool is_pending(const struct domain *d, uint32_t port)
{
	return shared_test_bit(d->shared->evtchn_pending, port);
}

/* As a guest's upcall handler does: the vcpu's flag, selector and ports. */
static void handle(struct vcpu *v)
{
	v->info->evtchn_upcall_pending = 0;
	v->info->evtchn_pending_sel = 0;
	memset(v->domain->shared->evtchn_pending, 0,
	       sizeof(v->domain->shared->evtchn_pending));
}

static bool was_told(struct vcpu *v)
{
	bool told = v->info->evtchn_upcall_pending;

	assert_int_equal(told, v->info->evtchn_pending_sel != 0);
	handle(v);
	return told;
}

static uint32_t unbound(struct domain *d, struct domain *remote)
{
	uint32_t port;

	assert_int_equal(event_alloc_unbound(d, remote->id, &port), 0);
	assert_int_equal(status_of(d, port), EVTCHNSTAT_unbound);
	return port;
}

static void pair(uint32_t *pa, uint32_t *pb)
{
	*pb = unbound(b, a);
	assert_int_equal(event_bind_interdomain(a, b->id, *pb, pa), 0);
	assert_true(was_told(a->vcpu[0])); /* always, when bound */
}

static void numbers(void **state)
{
	uint32_t port, first = unbound(a, b);

	(void)state;
	assert_int_equal(first, 1);
	for (uint32_t i = 2; i < EVENT_PORTS; i++)
		assert_int_equal(unbound(a, b), i);
	assert_int_equal(event_alloc_unbound(a, 0, &port), -ENOSPC);
	assert_int_equal(event_close(a, 4095), 0);
	assert_int_equal(event_close(a, 77), 0);
	assert_int_equal(event_close(a, 300), 0);
	assert_int_equal(unbound(a, b), 77);
	assert_int_equal(unbound(a, b), 300);
	assert_int_equal(unbound(a, b), 4095);
	assert_int_equal(event_reset(a, true), 0);
	assert_int_equal(unbound(a, b), 1);
	assert_int_equal(status_of(a, 4095), EVTCHNSTAT_closed);
}

static void bad_ports_are_refused(void **state)
{
	static const uint32_t bad[] = { 0, 4096, 4097, 1U << 31, UINT32_MAX };
	struct evtchn_status s = { 0 };
	uint32_t out;

	(void)state;
	unbound(b, a);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s.port = bad[i];
		assert_int_equal(event_send(b, bad[i]), -EINVAL);
		assert_int_equal(event_close(b, bad[i]), -EINVAL);
		assert_int_equal(event_unmask(b, bad[i]), -EINVAL);
		assert_int_equal(event_status(b, &s), bad[i] ? -EINVAL : 0);
		assert_int_equal(event_bind_vcpu(b, bad[i], 0), -EINVAL);
		assert_int_equal(event_bind_interdomain(a, b->id, bad[i], &out),
				 -EINVAL);
		event_raise_port(b, bad[i]);
		assert_int_equal(event_poll(b->vcpu[0], &bad[i], 1, 0),
				 -EINVAL);
	}
	assert_int_equal(event_close(b, 2), -EINVAL); /* free */
	assert_int_equal(event_send(b, 2), -EINVAL);
	assert_false(b->vcpu[0]->info->evtchn_upcall_pending);
}

static void binding_needs_the_peers_consent(void **state)
{
	uint32_t port = unbound(b, b), out;

	(void)state;
	assert_int_equal(event_bind_interdomain(a, b->id, port, &out),
			 -EINVAL); /* waits for b itself */
	assert_int_equal(event_bind_interdomain(a, 99, port, &out), -ESRCH);
	assert_int_equal(event_bind_ipi(b, 0, &port), 0);
	assert_int_equal(event_bind_interdomain(a, b->id, port, &out), -EINVAL);
	port = unbound(b, a);
	assert_int_equal(event_bind_interdomain(a, b->id, port, &out), 0);
	assert_int_equal(event_bind_interdomain(a, b->id, port, &out),
			 -EINVAL); /* taken */
}

static void pair_carries_events_both_ways(void **state)
{
	struct evtchn_status s;
	uint32_t pa, pb;

	(void)state;
	pair(&pa, &pb);
	s = (struct evtchn_status){ .port = pa };
	assert_int_equal(event_status(a, &s), 0);
	assert_int_equal(s.status, EVTCHNSTAT_interdomain);
	assert_int_equal(s.u.interdomain.dom, b->id);
	assert_int_equal(s.u.interdomain.port, pb);
	assert_int_equal(event_send(a, pa), 0);
	assert_true(is_pending(b, pb));
	assert_false(is_pending(a, pa));
	assert_true(was_told(b->vcpu[0]));
	assert_int_equal(event_send(b, pb), 0);
	assert_true(is_pending(a, pa));
	assert_true(was_told(a->vcpu[0]));
	assert_int_equal(event_bind_vcpu(b, pb, 1), 0);
	assert_int_equal(event_send(a, pa), 0);
	assert_false(b->vcpu[0]->info->evtchn_upcall_pending);
	assert_true(was_told(b->vcpu[1]));
}

static void closing_leaves_the_peer_waiting(void **state)
{
	uint32_t pa, pb, again;

	(void)state;
	pair(&pa, &pb);
	assert_int_equal(event_send(b, pb), 0);
	assert_int_equal(event_close(a, pa), 0);
	assert_int_equal(status_of(a, pa), EVTCHNSTAT_closed);
	assert_false(is_pending(a, pa));
	assert_int_equal(status_of(b, pb), EVTCHNSTAT_unbound);
	assert_int_equal(event_send(b, pb), 0); /* into the void */
	assert_int_equal(event_bind_interdomain(a, b->id, pb, &again), 0);
	assert_int_equal(again, pa);
	atomic32_store(&b->state, DOMAIN_DYING);
	while (event_domain_exit(b) == -ERESTART)
		;
	assert_int_equal(status_of(a, again), EVTCHNSTAT_unbound);
	assert_int_equal(event_alloc_unbound(b, a->id, &pb), -EINVAL);
}

static void loopback(void **state)
{
	uint32_t far = unbound(a, a), near;

	(void)state;
	assert_int_equal(event_bind_interdomain(a, DOMID_SELF, far, &near), 0);
	handle(a->vcpu[0]);
	assert_int_equal(event_send(a, near), 0);
	assert_true(is_pending(a, far));
	assert_int_equal(event_close(a, far), 0);
	assert_int_equal(status_of(a, near), EVTCHNSTAT_unbound);
}

static void virqs(void **state)
{
	uint32_t t0, t1, global, out;

	(void)state;
	assert_int_equal(event_bind_virq(b, VIRQ_TIMER, 0, &t0), 0);
	assert_int_equal(event_bind_virq(b, VIRQ_TIMER, 1, &t1), 0);
	assert_int_equal(event_bind_virq(b, VIRQ_TIMER, 1, &out), -EEXIST);
	assert_int_equal(event_bind_virq(b, VIRQ_TIMER, 2, &out), -ENOENT);
	assert_int_equal(event_bind_virq(b, NR_VIRQS, 0, &out), -EINVAL);
	assert_int_equal(event_bind_virq(b, VIRQ_CONSOLE, 1, &out), -EINVAL);
	assert_int_equal(event_bind_virq(b, VIRQ_CONSOLE, 0, &global), 0);
	assert_int_equal(event_bind_vcpu(b, t1, 0), -EINVAL);
	assert_int_equal(event_bind_vcpu(b, global, 1), 0);
	assert_int_equal(event_bind_vcpu(b, global, 2), -ENOENT);
	assert_int_equal(event_send(b, t0), -EINVAL);
	event_raise_virq(b->vcpu[1], VIRQ_TIMER);
	assert_true(is_pending(b, t1));
	assert_true(was_told(b->vcpu[1]));
	event_raise_virq(b->vcpu[0], VIRQ_CONSOLE); /* moved to vcpu 1 */
	assert_true(was_told(b->vcpu[1]));
	assert_int_equal(event_close(b, global), 0);
	event_raise_virq(b->vcpu[0], VIRQ_CONSOLE); /* nobody */
	assert_false(was_told(b->vcpu[1]));
	assert_int_equal(event_close(b, t1), 0);
	assert_int_equal(event_bind_virq(b, VIRQ_TIMER, 1, &out), 0);
}

static void pirqs(void **state)
{
	struct evtchn_status s;
	uint32_t port, out;

	(void)state;
	assert_int_equal(event_bind_pirq(b, 5, &port), -EPERM);
	assert_int_equal(event_bind_pirq(b, EVENT_NR_PIRQS, &port), -EINVAL);
	assert_int_equal(event_pirq_allow(b, EVENT_NR_PIRQS), -EINVAL);
	assert_int_equal(event_pirq_allow(b, 5), 0);
	assert_int_equal(event_raise_pirq(b, 5), -ENOENT);
	assert_int_equal(event_bind_pirq(b, 5, &port), 0);
	assert_int_equal(event_bind_pirq(b, 5, &out), -EEXIST);
	s = (struct evtchn_status){ .port = port };
	assert_int_equal(event_status(b, &s), 0);
	assert_int_equal(s.status, EVTCHNSTAT_pirq);
	assert_int_equal(s.u.pirq, 5);
	assert_int_equal(event_raise_pirq(b, 5), 1);
	assert_true(was_told(b->vcpu[0]));
	assert_int_equal(event_bind_vcpu(b, port, 1), 0);
	assert_int_equal(event_raise_pirq(b, 5), 1);
	assert_int_equal(event_raise_pirq(b, 5), 0); /* still pending */
	assert_true(was_told(b->vcpu[1]));
	assert_int_equal(event_send(b, port), -EINVAL);
	assert_int_equal(event_close(b, port), 0);
	assert_int_equal(event_raise_pirq(b, 5), -ENOENT);
	assert_int_equal(event_bind_pirq(b, 5, &port), 0);
	event_pirq_take(b, 5);
	assert_int_equal(status_of(b, port), EVTCHNSTAT_closed);
	assert_int_equal(event_bind_pirq(b, 5, &port), -EPERM);
}

static void ipis(void **state)
{
	uint32_t port;

	(void)state;
	assert_int_equal(event_bind_ipi(b, 2, &port), -ENOENT);
	assert_int_equal(event_bind_ipi(b, 1, &port), 0);
	assert_int_equal(event_bind_vcpu(b, port, 0), -EINVAL);
	assert_int_equal(event_send(b, port), 0);
	assert_true(was_told(b->vcpu[1]));
}

static void masked_port_tells_nobody(void **state)
{
	uint32_t port;

	(void)state;
	assert_int_equal(event_bind_ipi(a, 0, &port), 0);
	shared_set_bit(a->shared->evtchn_mask, port);
	assert_int_equal(event_send(a, port), 0);
	assert_true(is_pending(a, port));
	assert_false(a->vcpu[0]->info->evtchn_upcall_pending);
	assert_int_equal(event_unmask(a, port), 0);
	assert_true(was_told(a->vcpu[0]));
	assert_int_equal(event_unmask(a, port), 0); /* not masked: nothing */
	assert_false(was_told(a->vcpu[0]));
	event_raise_port(a, port);
	event_raise_port(a, port); /* pending already */
	assert_true(was_told(a->vcpu[0]));
}

static void console_port_is_ours(void **state)
{
	uint32_t port;

	(void)state;
	assert_int_equal(event_alloc_console(a, &port), 0);
	assert_int_equal(event_send(a, port), EVENT_SENT_CONSOLE);
	assert_false(is_pending(a, port));
	event_raise_port(a, port);
	assert_true(was_told(a->vcpu[0]));
	assert_int_equal(event_close(a, port), 0);
	event_raise_port(a, port);
	assert_false(was_told(a->vcpu[0]));
}

static void blocked_vcpu_wakes(void **state)
{
	struct vcpu *v = a->vcpu[0];
	uint32_t port;

	(void)state;
	sched_start(v, VCPU_DOWN);
	assert_ptr_equal(sched_pick(), v);
	assert_int_equal(event_bind_ipi(a, 0, &port), 0);
	v->info->evtchn_upcall_mask = 1;
	event_block(v);
	assert_int_equal(v->info->evtchn_upcall_mask, 0);
	assert_null(sched_pick());
	assert_int_equal(event_send(a, port), 0);
	assert_ptr_equal(sched_pick(), v);
	event_block(v); /* still pending: no sleep */
	assert_ptr_equal(sched_pick(), v);
}

static void poll_waits_for_its_ports(void **state)
{
	struct vcpu *v = a->vcpu[0];
	uint32_t ports[2];

	(void)state;
	sched_start(v, VCPU_DOWN);
	assert_ptr_equal(sched_pick(), v);
	v->info->evtchn_upcall_mask = 1;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(event_bind_ipi(a, 0, &ports[i]), 0);
		shared_set_bit(a->shared->evtchn_mask, ports[i]);
	}
	assert_int_equal(event_poll(v, ports, 1, 0), 0);
	assert_null(sched_pick());
	assert_int_equal(event_send(a, ports[1]), 0);
	assert_null(sched_pick()); /* not the one it polls */
	assert_int_equal(event_send(a, ports[0]), 0);
	assert_ptr_equal(sched_pick(), v);
	assert_int_equal(event_poll(v, ports, 2, 0), 0); /* pending */
	assert_ptr_equal(sched_pick(), v);
	handle(v);
	assert_int_equal(event_poll(v, ports, 2, 5000), 0);
	assert_null(sched_pick());
	host_clock_advance(4000);
	event_timers_run();
	assert_null(sched_pick());
	host_clock_advance(2000);
	event_timers_run();
	assert_ptr_equal(sched_pick(), v);
	assert_int_equal(atomic32_load(&a->event.polling), 0);
}

static void timers_raise_the_virq(void **state)
{
	struct vcpu *v = a->vcpu[0];
	uint32_t port;

	(void)state;
	assert_int_equal(event_bind_virq(a, VIRQ_TIMER, 0, &port), 0);
	host_clock_advance(1000);
	assert_int_equal(event_timer_singleshot(v, 500, VCPU_SSHOTTMR_future),
			 -ETIME);
	assert_int_equal(event_timer_singleshot(v, 500, 0), 0);
	event_timers_run();
	assert_true(was_told(v));
	assert_int_equal(event_timer_singleshot(v, 3000, VCPU_SSHOTTMR_future),
			 0);
	event_timer_singleshot_stop(v);
	host_clock_advance(5000);
	event_timers_run();
	assert_false(was_told(v));
	assert_int_equal(event_timer_periodic(v, 999999), -EINVAL);
	assert_int_equal(event_timer_periodic(v, 1000000), 0);
	for (unsigned int i = 0; i < 5; i++) {
		host_clock_advance(1000001);
		event_timers_run();
		assert_true(was_told(v));
	}
	host_clock_advance(50000000); /* missed ones come once */
	event_timers_run();
	assert_true(was_told(v));
	event_timers_run();
	assert_false(was_told(v));
	assert_int_equal(event_timer_periodic(v, 0), 0);
	host_clock_advance(5000000);
	event_timers_run();
	assert_false(was_told(v));
}

static void watchdog_ends_its_domain(void **state)
{
	struct vcpu *v = b->vcpu[1];

	(void)state;
	atomic32_store(&b->state, DOMAIN_ALIVE);
	sched_start(v, VCPU_DOWN);
	assert_int_equal(event_watchdog(b, 1, 5), -EINVAL);
	assert_int_equal(event_watchdog(b, 0, 5), 1);
	assert_int_equal(event_watchdog(b, 0, 9), 2);
	assert_int_equal(event_watchdog(b, 0, 9), -ENOSPC);
	assert_int_equal(event_watchdog(b, 3, 9), -EINVAL);
	assert_int_equal(event_watchdog(b, UINT32_MAX, 9), -EINVAL);
	host_clock_advance(4UL * 1000000000);
	assert_int_equal(event_watchdog(b, 1, 5), 0);
	assert_int_equal(event_watchdog(b, 2, 0), 0);
	assert_int_equal(event_watchdog(b, 2, 0), -EINVAL);
	host_clock_advance(4UL * 1000000000);
	event_timers_run();
	assert_int_equal(atomic32_load(&b->state), DOMAIN_ALIVE);
	/* Nobody is awake to see it. */
	assert_ptr_equal(sched_pick(), v);
	event_block(v);
	assert_null(sched_pick());
	host_clock_advance(2UL * 1000000000);
	event_timers_run();
	assert_int_equal(atomic32_load(&b->state), DOMAIN_SHUTDOWN);
	assert_int_equal(atomic32_load(&b->shutdown_code), SHUTDOWN_watchdog);
	assert_ptr_equal(sched_pick(), v);
	assert_true(atomic32_load(&v->work) & VCPU_WORK_DYING);
}

static void vcpu_info_moves_once(void **state)
{
	struct vcpu *v = a->vcpu[0];
	struct frame *f, *alien;
	struct vcpu_info *old = v->info;

	(void)state;
	assert_int_equal(frame_alloc_domain(a, 0, &f), 0);
	assert_int_equal(frame_alloc_domain(b, 0, &alien), 0);
	old->evtchn_upcall_mask = 1;
	assert_int_equal(event_vcpu_info_move(v, guest_mfn(1UL << 40), 0),
			 -EINVAL);
	assert_int_equal(
		event_vcpu_info_move(v, guest_mfn(frame_mfn(alien).v), 0),
		-EINVAL);
	assert_int_equal(event_vcpu_info_move(v, guest_mfn(frame_mfn(f).v),
					      PAGE_SIZE - 56),
			 -EINVAL);
	assert_int_equal(event_vcpu_info_move(v, guest_mfn(frame_mfn(f).v), 4),
			 -EINVAL);
	assert_ptr_equal(v->info, old);
	assert_int_equal(event_vcpu_info_move(v, guest_mfn(frame_mfn(f).v),
					      PAGE_SIZE - 64),
			 0);
	assert_ptr_equal(v->info, (char *)frame_ptr(f) + PAGE_SIZE - 64);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
	assert_int_equal(v->info->evtchn_upcall_pending, 1);
	assert_true(v->info->evtchn_pending_sel == UINT64_MAX);
	assert_int_equal(frame_type_of(f), FRAME_WRITABLE);
	assert_int_equal(event_vcpu_info_move(v, guest_mfn(frame_mfn(f).v), 0),
			 -EINVAL);
	event_vcpu_info_reset(v);
	assert_ptr_equal(v->info, old);
}

/* Two CPUs open, close and use the same pair, in every order that a random
 * explorer finds; the witness watches the locks. */
static void hammer(void *arg)
{
	struct domain *d = arg, *other = d == a ? b : a;
	uint32_t port;

	for (unsigned int i = 0; i < 300; i++) {
		uint32_t p = 1 + (uint32_t)(host_random() % 4);

		switch (host_random() % 5) {
		case 0:
			(void)!event_alloc_unbound(d, other->id, &port);
			break;
		case 1:
			(void)!event_bind_interdomain(d, other->id, p, &port);
			break;
		case 2:
			(void)!event_close(d, p);
			break;
		case 3:
			(void)!event_reset(other, true);
			break;
		default:
			(void)!event_send(d, p);
			break;
		}
	}
}

/* Ends of a pair point at each other. */
static void pairs_are_whole(struct domain *d)
{
	for (uint32_t p = 1; p < 64; p++) {
		struct evtchn_status s = { .port = p }, t;
		struct domain *r;

		if (event_status(d, &s) || s.status != EVTCHNSTAT_interdomain)
			continue;
		r = domain_find(s.u.interdomain.dom);
		t = (struct evtchn_status){ .port = s.u.interdomain.port };
		assert_int_equal(event_status(r, &t), 0);
		assert_int_equal(t.status, EVTCHNSTAT_interdomain);
		assert_int_equal(t.u.interdomain.dom, d->id);
		assert_int_equal(t.u.interdomain.port, p);
	}
}

static void pairs_survive_races(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		host_choose_random(seed);
		host_choose_rate(HOST_SWITCH, 200);
		host_cpu_run(0, hammer, a);
		host_cpu_run(1, hammer, b);
		host_cpus_go();
		host_choose_nothing();
		host_cpu_select(0);
		pairs_are_whole(a);
		pairs_are_whole(b);
	}
}

static uint32_t race_port;

static void blocks(void *arg)
{
	event_block(arg);
}

static void polls(void *arg)
{
	assert_int_equal(event_poll(arg, &race_port, 1, 0), 0);
}

static void sends(void *arg)
{
	(void)arg;
	assert_int_equal(event_send(a, race_port), 0);
}

/* In every order of a sleeper and a sender, the sleeper is awake in the end. */
static void no_wake_is_lost(void (*sleep)(void *arg), bool masked)
{
	unsigned int orders = 0;

	host_explore_begin(1 << HOST_SWITCH, 3);
	do {
		struct vcpu *v;

		(void)setup(NULL);
		v = a->vcpu[0];
		sched_start(v, VCPU_DOWN);
		assert_ptr_equal(sched_pick(), v);
		assert_int_equal(event_bind_ipi(a, 0, &race_port), 0);
		if (masked)
			shared_set_bit(a->shared->evtchn_mask, race_port);
		host_explore_on();
		host_cpu_run(0, sleep, v);
		host_cpu_run(1, sends, NULL);
		host_cpus_go();
		host_choose_nothing();
		host_cpu_select(0);
		assert_false(sched_is_stopped(v, UINT32_MAX));
		assert_ptr_equal(sched_pick(), v);
		(void)teardown(NULL);
		orders++;
	} while (host_explore_next());
	assert_true(orders > 100);
}

static void block_misses_no_event(void **state)
{
	(void)state;
	no_wake_is_lost(blocks, false);
}

static void poll_misses_no_event(void **state)
{
	(void)state;
	no_wake_is_lost(polls, true);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(numbers),
		TEST(bad_ports_are_refused),
		TEST(binding_needs_the_peers_consent),
		TEST(pair_carries_events_both_ways),
		TEST(closing_leaves_the_peer_waiting),
		TEST(loopback),
		TEST(virqs),
		TEST(pirqs),
		TEST(ipis),
		TEST(masked_port_tells_nobody),
		TEST(console_port_is_ours),
		TEST(blocked_vcpu_wakes),
		TEST(poll_waits_for_its_ports),
		TEST(timers_raise_the_virq),
		TEST(watchdog_ends_its_domain),
		TEST(vcpu_info_moves_once),
		TEST(pairs_survive_races),
		cmocka_unit_test(block_misses_no_event),
		cmocka_unit_test(poll_misses_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
