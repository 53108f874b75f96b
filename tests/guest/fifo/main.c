/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface of event channels.
 *
 * A guest that wants more ports than two levels of bits have, or order and
 * priorities among its events, gives the hypervisor a control block for each
 * vCPU (init_control) and, page by page, an array with a word for each port
 * (expand_array). From then on an event sets PENDING in the port's word, and if
 * the port is neither MASKED nor LINKED it is put at the end of one of the
 * vCPU's sixteen queues: queue 0 is served first; set_priority chooses it, 7 is
 * the default. A bit in the control block's ready says which queues have
 * become non-empty, and head where they begin; each word holds a link to the
 * next. The guest takes a port out by clearing LINKED and the link at once.
 *
 * The pages stay the guest's, but as memory that the hypervisor writes: they
 * can become no page tables until EVTCHNOP_reset gives them back, which closes
 * all ports and returns to two levels.
 *
 * All this memory is the guest's own to ruin: links that lead nowhere or in
 * circles, words of ports that are not bound. It loses its own events, nobody
 * else's.
 *
 * Events stay masked for the vCPU here, so that the queues are as the
 * hypervisor left them when we look.
 */
#include "lodger.h"

#define PENDING	 (1U << EVTCHN_FIFO_PENDING)
#define MASKED	 (1U << EVTCHN_FIFO_MASKED)
#define LINKED	 (1U << EVTCHN_FIFO_LINKED)
#define LINK	 ((1U << EVTCHN_FIFO_LINK_BITS) - 1)
#define PER_PAGE (PAGE_SIZE / sizeof(event_word_t))

static event_word_t *array[8];
static unsigned int pages;
static volatile struct evtchn_fifo_control_block *control;
static unsigned int next[EVTCHN_FIFO_MAX_QUEUES];
static unsigned int taken[16], nr_taken;

static volatile event_word_t *word(unsigned int port)
{
	return &array[port / PER_PAGE][port % PER_PAGE];
}

static long init_control(unsigned long mfn, unsigned int offset,
			 unsigned int vcpu)
{
	evtchn_init_control_t op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.control_gfn = mfn;
	op.offset = offset;
	op.vcpu = vcpu;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_init_control, &op);
	TEST_ASSERT(rc || op.link_bits == EVTCHN_FIFO_LINK_BITS,
		    "%u bits of a link", op.link_bits);
	return rc;
}

static long expand(unsigned long mfn)
{
	evtchn_expand_array_t op;

	memset(&op, 0, sizeof(op));
	op.array_gfn = mfn;
	return HYPERVISOR_event_channel_op(EVTCHNOP_expand_array, &op);
}

static long set_priority(unsigned int port, unsigned int priority)
{
	evtchn_set_priority_t op;

	memset(&op, 0, sizeof(op));
	op.port = port;
	op.priority = priority;
	return HYPERVISOR_event_channel_op(EVTCHNOP_set_priority, &op);
}

static long reset(void)
{
	evtchn_reset_t op;

	memset(&op, 0, sizeof(op));
	op.dom = DOMID_SELF;
	return HYPERVISOR_event_channel_op(EVTCHNOP_reset, &op);
}

static void add_page(void)
{
	array[pages] = page_alloc();
	memset(array[pages], 0, PAGE_SIZE);
	TEST_RESULT(expand(virt_to_mfn(array[pages])), 0);
	pages++;
}

static unsigned int bind(void)
{
	long port = event_bind_ipi(0);

	TEST_ASSERT(port > 0, "bind_ipi: %ld", port);
	return (unsigned int)port;
}

static unsigned int change(volatile unsigned int *at, unsigned int off)
{
	unsigned int old;

	do
		old = *at;
	while (!__sync_bool_compare_and_swap(at, old, old & ~off));
	return old;
}

static void take_one(unsigned int q, unsigned int *ready)
{
	unsigned int port = next[q] ? next[q] : control->head[q];
	unsigned int link = change(word(port), LINKED | LINK) & LINK;

	if (!link)
		*ready &= ~(1U << q);
	next[q] = link;
	if ((*word(port) & (PENDING | MASKED)) != PENDING)
		return;
	change(word(port), PENDING);
	if (nr_taken < ARRAY_SIZE(taken))
		taken[nr_taken] = port;
	nr_taken++;
}

