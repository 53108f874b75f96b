/* SPDX-License-Identifier: MIT */
/*
 * Which operations there are in a world: each with each argument that makes a
 * difference, by groups. Most of them are refused in most states; that they
 * are, and leave no trace, is half of what is searched.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "operations.h"

struct op ops[MAX_OPS];
unsigned int nr_ops;

static const char *const target_names[] = { "S0", "S1",	  "S2", "S3",
					    "R0", "T1",	  "T2", "T3",
					    "T4", "root", "0" };

static const char *const right_names[] = { "none", "ro", "rw" };

static struct op *add(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static struct op *add(const char *fmt, ...)
{
	struct op *op = &ops[nr_ops++];
	va_list list;

	if (nr_ops > MAX_OPS)
		host_fail("too many operations");
	memset(op, 0, sizeof(*op));
	va_start(list, fmt);
	vsnprintf(op->name, sizeof(op->name), fmt, list);
	va_end(list);
	return op;
}

static const char *const actor_names[] = { "A0", "A1", "B0" };

#define ADD(a, fn, X, Y, IDX, HOW, ...)            \
	do {                                       \
		struct op *op_ = add(__VA_ARGS__); \
		op_->actor = (a);                  \
		op_->run = (fn);                   \
		op_->x = (uint8_t)(X);             \
		op_->y = (uint8_t)(Y);             \
		op_->idx = (uint16_t)(IDX);        \
		op_->how = (uint8_t)(HOW);         \
	} while (0)

struct lister {
	enum actor a;
	const char *name;
	unsigned int first, spares; /* targets that are its own spare pages */
	uint32_t ops;
};

static void list_map(const struct lister *l)
{
	static const char *const flushes[] = { "", " flush", " invlpg" };

	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int t = l->first + i;

		for (unsigned int r = NONE; r <= RW; r++)
			ADD(l->a, op_map, i, t, 0, r, "%s map %s %s", l->name,
			    target_names[t], right_names[r]);
		for (unsigned int f = 1; f < 3; f++)
			if (l->ops & OPS_FLUSH)
				ADD(l->a, op_map, i, t, f, NONE,
				    "%s map %s none%s", l->name,
				    target_names[t], flushes[f]);
	}
}

static void list_cross(const struct lister *l)
{
	static const uint8_t what[] = { T1, T2, T4, S0 + 1, R0 };
	unsigned int n = ARRAY_SIZE(what) - !kind->second_domain;

	if (kind->second_domain) {
		ADD(l->a, op_pin, R0, 0, 0, 1, "%s pin R0 L1", l->name);
		ADD(l->a, op_foreign_map, 0, R0, 0, RW, "%s foreign R0 rw",
		    l->name);
		ADD(l->a, op_foreign_pin, R0, 0, 0, MMUEXT_PIN_L1_TABLE,
		    "%s foreign pin R0 L1", l->name);
		ADD(l->a, op_decrease, R0, 0, 0, 0, "%s decrease R0", l->name);
	}
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int r = RO; r <= RW; r++)
			ADD(l->a, op_map, 0, what[i], 0, r, "%s alias %s %s",
			    l->name, target_names[what[i]], right_names[r]);
}

static void list_table(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_write, x, NOTHING, 0, NONE, "%s write %s[0] 0",
		    l->name, target_names[x]);
		for (unsigned int y = l->first; y < l->first + l->spares; y++)
			for (unsigned int r = RO; r <= RW; r++)
				ADD(l->a, op_write, x, y, 0, r,
				    "%s write %s[0] %s %s", l->name,
				    target_names[x], target_names[y],
				    right_names[r]);
		ADD(l->a, op_write, x, NOTHING, 511, NONE, "%s write %s[511] 0",
		    l->name, target_names[x]);
		ADD(l->a, op_write, x, T1, 511, RW, "%s write %s[511] T1 rw",
		    l->name, target_names[x]);
		for (unsigned int y = l->first; y < l->first + l->spares; y++)
			ADD(l->a, op_write, x, y, 511, RW,
			    "%s write %s[511] %s rw", l->name, target_names[x],
			    target_names[y]);
	}
}

