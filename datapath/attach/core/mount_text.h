/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parses /proc/PID/mountinfo (proc_pid_mountinfo(5)): which file system is mounted where, and
 * whether it is local. Pure: uses only the given text. */
#pragma once

#include "base/slice.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define MOUNT_TYPE_MAX 48 /* for a type's name, with its NUL */

/* One line. All slices refer to the text, with the kernel's escapes. */
struct mount_entry {
	uint64_t id;
	uint32_t device_major;
	uint32_t device_minor;
	struct slice point; /* relative to the root of the process */
	struct slice type;  /* "ext4", "fuse.sshfs" */
	struct slice options;
};

/* Removes the next entry from |text|; skips invalid lines. False: no more. */
bool mount_text_next(struct slice *text, struct mount_entry *ret);

/* The entry of one mount, or of a file system by its device number. False: none. */
bool mount_text_by_id(struct slice text, uint64_t id, struct mount_entry *ret);
bool mount_text_by_device(struct slice text, uint32_t device_major, uint32_t device_minor,
			  struct mount_entry *ret);

/* Whether the mount point of |entry| is the absolute |path|. */
bool mount_entry_is_at(const struct mount_entry *entry, const char *path);

/* The mount that contains the absolute |path|, which has no symbolic links. False: none. */
bool mount_text_above(struct slice text, const char *path, struct mount_entry *ret);

/* Whether the kernel serves a file system of this type from memory or a device, without a server
 * process here or elsewhere. Unknown types do not count as local. An overlay is local if its layers
 * are (mount_layer_next). */
bool mount_type_is_local(struct slice type);
bool mount_type_is_overlay(struct slice type);

/* Iteration over the layers of an overlay. */
struct mount_layers {
	struct slice options; /* initially those of the entry */
	struct slice value;   /* initially empty */
};

/* Returns the next layer: the path as given to mount(2), truncated; "" between two colons. False:
 * no more. */
bool mount_layer_next(struct mount_layers *l, char ret[PATH_MAX]);
