/* SPDX-License-Identifier: MIT */
/*
 * Breadth first: every operation in every state, with every point where it
 * asks whether to stop taken and not taken; the state that results is looked
 * up, and is new or known. So the first counterexample is a shortest one, and
 * "searched to depth n" means all sequences of n steps.
 *
 *     states   [ 0 | 1 2 3 | 4 5 6 7 8 9 ... )   each: parent and step
 *                ^ first    ^ expanding    ^ found
 *
 * A state is not kept, only how it was come by: to expand it, its steps are
 * made again from the first state (a few), and then a snapshot is gone back
 * to for each operation (hundreds).
 *
 * In a world of races a step is two operations on two CPUs, one of which may
 * be interrupted by the other at every touch of a shared word, and again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "errno.h"
#include "search.h"

#define STATES_MAX (1U << 24)
#define KNOWN_SIZE (1U << 26)

struct node {
	uint32_t parent;
	struct step step;
};

static struct node *nodes;
static uint64_t *known; /* open addressing; 0: free */
static uint32_t nr_nodes;

static struct search how;
static struct search_result *result;
static struct timespec started;

static struct host_snapshot *first, *here;
static struct guests first_guests, here_guests;
static uint64_t here_hash;
/* What the operation that is being tried does when nothing interrupts it. */
static struct {
	long rc;
	uint64_t memory;
} plain;
static uint32_t expanding;
static bool failed;

static double elapsed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - started.tv_sec) +
	       (double)(now.tv_nsec - started.tv_nsec) * 1e-9;
}

/* True when the hash was not there. */
static bool note(uint64_t h)
{
	uint64_t i = h % KNOWN_SIZE;

	h |= !h;
	while (known[i]) {
		if (known[i] == h)
			return false;
		i = (i + 1) % KNOWN_SIZE;
	}
	known[i] = h;
	return true;
}

static bool full(void)
{
	return nr_nodes == STATES_MAX;
}

/* ---- telling ---- */

static void tell_path(uint32_t n, const char *separator)
{
	char text[3 * OP_NAME_MAX];

	if (!n)
		return;
	tell_path(nodes[n].parent, ", ");
	step_print(&nodes[n].step, text, sizeof(text));
	fprintf(stderr, "%s%s", text, separator);
}

static void tell(const struct step *s, const char *bad)
{
	char text[3 * OP_NAME_MAX];

	step_print(s, text, sizeof(text));
	fprintf(stderr, "%s\nWORLD %s: \"", bad, kind->name);
	tell_path(expanding, ", ");
	fprintf(stderr, "%s\"\n", text);
	failed = true;
}

/* ---- going ---- */

static void go_back(const struct host_snapshot *s, const struct guests *g)
{
	host_snapshot_back(s);
	guests = *g;
}

static void walk_to(uint32_t n)
{
	struct outcome o;

	if (!n)
		return;
	walk_to(nodes[n].parent);
	step_make(&nodes[n].step, &o);
}

struct attempt {
	const struct step *step;
	struct outcome out;
	const char *bad;
};

static void attempt(void *arg)
{
	struct attempt *a = arg;

	step_make(a->step, &a->out);
	if (a->step->other == ALONE)
		a->bad = laws_after(&ops[a->step->op], a->out.rc);
}

static void check_state(void *arg)
{
	*(const char **)arg = state_wrong();
}

static void check_end(void *arg)
{
	*(const char **)arg = laws_end();
}

/* A state that nobody has seen: all laws, and what comes of ending it. */
static const char *look_at(void)
{
	const char *bad = NULL;

	if (host_fails(check_state, &bad))
		return host_failure();
	if (!bad && host_fails(check_end, &bad))
		return host_failure();
	return bad;
}

struct resumption {
	const struct step *step;
	const char *bad;
};

static void resume(void *arg)
{
	struct resumption *r = arg;
	struct outcome o;

	go_back(here, &here_guests);
	step_make(r->step, &o);
	if (r->step->nr) {
		r->bad = laws_resumed(&ops[r->step->op], o.rc, plain.rc,
				      plain.memory);
		return;
	}
	plain.rc = o.rc;
	plain.memory = laws_settled_memory();
}

/* What an interruption comes to in the end; the world is gone after it. */
static const char *resumed(const struct step *s, const struct outcome *o)
{
	struct resumption r = { .step = s };

	if (s->other != ALONE || !ops[s->op].run || ops[s->op].without_cpu ||
	    o->asked == 0)
		return NULL;
	return host_fails(resume, &r) ? host_failure() : r.bad;
}

