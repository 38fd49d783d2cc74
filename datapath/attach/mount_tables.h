/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's tables of mounts, read when they have changed: this process's, that of process 1,
 * and, for the time of one question, that of another process. */
#pragma once

#include "base/error.h"
#include "datapath/attach/mount_text.h"

struct mount_tables;

/* 0, -ENOMEM, or the errno of reading /proc/self/mountinfo. */
int mount_tables_new(struct mount_tables **ret, struct error *err);
void mount_tables_free(struct mount_tables *t);

/* Looks at process |pid| now: until mount_tables_leave its table is one of those that are asked.
 * 0, -ENOENT: it is gone, or another errno. It must not stay long: its mounts stay with it. */
int mount_tables_enter(struct mount_tables *t, uint32_t pid);
void mount_tables_leave(struct mount_tables *t);

/* The text of the process that was entered, as it was then. Valid until mount_tables_find. */
struct slice mount_tables_text(struct mount_tables *t);

/* The mount with number |id| (0: none), else one of the file system with this device number, as it
 * is now. False: none of the tables has it. |ret| is valid until the next such call. */
bool mount_tables_find(struct mount_tables *t, uint64_t id, uint32_t device_major,
		       uint32_t device_minor, struct mount_entry *ret);

/* Whether the file system of |entry|, which was found last, is a local one (mount_text.h). */
bool mount_tables_is_local(struct mount_tables *t, const struct mount_entry *entry);
