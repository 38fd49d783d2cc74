// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compared by inode, size and time of modification. */
#include "control/source/known.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static void known_free(void *node)
{
	struct known *k = node;

	free(k->name);
	free(k);
}

struct known *known_get(void *files, const char *name)
{
	struct known wanted = {.name = (char *)name};
	struct known **found = tfind(&wanted, &files, by_name);

	return found ? *found : NULL;
}

struct known *known_make(void **files, const char *name)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->name = strdup(name);
	if (k->name && tsearch(k, files, by_name))
		return k;
	known_free(k);
	return NULL;
}

void known_drop(void **files, struct known *k)
{
	tdelete(k, files, by_name);
	known_free(k);
}

void known_free_all(void **files)
{
	tdestroy(*files, known_free);
	*files = NULL;
}

bool known_is_same(const struct known *k, const struct stat *s)
{
	return k->device == s->st_dev && k->inode == s->st_ino && k->size == s->st_size &&
	       k->modified.tv_sec == s->st_mtim.tv_sec && k->modified.tv_nsec == s->st_mtim.tv_nsec;
}

void known_remember(struct known *k, const struct stat *s)
{
	k->device = s->st_dev;
	k->inode = s->st_ino;
	k->size = s->st_size;
	k->modified = s->st_mtim;
}
