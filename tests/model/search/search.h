/* SPDX-License-Identifier: MIT */
/* The search: between search.c, story.c and main.c. */
#ifndef MODEL_SEARCH_SEARCH_H
#define MODEL_SEARCH_SEARCH_H

#include "world.h"

#define PLACES_MAX 3

/* One transition: an operation, or two at once, and where the explorer says
 * other than 0 (preempts it, or lets the other CPU go on). */
struct step {
	uint8_t op, other; /* indices; other is MAX_OPS + 1 when alone */
	uint8_t nr;
	uint16_t at[PLACES_MAX];
};
#define ALONE 255

struct search {
	double seconds;
	unsigned int depth;  /* 0: as far as time lets us */
	unsigned int budget; /* places in one step */
	bool verbose;
};

struct search_result {
	uint64_t states, transitions, waiting;
	unsigned int depth; /* searched completely */
};

/* False when a law is broken; the story is on stderr then. */
bool search_run(const struct world_kind *k, const struct search *how,
		struct search_result *out);

/* Makes a step in the world as it is; what came of it, of both. */
struct outcome {
	long rc, other_rc;
	unsigned int asked; /* how often the explorer was asked */
};
void step_make(const struct step *s, struct outcome *out);
/* A step as text, and back: "A0 pin S0 L1 @3", "A0 map S0 rw | A1 unpin S0
 * @7 @21". False: there is no such operation. */
void step_print(const struct step *s, char *to, size_t n);
[[nodiscard]] bool step_parse(const char *text, size_t n, struct step *s);
/* Plays a list of steps, separated by commas, and says what happens. */
bool story_play(const struct world_kind *k, const char *list);
/* All laws at once, in the world as it is: a message, or NULL. */
const char *state_wrong(void);

#endif
