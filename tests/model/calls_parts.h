/* SPDX-License-Identifier: MIT */
/* The hostile guests, between calls.c and the files of what they do. */
#ifndef MODEL_CALLS_PARTS_H
#define MODEL_CALLS_PARTS_H

#include <stdio.h>

#include "calls.h"
#include "host/host.h"
#include "source.h"

/* A guest's pages: code, stack, and four of arguments. */
#define PAGES	   28
#define CODE_PAGE  0
#define STACK_PAGE 1
#define ARGS_PAGE  2
#define CALL_RIP   (host_guest_va(CODE_PAGE) + 0x102)

extern struct calls_config calls_cfg;
extern struct host_guest calls_guest[2];
extern uint16_t calls_guest_id[2];
/* What the last step was, and came to. */
extern char calls_said[200];
extern long calls_result;

#define SAY(...) snprintf(calls_said, sizeof(calls_said), __VA_ARGS__)

/* Whether guest i is the one that was made last in its place. */
static inline bool lives(unsigned int i)
{
	return domain_find(calls_guest_id[i]) == calls_guest[i].d;
}

static inline struct vcpu *me(void)
{
	return host_this->current;
}

static inline struct host_guest *mine(void)
{
	return &calls_guest[me()->domain != calls_guest[0].d];
}

/* The other guest while there is one. */
static inline struct host_guest *other(void)
{
	unsigned int i = mine() == &calls_guest[0];

	return lives(i) ? &calls_guest[i] : mine();
}

/* ---- arguments (calls_arguments.c) ---- */

/* A word that fits somewhere; words for anything, at va. */
uint64_t calls_word(void);
void calls_fill(uint64_t va, unsigned int n);
/* A store of the guest's own, if it can. */
void calls_put(uint64_t va, const void *p, size_t n);
/* A call's number, and arguments for it. */
uint64_t calls_number(void);
void calls_arguments(uint64_t number, uint64_t a[6]);

/* ---- acts (calls_acts.c) ---- */

/* Something that the vcpu which runs here does. */
void calls_act(void);

#endif