/* Makes one step from here and, if that is a new state, notes it. */
static void try_step(const struct step *s, struct outcome *out)
{
	struct attempt a = { .step = s };
	const char *bad = NULL;
	uint64_t h;

	result->transitions++;
	if (host_fails(attempt, &a))
		bad = host_failure();
	*out = a.out;
	if (!bad)
		bad = a.bad;
	h = bad ? 0 : state_hash();
	if (!bad && h != here_hash && note(h)) {
		bad = look_at();
		nodes[nr_nodes].parent = expanding;
		nodes[nr_nodes++].step = *s;
	}
	if (!bad)
		bad = resumed(s, out);
	if (bad)
		tell(s, bad);
	else if (h != here_hash || out->asked)
		go_back(here, &here_guests);
}

/* The step with more and more places, each later than the one before. */
static void try_places(struct step *s)
{
	struct outcome o;
	uint16_t from = s->nr ? (uint16_t)(s->at[s->nr - 1] + 1) : 0;

	try_step(s, &o);
	if (failed || full() || o.rc == -ENOENT || s->nr == how.budget)
		return;
	s->nr++;
	for (uint16_t at = from; !failed && !full() && at < o.asked; at++) {
		s->at[s->nr - 1] = at;
		try_places(s);
	}
	s->nr--;
}

static void expand_alone(void)
{
	for (unsigned int i = 0; !failed && !full() && i < nr_ops; i++) {
		struct step s = { .op = (uint8_t)i, .other = ALONE };

		try_places(&s);
	}
}

/* What an operation alone would do here: nothing at all, or something. */
static bool makes_sense(unsigned int i)
{
	struct step s = { .op = (uint8_t)i, .other = ALONE };
	struct outcome o;

	try_step(&s, &o);
	return o.rc != -ENOENT;
}

static void expand_races(void)
{
	bool sense[MAX_OPS];

	for (unsigned int i = 0; !failed && i < nr_ops; i++)
		sense[i] = makes_sense(i);
	for (unsigned int i = 0; !failed && i < nr_ops; i++)
		for (unsigned int k = 0; !failed && k < nr_ops; k++) {
			struct step s = { .op = (uint8_t)i,
					  .other = (uint8_t)k };

			if (sense[i] && sense[k] &&
			    ops[i].actor < ops[k].actor && !full() &&
			    elapsed() < how.seconds)
				try_places(&s);
		}
}

static void expand(uint32_t n)
{
	expanding = n;
	go_back(first, &first_guests);
	walk_to(n);
	host_snapshot_take(here);
	here_guests = guests;
	here_hash = state_hash();
	laws_before();
	if (kind->races)
		expand_races();
	else
		expand_alone();
}

static void begin(void)
{
	struct step none = { .other = ALONE };
	const char *bad;

	first = host_snapshot_new();
	here = host_snapshot_new();
	host_snapshot_take(first);
	first_guests = guests;
	nr_nodes = 1;
	expanding = 0;
	failed = false;
	note(state_hash());
	bad = look_at();
	if (bad)
		tell(&none, bad);
}

static void search(void)
{
	uint32_t next = 0, level_end = 1;
	unsigned int depth = 0;

	while (!failed && next < nr_nodes && !full() &&
	       elapsed() < how.seconds) {
		if (next == level_end) {
			result->depth = ++depth;
			level_end = nr_nodes;
			if (how.verbose)
				fprintf(stderr,
					"%s: depth %u, %u states, %lu "
					"transitions, %.1f s\n",
					kind->name, depth, nr_nodes,
					result->transitions, elapsed());
			if (depth == how.depth)
				break;
		}
		expand(next++);
	}
	if (!failed && next == nr_nodes)
		result->depth = UINT32_MAX; /* there is nothing more */
	result->states = nr_nodes;
	result->waiting = nr_nodes - next;
}

bool search_run(const struct world_kind *k, const struct search *h,
		struct search_result *out)
{
	how = *h;
	result = out;
	memset(result, 0, sizeof(*result));
	nodes = calloc(STATES_MAX, sizeof(*nodes));
	known = calloc(KNOWN_SIZE, sizeof(*known));
	if (!nodes || !known)
		abort();
	clock_gettime(CLOCK_MONOTONIC, &started);
	world_make(k);
	begin();
	if (!failed)
		search();
	free(nodes);
	free(known);
	return !failed;
}
