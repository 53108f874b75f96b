/* SPDX-License-Identifier: MIT */
/*
 * Pairs of ports between domains of both interfaces: who may bind what, which
 * end learns of what, and that an end that goes, by close, reset or its
 * domain's death, in pieces and while the other one sends, leaves nothing
 * that points to it.
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
#include "model/oracle.h"
#include "sched/sched.h"
#include "time/time.h"

#define NR 3

static struct domain *dom[NR]; /* dom[2] has the FIFO interface */
static struct frame *control, *array;

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

static guest_mfn_t number(const struct frame *f)
{
	return guest_mfn(frame_mfn(f).v);
}

static void fifo_begin(struct domain *d)
{
	assert_int_equal(frame_alloc_domain(d, 0, &control), 0);
	assert_int_equal(frame_alloc_domain(d, 0, &array), 0);
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		assert_int_equal(
			event_fifo_init_control(d, i, number(control), 256 * i),
			0);
	assert_int_equal(event_fifo_expand(d, number(array)), 0);
}

static int setup(void **state)
{
	(void)state;
	host_init(400, NR);
	time_init();
	sched_init();
	for (unsigned int i = 0; i < NR; i++)
		dom[i] = domain_make(2);
	fifo_begin(dom[2]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR; i++)
		assert_int_equal(host_locks_held(i), 0);
	if (oracle_check())
		host_fail("%s", oracle_report());
	host_fini();
	return 0;
}

static bool is_pending(struct domain *d, uint32_t port)
{
	const event_word_t *words;

	if (!d->event.fifo)
		return shared_test_bit(d->shared->evtchn_pending, port);
	words = frame_ptr(array);
	return words[port] >> EVTCHN_FIFO_PENDING & 1;
}

static bool was_told(struct vcpu *v)
{
	bool told = v->info->evtchn_upcall_pending;

	v->info->evtchn_upcall_pending = 0;
	v->info->evtchn_pending_sel = 0;
	return told;
}

static void forget(struct domain *d)
{
	if (d->event.fifo) {
		memset(frame_ptr(array), 0, PAGE_SIZE);
		memset(frame_ptr(control), 0, PAGE_SIZE);
	}
	memset(d->shared->evtchn_pending, 0, sizeof(d->shared->evtchn_pending));
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		was_told(d->vcpu[i]);
}

struct pair {
	uint32_t a, b;
};

static struct pair bind(struct domain *a, struct domain *b)
{
	struct pair p;

	assert_int_equal(event_alloc_unbound(b, a->id, &p.b), 0);
	assert_int_equal(event_bind_interdomain(a, b->id, p.b, &p.a), 0);
	forget(a);
	return p;
}

static struct evtchn_status status(struct domain *d, uint32_t port)
{
	struct evtchn_status s = { .port = port };

	assert_int_equal(event_status(d, &s), 0);
	return s;
}

static void carries(struct domain *a, uint32_t pa, struct domain *b,
		    uint32_t pb, unsigned int vcpu)
{
	assert_int_equal(event_send(a, pa), 0);
	assert_true(is_pending(b, pb));
	assert_false(a != b && is_pending(a, pa));
	assert_true(was_told(b->vcpu[vcpu]));
	assert_false(was_told(b->vcpu[!vcpu]));
	forget(b);
}

/* ---- tests ---- */

static void every_two_interfaces(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR; i++)
		for (unsigned int j = 0; j < NR; j++) {
			struct pair p = bind(dom[i], dom[j]);

			carries(dom[i], p.a, dom[j], p.b, 0);
			carries(dom[j], p.b, dom[i], p.a, 0);
			assert_int_equal(event_bind_vcpu(dom[j], p.b, 1), 0);
			carries(dom[i], p.a, dom[j], p.b, 1);
			assert_int_equal(event_close(dom[i], p.a), 0);
			assert_int_equal(event_close(dom[j], p.b), 0);
		}
}

static void third_parties(void **state)
{
	struct pair p = bind(dom[0], dom[1]);
	uint32_t waits, out;

	(void)state;
	assert_int_equal(event_alloc_unbound(dom[1], dom[0]->id, &waits), 0);
	assert_int_equal(
		event_bind_interdomain(dom[2], dom[1]->id, waits, &out),
		-EINVAL);
	assert_int_equal(event_bind_interdomain(dom[2], dom[1]->id, p.b, &out),
			 -EINVAL);
	assert_int_equal(
		event_bind_interdomain(dom[1], DOMID_SELF, waits, &out),
		-EINVAL);
	assert_int_equal(event_send(dom[2], p.a), -EINVAL);
	assert_int_equal(event_bind_interdomain(dom[0], DOMID_XEN, 1, &out),
			 -ESRCH);
	assert_int_equal(event_bind_interdomain(dom[0], DOMID_INVALID, 1, &out),
			 -ESRCH);
}

