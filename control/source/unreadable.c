// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A list: there are few of them, and a change comes for each. */
#include "control/source/unreadable.h"

#include "control/source/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release(struct unreadable *u)
{
	free(u->name);
	free(u->problem);
	free(u);
}

void unreadable_add(struct unreadable **list, const char *name, const char *problem)
{
	struct unreadable *u = calloc(1, sizeof(*u));

	if (!u)
		return;
	u->name = strdup(name);
	u->problem = strdup(problem);
	if (!u->name || !u->problem) {
		release(u);
		return;
	}
	u->next = *list;
	*list = u;
}

void unreadable_drop(struct unreadable **list, const char *name)
{
	for (struct unreadable **at = list; *at; at = &(*at)->next) {
		struct unreadable *u = *at;

		if (strcmp(u->name, name) != 0)
			continue;
		*at = u->next;
		release(u);
		return;
	}
}

void unreadable_clear(struct unreadable **list)
{
	while (*list) {
		struct unreadable *next = (*list)->next;

		release(*list);
		*list = next;
	}
}

void unreadable_text(const struct unreadable *u, char *out, size_t size)
{
	const char *name = u->name[0] ? u->name : "the directory";

	if (!strcmp(u->problem, DIRECTORY_EMPTIED))
		snprintf(out, size,
			 "%s: error E1010: %s; remove the file, or rename another one "
			 "into its place, to take them away",
			 name, u->problem);
	else if (!strcmp(u->problem, UNREADABLE_EMPTY) || !strcmp(u->problem, DIRECTORY_REPLACED))
		snprintf(out, size,
			 "%s: error E1010: %s; put the files there, or one with nothing but a "
			 "comment to take it all away",
			 name, u->problem);
	else
		snprintf(out, size,
			 "%s: error E1009: cannot be read: %s; mend it, split it or take "
			 "it away",
			 name, u->problem);
}
