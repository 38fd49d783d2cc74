/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of other programs, opened so that no file system can keep the caller waiting: when the
 * other side of a network or FUSE file system does not answer, a program that opens or looks up a
 * file there waits in the kernel for good, and SIGKILL does not end it; and any user can mount one
 * in a namespace of its own. So a file is first named without being opened (O_PATH), each step of
 * its path within one file system, and opened only if the kernel's own table of mounts says that it
 * lies on a local one (datapath/attach/mount_text.h): on the file system that this program itself
 * was started from, whatever it is, on one of the local types, or on an overlay that root has
 * mounted over those. */
#pragma once

#include "base/error.h"
#include "datapath/attach/mount_text.h"

#include <stdint.h>

struct local_files;

/* 0, -ENOMEM, or the errno of reading /proc/self/mountinfo. */
int local_files_new(struct local_files **ret, struct error *err);
void local_files_free(struct local_files *l);

/* What is opened is a regular file, for reading. Each returns a descriptor, or -EREMOTE: it lies on
 * a file system that may not answer (local_files_refused), -ENOENT: not there, or the process is
 * gone, -EINVAL: not a regular file, or another errno. */

/* 0: what process |pid| maps lies on a local file system, with this number as the kernel names it;
 * errors as above. Nothing is opened. */
int local_files_judge(struct local_files *l, uint32_t pid, uint32_t device_major,
		      uint32_t device_minor);

/* The file that process |pid| maps at |start| to |end|, which lies on this device as the kernel
 * names it. -EPERM and -EACCES: without CAP_CHECKPOINT_RESTORE. */
int local_files_open_mapped(struct local_files *l, uint32_t pid, uint64_t start, uint64_t end,
			    uint32_t device_major, uint32_t device_minor);

/* The file that process |pid| finds at the absolute |path|, never leaving its root. */
int local_files_open(struct local_files *l, uint32_t pid, const char *path);

/* The same of a directory: a descriptor as of O_PATH. */
int local_files_open_directory(struct local_files *l, uint32_t pid, const char *path);

/* Whether process |pid| finds this very file there. */
bool local_files_is_at(struct local_files *l, uint32_t pid, const char *path, uint64_t device,
		       uint64_t inode);

/* The type of the file system that was refused last, "" for one that shows in no table. */
const char *local_files_refused(const struct local_files *l);
