/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of attach share: a loaded skeleton with its links and mapped maps. */
#pragma once

#include "datapath/attach/attach.h"
#include "datapath/attach/pins.h"

#include <bpf/libbpf.h>

struct attach {
	struct weft_bpf *skeleton;
	struct ring *ring;		/* only in the process that reads it */
	size_t waiting_max;		/* in it */
	struct weft_settings *settings; /* mapped */
	struct weft_skip *skips;	/* mapped */
	struct weft_account *account;	/* mapped */
	attach_event_fn event;		/* of the attach_consume that runs */
	void *arg;
	struct bpf_link *links[PROGRAM_MAX];
	int program_fds[PROGRAM_MAX]; /* what the links run; -1: none, or not known */
	struct attach_program state[PROGRAM_MAX];
	struct pins pins;
	int cgroup_fd;
	bool mesh;
	bool walks_files;		     /* this kernel refuses iterators over a map */
	bool uprobes_multi, traces_mappings; /* it has uprobe_multi, trampolines */
	bool waits; /* an earlier build's mesh is in force until attach_take_over */
	bool begun; /* something was attached, or taken over from an earlier build */
};

/* Maps what the loaded programs share with the agent and tells them how to work; they begin to
 * capture. */
int attach_settings_start(struct attach *a, const struct attach_options *options,
			  uint32_t ring_bytes, struct error *err);

/* They stop capturing; for one that never started it does nothing. */
void attach_settings_end(struct attach *a);
