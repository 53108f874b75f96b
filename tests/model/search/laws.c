/* SPDX-License-Identifier: MIT */
/*
 * Laws beside those that the oracle recounts (oracle.c):
 *
 *   - a refused operation leaves no trace in any count, type or owner, unless
 *     it went on with something that had been interrupted before;
 *   - who has no privilege changes no other domain's frames;
 *   - no byte of an argument is read twice: it might not be the same again;
 *   - an interrupted call ends, however often it is interrupted again;
 *   - interrupted and resumed, an operation does what it does in one go;
 *   - while every interrupted call is resumed, nothing stays partial: what
 *     nobody waits for is the domain's orphan, or it is finished;
 *   - wherever the world ends, all of its memory is free again.
 */
#include <stdio.h>
#include <string.h>

#include "errno.h"
#include "mm/entry.h"
#include "operations.h"

#define RESTARTS_MAX 5000

static struct {
	uint64_t refs, type;
	uint16_t owner;
} was[MAX_FRAMES];
static bool was_settled;
static char message[200];

static bool anything_partial(void)
{
	for (uint64_t m = HOST_RESERVED_FRAMES; m < frame_limit; m++)
		if (frame_of(mfn(m))->type.v & FRAME_PARTIAL)
			return true;
	return false;
}

static bool anything_orphaned(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct domain *d = guests.g[i].d;

		if (d && (d->mm.orphan || domain_is_dying(d)))
			return true;
	}
	return false;
}

void laws_before(void)
{
	was_settled = !anything_orphaned() && !anything_partial();
	for (uint64_t m = 0; m < frame_limit; m++) {
		const struct frame *f = frame_of(mfn(m));

		was[m].refs = f->refs.v;
		was[m].type = f->type.v;
		was[m].owner = f->owner;
	}
}

/* The type of what nothing uses may change. */
static bool same_type(uint64_t a, uint64_t b)
{
	return a == b || !((a | b) & FRAME_COUNT_MASK);
}

/* What nobody has may be clean, or not, and in a larger block. */
static bool same_refs(uint64_t a, uint64_t b)
{
	return a == b || !((a | b) & FRAME_COUNT_MASK);
}

/* What is refused in a batch leaves what was done before it. */
static bool is_batch(const struct op *op)
{
	return op->run == op_batch || op->run == op_pins ||
	       op->run == op_exchange;
}

/* Frames of the other domain are as they were. */
static const char *others_changed(const struct op *op)
{
	const struct domain *mine = world_guest(op->actor)->d;
	const struct domain *other = guests.g[op->actor != B0].d;

	if (mine->privileged || !other || op->without_cpu ||
	    (kind->ops & OPS_LEND))
		return NULL;
	for (uint64_t m = 0; m < frame_limit; m++) {
		const struct frame *f = frame_of(mfn(m));

		if (was[m].owner != other->id ||
		    !(was[m].refs & FRAME_COUNT_MASK) ||
		    (f->refs.v == was[m].refs && f->type.v == was[m].type))
			continue;
		snprintf(message, sizeof(message),
			 "frame %#lx of another domain changed: refs %#lx "
			 "type %#lx became %#lx %#lx",
			 m, was[m].refs, was[m].type, f->refs.v, f->type.v);
		return message;
	}
	return NULL;
}

const char *laws_after(const struct op *op, long rc)
{
	const char *bad;

	for (unsigned int i = 0; i < host_nr_cpus; i++)
		if (host_locks_held(i))
			return "a lock is held outside the core";
	if (host_copy_read_twice())
		return "an argument is read twice";
	bad = others_changed(op);
	if (bad)
		return bad;
	if (rc >= 0 || rc == -ERESTART || !was_settled || !op->run ||
	    is_batch(op))
		return NULL;
	for (uint64_t m = 0; m < frame_limit; m++) {
		const struct frame *f = frame_of(mfn(m));

		/* A refused loan may leave room for handles. */
		if ((kind->ops & OPS_LEND) && f->owner == DOMID_XEN)
			continue;
		if (same_refs(f->refs.v, was[m].refs) &&
		    same_type(f->type.v, was[m].type))
			continue;
		snprintf(message, sizeof(message),
			 "refused with %ld, and yet frame %#lx changed: refs "
			 "%#lx type %#lx became %#lx %#lx",
			 rc, m, was[m].refs, was[m].type, f->refs.v, f->type.v);
		return message;
	}
	return NULL;
}

