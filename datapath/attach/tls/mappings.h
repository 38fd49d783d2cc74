/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that any process of the machine maps as code: at the start from /proc, then when it
 * happens, from a BPF program or from perf events. No polling. */
#pragma once

#include "datapath/attach/tls/mapping.h"

#include <stddef.h>

struct mappings;

/* Begins to collect at once: by |source| where it can be attached, which needs CAP_BPF and
 * CAP_PERFMON, else by perf events. 0, or the error of mapping_events_new. */
int mappings_new(const struct mappings_source *source, struct mappings **ret, struct error *err);
void mappings_free(struct mappings *m);

/* Readable when mappings_handle has work; owned by |m|. */
int mappings_fd(const struct mappings *m);

/* Delivers all mappings since the last call, of each CPU in order. Returns the number of events
 * that the kernel could not store (the caller should scan again), never negative. */
uint64_t mappings_handle(struct mappings *m, mapping_visit *visit, void *arg);

/* Delivers the current mappings, by reading /proc/PID/maps once. 0, or the errno of opening /proc.
 * Processes that cannot be read or that end meanwhile are left out. */
int mappings_scan(mapping_visit *visit, void *arg);

/* The same for one process; nothing if it is gone. */
void mappings_scan_process(uint32_t pid, mapping_visit *visit, void *arg);

/* Writes the path of the file that is mapped at |m| now. 0, -ENOENT: it is not mapped any more, or
 * the process is gone; another errno: it cannot be read. */
int mapping_find_path(const struct mapping *m, char *out, size_t size);

/* Writes the name of the process of |m|; "" when it is gone or |m| is not a mapping (no end). */
void mapping_program(const struct mapping *m, char *out, size_t size);

struct local_files;

/* Opens the mapped file for reading: through map_files, which works for deleted and replaced files
 * in any mount namespace, else by its path below the root of the process. A file descriptor of a
 * regular file, or the error of local_files_open. */
int mapping_open(struct local_files *local, const struct mapping *m);
