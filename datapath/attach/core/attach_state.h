/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* State shared by the attach files: a loaded skeleton with its links and mapped maps. */
#pragma once

#include "datapath/attach/core/attach.h"
#include "datapath/attach/core/pins.h"

#include <bpf/libbpf.h>

struct attach {
	struct weft_bpf *skeleton;
	struct weft_settings *settings; /* mapped */
	struct bpf_link *links[PROGRAM_MAX];
	int program_fds[PROGRAM_MAX]; /* programs of the links; -1: none, or not known */
	struct attach_program state[PROGRAM_MAX];
	struct pins pins;
	int cgroup_fd;
	bool mesh;
	bool walks_files;		     /* this kernel refuses iterators over a map */
	bool uprobes_multi, traces_mappings; /* it has uprobe_multi, trampolines */
	uint64_t layouts[2]; /* of the maps of SYN owners and of the mesh: handover_share */
	bool waits;	     /* an earlier build's mesh is in force until attach_take_over */
	bool begun;	     /* something was attached, or adopted from an earlier build */
};

/* Whether this kernel uses another program in place of |p|: some programs have two forms. */
bool attach_is_other_form(const struct attach *a, enum program p);

/* |p|, whether it is loaded or not. */
struct bpf_program *attach_find(const struct attach *a, enum program p);

/* Maps the settings and writes them; capture begins. */
int attach_settings_start(struct attach *a, const struct attach_options *options,
			  uint32_t ring_bytes, struct error *err);

/* Stops capture; no effect if it was not started. */
void attach_settings_end(struct attach *a);