/* What an upcall's handler does; true when one was due. */
static int take_all(void)
{
	unsigned int ready, q;
	int due = vcpu_info->evtchn_upcall_pending;

	nr_taken = 0;
	vcpu_info->evtchn_upcall_pending = 0;
	ready = __sync_lock_test_and_set(&control->ready, 0);
	while (ready) {
		for (q = 0; !(ready >> q & 1); q++)
			;
		take_one(q, &ready);
		ready |= __sync_lock_test_and_set(&control->ready, 0);
	}
	return due;
}

#define EXPECT2(a, b)                       \
	do {                                \
		TEST_RESULT(take_all(), 1); \
		TEST_RESULT(nr_taken, 2);   \
		TEST_RESULT(taken[0], a);   \
		TEST_RESULT(taken[1], b);   \
	} while (0)

static void beginning(void)
{
	char *page = page_alloc();
	unsigned int port = bind();

	TEST_REFUSED(expand(virt_to_mfn(page)));
	TEST_RESULT(set_priority(port, 1), -XEN_ENOSYS);
	TEST_REFUSED(init_control(virt_to_mfn(page), 4, 0));
	TEST_REFUSED(init_control(virt_to_mfn(page), PAGE_SIZE - 64, 0));
	TEST_REFUSED(init_control(virt_to_mfn(page), 0xfffffff8U, 0));
	TEST_REFUSED(init_control(0xfffffffffUL, 0, 0));
	TEST_REFUSED(init_control(virt_to_mfn(table_root()), 0, 0));
	TEST_RESULT(init_control(virt_to_mfn(page), 0, 500), -XEN_ENOENT);
	memset(page, 0, PAGE_SIZE);
	control = (void *)(page + 1024);
	TEST_RESULT(init_control(virt_to_mfn(page), 1024, 0), 0);
	TEST_REFUSED(init_control(virt_to_mfn(page), 2048, 0));
	TEST_REFUSED(expand(0xfffffffffUL));
	TEST_REFUSED(expand(virt_to_mfn(table_root())));
	add_page();
	/* A port that was bound before goes on. */
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(take_all(), 1);
	TEST_RESULT(nr_taken, 1);
	TEST_RESULT(event_close(port), 0);
}

static void order(unsigned int a, unsigned int b)
{
	TEST_RESULT(event_send(b), 0);
	TEST_RESULT(*word(b) & (PENDING | LINKED | LINK), PENDING | LINKED);
	TEST_RESULT(control->head[7], b);
	TEST_RESULT(control->ready, 1U << 7);
	TEST_RESULT(event_send(a), 0);
	TEST_RESULT(*word(b) & LINK, a);
	TEST_RESULT(event_send(b), 0);
	EXPECT2(b, a);
	TEST_RESULT(*word(a) | *word(b), 0);
	TEST_RESULT(take_all(), 0);
	TEST_RESULT(set_priority(a, 16), -XEN_EINVAL);
	TEST_REFUSED(set_priority(0x20000, 1));
	TEST_RESULT(set_priority(a, 0), 0);
	TEST_RESULT(event_send(b), 0);
	TEST_RESULT(event_send(a), 0);
	EXPECT2(a, b);
	/* It moves to another queue while it is in one. */
	TEST_RESULT(event_send(a), 0);
	TEST_RESULT(set_priority(a, 7), 0);
	TEST_RESULT(event_send(b), 0);
	EXPECT2(a, b);
	TEST_RESULT(event_send(b), 0);
	TEST_RESULT(event_send(a), 0);
	EXPECT2(b, a);
}

static void masks(unsigned int a, unsigned int b)
{
	__sync_fetch_and_or(word(a), MASKED);
	TEST_RESULT(event_send(a), 0);
	TEST_RESULT(*word(a), PENDING | MASKED);
	TEST_RESULT(take_all(), 0);
	TEST_RESULT(event_send(b), 0);
	TEST_RESULT(event_unmask(a), 0);
	EXPECT2(b, a);
	/* Masked when its turn comes: it stays pending. */
	TEST_RESULT(event_send(a), 0);
	__sync_fetch_and_or(word(a), MASKED);
	TEST_RESULT(take_all(), 1);
	TEST_RESULT(nr_taken, 0);
	TEST_RESULT(event_unmask(a), 0);
	TEST_RESULT(take_all(), 1);
	TEST_RESULT(taken[0], a);
}