/* A dead one's peers wait again, its virqs and IPIs are gone, its id stays. */
static void death(struct domain *dead)
{
	struct pair p[20];
	unsigned int calls = 0;
	uint32_t port;

	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = i % 2 ? bind(dom[0], dead) : bind(dead, dom[0]);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(event_bind_ipi(dead, 1, &port), 0);
	assert_int_equal(event_bind_virq(dead, VIRQ_TIMER, 1, &port), 0);
	assert_int_equal(event_watchdog(dead, 0, 100), 1);
	atomic32_store(&dead->state, DOMAIN_DYING);
	while (event_domain_exit(dead) == -ERESTART) {
		calls++;
		/* In between, its peers go on. */
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
			assert_int_equal(
				event_send(dom[0], i % 2 ? p[i].a : p[i].b), 0);
		assert_int_equal(event_bind_ipi(dead, 0, &port), -EINVAL);
	}
	assert_true(calls >= 2);
	event_raise_virq(dead->vcpu[1], VIRQ_TIMER);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		uint32_t mine = i % 2 ? p[i].a : p[i].b, out;
		struct evtchn_status s = status(dom[0], mine);

		assert_int_equal(s.status, EVTCHNSTAT_unbound);
		assert_int_equal(s.u.unbound.dom, dead->id);
		assert_int_equal(event_send(dom[0], mine), 0);
		assert_int_equal(
			event_bind_interdomain(dom[0], dead->id, 1, &out),
			-EINVAL);
	}
	assert_null(dead->event.fifo);
	for (unsigned int i = 0; i < ARRAY_SIZE(dead->event.pages); i++)
		assert_null(dead->event.pages[i]);
}

static void two_levels_die(void **state)
{
	(void)state;
	death(dom[1]);
}

static void fifo_dies(void **state)
{
	(void)state;
	death(dom[2]);
	assert_int_equal(atomic64_load(&array->type) & FRAME_COUNT_MASK, 0);
	assert_int_equal(atomic64_load(&control->type) & FRAME_COUNT_MASK, 0);
}

/* ---- races ---- */

static void restless(void *arg)
{
	struct domain *d = arg;
	uint32_t out;

	for (unsigned int i = 0; i < 150; i++) {
		struct domain *r = dom[host_random() % NR];
		uint32_t port = 1 + (uint32_t)(host_random() % 5);

		switch (host_random() % 7) {
		case 0:
			(void)!event_alloc_unbound(d, r->id, &out);
			break;
		case 1:
			(void)!event_bind_interdomain(d, r->id, port, &out);
			break;
		case 2:
			(void)!event_close(d, port);
			break;
		case 3:
			(void)!event_bind_vcpu(d, port, host_random() & 1);
			break;
		case 4:
			(void)!event_unmask(d, port);
			break;
		default:
			(void)!event_send(d, port);
			break;
		}
	}
}

static void dies(void *arg)
{
	struct domain *d = arg;

	atomic32_store(&d->state, DOMAIN_DYING);
	while (event_domain_exit(d) == -ERESTART)
		;
}

static void pairs_are_whole(void)
{
	for (unsigned int i = 0; i < NR; i++)
		for (uint32_t p = 1; p < 64; p++) {
			struct evtchn_status s = { .port = p }, t;

			if (event_status(dom[i], &s) ||
			    s.status != EVTCHNSTAT_interdomain)
				continue;
			t = status(domain_find(s.u.interdomain.dom),
				   s.u.interdomain.port);
			assert_int_equal(t.status, EVTCHNSTAT_interdomain);
			assert_int_equal(t.u.interdomain.dom, dom[i]->id);
			assert_int_equal(t.u.interdomain.port, p);
		}
}

/* One of three restless domains dies under the others' hands. */
static void dying_among_the_restless(void **state)
{
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct domain *victim = dom[1 + seed % 2];

		host_choose_random(seed);
		host_choose_rate(HOST_SWITCH, 200);
		host_cpu_run(0, restless, dom[0]);
		host_cpu_run(1, restless, victim == dom[1] ? dom[2] : dom[1]);
		host_cpu_run(2, dies, victim);
		host_cpus_go();
		host_choose_nothing();
		host_cpu_select(0);
		pairs_are_whole();
		for (uint32_t p = 1; p < 64; p++) {
			struct evtchn_status s = { .port = p };

			assert_int_equal(event_status(victim, &s), -EINVAL);
			s.port = p;
			if (!event_status(dom[0], &s))
				assert_false(s.status ==
						     EVTCHNSTAT_interdomain &&
					     s.u.interdomain.dom == victim->id);
		}
		(void)teardown(state);
		(void)setup(state);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_two_interfaces),	TEST(third_parties),
		TEST(two_levels_die),		TEST(fifo_dies),
		TEST(dying_among_the_restless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
