/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What attach.c and attach_live.c share: a loaded skeleton with its links and mapped maps. */
#pragma once

#include "datapath/attach/attach.h"
#include "datapath/attach/pins.h"

#include <bpf/libbpf.h>

#define ATTACH_PROGRAMS_MAX 40

struct attach {
	struct weft_bpf *skeleton;
	struct ring *ring;		/* only in the process that reads it */
	size_t waiting_max;		/* in it */
	struct weft_settings *settings; /* mapped */
	struct weft_skip *skips;	/* mapped */
	struct weft_account *account;	/* mapped */
	attach_event_fn event;		/* of the attach_consume that runs */
	void *arg;
	struct bpf_link *links[ATTACH_PROGRAMS_MAX];
	int program_fds[ATTACH_PROGRAMS_MAX]; /* what the links run; -1: none, or not known */
	struct attach_program state[ATTACH_PROGRAMS_MAX];
	struct pins pins;
	int cgroup_fd;
	bool mesh;
	bool walks_files; /* this kernel refuses iterators over a map */
	bool waits;	  /* an earlier build's mesh is in force until attach_take_over */
	bool begun;	  /* something was attached, or taken over from an earlier build */
};