static void list_top(const struct lister *l)
{
	for (unsigned int t = T2; t <= T4; t++) {
		ADD(l->a, op_write, t, NOTHING, 1, NONE, "%s write %s[1] 0",
		    l->name, target_names[t]);
		for (unsigned int y = l->first; y < l->first + l->spares; y++)
			ADD(l->a, op_write, t, y, 1, RW, "%s write %s[1] %s rw",
			    l->name, target_names[t], target_names[y]);
	}
	ADD(l->a, op_write, T4, l->first, 256, RW, "%s write T4[256] S0 rw",
	    l->name);
}

static void list_pin(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		for (unsigned int level = 1; level <= 4; level++)
			ADD(l->a, op_pin, x, 0, 0, level, "%s pin %s L%u",
			    l->name, target_names[x], level);
		ADD(l->a, op_unpin, x, 0, 0, 0, "%s unpin %s", l->name,
		    target_names[x]);
	}
}

static void list_root(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_root, x, 0, 0, MMUEXT_NEW_BASEPTR, "%s root %s",
		    l->name, target_names[x]);
		ADD(l->a, op_root, x, 0, 0, MMUEXT_NEW_USER_BASEPTR,
		    "%s user root %s", l->name, target_names[x]);
	}
	ADD(l->a, op_root, ROOT, 0, 0, MMUEXT_NEW_BASEPTR, "%s root first",
	    l->name);
	ADD(l->a, op_root, NOTHING, 0, 0, MMUEXT_NEW_USER_BASEPTR,
	    "%s user root 0", l->name);
	ADD(l->a, op_mode, 0, 0, 0, 0, "%s other mode", l->name);
}

static void list_flush(const struct lister *l)
{
	ADD(l->a, op_flush, 0, 0, 0, MMUEXT_TLB_FLUSH_LOCAL, "%s flush",
	    l->name);
	ADD(l->a, op_flush, 0, 0, 0, MMUEXT_TLB_FLUSH_ALL, "%s flush all",
	    l->name);
	ADD(l->a, op_flush, 0, 0, 0, MMUEXT_INVLPG_ALL, "%s invlpg all",
	    l->name);
}

static void list_balloon(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_decrease, l->first + i, 0, 0, 0, "%s decrease %s",
		    l->name, target_names[l->first + i]);
	if (l->spares > 1)
		ADD(l->a, op_decrease, l->first, 0, 0, 1, "%s decrease two",
		    l->name);
	ADD(l->a, op_populate, 0, 0, 0, 0, "%s populate", l->name);
}

static void list_segment(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_gdt, x, 0, 0, 0, "%s gdt %s", l->name,
		    target_names[x]);
		ADD(l->a, op_ldt, i, 1, 0, 0, "%s ldt %s", l->name,
		    target_names[x]);
		ADD(l->a, op_descriptor, x, 0, 0, 0, "%s descriptor %s",
		    l->name, target_names[x]);
		ADD(l->a, op_descriptor, x, 0, 0, 1, "%s gate %s", l->name,
		    target_names[x]);
	}
	ADD(l->a, op_gdt, NOTHING, 0, 0, 0, "%s gdt 0", l->name);
	ADD(l->a, op_ldt, 0, 0, 0, 0, "%s ldt 0", l->name);
	ADD(l->a, op_ldt_fault, 0, 0, 0, 0, "%s ldt fault", l->name);
}

static void list_page(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_page, l->first + i, l->first, 0, MMUEXT_CLEAR_PAGE,
		    "%s clear %s", l->name, target_names[l->first + i]);
	if (l->spares > 1)
		ADD(l->a, op_page, l->first, l->first + 1, 0, MMUEXT_COPY_PAGE,
		    "%s copy to S0 S1", l->name);
}

static void list_store(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++) {
		unsigned int x = l->first + i;

		ADD(l->a, op_store, x, NOTHING, 0, NONE, "%s store %s[0] 0",
		    l->name, target_names[x]);
		ADD(l->a, op_store, x, T1, 0, RW, "%s store %s[0] T1 rw",
		    l->name, target_names[x]);
		if (l->ops & OPS_SEGMENT)
			ADD(l->a, op_store, x, NOTHING, 0, GATE,
			    "%s store %s[0] gate", l->name, target_names[x]);
	}
}

