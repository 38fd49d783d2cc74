/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An executable mapping, and the sources that report it. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* One executable mapping of a file. */
struct mapping {
	uint32_t pid; /* thread group, initial namespace */
	uint64_t start;
	uint64_t end;
	/* The mapped inode in the kernel's numbers. On overlay and btrfs they differ from those of
	 * stat(): usable only to recognize the same inode. |generation| is 0 from a scan. */
	uint32_t device_major;
	uint32_t device_minor;
	uint64_t inode;
	uint64_t generation;
	/* As the process sees it, may end in " (deleted)"; or, without a slash, only the last
	 * component: mapping_find_path returns the rest. Borrowed. */
	const char *path;
};

/* The key of a mapped file. */
struct mapping_inode {
	uint64_t device;
	uint64_t number;
	uint64_t generation;
};

static inline struct mapping_inode mapping_inode_of(const struct mapping *m)
{
	return (struct mapping_inode){(uint64_t)m->device_major << 32 | m->device_minor, m->inode,
				      m->generation};
}

typedef void mapping_visit(void *arg, const struct mapping *m);

struct bpf_program;

/* The program code_mapped with its two maps. NULL or not loaded: perf events are used. */
struct mappings_source {
	struct bpf_program *program;
	int ring_fd;
	int lost_fd;
};
