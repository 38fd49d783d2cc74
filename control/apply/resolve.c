// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One walk over the tree of control groups for all names. The inode of a group's directory is its
 * id (cgroup v2). */
#include "control/apply/resolve.h"

#include "base/descriptors.h"
#include "control/apply/groups.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fits(const char *pattern, const char *text)
{
	size_t n = strlen(pattern), have = strlen(text);

	if (n && pattern[n - 1] == '*')
		return !strncmp(pattern, text, n - 1);
	if (pattern[0] == '*')
		return have >= n - 1 && !strcmp(text + have - (n - 1), pattern + 1);
	return !strcmp(pattern, text);
}

/* The current group of the walk. */
struct group {
	const char *path;
	const char *last; /* component of it */
	uint64_t id;
	enum group_rank rank; /* as a unit */
	bool named_by_root;   /* only root can create groups beside or above it */
};

/* How well a group matches; 0: not at all. */
static unsigned group_fits(const struct resolve_name *name, const struct group *g)
{
	switch (name->kind) {
	case RESOLVE_CGROUP:
		return fits(name->text, g->path);
	case RESOLVE_UNIT:
		return g->named_by_root && fits(name->text, g->last) ? g->rank : 0;
	case RESOLVE_CONTAINER:
		return g->named_by_root && strstr(g->last, name->text);
	default:
		return 0;
	}
}

static void take_group(struct resolve_name *names, unsigned *best, size_t count,
		       const struct group *g)
{
	for (size_t i = 0; i < count; i++) {
		unsigned fit = group_fits(&names[i], g);

		if (fit <= best[i])
			continue;
		best[i] = fit;
		names[i].id = g->id;
	}
}

/* By root, or the user who runs this. */
static bool is_named_by_root(const FTSENT *e)
{
	while (e->fts_level > 1) {
		e = e->fts_parent;
		if (e->fts_statp->st_uid && e->fts_statp->st_uid != geteuid())
			return false;
	}
	return true;
}

/* Depth-first order suffices: a group comes before those below it. A group that is gone when it is
 * opened is no error. */
static int walk_groups(const char *root, struct resolve_name *names, unsigned *best, size_t count)
{
	char *const roots[] = {(char *)root, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	size_t skip = strlen(root);
	int r = tree ? 0 : -errno;
	FTSENT *e;

	while (!r && (e = fts_read(tree))) {
		if (e->fts_info == FTS_D && e->fts_level > 0)
			take_group(names, best, count,
				   &(struct group){e->fts_path + skip, e->fts_name,
						   e->fts_statp->st_ino,
						   group_rank((struct slice){
							   e->fts_path + skip,
							   e->fts_pathlen - skip - e->fts_namelen}),
						   is_named_by_root(e)});
		else if (e->fts_errno && descriptors_short(-e->fts_errno))
			r = -e->fts_errno;
	}
	if (tree)
		fts_close(tree);
	return descriptors_short(r) ? r : 0;
}

static void find_netns(struct resolve_name *name)
{
	char path[PATH_MAX];
	struct stat s;

	snprintf(path, sizeof(path), "/run/netns/%s", name->text);
	if (!strchr(name->text, '/') && !stat(path, &s))
		name->id = s.st_ino;
}

static int resolve_all(const char *cgroup_root, struct resolve_name *names, size_t count)
{
	unsigned *best = calloc(count + 1, sizeof(*best));
	bool groups = false;
	int r = best ? 0 : -ENOMEM;

	for (size_t i = 0; i < count; i++) {
		names[i].id = 0;
		names[i].text[sizeof(names[i].text) - 1] = 0;
		if (names[i].kind == RESOLVE_NETNS)
			find_netns(&names[i]);
		else
			groups = true;
	}
	if (!r && groups)
		r = walk_groups(cgroup_root, names, best, count);
	free(best);
	return r;
}

int resolve_names(const char *cgroup_root, struct resolve_name *names, size_t count)
{
	uint64_t *before = calloc(count + 1, sizeof(*before));
	int r = before ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !r; i++)
		before[i] = names[i].id;
	r = r ? r : resolve_all(cgroup_root, names, count);
	for (size_t i = 0; i < count && r && before; i++)
		names[i].id = before[i];
	free(before);
	return r;
}