const char *laws_state(void)
{
	for (unsigned int i = 0; i < NR_ACTORS; i++)
		if (guests.pending[i].op)
			return NULL;
	if (guests.given_up || anything_orphaned() || !anything_partial())
		return NULL;
	return "a table is partial, and nobody will finish it";
}

static const char *finish(const struct op *go_on)
{
	for (unsigned int i = 0; i < RESTARTS_MAX; i++) {
		long rc = world_apply(go_on);

		if (rc != -ERESTART)
			return NULL;
	}
	snprintf(message, sizeof(message), "%s: restarted for ever",
		 go_on->name);
	return message;
}

uint64_t laws_settled_memory(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct domain *d = guests.g[i].d;
		struct mm_locked m;

		if (!d || domain_is_dying(d))
			continue;
		m = mm_lock(d);
		if (mm_settle(m))
			host_fail("interrupted without a reason");
		mm_unlock(m);
	}
	return state_hash_of_memory();
}

static const struct op *go_on_of(enum actor a)
{
	unsigned int i = 0;

	while (ops[i].run || ops[i].actor != a)
		i++;
	return &ops[i];
}

/* Refusals are all one: what a resumed one says may differ. */
static bool same_result(long a, long b)
{
	return a == b || (a < 0 && b < 0);
}

const char *laws_resumed(const struct op *op, long rc, long plain_rc,
			 uint64_t plain_memory)
{
	if (rc == -ERESTART) {
		host_cpu_select(0);
		rc = world_apply(go_on_of(op->actor));
	}
	if (!same_result(rc, plain_rc)) {
		snprintf(message, sizeof(message),
			 "interrupted and resumed, the result is %ld and not "
			 "%ld",
			 rc, plain_rc);
		return message;
	}
	return laws_settled_memory() == plain_memory
		       ? NULL
		       : "interrupted and resumed, it did something else";
}

static const char *teardown(struct domain *d)
{
	for (unsigned int i = 0; i < RESTARTS_MAX; i++) {
		int rc = mm_domain_teardown(d);

		if (!rc)
			return NULL;
		if (rc != -ERESTART)
			return "a domain's end is refused";
	}
	return "a domain's end is restarted for ever";
}

const char *laws_end(void)
{
	static uint16_t every[RESTARTS_MAX];
	const char *bad = NULL;

	for (unsigned int i = 0; i < RESTARTS_MAX; i++)
		every[i] = (uint16_t)i;
	host_choose_places(1U << HOST_PREEMPT, every, RESTARTS_MAX);
	for (unsigned int i = 0; !bad && i < nr_ops; i++)
		if (!ops[i].run && guests.pending[ops[i].actor].op)
			bad = finish(&ops[i]);
	for (unsigned int i = 0; i < NR_ACTORS; i++) {
		host_cpu_select(i);
		host_vcpu_enter(NULL);
	}
	host_cpu_select(0);
	for (unsigned int i = 0; !bad && i < 2; i++)
		if (guests.g[i].d)
			bad = teardown(guests.g[i].d);
	for (unsigned int i = 0; !bad && i < 2; i++)
		while (guests.g[i].d && grants_end(guests.g[i].d))
			;
	for (unsigned int i = 0; !bad && i < 2; i++)
		if (guests.g[i].d && guests.g[i].d->frames.tot_pages)
			bad = "memory is left behind at the end";
	host_choose_nothing();
	return bad;
}
