/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opens files of other programs without waiting for a file system. If the server of a network or
 * FUSE file system does not respond, a process that opens or looks up a file there blocks in the
 * kernel indefinitely, and SIGKILL does not end it; any user can mount such a file system in a
 * namespace of his own. So a file is first resolved without being opened (O_PATH), each step within
 * one file system, and opened only if the kernel's mount table shows a local file system
 * (datapath/attach/core/mount_text.h): the one from which this program was started, one of the
 * local types, or an overlay on those that root has mounted. */
#pragma once

#include "base/error.h"
#include "datapath/attach/core/mount_text.h"

#include <stdint.h>

struct local_files;

/* 0, -ENOMEM, or the errno of reading /proc/self/mountinfo. */
int local_files_new(struct local_files **ret, struct error *err);
void local_files_free(struct local_files *l);

/* The functions open regular files for reading. Each returns a descriptor, or -EREMOTE: the file
 * system may not respond (local_files_refused), -ENOENT: the file or the process is gone, -EINVAL:
 * not a regular file, or another errno. */

/* 0: the file that process |pid| maps is on a local file system, with this device number of the
 * kernel; errors as above. Opens nothing. */
int local_files_judge(struct local_files *l, uint32_t pid, uint32_t device_major,
		      uint32_t device_minor);

/* The file that process |pid| maps at |start| to |end|, on the file system with this device number
 * of the kernel. -EPERM and -EACCES: CAP_CHECKPOINT_RESTORE is missing. */
int local_files_open_mapped(struct local_files *l, uint32_t pid, uint64_t start, uint64_t end,
			    uint32_t device_major, uint32_t device_minor);

/* The file at the absolute |path| as process |pid| sees it, never leaving its root. */
int local_files_open(struct local_files *l, uint32_t pid, const char *path);

/* The same for a directory: returns an O_PATH descriptor. */
int local_files_open_directory(struct local_files *l, uint32_t pid, const char *path);

/* Whether process |pid| sees this very file at |path|. */
bool local_files_is_at(struct local_files *l, uint32_t pid, const char *path, uint64_t device,
		       uint64_t inode);

/* The type of the file system that was refused last, "" if it is in no mount table. */
const char *local_files_refused(const struct local_files *l);
