// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pins named after the map's id, beside the directories of the builds. */
#include "datapath/attach/core/retired.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

void retired_keep(const char *map_dir, const char *pin_dir)
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

unsigned retired_sweep(const char *pin_dir)
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
