/* SPDX-License-Identifier: MIT */
/*
 * The explorer. Whatever is not the core's to decide is asked here: does this
 * copy fault, is there memory, which CPU runs next. The answer 0 always means
 * "no trouble", so a test that wants none gets a plain machine.
 *
 * Exhaustive exploration is a counter whose digits are the answers: each run
 * records the path it took, next() advances the last digit that has room and
 * cuts off what follows. The budget bounds how many digits may be other than
 * 0, which keeps the number of paths polynomial; most mistakes need two or
 * three.
 */
#include <string.h>

#include "host/host.h"

enum mode { NOTHING, RANDOM, SCRIPT, EXHAUSTIVE, PLACES };

#define PATH_MAX_LENGTH 65536

static enum mode mode;
static uint64_t state = 1;
static unsigned int rates[HOST_NR_CHOICES];
static unsigned int made[HOST_NR_CHOICES];

static const uint8_t *script;
static size_t script_left;

static struct {
	uint16_t choice, n;
} path[PATH_MAX_LENGTH];
static unsigned int path_length, path_at;
static unsigned int path_budget, path_spent;
static uint32_t path_mask;

static uint32_t places_mask;
static unsigned int places_asked;
static const uint16_t *places;
static unsigned int nr_places;

uint64_t host_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned int choose_random(enum host_choice kind, unsigned int n)
{
	if (!rates[kind] || host_random() % 1000 >= rates[kind])
		return 0;
	return 1 + (unsigned int)(host_random() % (n - 1));
}

static unsigned int choose_script(unsigned int n)
{
	if (!script_left)
		return 0;
	script_left--;
	return *script++ % n;
}

static unsigned int choose_path(enum host_choice kind, unsigned int n)
{
	unsigned int c;

	if (!(path_mask & 1U << kind) || path_spent == path_budget)
		return 0;
	if (path_at == PATH_MAX_LENGTH)
		host_fail("explorer: path too long");
	if (path_at == path_length) {
		path[path_length].choice = 0;
		path[path_length++].n = (uint16_t)n;
	}
	if (path[path_at].n != n)
		host_fail("explorer: the world is not deterministic");
	c = path[path_at++].choice;
	path_spent += c != 0;
	return c;
}

static unsigned int choose_place(enum host_choice kind)
{
	if (!(places_mask & 1U << kind))
		return 0;
	places_asked++;
	if (!nr_places || places_asked - 1 != *places)
		return 0;
	places++;
	nr_places--;
	return 1;
}

unsigned int host_choose(enum host_choice kind, unsigned int n)
{
	unsigned int c = 0;

	if (n < 2)
		return 0;
	switch (mode) {
	case NOTHING:
		break;
	case RANDOM:
		c = choose_random(kind, n);
		break;
	case SCRIPT:
		c = choose_script(n);
		break;
	case EXHAUSTIVE:
		c = choose_path(kind, n);
		break;
	case PLACES:
		c = choose_place(kind);
		break;
	}
	made[kind] += c != 0;
	return c;
}

unsigned int host_choices_made(enum host_choice kind)
{
	return made[kind];
}

void host_choose_nothing(void)
{
	mode = NOTHING;
	memset(made, 0, sizeof(made));
	memset(rates, 0, sizeof(rates));
}

void host_choose_random(uint64_t seed)
{
	mode = RANDOM;
	state = seed;
	memset(rates, 0, sizeof(rates));
}

void host_choose_rate(enum host_choice kind, unsigned int per_mille)
{
	rates[kind] = per_mille;
}

void host_choose_script(const uint8_t *bytes, size_t n)
{
	mode = SCRIPT;
	script = bytes;
	script_left = n;
}

void host_choose_places(uint32_t mask, const uint16_t *at, unsigned int n)
{
	mode = PLACES;
	places_mask = mask;
	places = at;
	nr_places = n;
	places_asked = 0;
}

unsigned int host_choices_asked(void)
{
	return places_asked;
}

void host_explore_begin(uint32_t mask, unsigned int budget)
{
	path_mask = mask;
	path_budget = budget;
	path_length = 0;
	path_at = 0;
	path_spent = 0;
}

void host_explore_on(void)
{
	mode = EXHAUSTIVE;
}

bool host_explore_next(void)
{
	path_length = path_at;
	while (path_length &&
	       path[path_length - 1].choice + 1U == path[path_length - 1].n)
		path_length--;
	if (!path_length)
		return false;
	path[path_length - 1].choice++;
	path_at = 0;
	path_spent = 0;
	return true;
}
