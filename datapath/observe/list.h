/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A doubly linked list threaded through its members; a member knows by itself whether it
 * is in one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next; /* NULL: in no list */
	struct list *previous;
};

#define list_entry(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))

/* Sets |at| to each member of the list |head| in turn, which the body must not take out. */
#define list_for_each_entry(at, head, member)                                                      \
	for (at = list_entry((head)->next, __typeof__(*at), member); &at->member != (head);        \
	     at = list_entry(at->member.next, __typeof__(*at), member))

static inline void list_init(struct list *head)
{
	head->next = head->previous = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *node)
{
	return node->next;
}

static inline void list_remove(struct list *node)
{
	if (!node->next)
		return;
	node->previous->next = node->next;
	node->next->previous = node->previous;
	node->next = node->previous = NULL;
}

/* Appends |node|, after taking it out of the list that it is in. */
static inline void list_append(struct list *head, struct list *node)
{
	list_remove(node);
	node->previous = head->previous;
	node->next = head;
	head->previous->next = node;
	head->previous = node;
}
