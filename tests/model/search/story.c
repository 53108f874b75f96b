/* SPDX-License-Identifier: MIT */
/*
 * Steps: how they are made, told and told again. A counterexample is a list
 * of steps that anybody can play: search --replay WORLD "STEP, STEP, ...".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/oracle.h"
#include "search.h"

static long results[NR_ACTORS];

static void in_fiber(void *arg)
{
	const struct op *op = arg;

	results[op->actor] = world_apply(op);
}

static void fill_all(void)
{
	for (unsigned int i = 0; i < host_nr_cpus; i++)
		host_tlb_fill(i);
}

/* The second starts first when order says so: it is not a place. */
void step_make(const struct step *s, struct outcome *out)
{
	const struct op *op = &ops[s->op];

	if (s->other == ALONE) {
		host_choose_places(1U << HOST_PREEMPT, s->at, s->nr);
		out->rc = world_apply(op);
		out->other_rc = 0;
	} else {
		const struct op *other = &ops[s->other];

		host_choose_places(1U << HOST_SWITCH, s->at, s->nr);
		host_cpu_run(op->actor, in_fiber, (void *)(uintptr_t)op);
		host_cpu_run(other->actor, in_fiber, (void *)(uintptr_t)other);
		host_cpus_go();
		out->rc = results[op->actor];
		out->other_rc = results[other->actor];
	}
	out->asked = host_choices_asked();
	host_choose_nothing();
	fill_all();
}

void step_print(const struct step *s, char *to, size_t n)
{
	int used = snprintf(to, n, "%s", ops[s->op].name);

	if (s->other != ALONE)
		used += snprintf(to + used, n - (size_t)used, " | %s",
				 ops[s->other].name);
	for (unsigned int i = 0; i < s->nr; i++)
		used += snprintf(to + used, n - (size_t)used, " @%u", s->at[i]);
}

static bool op_find(const char *text, size_t n, uint8_t *out)
{
	while (n && text[n - 1] == ' ')
		n--;
	for (unsigned int i = 0; i < nr_ops; i++) {
		if (strlen(ops[i].name) != n || strncmp(ops[i].name, text, n))
			continue;
		*out = (uint8_t)i;
		return true;
	}
	return false;
}

bool step_parse(const char *text, size_t n, struct step *s)
{
	const char *end = text + n, *at, *bar;

	memset(s, 0, sizeof(*s));
	s->other = ALONE;
	at = memchr(text, '@', n);
	n = at ? (size_t)(at - text) : n;
	bar = memchr(text, '|', n);
	if (bar && !op_find(bar + 2, n - (size_t)(bar + 2 - text), &s->other))
		return false;
	while (at && at < end && s->nr < PLACES_MAX) {
		s->at[s->nr++] = (uint16_t)atoi(at + 1);
		at = memchr(at + 1, '@', (size_t)(end - at - 1));
	}
	return op_find(text, bar ? (size_t)(bar - text) : n, &s->op);
}

const char *state_wrong(void)
{
	if (oracle_check())
		return oracle_report();
	return laws_state();
}

static const char *play_one(const struct step *s)
{
	struct outcome o;
	const char *bad;

	laws_before();
	step_make(s, &o);
	printf(" -> %ld", o.rc);
	if (s->other != ALONE)
		printf(", %ld", o.other_rc);
	printf("  (state %016lx, asked %u)\n", state_hash(), o.asked);
	bad = s->other == ALONE ? laws_after(&ops[s->op], o.rc) : NULL;
	return bad ? bad : state_wrong();
}

static bool play(const char *list)
{
	while (*list) {
		size_t n = strcspn(list, ",");
		struct step s;
		const char *bad;

		if (!step_parse(list, n, &s)) {
			printf("there is no step \"%.*s\"\n", (int)n, list);
			return false;
		}
		printf("%.*s", (int)n, list);
		fflush(stdout);
		bad = play_one(&s);
		if (bad) {
			printf("%s\n", bad);
			return false;
		}
		list += n;
		list += strspn(list, ", ");
	}
	return true;
}

bool story_play(const struct world_kind *k, const char *list)
{
	const char *bad = NULL;
	bool ok;

	world_make(k);
	ok = play(list);
	if (ok)
		bad = laws_end();
	if (bad)
		printf("at the end: %s\n", bad);
	host_fini();
	return ok && !bad;
}
