/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the kernel's pseudo file systems are, mounted when they are missing. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether |path|, where a cgroup2 tree is mounted, is the root of the tree and not a group below
 * it, as a container sees it. */
bool mounts_is_cgroup2_root(const char *path);

/* Writes the mount point of the cgroup2 tree into |out|. 0, or -ENOENT with a sentence in |err|. */
int mounts_find_cgroup2(char *out, size_t size, struct error *err);

/* Makes the directory |dir| with those above it; below /sys/fs/bpf with a bpf file system there.
 * |*ret_made|: |dir| was not there. 0 or a negative errno with a sentence in |err|. */
int mounts_make_directory(const char *dir, bool *ret_made, struct error *err);

bool mounts_is_bpffs(const char *path);

/* Whether |dir| is a directory that can be read and has something in it. */
bool mounts_has_entries(const char *dir);

/* Mounts a bpf file system on |dir|, which has to be empty: what it has would be hidden. 0 or a
 * negative errno (-ENOTEMPTY) with a sentence in |err|. */
int mounts_mount_bpffs(const char *dir, struct error *err);

/* Makes |dir| a directory on a bpf file system: uses the one it lies on, else mounts one on
 * /sys/fs/bpf when |dir| is below it, else on |dir| itself. 0 or a negative errno with a sentence
 * in |err|. */
int mounts_ensure_bpffs(const char *dir, struct error *err);

/* Takes back the mount on |dir| itself, if there is one, and removes the directory when it is
 * empty. */
void mounts_release_bpffs(const char *dir);
