/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface: a word for each port, sixteen queues for each vcpu
 *
 *	word: PENDING | MASKED | LINKED | (BUSY) | ... | link: 17 bits
 *
 *	control block of a vcpu        event array, pages of the guest's
 *	  ready: a bit for each queue    word[5]: LINKED, link 9
 *	  head[0..15]: first ports  -->  word[9]: LINKED, link 0: the last
 *
 * A port that becomes pending and is neither masked nor linked is appended to
 * the queue of its vcpu and priority. The guest takes ports off the front: it
 * clears LINKED and the link together by a compare-and-exchange, and the link
 * that it finds is the next one's number; 0 means that the queue was empty,
 * and that it will look at head when it next finds the ready bit.
 *
 * All these words are the guest's to write, so we believe none. We never
 * follow a link: of each queue we remember the last port (tail[], in our own
 * memory), under the domain's fifo lock. To append is to add the new number to
 * the tail's word, whose link is 0. If LINKED was set at that moment, the
 * guest will come upon it; if not, the guest had taken the tail, the queue is
 * empty, and the new port becomes its head. Each step is one instruction that
 * cannot fail, so there is nothing to repeat while a guest changes the word
 * all the time, and the bit BUSY, which asks guests to keep their hands off,
 * is not needed. A guest that writes nonsense loses its own events.
 *
 * A port may change its vcpu or priority while it is in a queue: it stays
 * there until the guest takes it. Each channel remembers which queue it was
 * last put into: if it is that one's tail, that queue is empty when the port
 * goes into another, and must not be appended to by way of this port's word.
 *
 * Lifetimes. Pages are added while senders are at work, which look at
 * nr_pages; and taken away only when all ports are closed (reset, the
 * domain's end). Whoever sends holds the lock of one end of a pair, or ours,
 * and closing a port takes both: then nobody is in here any more.
 */
#include "errno.h"
#include "event/port.h"
#include "frame/frame.h"
#include "lib/string.h"

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED	(1U << EVTCHN_FIFO_MASKED)
#define LINKED	(1U << EVTCHN_FIFO_LINKED)
#define LINK	((uint32_t)EVTCHN_FIFO_LINK_MASK)

/* It waits for its guest, and no queue leads to it. */
static bool needs_queue(const event_word_t *word)
{
	return (shared_load32(word) & (PENDING | MASKED | LINKED)) == PENDING;
}

/* The word of a port, NULL: the guest has not given the page. */
static event_word_t *word_of(const struct event_fifo *f, uint32_t port)
{
	uint32_t page = port / EVENT_WORDS_PER_PAGE;

	if (unlikely(page >= atomic32_load(&f->nr_pages)))
		return NULL;
	return &f->page[page][port % EVENT_WORDS_PER_PAGE];
}

/* ---- queues, under the fifo lock ---- */

/* If the port is the last of the queue that it was in, that one is empty. */
static void leave_last_queue(struct domain *d, const struct event_channel *ch,
			     uint32_t port)
{
	uint32_t *tail = &d->vcpu[ch->last_vcpu]->event.tail[ch->last_priority];

	if (*tail == port)
		*tail = 0;
}

/* False: the queue is empty, or its last has just been taken. */
static bool append(struct domain *d, uint32_t tail, uint32_t port)
{
	event_word_t *word;
	bool linked;

	if (tail == 0)
		return false;
	word = word_of(d->event.fifo, tail);
	linked = shared_add32(word, port) & LINKED;
	if (!linked)
		shared_and32(word, ~LINK);
	guest_wrote(d, word);
	return linked;
}

/* True when its vcpu has to be told that a queue has a first port. */
static bool put_in_queue(struct domain *d, struct vcpu *v,
			 struct event_channel *ch, uint32_t port)
{
	struct evtchn_fifo_control_block *control = v->event.control;
	uint8_t q = shared_load8(&ch->priority);
	bool tell;

	leave_last_queue(d, ch, port);
	ch->last_vcpu = (uint8_t)v->id;
	ch->last_priority = q;
	if (append(d, v->event.tail[q], port)) {
		v->event.tail[q] = port;
		return false;
	}
	v->event.tail[q] = port;
	shared_store32(&control->head[q], port);
	tell = !shared_set_bit32(&control->ready, q);
	guest_wrote(d, control);
	return tell;
}

/* The port is pending and not masked: it goes into a queue, unless it is in
 * one. A vcpu without a control block hears nothing, as the interface says. */
static void enqueue(struct domain *d, struct event_channel *ch, uint32_t port,
		    event_word_t *word)
{
	struct event_fifo *f = d->event.fifo;
	struct vcpu *v = d->vcpu[shared_load32(&ch->vcpu)];
	bool tell = false;

	spin_lock(&f->lock);
	if (v->event.control && !shared_set_bit32(word, EVTCHN_FIFO_LINKED)) {
		if (shared_load32(word) & LINK) /* the guest left it there */
			shared_and32(word, ~LINK);
		tell = put_in_queue(d, v, ch, port);
		guest_wrote(d, word);
	}
	spin_unlock(&f->lock);
	if (tell && !shared_xchg8(&v->info->evtchn_upcall_pending, 1))
		event_kick(v);
}

/* ---- ports ---- */

/*
 * A port may be bound before the guest has made its word: then it is noted
 * here, and event_fifo_expand() comes upon it. One of us sees the other.
 */
static event_word_t *word_or_note(const struct event_fifo *f,
				  struct event_channel *ch, uint32_t port)
{
	event_word_t *word = word_of(f, port);

	if (unlikely(!word)) {
		(void)shared_xchg8(&ch->early, 1);
		word = word_of(f, port);
	}
	return word;
}

bool event_fifo_set_pending(struct domain *d, struct event_channel *ch,
			    uint32_t port)
{
	event_word_t *word = word_or_note(d->event.fifo, ch, port);

	if (!word)
		return true;
	if (shared_set_bit32(word, EVTCHN_FIFO_PENDING))
		return false;
	/* Whoever unmasks or takes it later than here sees it pending. */
	if (needs_queue(word))
		enqueue(d, ch, port, word);
	else
		guest_wrote(d, word);
	return true;
}

void event_fifo_clear_pending(struct event_locked l, struct event_channel *ch,
			      uint32_t port)
{
	event_word_t *word = word_of(l.d->event.fifo, port);

	shared_store8(&ch->early, 0);
	if (!word)
		return;
	shared_and32(word, ~PENDING);
	guest_wrote(l.d, word);
}

bool event_fifo_is_pending(struct event_locked l, uint32_t port)
{
	const event_word_t *word = word_of(l.d->event.fifo, port);

	return word && (shared_load32(word) & PENDING);
}

void event_fifo_unmask(struct event_locked l, struct event_channel *ch,
		       uint32_t port)
{
	event_word_t *word = word_of(l.d->event.fifo, port);

	if (!word)
		return;
	shared_and32(word, ~MASKED);
	guest_wrote(l.d, word);
	if (needs_queue(word))
		enqueue(l.d, ch, port, word);
}

int event_fifo_set_priority(struct domain *d, uint32_t port, uint32_t priority)
{
	struct event_locked l = event_lock(d);
	struct event_channel *ch = event_channel(l, port);
	int rc = 0;

	if (!d->event.fifo)
		rc = -ENOSYS;
	else if (!ch || ch->state == EVENT_FREE ||
		 priority > EVTCHN_FIFO_PRIORITY_MIN)
		rc = -EINVAL;
	else
		shared_store8(&ch->priority, (uint8_t)priority);
	event_unlock(l);
	return rc;
}

/* ---- pages ---- */

/* What is pending with two levels goes over to the words to come. */
static void take_over(struct event_locked l)
{
	uint64_t *bits = event_pending_bits(l.d);

	for (uint32_t port = 1; port < event_level_ports(l.d); port++) {
		struct event_channel *ch = event_channel(l, port);

		if (ch && shared_test_bit(bits, port)) {
			(void)shared_clear_bit(bits, port);
			shared_store8(&ch->early, ch->state != EVENT_FREE);
		}
	}
}

static int fifo_begin(struct event_locked l)
{
	struct event_fifo *f = frame_alloc_bytes(sizeof(*f));

	if (!f)
		return -ENOMEM;
	spin_init(&f->lock, LOCK_RANK_FIFO);
	take_over(l);
	__atomic_store_n(&l.d->event.fifo, f, __ATOMIC_SEQ_CST);
	return 0;
}

static int control_set(struct event_locked l, struct vcpu *v, struct frame *f,
		       uint32_t offset)
{
	int rc = 0;

	if (v->event.control || !frame_get_writable(f, l.d))
		return -EINVAL;
	if (!l.d->event.fifo)
		rc = fifo_begin(l);
	if (rc) {
		frame_put_writable(f);
		return rc;
	}
	spin_lock(&l.d->event.fifo->lock);
	v->event.control = (void *)((char *)frame_ptr(f) + offset);
	spin_unlock(&l.d->event.fifo->lock);
	return 0;
}

int event_fifo_init_control(struct domain *d, uint32_t vcpu, guest_mfn_t m,
			    uint32_t offset)
{
	struct vcpu *v = event_vcpu(d, vcpu);
	struct frame *f = frame_lookup(m);
	struct event_locked l;
	int rc;

	if (!v)
		return -ENOENT;
	if (!f || offset % sizeof(uint64_t) ||
	    offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block))
		return -EINVAL;
	l = event_lock(d);
	rc = control_set(l, v, f, offset);
	event_unlock(l);
	return rc;
}

