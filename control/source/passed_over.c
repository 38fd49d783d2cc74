// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A folder costs nothing until there is one: then it is looked through each time. */
#include "control/source/passed_over.h"

#include "base/cleanup.h"
#include "control/source/directory.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 8
#define NAMES_MAX 10000

/* Links to folders count in the directory itself, and lead in no circle there. */
static bool is_folder(const struct dirent *entry, const char *path, unsigned depth)
{
	struct stat s;

	if (entry->d_type != DT_UNKNOWN && (entry->d_type != DT_LNK || depth))
		return entry->d_type == DT_DIR;
	return !(depth ? lstat(path, &s) : stat(path, &s)) && S_ISDIR(s.st_mode);
}

static void note(struct passed_over *p, const char *name)
{
	if (!p->files++ || strcmp(name, p->first) < 0)
		snprintf(p->first, sizeof(p->first), "%s", name);
}

static void scan(struct passed_over *p, const char *folder, size_t root_bytes, unsigned depth)
{
	cleanup_closedir DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (dir && p->looked < NAMES_MAX && (entry = readdir(dir))) {
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);

		if (entry->d_name[0] == '.' || n >= (int)sizeof(path))
			continue;
		p->looked += depth > 0;
		if (!is_folder(entry, path, depth)) {
			if (depth && directory_counts(entry->d_name))
				note(p, path + root_bytes + 1);
			continue;
		}
		p->folders++;
		if (depth < DEPTH_MAX)
			scan(p, path, root_bytes, depth + 1);
	}
}

bool passed_over_look(struct passed_over *p, const char *path)
{
	struct passed_over before = *p;
	struct stat s;

	if (stat(path, &s) || (!p->folders && p->modified.tv_sec == s.st_mtim.tv_sec &&
			       p->modified.tv_nsec == s.st_mtim.tv_nsec))
		return false;
	*p = (struct passed_over){.modified = s.st_mtim};
	scan(p, path, strlen(path), 0);
	return p->files && (p->files > before.files || strcmp(p->first, before.first) != 0);
}

void passed_over_text(const struct passed_over *p, char *out, size_t size)
{
	if (p->files == 1)
		snprintf(out, size, "a file in a folder of it is not read: %s", p->first);
	else
		snprintf(out, size, "%u files in folders of it are not read, %s for one", p->files,
			 p->first);
}
