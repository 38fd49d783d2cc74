/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's mount tables, read again when they change: this process's, process 1's, and, during
 * one check, another process's. */
#pragma once

#include "base/error.h"
#include "datapath/attach/core/mount_text.h"

struct mount_tables;

/* 0, -ENOMEM, or the errno of reading /proc/self/mountinfo. */
int mount_tables_new(struct mount_tables **ret, struct error *err);
void mount_tables_free(struct mount_tables *t);

/* Enters process |pid|: until mount_tables_leave its table is searched, too. 0, -ENOENT: it is
 * gone, or another errno. Leave soon: the open table keeps the process's mounts alive. */
int mount_tables_enter(struct mount_tables *t, uint32_t pid);
void mount_tables_leave(struct mount_tables *t);

/* The table of the entered process as of then. Valid until mount_tables_find. */
struct slice mount_tables_text(struct mount_tables *t);

/* The mount with id |id| (0: none), else one of the file system with this device number, as of now.
 * False: it is in no table. |ret| is valid until the next call. */
bool mount_tables_find(struct mount_tables *t, uint64_t id, uint32_t device_major,
		       uint32_t device_minor, struct mount_entry *ret);

/* Whether |entry|, the latest result of mount_tables_find, is a local file system
 * (mount_text.h). */
bool mount_tables_is_local(struct mount_tables *t, const struct mount_entry *entry);
