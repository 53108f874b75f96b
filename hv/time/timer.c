/* SPDX-License-Identifier: MIT */
/*
 * Timers: a binary heap a CPU, ordered by deadline
 *
 *	slot:     0            the first deadline
 *	        1   2          children of slot i: 2i+1, 2i+2
 *	       3 4 5 6         never earlier than their parent
 *
 * A timer knows its slot, so that moving or cancelling one is O(log n).
 * Setting never allocates: whoever has timers reserves their room first.
 *
 * The hardware is programmed only when the first deadline becomes earlier
 * than what it is armed for. When it becomes later (a guest moves its tick
 * away, thousands of times a second) the hardware stays as it is: at worst
 * it fires once for nothing, finds no expired timer and is armed anew.
 *
 * A timer is on the heap of the CPU that set it. Its cpu field changes only
 * under the lock of the heap that it names, and only while it is in none.
 */
#include "arch.h"
#include "bug.h"
#include "errno.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "log/log.h"
#include "time/clock.h"
#include "time/time.h"

#define NEVER UINT64_MAX

struct heap {
	struct spinlock lock;
	bool online;	      /* the CPU has called timer_cpu_init() */
	struct timer **slots; /* lock: [0, used) are timers */
	uint32_t used;	      /* lock */
	uint32_t capacity;    /* lock */
	uint64_t armed_ns;    /* lock: what the hardware waits for */
};

static struct heap heaps[MAX_CPUS];
static atomic32_t reserved; /* timers that may be set at once */

static void place(struct heap *h, uint32_t slot, struct timer *t)
{
	h->slots[slot] = t;
	t->slot = slot;
}

/* t belongs at slot or nearer to the root. */
static void sift_up(struct heap *h, uint32_t slot, struct timer *t)
{
	while (slot) {
		uint32_t parent = (slot - 1) / 2;

		if (h->slots[parent]->deadline_ns <= t->deadline_ns)
			break;
		place(h, slot, h->slots[parent]);
		slot = parent;
	}
	place(h, slot, t);
}

/* t belongs at slot or farther from the root. */
static void sift_down(struct heap *h, uint32_t slot, struct timer *t)
{
	for (;;) {
		uint32_t child = 2 * slot + 1;

		if (child >= h->used)
			break;
		if (child + 1 < h->used && h->slots[child + 1]->deadline_ns <
						   h->slots[child]->deadline_ns)
			child++;
		if (t->deadline_ns <= h->slots[child]->deadline_ns)
			break;
		place(h, slot, h->slots[child]);
		slot = child;
	}
	place(h, slot, t);
}

static void heap_insert(struct heap *h, struct timer *t)
{
	BUG_ON(h->used == h->capacity);
	sift_up(h, h->used++, t);
}

static void heap_remove(struct heap *h, struct timer *t)
{
	uint32_t slot = t->slot;
	struct timer *last = h->slots[--h->used];

	t->slot = TIMER_IDLE;
	if (last == t)
		return;
	if (slot && last->deadline_ns < h->slots[(slot - 1) / 2]->deadline_ns)
		sift_up(h, slot, last);
	else
		sift_down(h, slot, last);
}

/* Locks the heap that t is on, or was on last. */
static struct heap *heap_lock_of(const struct timer *t)
{
	for (;;) {
		uint16_t cpu = t->cpu;
		struct heap *h = &heaps[cpu];

		spin_lock(&h->lock);
		if (t->cpu == cpu)
			return h;
		spin_unlock(&h->lock);
	}
}