static void list_batch(const struct lister *l)
{
	for (unsigned int i = 0; i + 1 < l->spares; i++)
		ADD(l->a, op_batch, l->first + i + 1, l->first + i, 0, 0,
		    "%s batch %s %s", l->name, target_names[l->first + i + 1],
		    target_names[l->first + i]);
	for (unsigned int i = 0; i + 1 < l->spares; i++)
		ADD(l->a, op_pins, l->first + i, l->first + i + 1, 0, i + 1,
		    "%s pins from %s", l->name, target_names[l->first + i]);
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_multicall, l->first + i, 0, 0, i + 1,
		    "%s multicall %s L%u", l->name, target_names[l->first + i],
		    i + 1);
}

static void list_foreign(const struct lister *l)
{
	for (unsigned int i = 0; i < kind->spares; i++) {
		for (unsigned int r = NONE; r <= RW; r++)
			ADD(l->a, op_foreign_map, i + 1, S0 + i, 0, r,
			    "%s foreign %s %s", l->name, target_names[S0 + i],
			    right_names[r]);
		ADD(l->a, op_foreign_pin, S0 + i, 0, 0, MMUEXT_PIN_L1_TABLE,
		    "%s foreign pin %s L1", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_pin, S0 + i, 0, 0, MMUEXT_PIN_L2_TABLE,
		    "%s foreign pin %s L2", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_pin, S0 + i, 0, 0, MMUEXT_UNPIN_TABLE,
		    "%s foreign unpin %s", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_write, S0 + i, S0, 0, RW,
		    "%s foreign write %s[0] S0", l->name, target_names[S0 + i]);
		ADD(l->a, op_foreign_write, S0 + i, NOTHING, 0, NONE,
		    "%s foreign write %s[0] 0", l->name, target_names[S0 + i]);
	}
}

/* The last entry of a 32-bit root leads to a table of a type of its own. */
static void list_narrow(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		for (unsigned int y = T4; y != l->first + l->spares;
		     y = y == T4 ? l->first : y + 1)
			ADD(l->a, op_write, l->first + i, y, 3, RW,
			    "%s write %s[3] %s rw", l->name,
			    target_names[l->first + i], target_names[y]);
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_write, ROOT, l->first + i, 3, RW,
		    "%s write root[3] %s rw", l->name,
		    target_names[l->first + i]);
	ADD(l->a, op_write, T4, l->first, ABI_HV32_SLOT_FIRST, RW,
	    "%s write T4[428] S0 rw", l->name);
}

static void list_exchange(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		ADD(l->a, op_exchange, l->first + i, NOTHING, 0, 0,
		    "%s exchange %s", l->name, target_names[l->first + i]);
	for (unsigned int i = 0; i < l->spares; i++)
		for (unsigned int order = 0; order < 2; order++)
			ADD(l->a, op_exchange, l->first, l->first + i, 0, order,
			    "%s exchange %s and %s for order %u", l->name,
			    target_names[l->first], target_names[l->first + i],
			    order);
	ADD(l->a, op_exchange, T1, NOTHING, 0, 0, "%s exchange T1", l->name);
	if (kind->second_domain && l->first != R0)
		ADD(l->a, op_exchange, R0, NOTHING, 0, 0, "%s exchange R0",
		    l->name);
}

static void list_claim(const struct lister *l)
{
	static const uint8_t pages[] = { 0, 5, 6, 7 };

	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++)
		ADD(l->a, op_claim, pages[i], 0, 0, 0, "%s claim %u", l->name,
		    pages[i]);
}

static void list_touch(const struct lister *l)
{
	for (unsigned int i = 0; i < l->spares; i++)
		for (unsigned int r = RO; r <= RW; r++)
			ADD(l->a, op_touch, i, 0, 0, r, "%s touch %s %s",
			    l->name, target_names[l->first + i],
			    right_names[r]);
}

static void list_shadow(const struct lister *l)
{
	ADD(l->a, op_shadow, 1, 0, 0, true, "%s log on", l->name);
	ADD(l->a, op_shadow, 1, 0, 0, false, "%s shadows on", l->name);
	ADD(l->a, op_shadow, 0, 0, 0, false, "%s log off", l->name);
	ADD(l->a, op_log_take, 0, 0, 0, 0, "%s log take", l->name);
}