/* Ports beyond what two levels have, and one before its word. */
static void many(void)
{
	unsigned int port, near, far = 0;

	do {
		port = (unsigned int)event_alloc_unbound(DOMID_SELF);
		TEST_ASSERT((int)port > 0, "port %d", (int)port);
		if (port / PER_PAGE >= pages)
			add_page();
		if (!far)
			far = port;
	} while (port < 5 * PER_PAGE - 1);
	near = (unsigned int)event_bind_interdomain(DOMID_SELF, far);
	TEST_RESULT(near, 5 * PER_PAGE);
	TEST_RESULT(take_all(), 0);
	add_page();
	TEST_RESULT(take_all(), 1);
	TEST_RESULT(nr_taken, 1);
	TEST_RESULT(taken[0], near);
	TEST_RESULT(event_send(far), 0);
	TEST_RESULT(event_send(near), 0);
	EXPECT2(near, far);
}

static void held_pages(void)
{
	unsigned long mfn = virt_to_mfn(array[0]);

	memset(array[0], 0, PAGE_SIZE);
	TEST_RESULT(page_protect(array[0]), 0);
	TEST_REFUSED(table_ext(MMUEXT_PIN_L1_TABLE, mfn));
	TEST_RESULT(page_unprotect(array[0]), 0);
	TEST_RESULT(reset(), 0);
	TEST_RESULT(page_protect(array[0]), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, mfn), 0);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, mfn), 0);
	TEST_RESULT(page_unprotect(array[0]), 0);
}

/* Words as bad as they can be, under a rain of events. */
static void forgeries(void)
{
	unsigned int ports[8], i, round, seed = 1;

	for (i = 0; i < ARRAY_SIZE(ports); i++)
		ports[i] = bind();
	for (round = 0; round < 3000; round++) {
		seed = seed * 1103515245 + 12345;
		i = seed >> 16 & 7;
		switch (seed >> 20 & 3) {
		case 0:
			*word(ports[i]) = seed;
			break;
		case 1: /* a circle */
			*word(ports[i]) = LINKED | ports[(i + 1) & 7];
			break;
		case 2:
			control->head[seed >> 24 & 15] = seed;
			control->ready = ~seed;
			break;
		default:
			set_priority(ports[i], seed >> 24 & 15);
			break;
		}
		TEST_RESULT(event_send(ports[seed >> 8 & 7]), 0);
		event_unmask(ports[seed >> 12 & 7]);
	}
	TEST_RESULT(reset(), 0);
}

static void again(void)
{
	char *page = page_alloc();
	unsigned int a, b;

	memset(page, 0, PAGE_SIZE);
	memset(next, 0, sizeof(next));
	vcpu_info->evtchn_upcall_pending = 0;
	control = (void *)page;
	pages = 0;
	TEST_RESULT(init_control(virt_to_mfn(page), 0, 0), 0);
	add_page();
	a = bind();
	b = bind();
	TEST_RESULT(event_send(b), 0);
	TEST_RESULT(event_send(a), 0);
	EXPECT2(b, a);
}

static volatile unsigned int seen;

static void on_event(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	seen++;
}

static void two_levels(void)
{
	unsigned int port;

	TEST_RESULT(reset(), 0);
	TEST_RESULT(set_priority(1, 1), -XEN_ENOSYS);
	port = bind();
	event_set_handler(port, on_event, NULL);
	vcpu_info->evtchn_upcall_pending = 0;
	events_on();
	TEST_RESULT(event_unmask(port), 0);
	TEST_RESULT(event_send(port), 0);
	TEST_RESULT(seen, 1);
}

void test_main(void)
{
	unsigned int a, b;

	events_off();
	timer_set_period(0);
	TEST_RESULT(reset(), 0);
	beginning();
	a = bind();
	b = bind();
	order(a, b);
	masks(a, b);
	many();
	held_pages();
	again();
	forgeries();
	again();
	two_levels();
}
