/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The unprivileged half of the agent: reads the ring, observes, keeps signals, serves. It holds
 * file descriptors and nothing else: no capability, no file to open, nowhere to connect. */
#pragma once

#include "control/agent/options.h"
#include "control/ipc/links.h"

#include "datapath/attach/mesh/mesh_state.h"
#include "datapath/attach/core/reader.h"

struct serve_sockets;

/* What a worker gets of the kernel half: descriptors, of which it keeps only the ring's, and plain
 * values. */
struct worker_lent {
	struct reader_maps reader;
	struct mesh_lent mesh; /* with options.config_dir */
	bool adopted;	       /* the kernel half of an earlier agent */
	bool earlier_build;    /* another build's mesh is in force until this one's is */
};

#define WORKER_LENT_MAX 7

/* Those descriptors; returns how many. */
size_t worker_descriptors(const struct worker_lent *lent, int ret_fds[WORKER_LENT_MAX]);

/* Answers on |sockets|, which the next worker goes on with. Runs until SIGTERM or until the loader
 * is gone; writes one byte to |ready_fd| once it serves, or a sentence when it cannot. Returns the
 * exit code. */
int worker_run(const struct options *options, const struct worker_lent *lent,
	       struct ipc_links *links, const struct serve_sockets *sockets, int ready_fd);
