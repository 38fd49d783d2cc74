// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tsearch(3) tree ordered by name. */
#include "base/names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool names_add(struct names *set, const char *name)
{
	char *copy;

	if (names_has(set, name))
		return true;
	copy = strdup(name);
	if (copy && tsearch(copy, &set->root, by_text))
		return true;
	free(copy);
	return false;
}

bool names_has(const struct names *set, const char *name)
{
	return tfind(name, &set->root, by_text) != NULL;
}

static char *take(struct names *set, char *const *node)
{
	char *name = node ? *node : NULL;

	if (name)
		tdelete(name, &set->root, by_text);
	return name;
}

void names_drop(struct names *set, const char *name)
{
	free(take(set, tfind(name, &set->root, by_text)));
}

char *names_take(struct names *set)
{
	return take(set, set->root);
}

void names_clear(struct names *set)
{
	tdestroy(set->root, free);
	set->root = NULL;
}