/* Ports of the new page that became pending before it was there. */
static void early_ones(struct event_locked l, uint32_t page)
{
	for (uint32_t i = 0; i < EVENT_WORDS_PER_PAGE; i++) {
		uint32_t port = page * EVENT_WORDS_PER_PAGE + i;
		struct event_channel *ch = event_channel(l, port);

		if (ch && shared_xchg8(&ch->early, 0))
			(void)event_fifo_set_pending(l.d, ch, port);
	}
}

static int page_add(struct event_locked l, struct frame *f)
{
	struct event_fifo *fifo = l.d->event.fifo;
	uint32_t n;

	if (!fifo)
		return -EOPNOTSUPP;
	n = atomic32_load(&fifo->nr_pages);
	if (n == EVENT_ARRAY_PAGES)
		return -ENOSPC;
	if (!frame_get_writable(f, l.d))
		return -EINVAL;
	fifo->page[n] = frame_ptr(f);
	(void)atomic32_xchg(&fifo->nr_pages, n + 1);
	early_ones(l, n);
	return 0;
}

int event_fifo_expand(struct domain *d, guest_mfn_t m)
{
	struct frame *f = frame_lookup(m);
	struct event_locked l;
	int rc;

	if (!f)
		return -EINVAL;
	l = event_lock(d);
	rc = page_add(l, f);
	event_unlock(l);
	return rc;
}

static void page_put(void *p)
{
	frame_put_writable(frame_of(arch_frame_of_ptr(p)));
}

void event_fifo_end(struct event_locked l)
{
	struct event_fifo *f = l.d->event.fifo;

	if (!f)
		return;
	__atomic_store_n(&l.d->event.fifo, NULL, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < atomic32_load(&f->nr_pages); i++)
		page_put(f->page[i]);
	for (uint32_t i = 0; i < l.d->max_vcpus; i++) {
		struct vcpu_event *v = &l.d->vcpu[i]->event;

		if (v->control)
			page_put(v->control);
		v->control = NULL;
		memset(v->tail, 0, sizeof(v->tail));
	}
	frame_free_bytes(f, sizeof(*f));
	event_channels_free(l, event_level_ports(l.d) / EVENT_PORTS_PER_PAGE);
}