static void list_lend(const struct lister *l)
{
	ADD(l->a, op_lend, NOTHING, 0, 0, NONE, "%s revoke", l->name);
	for (unsigned int i = 0; i < l->spares; i++)
		for (unsigned int r = RO; r <= RW; r++)
			ADD(l->a, op_lend, l->first + i, 0, 0, r,
			    "%s lend %s %s", l->name,
			    target_names[l->first + i], right_names[r]);
	ADD(l->a, op_lend, T1, 0, 0, RW, "%s lend T1 rw", l->name);
}

#define FREE_SLOT 5 /* of the second domain's first L1 */

static void list_borrow(const struct lister *l)
{
	for (unsigned int r = RO; r <= RW; r++)
		ADD(l->a, op_borrow, FREE_SLOT, 0, 0, r, "%s borrow %s",
		    l->name, right_names[r]);
	ADD(l->a, op_borrow, 0, 0, 0, RW, "%s borrow over R0", l->name);
	for (unsigned int handle = 0; handle < 2; handle++)
		ADD(l->a, op_return, FREE_SLOT, handle, 0, 0, "%s return %u",
		    l->name, handle);
	ADD(l->a, op_return, 0, 0, 0, 0, "%s return nothing", l->name);
	ADD(l->a, op_map, FREE_SLOT, NOTHING, 0, NONE, "%s forget", l->name);
	ADD(l->a, op_map, FREE_SLOT, S0, 0, RW, "%s take S0 rw", l->name);
	ADD(l->a, op_grant_copy, R0, 0, 0, RO, "%s copy to R0", l->name);
	ADD(l->a, op_grant_copy, R0, 0, 0, RW, "%s copy from R0", l->name);
	ADD(l->a, op_store, S0, T1, 0, RW, "%s store S0[0] T1 rw", l->name);
}

static void list_idle(const struct lister *l)
{
	if (l->a == A1 || (kind->ops_other & OPS_SHADOW))
		ADD(l->a, op_idle, 0, 0, 0, 0, "%s idle", l->name);
}

static void list_die(const struct lister *l)
{
	if (l->a == A0)
		ADD(A0, op_die, 0, 0, 0, 0, "A dies");
}

static const struct {
	uint32_t ops;
	void (*list)(const struct lister *);
} lists[] = {
	{ OPS_MAP, list_map },	       { OPS_CROSS, list_cross },
	{ OPS_TABLE, list_table },     { OPS_TOP, list_top },
	{ OPS_PIN, list_pin },	       { OPS_ROOT, list_root },
	{ OPS_FLUSH, list_flush },     { OPS_BALLOON, list_balloon },
	{ OPS_SEGMENT, list_segment }, { OPS_PAGE, list_page },
	{ OPS_WRITE, list_store },     { OPS_BATCH, list_batch },
	{ OPS_NARROW, list_narrow },   { OPS_EXCHANGE, list_exchange },
	{ OPS_CLAIM, list_claim },     { OPS_TOUCH, list_touch },
	{ OPS_SHADOW, list_shadow },   { OPS_RUN, list_idle },
	{ OPS_FOREIGN, list_foreign }, { OPS_DIE, list_die },
	{ OPS_LEND, list_lend },       { OPS_BORROW, list_borrow },
};

static void list_actor(const struct lister *l)
{
	add("%s go on", l->name)->actor = l->a;
	for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
		if (l->ops & lists[i].ops)
			lists[i].list(l);
}

bool ops_race;

void ops_list(const struct world_kind *k)
{
	struct lister l = { .spares = k->spares, .ops = k->ops };

	ops_race = k->races;
	nr_ops = 0;
	for (l.a = A0; l.a <= (k->second_vcpu ? A1 : A0); l.a++) {
		l.name = actor_names[l.a];
		list_actor(&l);
	}
	if (k->second_domain) {
		l = (struct lister){ .a = B0,
				     .name = actor_names[B0],
				     .first = R0,
				     .spares = 1,
				     .ops = k->ops_other };
		list_actor(&l);
	}
	for (unsigned int i = 0; i < nr_ops; i++)
		ops[i].without_cpu =
			ops[i].run == op_idle || ops[i].run == op_die;
}
