/* SPDX-License-Identifier: MIT */
/*
 * Doubly linked lists whose links lie inside the things that are linked.
 * An empty list, and a thing on no list, points at itself.
 */
#ifndef LODGE_LIST_H
#define LODGE_LIST_H

#include "types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Puts item before the place at: at the end, when at is the list's head. */
static inline void list_add_before(struct list *at, struct list *item)
{
	item->prev = at->prev;
	item->next = at;
	at->prev->next = item;
	at->prev = item;
}

static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

#define LIST_ENTRY(link, type, member) CONTAINER_OF(link, type, member)

#endif
