// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Directories on the bpf file system. */
#include "datapath/attach/core/pins.h"

#include "base/cleanup.h"
#include "base/table.h"
#include "datapath/attach/core/mounts.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define RETIRED                                                                                    \
	"retired-" /* how pins of maps that outlive their build begin; the map's id follows */

/* ---- maps that outlive their build */

/* Without lanes nothing is redirected. */
static void lanes_clear(const char *map_dir)
{
	cleanup_close int fd = -1;
	char path[512];
	__u64 key;

	snprintf(path, sizeof(path), "%s/weft_lanes", map_dir);
	fd = bpf_obj_get(path);
	while (fd >= 0 && !bpf_map_get_next_key(fd, NULL, &key))
		if (bpf_map_delete_elem(fd, &key))
			return;
}

void pins_retire_sockets(const char *map_dir, const char *pin_dir)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	cleanup_close int fd = -1;
	char from[512], to[512];
	__u64 key;

	snprintf(from, sizeof(from), "%s/weft_sockets", map_dir);
	fd = bpf_obj_get(from);
	if (fd < 0 || bpf_map_get_next_key(fd, NULL, &key) ||
	    bpf_map_get_info_by_fd(fd, &info, &size))
		return;
	lanes_clear(map_dir);
	snprintf(to, sizeof(to), "%s/" RETIRED "%u", pin_dir, info.id);
	rename(from, to);
}

unsigned pins_sweep_retired(const char *pin_dir)
{
	cleanup_closedir DIR *dir = opendir(pin_dir);
	struct dirent *entry;
	unsigned left = 0;
	char path[768];
	__u64 key;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, RETIRED, sizeof(RETIRED) - 1) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", pin_dir, entry->d_name);
		cleanup_close int fd = bpf_obj_get(path);
		bool empty = fd >= 0 && bpf_map_get_next_key(fd, NULL, &key) && errno == ENOENT;

		if (!empty || unlink(path))
			left++;
	}
	return left;
}

/* ---- builds */

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
	pins_retire_sockets(map_dir, pin_dir);
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

/* Whether |name| is one of weft's entries in a pin directory. */
static bool is_ours(const char *name)
{
	static const char *const beginnings[] = {"build-", RETIRED, "kept"};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

int pins_look(const char *pin_dir, struct error *err)
{
	cleanup_closedir DIR *d = opendir(pin_dir);
	struct dirent *entry;
	char other[256] = "";

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return error_set(err, -ENOTDIR, "%s: %s", pin_dir, strerror(errno));
	if (!mounts_is_bpffs(pin_dir))
		return error_set(err, -ENOTDIR, "%s is a directory, but not on a bpf file system",
				 pin_dir);
	while ((entry = readdir(d))) {
		if (is_ours(entry->d_name))
			return 0;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			snprintf(other, sizeof(other), "%s", entry->d_name);
	}
	if (other[0])
		return error_set(err, -ENOTDIR, "%s has no pins of weft, but others (%.60s)",
				 pin_dir, other);
	return 0;
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
	pins->adopted = mounts_has_entries(pins->link_dir);
	if (!pins->adopted) /* loaded, but never attached */
		remove_tree(pins->map_dir);
	if ((mkdir(pins->map_dir, 0700) && errno != EEXIST) ||
	    (mkdir(pins->link_dir, 0700) && errno != EEXIST))
		return error_set(err, -errno, "cannot make %s: %s", pins->link_dir,
				 strerror(errno));
	return 0;
}
