/* SPDX-License-Identifier: MIT */
/*
 * search [-s SECONDS] [-d DEPTH] [-b BUDGET] [-v] [WORLD...]
 *     Searches the worlds (all of them) for so many seconds in all; prints
 *     what was visited. Ends with status 1 and a list of steps when a law is
 *     broken.
 * search -r WORLD "STEP, STEP, ..."
 *     Plays such a list.
 * search -l [WORLD]
 *     Lists the worlds, or what may be done in one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "search.h"

static const struct world_kind *find(const char *name)
{
	for (unsigned int i = 0; i < nr_world_kinds; i++)
		if (!strcmp(world_kinds[i].name, name))
			return &world_kinds[i];
	fprintf(stderr, "there is no world \"%s\"\n", name);
	exit(2);
}

static int list(const char *name)
{
	if (!name) {
		for (unsigned int i = 0; i < nr_world_kinds; i++)
			puts(world_kinds[i].name);
		return 0;
	}
	world_make(find(name));
	for (unsigned int i = 0; i < nr_ops; i++)
		puts(ops[i].name);
	return 0;
}

/* Each world in a process of its own: they share nothing, not even an end. */
static bool search_world(const struct world_kind *k, const struct search *how)
{
	struct search_result r;
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child) {
		if (waitpid(child, &status, 0) != child)
			exit(2);
		return status == 0;
	}
	status = !search_run(k, how, &r);
	printf("%-12s %9lu states %10lu transitions  ", k->name, r.states,
	       r.transitions);
	if (r.depth == UINT32_MAX)
		printf("all there are\n");
	else
		printf("all sequences of %u, %lu states of %u left\n", r.depth,
		       r.waiting, r.depth + 1);
	fflush(stdout);
	_exit(status);
}

int main(int argc, char **argv)
{
	struct search how = { .seconds = 60, .budget = 2 };
	unsigned int nr = 0, failed = 0;
	int c;

	while ((c = getopt(argc, argv, "s:d:b:vrl")) != -1) {
		if (c == 's')
			how.seconds = atof(optarg);
		else if (c == 'd')
			how.depth = (unsigned int)atoi(optarg);
		else if (c == 'b')
			how.budget = (unsigned int)atoi(optarg);
		else if (c == 'v')
			how.verbose = true;
		else if (c == 'r' && optind + 2 == argc)
			return !story_play(find(argv[optind]),
					   argv[optind + 1]);
		else if (c == 'l')
			return list(argv[optind]);
		else
			return 2;
	}
	for (unsigned int i = 0; i < nr_world_kinds; i++) {
		bool wanted = optind == argc;

		for (int k = optind; k < argc; k++)
			wanted |= find(argv[k]) == &world_kinds[i];
		nr += wanted;
	}
	how.seconds /= nr;
	for (unsigned int i = 0; i < nr_world_kinds; i++) {
		bool wanted = optind == argc;

		for (int k = optind; k < argc; k++)
			wanted |= find(argv[k]) == &world_kinds[i];
		if (wanted)
			failed += !search_world(&world_kinds[i], &how);
	}
	return failed != 0;
}
