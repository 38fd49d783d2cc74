// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Links of the socket lookup program, one in each network namespace. */
#include "datapath/attach/lookups.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "datapath/attach/attach.h"

struct lookup {
	ino_t netns_ino;
	struct bpf_link *link;
	bool met; /* in the walk at hand */
};

struct lookups {
	struct bpf_program *program;
	struct lookup items[LOOKUPS_MAX];
	uint32_t count;
};

int lookups_new(struct attach *a, struct lookups **ret_lookups, struct error *err)
{
	struct bpf_program *program = attach_program(a, "mesh_lookup");
	struct lookups *l;

	if (!program)
		return error_set(err, -ENOENT, "the kernel half has no socket lookup program");
	l = calloc(1, sizeof(*l));
	if (!l)
		return error_set(err, -ENOMEM, "no memory");
	l->program = program;
	*ret_lookups = l;
	return 0;
}

void lookups_free(struct lookups *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		bpf_link__destroy(l->items[i].link);
	free(l);
}

uint32_t lookups_count(const struct lookups *l)
{
	return l->count;
}

static struct lookup *find(struct lookups *l, ino_t netns_ino)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->items[i].netns_ino == netns_ino)
			return &l->items[i];
	return NULL;
}

int lookups_add(struct lookups *l, int fd)
{
	struct bpf_link *link;
	struct lookup *known;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	known = find(l, st.st_ino);
	if (known)
		known->met = true;
	if (known)
		return -EEXIST;
	if (l->count == LOOKUPS_MAX)
		return -ENOSPC;
	if (!descriptors_spare())
		return -EMFILE; /* it is met again */
	link = bpf_program__attach_netns(l->program, fd);
	if (!link)
		return -errno;
	l->items[l->count++] = (struct lookup){st.st_ino, link, true};
	return 0;
}

static void process_visit(struct lookups *l, const char *pid)
{
	int fd cleanup_close = -1;
	struct lookup *known;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	if (stat(path, &st))
		return;
	known = find(l, st.st_ino);
	if (known) {
		known->met = true;
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		lookups_add(l, fd);
}

static void forget_empty(struct lookups *l)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		if (l->items[i].met)
			l->items[kept++] = l->items[i];
		else
			bpf_link__destroy(l->items[i].link);
	}
	l->count = kept;
}

uint32_t lookups_refresh(struct lookups *l)
{
	DIR *proc cleanup_closedir = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return l->count;
	for (uint32_t i = 0; i < l->count; i++)
		l->items[i].met = false;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			process_visit(l, entry->d_name);
	forget_empty(l);
	return l->count;
}
