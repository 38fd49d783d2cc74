/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the kernel's pseudo file systems and mounts them if missing. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the cgroup2 mount at |path| is the root of the tree and not a subtree, as in a
 * container. */
bool mounts_is_cgroup2_root(const char *path);

/* Writes the mount point of the cgroup2 tree into |out|. 0, or -ENOENT with a sentence in |err|. */
int mounts_find_cgroup2(char *out, size_t size, struct error *err);

/* Creates the directory |dir| and its parents; below /sys/fs/bpf mounts a bpf file system there
 * first. |*ret_made|: |dir| did not exist. 0 or a negative errno with a text in |err|. */
int mounts_make_directory(const char *dir, bool *ret_made, struct error *err);

bool mounts_is_bpffs(const char *path);

/* Whether |dir| is a readable directory that is not empty. */
bool mounts_has_entries(const char *dir);

/* Mounts a bpf file system on |dir|, which must be empty, as the mount would hide its content. 0 or
 * a negative errno (-ENOTEMPTY) with a text in |err|. */
int mounts_mount_bpffs(const char *dir, struct error *err);

/* Ensures that |dir| is on a bpf file system: uses the one it is on, else mounts one on /sys/fs/bpf
 * if |dir| is below it, else on |dir| itself. 0 or a negative errno with a text in |err|. */
int mounts_ensure_bpffs(const char *dir, struct error *err);

/* Unmounts |dir| if it is a mount point, and removes the directory if it is empty. */
void mounts_release_bpffs(const char *dir);
