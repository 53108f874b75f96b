/* SPDX-License-Identifier: MIT */
/*
 * How long each vcpu was in which state. The guest may have a copy in its
 * own memory, to learn what time was stolen from it. As the guest's address
 * means something only in its own page tables, the copy is made where these
 * are in use: on the way into the guest ("running") and when its CPU leaves
 * it for another. Its other vcpus go by that: Linux spins on a lock only as
 * long as the owner runs.
 *
 * With VMASST_TYPE_runstate_update_flag the guest asks for a mark in
 * state_entry_time while the rest is being written: a reader that sees it on
 * another vcpu waits.
 */
#include "argument.h"
#include "frame/frame.h"
#include "log/log.h"
#include "sched/queue.h"
#include "sched/sched.h"
#include "time/time.h"

void runstate_set(struct vcpu *v, int state, uint64_t now)
{
	struct vcpu_runstate_info *r = &v->sched.runstate;

	if (r->state == state)
		return;
	r->time[r->state] += now - r->state_entry_time;
	r->state_entry_time = now;
	r->state = state;
}

int runstate_stopped(const struct vcpu *v)
{
	if (v->sched.stop & (VCPU_BLOCKED | VCPU_POLLING))
		return RUNSTATE_blocked;
	return RUNSTATE_offline;
}

void sched_runstate_get(const struct vcpu *v, struct vcpu_runstate_info *out)
{
	struct run_queue *q = sched_lock_queue_of(v);

	*out = v->sched.runstate;
	out->time[out->state] += time_now_ns() - out->state_entry_time;
	spin_unlock(&q->lock);
}

#define WAITING_SAID 64

static void say_vcpu(const struct run_queue *q, const struct vcpu *v,
		     const char *how)
{
	log_error("  domain %u vcpu %u %s, its virtual time is %ld us ahead",
		  v->domain->id, v->id, how,
		  (int64_t)(v->sched.virtual_ns - q->virtual_ns) / 1000);
}

void sched_say_queue(unsigned int cpu)
{
	struct run_queue *q = &run_queues[cpu];
	unsigned int n = 0;

	spin_lock(&q->lock);
	if (q->running)
		say_vcpu(q, q->running, "runs");
	for (struct list *l = q->waiting.next;
	     l != &q->waiting && n++ < WAITING_SAID; l = l->next)
		say_vcpu(q, LIST_ENTRY(l, struct vcpu, sched.queue), "waits");
	spin_unlock(&q->lock);
}

static bool wants_update_mark(const struct vcpu *v)
{
	return v->domain->mm.vm_assist >> VMASST_TYPE_runstate_update_flag & 1;
}

/* Where state_entry_time is in the guest's copy. */
static const uint8_t entry_time_at[] = {
	[WIDTH_64] = offsetof(struct vcpu_runstate_info, state_entry_time),
	[WIDTH_32] = offsetof(struct runstate_info32, state_entry_time),
};

void sched_runstate_publish(struct vcpu *v)
{
	uint64_t va = v->sched.runstate_va;
	uint64_t entry_va = va + entry_time_at[v->domain->width];
	struct run_queue *q;
	struct vcpu_runstate_info r;
	uint64_t entered;

	if (!va)
		return;
	q = sched_lock_queue_of(v);
	r = v->sched.runstate;
	spin_unlock(&q->lock);
	if (!wants_update_mark(v)) {
		(void)!arg_write_runstate_info(v, va, &r);
		return;
	}
	entered = r.state_entry_time;
	r.state_entry_time |= XEN_RUNSTATE_UPDATE;
	if (guest_copy_to(entry_va, &r.state_entry_time, sizeof(entered)) ||
	    arg_write_runstate_info(v, va, &r))
		return;
	(void)!guest_copy_to(entry_va, &entered, sizeof(entered));
}
