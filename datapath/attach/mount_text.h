/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text of /proc/PID/mountinfo (proc_pid_mountinfo(5)): which file system is where, and whether it
 * answers by itself. Pure: looks at the text that it is given and at nothing else. */
#pragma once

#include "base/slice.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define MOUNT_TYPE_MAX 48 /* of a type's name that is shown, with its end */

/* A line. All slices are parts of the text, as the kernel escapes them. */
struct mount_entry {
	uint64_t id;
	uint32_t device_major;
	uint32_t device_minor;
	struct slice point; /* as from the root of the process */
	struct slice type;  /* "ext4", "fuse.sshfs" */
	struct slice options;
};

/* Takes the next entry off |text|; lines that are none are left out. False: no more. */
bool mount_text_next(struct slice *text, struct mount_entry *ret);

/* The entry of one mount, or of a file system by its device number. False: there is none. */
bool mount_text_by_id(struct slice text, uint64_t id, struct mount_entry *ret);
bool mount_text_by_device(struct slice text, uint32_t device_major, uint32_t device_minor,
			  struct mount_entry *ret);

/* Whether the mount point of |entry| is the absolute |path|. */
bool mount_entry_is_at(const struct mount_entry *entry, const char *path);

/* The mount that the absolute |path| without symbolic links lies on. False: none shows. */
bool mount_text_above(struct slice text, const char *path, struct mount_entry *ret);

/* Whether a file system of this type is one that the kernel serves from memory or a device: no
 * program, here or elsewhere, has to answer. Types that are not known are none. An overlay is one
 * if its layers are (mount_layer_next). */
bool mount_type_is_local(struct slice type);
bool mount_type_is_overlay(struct slice type);

/* The layers of an overlay that are still to be taken. */
struct mount_layers {
	struct slice options; /* at first those of its entry */
	struct slice value;   /* at first nothing */
};

/* Takes the next one: the path as it was given to mount(2), cut; "" between two colons. False: no
 * more. */
bool mount_layer_next(struct mount_layers *l, char ret[PATH_MAX]);
