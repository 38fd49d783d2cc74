/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A mapping of code, and where it is told from. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* One executable mapping of a file. */
struct mapping {
	uint32_t pid; /* thread group, initial namespace */
	uint64_t start;
	uint64_t end;
	/* The mapped inode as the kernel names it. On overlay and btrfs the numbers differ from
	 * stat()'s: good only to tell whether this very inode was met before. |generation| is 0
	 * from a scan. */
	uint32_t device_major;
	uint32_t device_minor;
	uint64_t inode;
	uint64_t generation;
	/* As the process sees it, may end in " (deleted)"; or, without a slash, the last component
	 * alone: mapping_find_path has the rest. Borrowed. */
	const char *path;
};

typedef void mapping_visit(void *arg, const struct mapping *m);

struct bpf_program;

/* The program code_mapped with its two maps. NULL or not loaded: perf events are used. */
struct mappings_source {
	struct bpf_program *program;
	int ring_fd;
	int lost_fd;
};
