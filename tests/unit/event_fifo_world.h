/* SPDX-License-Identifier: MIT */
/*
 * A guest that uses the FIFO interface as kernels do: it clears LINKED and the
 * link by compare-and-exchange and follows what it found.
 */
#ifndef UNIT_EVENT_FIFO_WORLD_H
#define UNIT_EVENT_FIFO_WORLD_H

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

static inline struct domain *domain_make(unsigned int vcpus, bool privileged)
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

static inline struct evtchn_fifo_control_block *control(unsigned int vcpu)
{
	return (void *)((char *)frame_ptr(page[0]) + 128 * vcpu);
}

/* The array's pages are page[1], page[2]... */
static inline event_word_t *word(uint32_t port)
{
	event_word_t *words = frame_ptr(page[1 + port / EVENT_WORDS_PER_PAGE]);

	return &words[port % EVENT_WORDS_PER_PAGE];
}

#define BIT(name) (1U << EVTCHN_FIFO_##name)

static inline bool has(uint32_t port, uint32_t bit)
{
	return shared_load32(word(port)) & bit;
}

static inline guest_mfn_t number(unsigned int p)
{
	return guest_mfn(frame_mfn(page[p]).v);
}

/* Changes a word as the guest does: b bits off, while it has not changed. */
static inline uint32_t word_clear(uint32_t port, uint32_t bits)
{
	atomic32_t *w = (atomic32_t *)word(port);
	uint32_t old = atomic32_load(w);

	while (!atomic32_cmpxchg(w, &old, old & ~bits))
		;
	return old;
}

static inline void handle_one(unsigned int vcpu, unsigned int q,
			      uint32_t *ready)
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
static inline void handle(unsigned int vcpu)
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

static inline bool upcall(unsigned int vcpu)
{
	return shared_load8(&d->vcpu[vcpu]->info->evtchn_upcall_pending);
}

/* Exactly these ports have come since, in that order. */
static inline void expect(unsigned int n, ...)
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

static inline uint32_t ipi(uint32_t vcpu)
{
	uint32_t port;

	assert_int_equal(event_bind_ipi(d, vcpu, &port), 0);
	return port;
}

static inline void send(uint32_t port)
{
	assert_int_equal(event_send(d, port), 0);
}

static inline void begin(unsigned int array_pages)
{
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		assert_int_equal(
			event_fifo_init_control(d, i, number(0), 128 * i), 0);
	for (unsigned int i = 1; i <= array_pages; i++)
		assert_int_equal(event_fifo_expand(d, number(i)), 0);
}

static inline void close_all(struct domain *x, bool two_levels)
{
	int rc;

	while ((rc = event_reset(x, two_levels)) == -ERESTART)
		;
	assert_int_equal(rc, 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

#endif