/* Has the heap hold what is reserved. */
static int heap_grow(struct heap *h)
{
	uint32_t wanted = atomic32_load(&reserved), capacity;
	struct timer **slots;
	size_t bytes;

	if (wanted <= h->capacity)
		return 0;
	bytes = ROUND_UP(wanted * sizeof(*slots), PAGE_SIZE);
	capacity = (uint32_t)(bytes / sizeof(*slots));
	slots = frame_alloc_bytes(bytes);
	if (!slots)
		return -ENOMEM;
	if (h->used)
		memcpy(slots, h->slots, h->used * sizeof(*slots));
	if (h->capacity)
		frame_free_bytes(h->slots, h->capacity * sizeof(*slots));
	h->slots = slots;
	h->capacity = capacity;
	return 0;
}

void timer_init_heaps(void)
{
	memset(heaps, 0, sizeof(heaps));
	atomic32_store(&reserved, 0);
	for (unsigned int i = 0; i < MAX_CPUS; i++) {
		spin_init(&heaps[i].lock, LOCK_RANK_TIMER);
		heaps[i].armed_ns = NEVER;
	}
	heaps[this_cpu()->id].online = true;
}

int timer_cpu_init(void)
{
	struct heap *h = &heaps[this_cpu()->id];
	int error;

	spin_lock(&h->lock);
	error = heap_grow(h);
	if (!error)
		h->online = true;
	spin_unlock(&h->lock);
	return error;
}

int timer_reserve(unsigned int n)
{
	int error = 0;

	atomic32_add(&reserved, n);
	for (unsigned int i = 0; i < MAX_CPUS && !error; i++) {
		struct heap *h = &heaps[i];

		spin_lock(&h->lock);
		if (h->online)
			error = heap_grow(h);
		spin_unlock(&h->lock);
	}
	if (error)
		timer_unreserve(n);
	return error;
}

void timer_unreserve(unsigned int n)
{
	atomic32_add(&reserved, -n);
}

void timer_init(struct timer *t, enum timer_kind kind)
{
	*t = (struct timer){ .slot = TIMER_IDLE,
			     .cpu = (uint16_t)this_cpu()->id,
			     .kind = (uint16_t)kind };
}

/* Arms the hardware, if it would fire too late. */
static void arm(struct heap *h)
{
	uint64_t first = h->slots[0]->deadline_ns;

	if (first < h->armed_ns) {
		h->armed_ns = first;
		arch_timer_set(first);
	}
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
	struct heap *h = heap_lock_of(t);
	uint16_t here = (uint16_t)this_cpu()->id;

	if (t->slot != TIMER_IDLE)
		heap_remove(h, t);
	if (t->cpu != here) {
		t->cpu = here;
		spin_unlock(&h->lock);
		h = &heaps[here];
		spin_lock(&h->lock);
	}
	t->deadline_ns = deadline_ns;
	heap_insert(h, t);
	arm(h);
	spin_unlock(&h->lock);
}

void timer_cancel(struct timer *t)
{
	struct heap *h = heap_lock_of(t);

	if (t->slot != TIMER_IDLE)
		heap_remove(h, t);
	spin_unlock(&h->lock);
}

bool timer_is_set(const struct timer *t)
{
	return t->slot != TIMER_IDLE;
}

struct timer *timer_expired(void)
{
	struct heap *h = &heaps[this_cpu()->id];
	struct timer *t = NULL;
	uint64_t now = time_now_ns();

	spin_lock(&h->lock);
	if (h->used && h->slots[0]->deadline_ns <= now) {
		t = h->slots[0];
		heap_remove(h, t);
	} else {
		h->armed_ns = h->used ? h->slots[0]->deadline_ns : NEVER;
		arch_timer_set(h->armed_ns);
	}
	spin_unlock(&h->lock);
	return t;
}

void timer_say(unsigned int cpu)
{
	struct heap *h = &heaps[cpu];
	uint64_t first = NEVER;
	uint32_t used;

	spin_lock(&h->lock);
	used = h->used;
	if (used)
		first = h->slots[0]->deadline_ns;
	spin_unlock(&h->lock);
	log_error("CPU %u: %u timers, the first in %ld us", cpu, used,
		  used ? (int64_t)(first - time_now_ns()) / 1000 : 0);
}
