/* SPDX-License-Identifier: MIT */
/*
 * A world small enough to be searched: two domains with a first address space
 * each, a few spare pages that may become anything, a few free frames; and
 * every operation that its guests may try, as a list. See world.c.
 */
#ifndef MODEL_SEARCH_WORLD_H
#define MODEL_SEARCH_WORLD_H

#include "call/call.h"
#include "host/host.h"

/* Who acts, each on the CPU of that number. */
enum actor { A0, A1, B0, NR_ACTORS };

/* What guests try, by groups (operations.c). */
#define OPS_MAP	     (1U << 0) /* their own pages: read-only, writable, not */
#define OPS_CROSS    (1U << 1) /* what is not theirs to map, aliases */
#define OPS_TABLE    (1U << 2) /* entries of spare pages */
#define OPS_TOP	     (1U << 3) /* entries of the first tables */
#define OPS_PIN	     (1U << 4)
#define OPS_ROOT     (1U << 5)
#define OPS_FLUSH    (1U << 6)
#define OPS_BALLOON  (1U << 7)
#define OPS_SEGMENT  (1U << 8)
#define OPS_PAGE     (1U << 9)	/* clear and copy */
#define OPS_WRITE    (1U << 10) /* through what the TLB holds */
#define OPS_BATCH    (1U << 11)
#define OPS_RUN	     (1U << 12) /* CPU 1 idles, and runs again */
#define OPS_DIE	     (1U << 13)
#define OPS_FOREIGN  (1U << 14) /* a privileged domain and another's frames */
#define OPS_EXCHANGE (1U << 15)
#define OPS_CLAIM    (1U << 16) /* for the other domain */
#define OPS_TOUCH    (1U << 17) /* accesses that may fault */
#define OPS_NARROW   (1U << 19) /* the last entry of a 32-bit root */
#define OPS_LEND     (1U << 20) /* the first domain's grants */
#define OPS_BORROW   (1U << 21) /* the second's use of them */
#define OPS_SHADOW   (1U << 18) /* the other domain's, and its log */

struct world_kind {
	const char *name;
	unsigned int spares; /* of the first domain; the second has one */
	unsigned int free;   /* frames */
	unsigned int frames; /* of the machine; 0: enough for the guests */
	bool second_vcpu, second_domain, privileged;
	bool narrow;	    /* the first domain is a 32-bit one */
	bool separated;	    /* roots have companions */
	uint32_t ops;	    /* of the first domain */
	uint32_t ops_other; /* of the second */
	bool races;	    /* two operations at once, not one by one */
	const char *before; /* operations that make the first state */
};
extern const struct world_kind world_kinds[];
extern const unsigned int nr_world_kinds;

#define OP_NAME_MAX 48

struct op {
	long (*run)(const struct op *op, struct call_args *args);
	enum actor actor;
	uint8_t x, y, how; /* whose meaning is run's */
	uint16_t idx;
	bool without_cpu; /* no vcpu does it */
	char name[OP_NAME_MAX];
};

/* The operations of this world; an index of theirs is all a search knows. */
#define MAX_OPS 250
/* What a machine may have. */
#define MAX_FRAMES 192
extern struct op ops[MAX_OPS];
extern unsigned int nr_ops;
/* Two of them are done at once: what one finds, the other may have changed. */
extern bool ops_race;
/* Fills the list. */
void ops_list(const struct world_kind *kind);

#define MAX_SPARES 4

/* What of a world's state is not in the machine. */
struct guests {
	struct host_guest g[2]; /* their spare pages first */
	struct pending {
		uint8_t op; /* index + 1 of an interrupted call; 0: none */
		struct call_args args;
	} pending[NR_ACTORS];
	bool given_up; /* some interrupted call was never resumed */
	uint8_t apart; /* CPUs that the first domain is kept away from */
};
extern struct guests guests;
extern const struct world_kind *kind;

void world_make(const struct world_kind *k);
/* Applies an operation in the main context or in a fiber of its actor's CPU.
 * -ENOENT: it makes no sense now. */
long world_apply(const struct op *op);
/* The vcpu of that actor while it runs, else NULL. */
struct vcpu *world_actor(enum actor a);
struct host_guest *world_guest(enum actor a);
/* Grant tables for a domain; ends the loans that it has (grants.c). */
void grants_make(struct domain *d);
[[nodiscard]] int grants_end(struct domain *d);
/* Where an actor has its arguments: so many words of the window. */
#define WORDS 64
uint64_t *words(enum actor a);

/* A number that two states share only when they are equal for all that can
 * follow (state.c). */
uint64_t state_hash(void);
/* The same without what is cached where, and what is stale. */
uint64_t state_hash_of_memory(void);
/* The laws of transitions and of ends (laws.c): a message, or NULL. */
void laws_before(void);
const char *laws_after(const struct op *op, long rc);
const char *laws_state(void);
/*
 * An operation that was interrupted, resumed to its end and settled, has the
 * result and leaves the memory that it would have without: compares this
 * world, where it was interrupted with rc, with that. Goes on with the world.
 */
const char *laws_resumed(const struct op *op, long rc, long plain_rc,
			 uint64_t plain_memory);
/* Ends what is interrupted in domains, and returns state_hash_of_memory(). */
uint64_t laws_settled_memory(void);
/* Ends the world from here: all memory must be free. Destroys it. */
const char *laws_end(void);

#endif
