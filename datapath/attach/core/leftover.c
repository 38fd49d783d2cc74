// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Uses bpf_prog_get_next_id, and the map ids of each program. */
#include "datapath/attach/core/leftover.h"

#include "base/cleanup.h"
#include "datapath/attach/core/programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAPS_MAX     1024
#define PROGRAM_MAPS 64

struct leftover {
	__u32 maps[MAPS_MAX];
	unsigned count;
};

/* nftw passes no argument to its callback */
static __thread struct leftover *noting;

static int note_map(const char *path, const struct stat *st, int type, struct FTW *at)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	cleanup_close int fd = -1;

	(void)st;
	(void)at;
	if (type != FTW_F || noting->count == MAPS_MAX)
		return 0;
	fd = bpf_obj_get(path);
	if (fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &size) && info.type && info.key_size)
		noting->maps[noting->count++] = info.id;
	return 0;
}

struct leftover *leftover_note(const char *pin_dir)
{
	struct leftover *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	noting = l;
	nftw(pin_dir, note_map, 8, FTW_PHYS | FTW_MOUNT);
	return l;
}

void leftover_free(struct leftover *l)
{
	free(l);
}

/* These programs stay attached to each socket of the map. */
static bool stays_with_sockets(const char *name)
{
	for (enum program p = 0; p < PROGRAM_MAX; p++)
		if (program_table[p].hook == HOOK_ACCEL_MAP && !strcmp(program_table[p].name, name))
			return true;
	return false;
}

/* Stores the name of program |id| if it uses one of these maps. */
static bool program_is_left(const struct leftover *l, __u32 id, char name[BPF_OBJ_NAME_LEN])
{
	__u32 maps[PROGRAM_MAPS], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = PROGRAM_MAPS, .map_ids = (__u64)(uintptr_t)maps};
	cleanup_close int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &size) || stays_with_sockets(info.name))
		return false;
	snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	for (__u32 i = 0; i < info.nr_map_ids && i < PROGRAM_MAPS; i++)
		for (unsigned k = 0; k < l->count; k++)
			if (l->maps[k] == maps[i])
				return true;
	return false;
}

int leftover_programs(const struct leftover *l, char *names, size_t size)
{
	char name[BPF_OBJ_NAME_LEN];
	size_t used = 0;
	int count = 0;
	__u32 id = 0;

	names[0] = 0;
	while (!bpf_prog_get_next_id(id, &id)) {
		if (!program_is_left(l, id, name))
			continue;
		if (used + sizeof(name) + 2 < size)
			used += (size_t)snprintf(names + used, size - used, "%s%s",
						 count ? ", " : "", name);
		count++;
	}
	return errno == ENOENT ? count : -errno;
}
