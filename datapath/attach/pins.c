// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Directories on the bpf file system. */
#include "datapath/attach/pins.h"

#include "base/cleanup.h"
#include "base/table.h"
#include "datapath/attach/mounts.h"
#include "datapath/attach/redirect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void remove_tree(const char *dir)
{
	cleanup_closedir DIR *d = opendir(dir);
	struct dirent *entry;
	char path[768];

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (unlink(path) && (errno == EISDIR || errno == EPERM))
			remove_tree(path);
	}
	rmdir(dir);
}

void pins_build_remove(const char *map_dir, const char *pin_dir)
{
	redirect_retire(map_dir, pin_dir);
	remove_tree(map_dir);
}

void pins_visit_builds(const char *pin_dir, const char *but, pins_visit *visit, void *arg)
{
	cleanup_closedir DIR *d = opendir(pin_dir);
	struct dirent *entry;
	char path[768];

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", pin_dir, entry->d_name);
		if (!strncmp(entry->d_name, "build-", 6) && strcmp(path, but) != 0)
			visit(arg, path);
	}
}

static void remove_one(void *pin_dir, const char *map_dir)
{
	pins_build_remove(map_dir, pin_dir);
}

void pins_remove_builds(const char *pin_dir, const char *but)
{
	pins_visit_builds(pin_dir, but, remove_one, (void *)pin_dir);
}

static bool has_entries(const char *dir)
{
	cleanup_closedir DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return true;
	return false;
}

int pins_prepare(struct pins *pins, const char *pin_dir, const void *object, size_t object_bytes,
		 uint32_t variant, struct error *err)
{
	uint64_t hash = table_hash(object, object_bytes, variant);
	int r = mounts_ensure_bpffs(pin_dir, err);

	if (r)
		return r;
	snprintf(pins->dir, sizeof(pins->dir), "%s", pin_dir);
	snprintf(pins->map_dir, sizeof(pins->map_dir), "%s/build-%016llx", pin_dir,
		 (unsigned long long)hash);
	snprintf(pins->link_dir, sizeof(pins->link_dir), "%s/links", pins->map_dir);
	pins->adopted = has_entries(pins->link_dir);
	if (!pins->adopted) /* loaded once, never attached */
		remove_tree(pins->map_dir);
	if ((mkdir(pins->map_dir, 0700) && errno != EEXIST) ||
	    (mkdir(pins->link_dir, 0700) && errno != EEXIST))
		return error_set(err, -errno, "cannot make %s: %s", pins->link_dir,
				 strerror(errno));
	return 0;
}
